"""The pool, streamed through a network: threads read and decode while the device computes."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch

from anomalymatch_ui.config import ScoreConfig, Symmetry
from anomalymatch_ui.learn import AnomalyNetwork
from anomalymatch_ui.pool import Batch, ImagePool
from anomalymatch_ui.score.clock import StageClock
from anomalymatch_ui.score.scorer import Scorer, features_of

__all__ = ["ScoredBatch", "Scorer", "StageClock", "batch_ranges", "features_of", "read_ahead", "score_pool"]

Chunk = TypeVar("Chunk", range, np.ndarray)


@dataclass(frozen=True, slots=True)
class ScoredBatch:
    """What the network says of some images.

    Attributes
    ----------
    asked
        Pool indices that were asked for.
    indices
        Those that could be read, int64 ``(n,)``.
    scores
        Probability of an anomaly, float32 ``(n,)``.
    features
        Pooled features of the backbone, float16 ``(n, features)``.
    """

    asked: range
    indices: np.ndarray
    scores: np.ndarray
    features: np.ndarray


def score_pool(
    pool: ImagePool,
    network: AnomalyNetwork,
    config: ScoreConfig,
    *,
    device: torch.device,
    start: int = 0,
    stop: int | None = None,
    symmetry: Symmetry = "none",
    shard_size: int | None = None,
    scorer: Scorer | None = None,
    clock: StageClock | None = None,
) -> Generator[ScoredBatch, None, None]:
    """Score the images of a pool from index ``start`` up to ``stop``, in order.

    The network runs in small channels-last batches, in bfloat16 where the hardware multiplies it; its
    head runs in float32, so that scores keep their order. Images that cannot be read are left out and
    noted in the pool's report. Closing the iterator stops the readers.

    Parameters
    ----------
    pool
        Where the images come from.
    network
        Gives the scores; it is copied, not changed.
    config
        Batch size and number of reader threads.
    device
        Where the network runs.
    start, stop
        Index of the first image, and of the one after the last; all to the pool's end if not given.
    symmetry
        Average logits and features over these views of each image.
    shard_size
        If given, no batch holds images of two shards, which begin at the multiples of it: the shards of
        one run then have the very scores they have when each is scored by itself.
    scorer
        The network made ready before, for whom many ranges are scored with one; ``network`` and
        ``device`` are not used then.
    clock
        Counts how long each stage is busy.
    """
    scorer = scorer or Scorer(network, device)
    clock = clock or StageClock()
    stop = len(pool) if stop is None else min(stop, len(pool))
    chunks = batch_ranges(start, stop, config.batch_size, shard_size)
    with_pixels = read_ahead(pool, chunks, scorer.image_size, config.workers, clock)
    for asked, batch in with_pixels:
        if len(batch.indices) == 0:
            features = np.empty((0, scorer.feature_count), np.float16)
            yield ScoredBatch(asked, batch.indices, np.empty(0, np.float32), features)
            continue
        with clock.busy("forward"):
            scores, features = scorer.score(batch.pixels, symmetry)
        yield ScoredBatch(asked, batch.indices, scores, features)


def batch_ranges(start: int, stop: int, batch_size: int, shard_size: int | None = None) -> Iterator[range]:
    """Give ranges of ``batch_size`` or fewer that cover ``start`` to ``stop - 1``.

    Parameters
    ----------
    start, stop
        Pool indices.
    batch_size
        Images in one range, at most.
    shard_size
        If given, no range crosses a multiple of it.
    """
    while start < stop:
        end = min(start + batch_size, stop)
        if shard_size is not None:
            end = min(end, (start // shard_size + 1) * shard_size)
        yield range(start, end)
        start = end


def read_ahead(
    pool: ImagePool, chunks: Iterable[Chunk], size: int, workers: int, clock: StageClock | None = None
) -> Generator[tuple[Chunk, Batch], None, None]:
    """Read chunks of a pool in threads, a bounded number ahead, and give them in order.

    Parameters
    ----------
    pool
        Where the images come from.
    chunks
        Pool indices to read at one time.
    size
        Side of the images, in pixels.
    workers
        Number of threads.
    clock
        Counts how long they read.
    """
    clock = clock or StageClock()
    clock.set_workers("read", workers)

    def read(chunk: Chunk) -> Batch:
        with clock.busy("read"):
            return pool.read(chunk, size)

    executor = ThreadPoolExecutor(workers, thread_name_prefix="read-pool")
    waiting: deque[tuple[Chunk, Future[Batch]]] = deque()
    try:
        for chunk in chunks:
            waiting.append((chunk, executor.submit(read, chunk)))
            if len(waiting) > 2 * workers:
                asked, future = waiting.popleft()
                yield asked, future.result()
        while waiting:
            asked, future = waiting.popleft()
            yield asked, future.result()
    finally:
        executor.shutdown(wait=True, cancel_futures=True)
