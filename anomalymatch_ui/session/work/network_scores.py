"""A cycle's network over many images, with what its frozen blocks made of them in an earlier cycle."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from importlib import metadata

import numpy as np

from anomalymatch_ui.config import Config, Symmetry
from anomalymatch_ui.learn import AnomalyNetwork, Runtime, frozen_digest, resolve_device
from anomalymatch_ui.pool import ImagePool
from anomalymatch_ui.session.core.folder import SessionFolder
from anomalymatch_ui.session.core.jobs import Reporter
from anomalymatch_ui.stream import FrozenMaps, ScoredBatch, Scorer, batch_size_for, kept_maps, score_pool

GIGABYTE = 1 << 30

RECIPE = 2
"""Counts up when reading, scaling or computing comes to give other maps of the same images."""

COMPUTED_BY = ("torch", "torchvision", "pillow", "numpy")
"""Packages whose other version may give other pixels, or other last bits."""


def made_ready(network: AnomalyNetwork, config: Config) -> Scorer:
    """Return a network on the device, and by what, that the settings say."""
    scoring = config.score
    return Scorer(
        network,
        resolve_device(config.device),
        number_format=scoring.number_format,
        compiled=scoring.compiled,
        runtime=scoring.runtime,
    )


@contextmanager
def scored_by_network(
    images: ImagePool,
    network: AnomalyNetwork,
    config: Config,
    symmetry: Symmetry,
    folder: SessionFolder,
    reporter: Reporter,
    *,
    scorer: Scorer | None = None,
    start: int = 0,
    stop: int | None = None,
    shard_size: int | None = None,
    keep_maps: bool = True,
) -> Iterator[Iterator[ScoredBatch]]:
    """Score images in order, from an index on; the threads that do so end with the context.

    Parameters
    ----------
    images, network, config, symmetry
        What is scored, by what, and in which views.
    folder
        Keeps what the frozen blocks make of the images, where they run on a CPU: there they are most of the
        work, while a GPU computes them sooner than a disk gives them.
    reporter
        Told that it begins.
    scorer
        The network as :func:`made_ready` gives it, for whom it is there.
    start, stop, shard_size
        As for :func:`~anomalymatch_ui.stream.score_pool`.
    keep_maps
        Whether what the frozen blocks make of these images is worth keeping: it is of a whole pool.
    """
    scoring, scorer = config.score, scorer or made_ready(network, config)
    device = scorer.device
    reporter.begin(
        "ranking",
        len(images),
        done=start,
        device=str(device),
        number_format=scoring.number_format,
        runtime=scorer.runtime,
    )
    with ExitStack() as stack:
        maps: FrozenMaps | None = None
        if keep_maps and device.type == "cpu" and not scoring.compiled and network.split > 0:
            shape, dtype = scorer.map_layout(symmetry)
            size = batch_size_for(scoring, scorer, len(images), symmetry)
            scoring = scoring.model_copy(update={"batch_size": size})
            path = folder.frozen_maps(_recipe(network, symmetry, dtype, size, images, scorer.runtime))
            limit = scoring.frozen_maps_gb * GIGABYTE
            maps = stack.enter_context(kept_maps(path, len(images), shape, dtype, limit=limit))
        batches = score_pool(
            images,
            network,
            scoring,
            device=device,
            start=start,
            stop=stop,
            symmetry=symmetry,
            shard_size=shard_size,
            scorer=scorer,
            maps=maps,
        )
        yield stack.enter_context(closing(batches))


def _recipe(
    network: AnomalyNetwork,
    symmetry: Symmetry,
    dtype: np.dtype,
    batch_size: int,
    images: ImagePool,
    runtime: Runtime,
) -> str:
    """Return a name of all that decides what maps hold, to the last bit on one machine."""
    versions = [f"{package} {metadata.version(package)}" for package in COMPUTED_BY]
    versions.append(str(runtime))
    parts = [RECIPE, frozen_digest(network), symmetry, dtype, batch_size, images.digest, *versions]
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()[:16]
