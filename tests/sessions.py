"""A session so small that it is trained in a few seconds."""

from __future__ import annotations

from pathlib import Path

from images import make_pool

from anomalymatch_ui.config import Config
from anomalymatch_ui.session import Session

SETTINGS = Config.preset("default").with_values(
    network={"image_size": 32},
    embedding={"sizes": (32, 48), "symmetric_up_to": 32},
    train={"steps": 3, "labelled_batch": 4, "unlabelled_batch": 4},
    score={"batch_size": 16, "shard_size": 20},
    symmetry="square",
    device="cpu",
)
ANOMALIES, NOMINALS = ["0000.jpg", "0001.jpg"], ["0020.jpg", "0021.jpg", "0022.jpg"]


def make_trained(folder: Path) -> None:
    """Write `images`, 60 of them, and a `session` on them that has labels and a cycle."""
    make_pool(folder / "images")
    with Session.open(folder / "session", folder / "images", config=SETTINGS) as session:
        session.label(ANOMALIES, "anomaly")
        session.label(NOMINALS, "nominal")
        session.train(wait=True)
