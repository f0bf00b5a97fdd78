"""How far the numbers can be believed: forecasts against the truth, over whole searches.

    anomalymatch benchmark TASK --images IMAGES --preset embedding --cycles 20 --per-cycle 10 --json R.json
    python benchmarks/forecasts.py R.json …

Prints, of five points of a search of 200 looks (after 40, 80, 120, 160 and 200), the share of the 95 %
intervals that held the truth, the share of point forecasts within a factor 1.5, and the median ratio of an
interval's ends: of each task, of each point, and of all together.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from anomalymatch_ui.evaluate.forecasts import KINDS, Reliability
from anomalymatch_ui.evaluate.report import read_report

POINTS = (40, 80, 120, 160, 200)
"""Looks after which a search is judged."""


def at_points(report: Mapping[str, Any]) -> list[tuple[int, Mapping[str, Any]]]:
    """Return the rounds of a report at the points, each with the number of looks before it."""
    looks = report["protocol"]["per_cycle"]
    rounds = [cycle for seed in report["seeds"] for cycle in seed["cycles"]]
    return [(cycle["cycle"] * looks, cycle) for cycle in rounds if cycle["cycle"] * looks in POINTS]


def row(name: str, cycles: Iterable[Mapping[str, Any]]) -> str:
    """Return a line of the table."""
    cycles, cells = list(cycles), []
    for kind in KINDS:
        judged = Reliability.of(cycles, kind)
        cells += (
            ["", "", ""]
            if judged is None
            else [
                f"{100 * judged.held:.0f} %",
                f"{100 * judged.near:.0f} %",
                f"{judged.width:.1f}",
            ]
        )
    return f"| {name} | {len(cycles)} | " + " | ".join(cells) + " |"


def main() -> None:
    """Print the table."""
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    told = [
        (report["task"], looks, cycle)
        for report in map(read_report, map(Path, sys.argv[1:]))
        for looks, cycle in at_points(report)
    ]
    head = " | ".join(f"{name}: held | within 1.5 | width" for name in KINDS.values())
    print(f"| | forecasts | {head} |\n" + "|---" * 8 + "|")
    for task in dict.fromkeys(task for task, _, _ in told):
        print(row(f"`{task}`", (cycle for its, _, cycle in told if its == task)))
    for looks in POINTS:
        print(row(f"after {looks} looks", (cycle for _, its, cycle in told if its == looks)))
    print(row("all", (cycle for _, _, cycle in told)))


if __name__ == "__main__":
    main()
