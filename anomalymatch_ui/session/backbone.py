"""The frozen backbone of a session at work: its name, and what it says of images."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np

from anomalymatch_ui.config import Config, Symmetry
from anomalymatch_ui.learn import AnomalyNetwork, backbone_digest, build_network, resolve_device
from anomalymatch_ui.pool import ImagePool, SubsetPool
from anomalymatch_ui.rank import measure_symmetry, sample_rows
from anomalymatch_ui.score import Scorer, batch_ranges, rows_written, score_pool, write_embeddings
from anomalymatch_ui.session.jobs import Reporter

SYMMETRY_IMAGES = 1024
"""Images that tell whether a pool has an up; five views of them take three seconds on two cores."""

SYMMETRY_SIZE = 64
"""Side at which they are looked at, in pixels; the threshold was measured at this size."""

SYMMETRY_BATCH = 32
"""Of these at one time, unless the settings say another number."""


def digest_of(config: Config, size: int) -> str:
    """Give a name to what the backbone computes at a size, in pixels."""
    return backbone_digest(_network(config, size))


def write_features(
    path: Path, images: ImagePool, config: Config, size: int, symmetry: Symmetry, reporter: Reporter
) -> None:
    """Write the features of images, or those that are missing still.

    Parameters
    ----------
    path
        The table, float16 ``(len(images), features)``; NaN where an image cannot be read.
    images, config
        What is looked at, and how.
    size
        Side in pixels at which it is looked at.
    symmetry
        Views that the features are averaged over.
    reporter
        Told how far it is.

    Raises
    ------
    StorageError
        If the disk refuses.
    """
    device, network = resolve_device(config.device), _network(config, size)
    start = rows_written(path, len(images), network.feature_count)
    reporter.begin("embedding", len(images), done=start, device=str(device))
    batches = score_pool(images, network, config.score, device=device, symmetry=symmetry, start=start)
    with closing(batches):
        write_embeddings(
            path,
            batches,
            images=len(images),
            feature_count=network.feature_count,
            advance=reporter.advance,
        )


def look_for_symmetry(pool: ImagePool, config: Config, seed: int, reporter: Reporter) -> Symmetry:
    """Measure on a sample which turns and mirror images of a pool's images mean the same.

    Parameters
    ----------
    pool, config
        What is looked at, and how.
    seed
        Of the sample.
    reporter
        Told how far it is.
    """
    rows = sample_rows(pool.ids, seed, SYMMETRY_IMAGES)
    sample = SubsetPool(pool, [pool.ids[row] for row in rows])
    device = resolve_device(config.device)
    scorer = Scorer(_network(config, SYMMETRY_SIZE), device)
    reporter.begin("preparing", len(sample), device=str(device))
    views: list[list[np.ndarray]] = [[] for _ in range(5)]
    for part in batch_ranges(0, len(sample), config.score.batch_size or SYMMETRY_BATCH):
        pixels = sample.read(part, SYMMETRY_SIZE).pixels
        reporter.advance(part.stop)
        if len(pixels) == 0:
            continue
        turned = [np.rot90(pixels, turns, axes=(2, 3)) for turns in (1, 2, 3)]
        for number, view in enumerate([pixels, pixels[..., ::-1], *turned]):
            views[number].append(scorer.score(np.ascontiguousarray(view))[1])
    if not views[0]:
        return "none"
    upright, mirrored, *turns = (np.concatenate(parts) for parts in views)
    return measure_symmetry(upright, mirrored, turns)


def _network(config: Config, size: int) -> AnomalyNetwork:
    sized = config.network.model_copy(update={"image_size": size})
    return build_network(sized, config.seed)
