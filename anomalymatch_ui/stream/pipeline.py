"""The pool, streamed through a network: read, decoded and resized by threads while the device computes."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import numpy as np
import torch

from anomalymatch_ui.config import ScoreConfig, Symmetry
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.learn import AnomalyNetwork
from anomalymatch_ui.limits import memory_limit
from anomalymatch_ui.pool import Batch, ImagePool, UnreadableImageError
from anomalymatch_ui.stream.batching import batch_size_for
from anomalymatch_ui.stream.clock import StageClock
from anomalymatch_ui.stream.flow import Regrouping, Stage, run_stages
from anomalymatch_ui.stream.forward import ForwardStages, MapStages
from anomalymatch_ui.stream.frozen_maps import FrozenMaps
from anomalymatch_ui.stream.gpu import Transfer
from anomalymatch_ui.stream.pieces import HostStages, Piece, regroup
from anomalymatch_ui.stream.scored import ScoredBatch
from anomalymatch_ui.stream.scorer import Scorer
from anomalymatch_ui.stream.threads import usable_cores

__all__ = ["ScoredBatch", "Scorer", "StageClock", "batch_ranges", "read_ahead", "score_pool"]

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
    maps: FrozenMaps | None = None,
    clock: StageClock | None = None,
) -> Generator[ScoredBatch, None, None]:
    """Score the images of a pool from index ``start`` up to ``stop``, in order.

    Images go through stages that work at the same time: read, decode, resize, on a GPU transfer, and
    forward. Each has threads of its own, and a bounded number of batches waits between two of them, so
    that memory does not grow with the pool. The network runs in channels-last batches, in the number
    format of the settings; its head runs in float32, so that scores keep their order. Images that
    cannot be read are left out and noted in the pool's report. Closing the iterator stops all threads.

    Parameters
    ----------
    pool
        Where the images come from.
    network
        Returns the scores; it is copied, not changed.
    config
        Number format, batch size and number of threads. A batch size of 0 is
        found by measuring; scores of two runs agree to the last bit if the batch size is the same.
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
    maps
        What frozen blocks make of the pool's images, if it is kept, for a CPU; what is missing is added.
        Where nearly all of it is there, no other image is read.
    clock
        Counts how long each stage is busy.

    Raises
    ------
    InputError
        If the images have gone meanwhile, as with a disk that was taken out.
    """
    scorer = scorer or Scorer(
        network,
        device,
        number_format=config.number_format,
        compiled=config.compiled,
        runtime=config.runtime,
    )
    clock = clock or StageClock()
    stop = len(pool) if stop is None else min(stop, len(pool))
    batch_size = batch_size_for(config, scorer, stop - start, symmetry)
    batches = (start, stop, batch_size, shard_size)
    workers = config.workers or usable_cores()
    host = HostStages(pool, scorer.image_size)
    read = Stage("read", host.read, workers if pool.concurrent else 1, ahead=workers)
    stages: list[Stage | Regrouping]
    by_maps = None if maps is None else MapStages(pool, host, scorer, symmetry, maps)
    forward = ForwardStages(scorer, symmetry, clock).stages() if by_maps is None else [by_maps.computed()]
    if by_maps is not None and by_maps.nearly_all_known(range(start, stop)):
        blocks, stages = batch_ranges(*batches), [by_maps.recalled()]
    else:
        blocks = _blocks(pool, workers, *batches)
        stages = [read, *_prepared_on_host(host, scorer, workers, batches), *forward]
    for batch in run_stages(blocks, stages, clock):
        if len(batch.indices) < len(batch.asked):
            _check_there(pool, batch.asked)
        yield batch


def _check_there(pool: ImagePool, asked: range) -> None:
    """Check that images without a score are unreadable each by itself, and not because the disk has gone."""
    around = range(max(0, asked.stop - max(len(asked), _LOOKED_FOR)), asked.stop)
    if not pool.any_there(around):
        raise InputError(
            f"The images in {pool.path} have gone while they were read: none of {len(around):,} in a row is "
            "there any more. What was written stays. Bring the disk back, then start this again."
        )


def _prepared_on_host(
    host: HostStages, scorer: Scorer, workers: int, batches: tuple[int, int, int, int | None]
) -> list[Stage | Regrouping]:
    """Return the stages that decode and resize on the host, and make batches on the device of it."""

    def make_batches(pieces: Iterator[Piece]) -> Iterator[Piece]:
        return regroup(pieces, batch_ranges(*batches))

    stages: list[Stage | Regrouping] = [
        Stage("decode", host.decode, workers, ahead=workers),
        Stage("resize", host.resize, workers, ahead=workers),
        Regrouping(make_batches),
    ]
    if scorer.device.type != "cpu":
        stages.append(Stage("transfer", Transfer(scorer.device)))
    return stages


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
