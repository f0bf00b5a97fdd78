"""How much of the first hundred by novelty a few labelled artefacts clear, on images judged by eye.

    python benchmarks/artefacts.py SESSION benchmarks/results/artefacts.json

SESSION has looked at the survey of the shared data, all of it or its first images. There is no truth for
artefacts there: ``artefacts.json`` holds what a person called them, in the first hundred before any label and
after thirty, given ten at a time as they stood at the top. Other images count as not judged.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from anomalymatch_ui.config import HeadConfig
from anomalymatch_ui.rank import Artefacts
from anomalymatch_ui.session import Session

FIRST = 100


def main() -> None:
    """Measure it, and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("session", type=Path)
    parser.add_argument("judged", type=Path)
    options = parser.parse_args()
    judged = json.loads(options.judged.read_text("utf-8"))
    artefacts, others = (
        {*judged["first_100_before"][kind], *judged["first_100_after"][kind]}
        for kind in ("artefacts", "others")
    )
    with Session.open(options.session) as session:
        embedded = session._rankings.embedder().at_hand()
        assert embedded is not None, "rank the session first"
        ids = session.pool.ids
        labelled = np.array([session.pool.index(name) for name in judged["labelled"]])
        learnt = Artefacts.of(embedded.table, labelled, labelled[:0], HeadConfig(), seed=session.config.seed)
        told = {}
        for name, novelty, left_out in (
            ("before", embedded.novelty(), labelled[:0]),
            ("after", embedded.novelty(learnt), labelled),
        ):
            values = np.nan_to_num(novelty, nan=-1.0)
            values[left_out] = -1
            first = [ids[row] for row in np.argsort(-values, kind="stable")[:FIRST]]
            known = [image in artefacts for image in first if image in artefacts | others]
            told[name] = {"artefacts": sum(known), "judged": len(known), "of": FIRST}
    print(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
