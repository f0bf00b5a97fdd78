"""A pool, streamed through a backbone that OpenVINO computes on the CPU, without torch."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np

from anomalymatch_ui.config import ScoreConfig, Symmetry
from anomalymatch_ui.pool import ImagePool
from anomalymatch_ui.stream.clock import StageClock
from anomalymatch_ui.stream.flow import Stage
from anomalymatch_ui.stream.graph_scorer import GraphScorer
from anomalymatch_ui.stream.pieces import HostStages, Piece
from anomalymatch_ui.stream.scored import ScoredBatch
from anomalymatch_ui.stream.streaming import Batches, check_there, streamed
from anomalymatch_ui.stream.threads import computing_threads, usable_cores

BATCH = 32
"""Images of a batch, unless the settings say another number: four of the graph's."""


def look_at_pool(
    pool: ImagePool,
    scorer: GraphScorer,
    config: ScoreConfig,
    *,
    start: int = 0,
    stop: int | None = None,
    symmetry: Symmetry = "none",
    clock: StageClock | None = None,
) -> Generator[ScoredBatch, None, None]:
    """Return the features of the images of a pool from index ``start`` up to ``stop``, in order.

    What :func:`~anomalymatch_ui.stream.pipeline.score_pool` does, for a backbone alone. As many batches are
    computed at one time as there are threads to compute, each in one.

    Parameters
    ----------
    pool
        Where the images come from.
    scorer
        The backbone.
    config
        Size of a batch, and number of threads that read.
    start, stop
        Index of the first image, and of the one after the last; all to the pool's end if not given.
    symmetry
        Average the features over these views of each image.
    clock
        Counts how long each stage is busy.

    Raises
    ------
    InputError
        If the images have gone meanwhile, as with a disk that was taken out.
    """
    clock = clock or StageClock()
    stop = len(pool) if stop is None else min(stop, len(pool))
    host = HostStages(pool, scorer.image_size)

    def look(piece: Piece) -> ScoredBatch:
        if len(piece.indices) == 0:
            features = np.empty((0, scorer.feature_count), np.float16)
            return ScoredBatch(piece.asked, piece.indices, np.empty(0, np.float32), features)
        scores, features = scorer.score(piece.pixels.transpose(0, 3, 1, 2), symmetry)
        return ScoredBatch(piece.asked, piece.indices, scores, features)

    threads = computing_threads()
    forward = Stage("forward", look, threads, ahead=threads)
    batches = Batches(start, stop, config.batch_size or BATCH)
    workers = config.workers or usable_cores()
    for batch in streamed(pool, host, batches, workers, [forward], clock):
        if len(batch.indices) < len(batch.asked):
            check_there(pool, batch.asked)
        yield batch
