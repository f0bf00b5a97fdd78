"""Sessions as they are after days of work, made in a minute: their embedding is random."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
from PIL import Image

from anomalymatch_ui.config import Config
from anomalymatch_ui.demo import DemoSurvey
from anomalymatch_ui.labels import Label
from anomalymatch_ui.rank import Reduction
from anomalymatch_ui.score import write_table
from anomalymatch_ui.session import Session
from anomalymatch_ui.session.look.reduced import projection, save_reductions

STEPS = 100_000  # of a cycle, so that it trains for as long as is measured
SURVEY_IMAGES = 26_174
TEMPLATES = 64
ROWS = 10_000  # of HDF5 images written at once


def trainable(folder: Path, demo: DemoSurvey) -> Path:
    """Make a session on the demo whose cycle outlasts the measurement."""
    config = Config.preset("default").with_values(train={"steps": STEPS})
    Session.open(folder, demo.images, demo.labels, config=config).close()
    return folder


def synthetic_survey(folder: Path, images: int = SURVEY_IMAGES, side: int = 96) -> Path:
    """Write as many JPEGs as a survey has, of its size, in twelve folders; 64 pictures, again and again."""
    random = np.random.default_rng(0)
    pictures = []
    for number in range(TEMPLATES):
        path = folder / f"template-{number}.jpg"
        folder.mkdir(parents=True, exist_ok=True)
        pixels = random.normal(20, 8, (side, side, 3))
        pixels[side // 3 : -side // 3, side // 3 : -side // 3] += random.uniform(40, 180, 3)
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path, quality=90)
        pictures.append(path.read_bytes())
        path.unlink()
    for number in range(images):
        path = folder / f"{12 * number // images:03}" / f"cutout-{number:05}.jpg"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(pictures[number % TEMPLATES])
    return folder


def large_pool(path: Path, images: int, side: int = 16) -> Path:
    """Write an HDF5 file of tiny images; blocks of noise, again and again."""
    block = np.random.default_rng(0).integers(0, 255, (ROWS, side, side, 3), dtype=np.uint8)
    with h5py.File(path, "w") as file:
        data = file.create_dataset("images", (images, side, side, 3), np.uint8)
        for start in range(0, images, ROWS):
            data[start : start + ROWS] = block[: images - start]
    return path


def ranked(folder: Path, images: Path, labels: int) -> Path:
    """Make a session with an embedding, a ranking and labels, one in twenty of them an anomaly.

    Parameters
    ----------
    folder
        Of the session.
    images
        Of the pool.
    labels
        How many.
    """
    config = Config.preset("embedding").with_values(symmetry="none")
    with Session.open(folder, images, config=config) as session:
        place_embedding(session)
        chosen = np.random.default_rng(1).permutation(len(session.pool))[:labels]
        names = [session.pool.ids[row] for row in chosen]
        given: dict[Label, list[str]] = {"anomaly": names[::20], "nominal": sorted({*names} - {*names[::20]})}
        for label, ids in given.items():
            session.label(ids, label)
        session.rank(wait=True)
    return folder


def place_embedding(session: Session) -> None:
    """Write a random embedding where the session looks for its own."""
    embedder, images = session._rankings.scorer.embedder, len(session.pool)
    sight = embedder.known_sight()
    assert sight is not None, "settings that leave nothing to be measured on the images"
    columns = session.config.embedding.components * len(sight.parts)
    random = np.random.default_rng(0)

    def blocks() -> Iterator[np.ndarray]:
        for start in range(0, images, ROWS):
            rows = min(ROWS, images - start)
            yield random.normal(0, columns**-0.5, (rows, columns)).astype(np.float16)

    path = embedder._path(session.pool, sight)
    write_table(path, blocks(), images=images, columns=columns)
    save_reductions(projection(path), [Reduction(np.zeros((1, 1)), np.zeros(1))])
