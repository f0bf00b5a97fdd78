"""How many of an archive's best images a look at one view finds, by what it goes by.

    python benchmarks/first_look.py SESSION POOL --images 3000 --json first-look.json

Images of an archive, drawn at random, are looked at in one view and in all. The best are those that the
session's head puts first after all looks. Told is which share of them is among the images that would be
looked at closely: by the session's head on one view, as archives were scored before, and by the head that is
fitted to one view. With it comes the correlation of what either says with what the session's head says in
the end.
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path

import numpy as np

from anomalymatch_ui import Session, open_pool
from anomalymatch_ui.pool import SubsetPool
from anomalymatch_ui.rank import Glance
from anomalymatch_ui.session.archives.archive_engine import in_usual_batches
from anomalymatch_ui.session.archives.archive_request import TOLD_BY
from anomalymatch_ui.session.core.draw_order import draw_order_of
from anomalymatch_ui.session.look.seer import Seer

SHARES = ((0.01, 0.02), (0.01, 0.05), (0.01, 0.1), (0.02, 0.1), (0.05, 0.1))
"""Shares of the best, and of what is looked at closely."""


def measure(path: Path, images: Path, count: int) -> dict[str, object]:
    """Return what either head finds of so many images."""
    archive = open_pool(images)
    if count < len(archive):
        archive = SubsetPool(archive, random.Random(0).sample(list(archive.ids), count))
    with Session.open(path, share=True) as session:
        seeing, embedding, learnt = session.scorer.learnt(session.labels())
        config = in_usual_batches(session.config)
        own, seer = Seer(session.pool, config, seeing), Seer(archive, config, seeing)
        rows = np.sort(draw_order_of(session.pool, session.config.seed)[:TOLD_BY])
        wanted = learnt.head.margins(embedding[rows])
        glance = Glance.of(own.embed(rows, closely=False), wanted, learnt.head, own.choices())
        every = np.arange(len(archive))
        in_one_view = seer.embed(every, closely=False)
        in_the_end = learnt.head.margins(seer.embed(every, closely=True))
    taken = [int(choice.sum()) for choice in own.choices() if (glance.head.weights[choice] != 0).any()]
    return {
        "images": len(archive),
        "components": seer.components,
        "components taken by the fitted head": taken,
        "session's head": found(learnt.head.margins(in_one_view), in_the_end),
        "fitted head": found(glance.head.margins(in_one_view), in_the_end),
    }


def found(told: np.ndarray, in_the_end: np.ndarray) -> dict[str, float]:
    """Return the shares of the best that are found, and the correlation."""
    known = np.isfinite(told) & np.isfinite(in_the_end)
    told, in_the_end = told[known], in_the_end[known]
    first, best = np.argsort(-told), np.argsort(-in_the_end)
    shares = {
        f"best {best_share:.0%} among {closely:.0%}": float(
            np.isin(best[: round(best_share * len(told))], first[: round(closely * len(told))]).mean()
        )
        for best_share, closely in SHARES
    }
    return {"correlation": float(np.corrcoef(told, in_the_end)[0, 1])} | shares


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("session", type=Path, help="with labels of both classes, ranked to the end")
    parser.add_argument("pool", type=Path)
    parser.add_argument("--images", type=int, default=3_000)
    parser.add_argument("--json", type=Path, help="a file for the figures")
    arguments = parser.parse_args()
    report = measure(arguments.session, arguments.pool, arguments.images)
    print(json.dumps(report, indent=1))
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
