"""A pool's images, read, decoded and resized by threads while others compute; without torch.

What computes is a stage that is handed in: a network (:mod:`~anomalymatch_ui.stream.pipeline`), or a graph of
OpenVINO (:mod:`~anomalymatch_ui.stream.graph_pipeline`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple, TypeVar

import numpy as np

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.limits import memory_limit
from anomalymatch_ui.pool import Batch, ImagePool, UnreadableImageError
from anomalymatch_ui.stream.clock import StageClock
from anomalymatch_ui.stream.flow import Regrouping, Stage, run_stages
from anomalymatch_ui.stream.pieces import HostStages, Piece, regroup
from anomalymatch_ui.stream.scored import ScoredBatch

Chunk = TypeVar("Chunk", range, np.ndarray)

# Files are read and decoded this many at a time: few enough that several threads share a batch, enough
# that handing them on does not count.
_FILES_AT_ONCE = 64

# Of these ranges so many are under way at one time for each thread: in three stages, and between them.
_PIECES_UNDER_WAY = 6
_BYTES_OF_A_VALUE = 5  # native values as float32, and what is shown of them
_SHARE_OF_MEMORY = 0.125

# Where an image lacks, so many files up to it are looked for: a few may well have been deleted.
_LOOKED_FOR = 64


class Batches(NamedTuple):
    """Which images of a pool make a batch; see :func:`batch_ranges`."""

    start: int
    stop: int
    batch_size: int
    shard_size: int | None = None


def streamed(
    pool: ImagePool,
    host: HostStages,
    batches: Batches,
    workers: int,
    forward: Sequence[Stage | Regrouping],
    clock: StageClock,
) -> Generator[ScoredBatch, None, None]:
    """Read, decode and resize images, and hand batches of them to the stages that compute.

    Each stage has threads of its own, and a bounded number of batches waits between two of them, so that
    memory does not grow with the pool. Closing the iterator stops all threads.

    Parameters
    ----------
    pool, host
        Where the images come from, and what prepares them.
    batches
        Which images.
    workers
        Threads of each stage on the host.
    forward
        From a :class:`~anomalymatch_ui.stream.pieces.Piece` to a :class:`ScoredBatch`.
    clock
        Counts how long each stage is busy.
    """

    def make_batches(pieces: Iterator[Piece]) -> Iterator[Piece]:
        return regroup(pieces, batch_ranges(*batches))

    stages: list[Stage | Regrouping] = [
        Stage("read", host.read, workers if pool.concurrent else 1, ahead=workers),
        Stage("decode", host.decode, workers, ahead=workers),
        Stage("resize", host.resize, workers, ahead=workers),
        Regrouping(make_batches),
        *forward,
    ]
    return run_stages(_blocks(pool, workers, *batches), stages, clock)


def check_there(pool: ImagePool, asked: range) -> None:
    """Check that images without a score are unreadable each by itself, and not because the disk has gone."""
    around = range(max(0, asked.stop - max(len(asked), _LOOKED_FOR)), asked.stop)
    if not pool.any_there(around):
        raise InputError(
            f"The images in {pool.path} have gone while they were read: none of {len(around):,} in a row is "
            "there any more. What was written stays. Bring the disk back, then start this again."
        )


def _blocks(
    pool: ImagePool, workers: int, start: int, stop: int, batch_size: int, shard_size: int | None
) -> Iterator[range]:
    """Yield the ranges that are read at one time: whole chunks of an array, or parts of a batch of files."""
    if pool.block_images > 1:
        yield from batch_ranges(start, stop, pool.block_images, pool.block_images)
        return
    at_once = _files_at_once(pool, start, workers) if start < stop else 1
    for batch in batch_ranges(start, stop, batch_size, shard_size):
        yield from batch_ranges(batch.start, batch.stop, at_once)


def _files_at_once(pool: ImagePool, first: int, workers: int) -> int:
    """Return how many files to read at one time: fewer of large images, of which many wait in full size."""
    try:
        pixels = pool.image(first).size
    except UnreadableImageError:
        return _FILES_AT_ONCE
    waiting = _PIECES_UNDER_WAY * workers * _BYTES_OF_A_VALUE * pixels
    return min(_FILES_AT_ONCE, max(1, int(_SHARE_OF_MEMORY * memory_limit() / waiting)))


def batch_ranges(start: int, stop: int, batch_size: int, shard_size: int | None = None) -> Iterator[range]:
    """Return ranges of ``batch_size`` or fewer that cover ``start`` to ``stop - 1``.

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
    """Read chunks of a pool as the network sees them, in threads, a bounded number ahead, in order.

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
            return pool.read(chunk, size, "network")

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
