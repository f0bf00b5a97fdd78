"""Tables of `docs/benchmark.md` from the reports in `benchmarks/results`, beside a plain reference.

    python benchmarks/quality.py [FOLDER]

The reference: frozen EfficientNet-Lite0 features of one view, standardised, L2 logistic regression (C 0.001,
balanced classes), the ten most likely images queried, 64 or 96 px, whichever was better. Twice: means of five
seeds measured elsewhere, without their values for each seed, and the same recipe on the product's nine seeds
(`reference.py`).

Reports of a version that a goal is measured against lie in a folder of its commit; of those the newest is
compared with, seed by seed. A folder given is shown alone.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from anomalymatch_ui.config import Config
from anomalymatch_ui.evaluate import Protocol
from anomalymatch_ui.evaluate.metrics import paired_difference
from anomalymatch_ui.evaluate.report import LEAST_SEEDS, config_settings, read_report, values

Report = dict[str, Any]
RESULTS = Path(__file__).parent / "results"
FORMER = RESULTS / "0636b21"
PRESETS = ("embedding", "default", "paper")


@dataclass(frozen=True)
class Reference:
    """AP at cycle 0 and cycle 3, and anomalies found in 40 looks."""

    start: float
    end: float
    found: int


REFERENCES = {
    "galaxies_edge_on": Reference(0.833, 0.857, 31),
    "galaxies_barred": Reference(0.229, 0.237, 13),
    "natural_american_alligator": Reference(0.185, 0.294, 15),
    "natural_german_shepherd": Reference(0.365, 0.496, 27),
    "natural_cockroach": Reference(0.151, 0.232, 6),
}


def spread(column: np.ndarray, digits: int = 3) -> str:
    """Return mean ± standard deviation over the seeds."""
    if len(column) == 1:
        return f"{column[0]:.{digits}f}"
    return f"{column.mean():.{digits}f} ± {column.std(ddof=1):.{digits}f}"


def last_cycle(report: Report) -> int:
    """Return the last cycle that every seed has."""
    return min(len(seed["cycles"]) for seed in report["seeds"]) - 1


def row(report: Report) -> str:
    """Return a line of the table of all tasks and presets."""
    last = last_cycle(report)
    rounds = sorted({0, last})
    cells = [f"`{report['task']}`", report["preset"], str(len(report["seeds"]))]
    cells.append(" → ".join(f"{values(report, 'auroc', cycle).mean():.3f}" for cycle in rounds))
    cells.append(" → ".join(spread(values(report, "ap", cycle)) for cycle in rounds))
    cells.append(spread(values(report, "found", last), 1) if last == 3 else "")
    errors = [values(report, "calibration_error", cycle).mean() for cycle in rounds]
    cells.append(" → ".join(f"{error:.3f}" for error in errors))
    return "| " + " | ".join(cells) + " |"


def seconds(reports: Iterable[Report]) -> list[str]:
    """Return a table of how long a cycle took: medians over all seeds and cycles."""
    lines = ["| task | preset | training, s | scoring pool and test split, s |", "|---" * 4 + "|"]
    for report in reports:
        cycles = [cycle for seed in report["seeds"] for cycle in seed["cycles"]]
        parts = [np.median([cycle[f"{part}_seconds"] for cycle in cycles]) for part in ("train", "score")]
        lines.append(f"| `{report['task']}` | {report['preset']} | {parts[0]:.0f} | {parts[1]:.0f} |")
    return lines


def against_reference(reports: Iterable[Report]) -> list[str]:
    """Compare with the reference: ratios of AP and of finds, and their means over the tasks."""
    lines = ["| task | seeds | AP, cycle 0 | AP, cycle 3 | found |", "|---|---|---|---|---|"]
    ratios = []
    for report in reports:
        reference, seeds = REFERENCES[report["task"]], len(report["seeds"])
        cells, ratio = [], []
        for measure, cycle, theirs in (
            ("ap", 0, reference.start),
            ("ap", 3, reference.end),
            ("found", 3, reference.found),
        ):
            ours = values(report, measure, cycle)
            _, low, high = paired_difference(ours, np.full(seeds, float(theirs)))
            ratio.append(ours.mean() / theirs)
            cells.append(
                f"{ours.mean():.3g} / {theirs:.3g} = **{ratio[-1]:.2f}** "
                f"({(low + theirs) / theirs:.2f} to {(high + theirs) / theirs:.2f})"
            )
        ratios.append(ratio)
        lines.append(f"| `{report['task']}` | {seeds} | " + " | ".join(cells) + " |")
    means = np.mean(ratios, axis=0)
    lines.append("| mean of the ratios | | " + " | ".join(f"**{mean:.2f}**" for mean in means) + " |")
    return lines


MATCHED = (("ap", 0), ("ap", 3), ("found", 3))
"""What is compared seed by seed with the reference: a measure, and the cycle it is of."""


def against_same_seeds(reports: Iterable[Report], references: dict[str, list[Report]]) -> list[str]:
    """Compare with the reference on the same seeds: means, standard deviations, paired differences."""
    head = " | ".join(f"{measure.replace('ap', 'AP')}, cycle {cycle}" for measure, cycle in MATCHED)
    lines = [f"| task | preset | seeds | {head} |", "|---" * (len(MATCHED) + 3) + "|"]
    for report in reports:
        cells = []
        for measure, cycle in MATCHED:
            digits = 1 if measure == "found" else 3
            pairs = [paired(report, other, measure, cycle) for other in references[report["task"]]]
            ours, theirs = max(pairs, key=lambda pair: pair[1].mean())
            mean, low, high = paired_difference(ours, theirs)
            cells.append(
                f"{spread(ours, digits)} / {spread(theirs, digits)}, "
                f"**{mean:+.{digits}f}** ({low:+.{digits}f} to {high:+.{digits}f})"
            )
        named = f"`{report['task']}` | {report['preset']} | {len(report['seeds'])}"
        lines.append(f"| {named} | " + " | ".join(cells) + " |")
    return lines


def paired(report: Report, other: Report, measure: str, cycle: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a measure of two reports on the seeds that both have, float ``(seeds,)`` each."""
    sides = [{seed["seed"]: seed["cycles"] for seed in one["seeds"]} for one in (report, other)]
    if report.get("arithmetic") != other.get("arithmetic"):
        raise SystemExit(f"{report['task']}: reports of two number formats cannot be paired.")
    common = [seed for seed in sides[0] if seed in sides[1]]
    ours, theirs = (np.array([side[seed][cycle][measure] for seed in common], float) for side in sides)
    return ours, theirs


def against_former(pairs: list[tuple[Report, Report]]) -> list[str]:
    """Compare with reports of a former version: ratios of the means over the seeds that both have.

    The intervals are bootstraps over these seeds, drawn for each task by itself. Beside them the standard
    deviation of AP at cycle 3 as a share of its mean, and the fewest that any of the searches found.

    Parameters
    ----------
    pairs
        A report and the former one, of one task each.
    """
    lines = [
        "| task | preset | seeds | AP, cycle 0 | AP, cycle 3 | found | spread, cycle 3 | fewest found |",
        "|---" * 8 + "|",
    ]
    draws = []
    for report, former in pairs:
        cells, ratios = [], []
        for measure, cycle in MATCHED:
            ours, theirs = paired(report, former, measure, cycle)
            rows = np.random.default_rng(0).integers(0, len(ours), (10_000, len(ours)))
            ratios.append(np.append(ours[rows].mean(axis=1) / theirs[rows].mean(axis=1), 0))
            ratios[-1][-1] = ours.mean() / theirs.mean()
            digits = 1 if measure == "found" else 3
            cells.append(f"{ours.mean():.{digits}f} / {theirs.mean():.{digits}f} = {_ratio(ratios[-1])}")
        draws.append(ratios)
        shares = [column.std(ddof=1) / column.mean() for column in paired(report, former, "ap", 3)]
        fewest = [int(column.min()) for column in paired(report, former, "found", 3)]
        cells += [f"{shares[0]:.3f} / {shares[1]:.3f}", f"{fewest[0]} / {fewest[1]}"]
        named = f"`{report['task']}` | {report['preset']} | {len(ours)}"
        lines.append(f"| {named} | " + " | ".join(cells) + " |")
    means = np.mean(draws, axis=0)
    lines.append("| mean of the ratios | | | " + " | ".join(map(_ratio, means)) + " | | |")
    return lines


def _ratio(draws: np.ndarray) -> str:
    """Return a ratio, which comes last, with the interval of its draws."""
    low, high = np.percentile(draws[:-1], (2.5, 97.5))
    return f"**{draws[-1]:.2f}** ({low:.2f} to {high:.2f})"


def follows_the_protocol(report: Report, **start: int) -> bool:
    """Return whether a report follows the five tasks' protocol; rounds and a given start may differ."""
    protocol = {**asdict(Protocol()), "cycles": report.get("protocol", {}).get("cycles"), **start}
    return bool(report.get("seeds")) and report.get("protocol") == protocol


def is_plain(report: Report, *, today: bool = True) -> bool:
    """Return whether a report is of a preset as it is today, or, of a former version, as it was then."""
    if report.get("changes") or "config" not in report or report["preset"] not in PRESETS:
        return False
    if not today:
        return True
    kept = Config.of_record(report["config"], report["task"])
    return config_settings(kept) == config_settings(Config.preset(report["preset"]))


def fullest(reports: Iterable[Report]) -> dict[tuple[str, str], Report]:
    """Return of each task and preset the report of most rounds, of these the one of most seeds."""
    ordered = sorted(reports, key=lambda report: (last_cycle(report), len(report["seeds"])))
    return {(report["task"], report["preset"]): report for report in ordered}


def differences(pairs: Iterable[tuple[str, Report, Report]]) -> list[str]:
    """Return a table of paired differences of AP, cycle by cycle.

    Parameters
    ----------
    pairs
        Name of the row, a report, and the one that is taken off it.
    """
    lines = ["| | task | seeds | cycle 0 | cycle 1 | cycle 2 | cycle 3 |", "|---" * 7 + "|"]
    for name, report, other in pairs:
        cells = []
        for cycle in range(4):
            if cycle > min(last_cycle(report), last_cycle(other)):
                cells.append("")
                continue
            ours, theirs = paired(report, other, "ap", cycle)
            mean, low, high = paired_difference(ours, theirs)
            interval = f" ({low:+.3f} to {high:+.3f})" if len(ours) >= LEAST_SEEDS else ""
            cells.append(f"{mean:+.3f}{interval}")
        seeds = len(paired(report, other, "ap", 0)[0])
        lines.append(f"| {name} | `{report['task']}` | {seeds} | " + " | ".join(cells) + " |")
    return lines


def budgets(reports: Iterable[Report]) -> list[str]:
    """Return a table of the searches that start with other numbers of labels: AP at the start."""
    lines = ["| task | labels | preset | seeds | AP, cycle 0 |", "|---" * 5 + "|"]
    for report in reports:
        start = report["protocol"]
        labels = f"{start['start_anomalies']} + {start['start_nominals']}"
        name = " ".join([f"`{report['preset']}`", *report.get("changes", ())])
        ap = spread(values(report, "ap", 0))
        lines.append(f"| `{report['task']}` | {labels} | {name} | {len(report['seeds'])} | {ap} |")
    return lines


def headed(title: str, lines: list[str]) -> None:
    """Print a table under what it shows."""
    print(f"\n{title}\n\n" + "\n".join(lines))


def main() -> None:
    """Print the tables."""
    folder = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else RESULTS
    everything = [read_report(path) for path in sorted(folder.glob("benchmark-*.json"))]
    reports = [report for report in everything if follows_the_protocol(report)]
    references = {
        task: [read_report(path) for path in sorted(RESULTS.glob(f"reference-*-{task}.json"))]
        for task in REFERENCES
    }
    plain = fullest(report for report in reports if is_plain(report, today=folder == RESULTS))
    former = [read_report(path) for path in sorted(FORMER.glob("benchmark-*.json"))]
    before = fullest(
        report for report in former if follows_the_protocol(report) and is_plain(report, today=False)
    )
    for preset in PRESETS if folder == RESULTS else ():
        pairs = [
            (task, preset) for task in REFERENCES if (task, preset) in plain and (task, preset) in before
        ]
        if pairs:
            headed(
                f"Preset `{preset}` against {FORMER.name}:",
                against_former([(plain[pair], before[pair]) for pair in pairs]),
            )
    looks = [report for report in reports if changes_one_lever(report, "embedding")]
    for change in sorted({look["changes"][0] for look in looks}):
        others = [look for look in looks if look["changes"][0] == change]
        pairs_before = [(look, before[look["task"], "embedding"]) for look in others]
        headed(f"Preset `embedding` with {change} against {FORMER.name}:", against_former(pairs_before))
        pairs_now = [
            (change, look, plain[look["task"], "embedding"])
            for look in others
            if (look["task"], "embedding") in plain
        ]
        headed(f"AP with {change}, less `embedding`:", differences(pairs_now))
    shown = [
        report
        for task in REFERENCES
        for report in (
            *references[task],
            *(plain[task, preset] for preset in PRESETS if (task, preset) in plain),
        )
    ]
    head = "| task | preset | seeds | AUROC | AP | found in 40 looks | calibration error |"
    headed("Test split, cycle 0 → cycle 3:", [head, "|---" * 7 + "|", *map(row, shown)])
    headed("A cycle:", seconds(report for report in shown if report["preset"] in PRESETS[1:]))
    named = [(task, "default") for task in REFERENCES]
    product = [plain[name] for name in named if name in plain]
    searches = [report for report in product if last_cycle(report) == 3]
    if searches:
        headed("Preset `default` against the reference:", against_reference(searches))
    searched = [one for one in shown if one["preset"] in PRESETS[:2] and last_cycle(one) == 3]
    if any(references.values()):
        headed(
            "Seed by seed, preset / reference:",
            against_same_seeds((one for one in searched if references[one["task"]]), references),
        )
    presets = [
        (f"`default` - `{preset}`", report, plain[report["task"], preset])
        for preset in ("embedding", "paper")
        for report in product
        if (report["task"], preset) in plain
    ]
    levers = [
        (" ".join(other["changes"]), other, report)
        for other in reports
        for report in product
        if changes_one_lever(other) and other["task"] == report["task"]
    ]
    headed("AP, paired differences of presets:", differences(presets))
    headed("AP, one lever changed, less `default`:", differences(sorted(levers, key=lambda one: one[0])))
    others = [report for report in everything if has_another_start(report)]
    headed("Other numbers of labels:", budgets(others))
    headed("AP with other numbers of labels, paired differences:", differences(other_starts(others)))


def other_starts(reports: list[Report]) -> Iterable[tuple[str, Report, Report]]:
    """Return rows of :func:`differences`: training less no training, and one lever changed less `default`."""
    for one in reports:
        for other in reports:
            alike = one["task"] == other["task"] and one["protocol"] == other["protocol"]
            if not alike or one["preset"] != "default":
                continue
            if not one.get("changes") and other["preset"] == "embedding":
                yield "`default` - `embedding`", one, other
            elif changes_one_lever(one) and other["preset"] == "default" and not other.get("changes"):
                yield " ".join(one["changes"]), one, other


def changes_one_lever(report: Report, preset: str = "default") -> bool:
    """Return whether a report is of a preset but for one setting."""
    return report["preset"] == preset and len(report.get("changes") or ()) == 1


def has_another_start(report: Report) -> bool:
    """Return whether only the number of labels at the start differs from the protocol."""
    start = report.get("protocol", {})
    numbers = {name: start.get(name, 0) for name in ("start_anomalies", "start_nominals")}
    return not follows_the_protocol(report) and follows_the_protocol(report, **numbers)


if __name__ == "__main__":
    main()
