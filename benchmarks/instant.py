"""How long after a label the order of a large pool has changed.

A session on 100,000 small images with a random embedding of the default width; each label is given
through the session, and the time is taken until the new ranking is announced. Run

    python benchmarks/instant.py --json

Medians and 95th percentiles over 50 labels, in milliseconds; beside them the time a listing of the next
images takes, which a page that is shown anew waits for as well.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from dashboard.sessions import large_pool, place_embedding

from anomalymatch_ui.config import Config
from anomalymatch_ui.session import Session, Status


def measure(images: int, labels: int) -> dict[str, object]:
    """Return the times from label to announced ranking, and of a listing, in milliseconds."""
    with tempfile.TemporaryDirectory() as folder:
        config = Config().with_values(symmetry="none")
        pool = large_pool(Path(folder) / "pool.h5", images, side=8)
        with Session.open(Path(folder) / "s", pool, config=config) as session:
            place_embedding(session)
            session.label([str(n) for n in range(5)], "anomaly")
            session.label([str(n) for n in range(100, 150)], "nominal")
            session.rank(wait=True)
            announced = threading.Event()
            version = session.ranking().version

            def watch(status: Status) -> None:
                if status.ranking_version > version:
                    announced.set()

            session.subscribe(watch)
            ranked, listed = [], []
            for number in range(labels):
                announced.clear()
                version = session.ranking().version
                started = time.perf_counter()
                session.label([str(1000 + number)], "nominal")
                assert announced.wait(60)
                ranked.append(1000 * (time.perf_counter() - started))
                started = time.perf_counter()
                session.insight.listing()
                listed.append(1000 * (time.perf_counter() - started))
    return {"images": images, "label_to_ranking_ms": summary(ranked), "listing_ms": summary(listed)}


def summary(times: list[float]) -> dict[str, float]:
    """Return median and 95th percentile."""
    return {"median": round(float(np.median(times)), 1), "p95": round(float(np.percentile(times, 95)), 1)}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--labels", type=int, default=50)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    result = measure(arguments.images, arguments.labels)
    print(json.dumps(result, indent=1) if arguments.json else result)


if __name__ == "__main__":
    main()
