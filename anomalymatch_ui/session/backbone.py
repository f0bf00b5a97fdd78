"""The frozen backbone of a session at work: its name, and what it says of images."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from anomalymatch_ui.config import Config, PartConfig, Symmetry
from anomalymatch_ui.learn import (
    AnomalyNetwork,
    backbone_digest,
    build_network,
    load_adapted,
    resolve_device,
    width,
)
from anomalymatch_ui.pool import ImagePool, SubsetPool
from anomalymatch_ui.rank import measure_centring, measure_symmetry, sample_rows
from anomalymatch_ui.score import Scorer, batch_ranges, rows_written, score_pool, write_embeddings
from anomalymatch_ui.session.jobs import Reporter
from anomalymatch_ui.session.sight import Look, Traits

SAMPLE_IMAGES = 1024
"""Images that tell whether a pool has an up, or a centre; five views take three seconds on two cores."""

SAMPLE_SIZE = 64
"""Side at which they are looked at, in pixels; the threshold was measured at this size."""

SAMPLE_BATCH = 32
"""Of these at one time, unless the settings say another number."""


def digest_of(config: Config, look: Look, bands: int) -> str:
    """Return a name for what the backbone of a look computes of so many bands."""
    return backbone_digest(_network(config, look, bands))


def write_features(
    path: Path,
    images: ImagePool,
    config: Config,
    look: Look,
    parts: Sequence[PartConfig],
    symmetry: Symmetry,
    reporter: Reporter,
    adapted: Path | None = None,
) -> list[int]:
    """Write what parts of one look take of images, or what is missing still; return the columns of each.

    Parameters
    ----------
    path
        The table, float16 ``(len(images), features)``; NaN where an image cannot be read.
    images, config
        What is looked at, and how.
    look, parts
        The backbone and its size, and what is taken there.
    symmetry
        Views that the features are averaged over.
    reporter
        Told how far it is.
    adapted
        Weights adapted to the session's pool; ``None`` for the pretrained ones.

    Raises
    ------
    InputError
        If the backbone has no such layer, or the adapted weights are damaged.
    StorageError
        If the disk refuses.
    """
    device = resolve_device(config.device)
    network = _network(config, look, images.rendering.channels)
    if adapted is not None:
        load_adapted(adapted, network)
    widths = [width(network, part) for part in parts]
    start = rows_written(path, len(images), sum(widths))
    scoring = config.score
    reporter.begin(
        "embedding", len(images), done=start, device=str(device), number_format=scoring.number_format
    )
    scorer = Scorer(
        network,
        device,
        number_format=scoring.number_format,
        compiled=scoring.compiled,
        parts=parts,
    )
    batches = score_pool(
        images, network, scoring, device=device, symmetry=symmetry, start=start, scorer=scorer
    )
    with closing(batches):
        write_embeddings(
            path,
            batches,
            images=len(images),
            feature_count=sum(widths),
            advance=reporter.advance,
        )
    return widths


def look_for_traits(pool: ImagePool, config: Config, seed: int, reporter: Reporter) -> Traits:
    """Measure on a sample which views of a pool's images mean the same, and whether they are centred.

    Parameters
    ----------
    pool, config
        What is looked at, and how.
    seed
        Of the sample.
    reporter
        Told how far it is.
    """
    rows = sample_rows(pool.ids, seed, SAMPLE_IMAGES)
    sample = SubsetPool(pool, [pool.ids[row] for row in rows])
    device = resolve_device(config.device)
    network = _network(config, Look(SAMPLE_SIZE), pool.rendering.channels)
    scorer = Scorer(network, device, number_format=config.score.number_format)
    reporter.begin("preparing", len(sample), device=str(device))
    views: list[list[np.ndarray]] = [[] for _ in range(5)]
    seen = []
    for part in batch_ranges(0, len(sample), config.score.batch_size or SAMPLE_BATCH):
        pixels = sample.read(part, SAMPLE_SIZE, "network").pixels
        reporter.advance(part.stop)
        if len(pixels) == 0:
            continue
        seen.append(pixels)
        turned = [np.rot90(pixels, turns, axes=(2, 3)) for turns in (1, 2, 3)]
        for number, view in enumerate([pixels, pixels[..., ::-1], *turned]):
            views[number].append(scorer.score(np.ascontiguousarray(view))[1])
    if not seen:
        return Traits("none", centred=False)
    upright, mirrored, *turns = (np.concatenate(features) for features in views)
    return Traits(measure_symmetry(upright, mirrored, turns), measure_centring(np.concatenate(seen)))


def _network(config: Config, look: Look, bands: int) -> AnomalyNetwork:
    return build_network(look.network(config), config.seed, bands)
