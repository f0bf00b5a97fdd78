"""A cycle's network over many images, with what its frozen blocks made of them in an earlier cycle."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

from anomalymatch_ui.config import Config, Symmetry
from anomalymatch_ui.learn import AnomalyNetwork, frozen_digest, resolve_device
from anomalymatch_ui.pool import ImagePool
from anomalymatch_ui.score import FrozenMaps, ScoredBatch, Scorer, kept_maps, score_pool
from anomalymatch_ui.session.folder import SessionFolder
from anomalymatch_ui.session.jobs import Reporter

GIGABYTE = 1 << 30


@contextmanager
def scored_by_network(
    images: ImagePool,
    network: AnomalyNetwork,
    config: Config,
    symmetry: Symmetry,
    folder: SessionFolder,
    reporter: Reporter,
    *,
    start: int = 0,
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
    start
        Index of the first image.
    """
    device = resolve_device(config.device)
    reporter.begin("ranking", len(images), done=start, device=str(device))
    scorer = Scorer(network, device, compiled=config.score.compiled)
    with ExitStack() as stack:
        maps: FrozenMaps | None = None
        if device.type == "cpu" and not config.score.compiled and network.config.frozen_blocks > 0:
            row = scorer.frozen_map(symmetry)
            name = f"{frozen_digest(network)}-{symmetry}-{row.dtype}"
            limit = config.score.frozen_maps_gb * GIGABYTE
            path = folder.frozen_maps(name, images.digest)
            maps = stack.enter_context(kept_maps(path, len(images), row.shape, row.dtype, limit=limit))
        batches = score_pool(
            images,
            network,
            config.score,
            device=device,
            start=start,
            symmetry=symmetry,
            scorer=scorer,
            maps=maps,
        )
        yield stack.enter_context(closing(batches))
