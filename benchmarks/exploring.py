"""How many of the simulated survey's oddities a search from no label meets, with and without exploring.

    python benchmarks/exploring.py --surveys 3 --seeds 42,76032,730 --json benchmarks/results/exploring.json

Each survey is drawn with a seed of its own; the first is the demo's. The product's own session shows pages
of 20, a simulated astronomer who knows the truth labels all of a page, and the order follows before the next.
With ``--labels`` each search starts with the survey's own examples.
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
import tempfile
from pathlib import Path

import numpy as np

from anomalymatch_ui import Config, Session
from anomalymatch_ui.demo.build import SEED, build_survey
from anomalymatch_ui.evaluate.machine import made_with

PAGE = 20
AFTER = (40, 60, 80, 100, 120, 160, 200)
BELOW = (0.0, Config().acquisition.explore_below)


def search(kept: Path, truth: dict[str, bool], start: dict[str, str], seed: int, below: float) -> list[int]:
    """Return how many anomalies were found after each of :data:`AFTER` looks."""
    found: list[bool] = []
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(kept, path := Path(folder) / "session")
        with Session.open(path) as session:
            session.configure({"seed": seed, "acquisition.explore_below": below})
            for name, label in start.items():
                session.label([name], label, origin="known")
            while len(found) < AFTER[-1]:
                if not session._rankings.settle(120):
                    raise SystemExit("The order did not follow the labels within two minutes.")
                order = session.ranking()
                names = [session.pool.ids[row] for row in session.finding.find(ranking=order).order[:PAGE]]
                for name in names:
                    session.label([name], "anomaly" if truth[name] else "nominal", ranking=order)
                found += [truth[name] for name in names]
    return np.cumsum(found)[np.array(AFTER) - 1].tolist()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--surveys", type=int, default=3)
    parser.add_argument("--seeds", default="42,76032,730", help="of the draws and heads of a search")
    parser.add_argument("--labels", action="store_true", help="start with the survey's examples")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    seeds = [int(seed) for seed in arguments.seeds.split(",")]
    searches = []
    for survey in range(arguments.surveys):
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            build_survey(place, "images", lambda _done, _all: None, seed=SEED + 1_000 * survey)
            with (place / "truth.csv").open() as file:
                truth = {row["filename"]: row["label"] == "anomaly" for row in csv.DictReader(file)}
            with (place / "labels.csv").open() as file:
                start = {row["filename"]: row["label"] for row in csv.DictReader(file)}
            config = Config.preset("embedding")
            with Session.open(place / "session", place / "images", config=config) as session:
                session.rank(wait=True)
            for seed in seeds:
                for below in BELOW:
                    told = start if arguments.labels else {}
                    found = search(place / "session", truth, told, seed, below)
                    searches.append({"survey": survey, "seed": seed, "explore_below": below, "found": found})
                    print(searches[-1], flush=True)
    if arguments.json:
        report = {**made_with(), "page": PAGE, "after": AFTER, "oddities": 32, "searches": searches}
        arguments.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
