"""A published benchmark: several classes that are the anomaly in turn, with the published figures beside."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from anomalymatch_ui.config import Config
from anomalymatch_ui.errors import StorageError
from anomalymatch_ui.evaluate.published import FIGURES, Benchmark
from anomalymatch_ui.evaluate.report import Report, values
from anomalymatch_ui.evaluate.searches import run_benchmark

MEASURES = {"auroc": "AUROC", "ap": "AP", "precision_top1": "precision in the first 1 %"}


def run_in_turn(
    name: str,
    searches: Sequence[Benchmark],
    config: Config,
    seeds: Sequence[int],
    *,
    out: Path | None = None,
    embeddings: Path | None = None,
    changes: Sequence[str] = (),
) -> list[Report]:
    """Run the searches of a published benchmark, and print them beside the published figures.

    Parameters
    ----------
    name
        ``"galaxy_mnist"`` or ``"miniimagenet"``.
    searches
        From :func:`~anomalymatch_ui.evaluate.open_published`.
    config, seeds, embeddings, changes
        As for :func:`~anomalymatch_ui.evaluate.run_benchmark`.
    out
        A folder that keeps one report a class, and goes on from them.

    Raises
    ------
    InputError
        If something given cannot be used.
    StorageError
        If the disk refuses.
    """
    for search in searches:
        search.protocol.check(search.task)
    if out is not None:
        try:
            out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(f"Cannot make the folder {out}: {error.strerror or error}.") from error
    reports = []
    with tempfile.TemporaryDirectory(prefix="anomalymatch-embeddings-") as temporary:
        for search in searches:
            reports.append(
                run_benchmark(
                    search.task,
                    search.images,
                    config,
                    search.protocol,
                    seeds,
                    out=None if out is None else out / f"{search.task.name}.json",
                    embeddings=embeddings or Path(temporary),
                    changes=changes,
                )
            )
            print()
    print(beside_published(name, reports))
    return reports


def beside_published(name: str, reports: Sequence[Report]) -> str:
    """Return a table of the classes after the last round, of their means round by round, and the figures.

    Parameters
    ----------
    name
        Name of the published data set.
    reports
        One a class, of one protocol.

    Returns
    -------
    str
        Markdown. A class's cell is mean ± standard deviation over its seeds; a mean is over the classes.
    """
    rounds = min(len(seed["cycles"]) for report in reports for seed in report["seeds"])
    protocol = reports[0]["protocol"]
    added = protocol["per_cycle"] // 2
    lines = [
        f"{name}, preset {' '.join([reports[0]['preset'], *reports[0].get('changes', ())])}, measured on the "
        f"images without a label, {len(reports)} classes of {len(reports[0]['seeds'])} seeds",
        "",
        f"| | anomalies labelled | {' | '.join(MEASURES.values())} |",
        "|---" * (len(MEASURES) + 2) + "|",
    ]
    for report in reports:
        cells = [_spread(values(report, measure, rounds - 1)) for measure in MEASURES]
        labelled = protocol["start_anomalies"] + added * (rounds - 1)
        lines.append(f"| {report['task'].removeprefix(name + '_')} | {labelled} | {' | '.join(cells)} |")
    for cycle in range(rounds):
        means = [
            f"{np.mean([values(report, measure, cycle).mean() for report in reports]):.3f}"
            for measure in MEASURES
        ]
        labelled = protocol["start_anomalies"] + added * cycle
        lines.append(f"| mean, after {cycle} rounds of labels | {labelled} | {' | '.join(means)} |")
    figures = [f"{value:.2f}" for value in asdict(FIGURES[name]).values()]
    lines.append(f"| published, after three cycles (224 px) | | {' | '.join(figures)} |")
    return "\n".join(lines)


def _spread(column: np.ndarray) -> str:
    return f"{column.mean():.3f} ± {column.std(ddof=1) if len(column) > 1 else 0.0:.3f}"
