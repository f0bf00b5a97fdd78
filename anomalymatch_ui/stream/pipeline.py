"""The pool, streamed through a network: read, decoded and resized by threads while the device computes."""

from __future__ import annotations

from collections.abc import Generator

import torch

from anomalymatch_ui.config import ScoreConfig, Symmetry
from anomalymatch_ui.learn import AnomalyNetwork
from anomalymatch_ui.pool import ImagePool
from anomalymatch_ui.stream.batching import batch_size_for
from anomalymatch_ui.stream.clock import StageClock
from anomalymatch_ui.stream.flow import Regrouping, Stage, run_stages
from anomalymatch_ui.stream.forward import ForwardStages, MapStages
from anomalymatch_ui.stream.frozen_maps import FrozenMaps
from anomalymatch_ui.stream.gpu import Transfer
from anomalymatch_ui.stream.pieces import HostStages
from anomalymatch_ui.stream.scored import ScoredBatch
from anomalymatch_ui.stream.scorer import Scorer
from anomalymatch_ui.stream.streaming import Batches, batch_ranges, check_there, streamed
from anomalymatch_ui.stream.threads import usable_cores
from anomalymatch_ui.stream.torchvision_jpeg import decode_on_cpu


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
    batches = Batches(start, stop, batch_size_for(config, scorer, stop - start, symmetry), shard_size)
    workers = config.workers or usable_cores()
    host = HostStages(pool, scorer.image_size, decode_on_cpu)
    by_maps = None if maps is None else MapStages(pool, host, scorer, symmetry, maps)
    if by_maps is not None and by_maps.nearly_all_known(range(start, stop)):
        scored: Generator[ScoredBatch, None, None] = run_stages(
            batch_ranges(*batches), [by_maps.recalled()], clock
        )
    else:
        forward: list[Stage | Regrouping] = []
        if scorer.device.type != "cpu":
            forward.append(Stage("transfer", Transfer(scorer.device)))
        forward += (
            ForwardStages(scorer, symmetry, clock).stages() if by_maps is None else [by_maps.computed()]
        )
        scored = streamed(pool, host, batches, workers, forward, clock)
    for batch in scored:
        if len(batch.indices) < len(batch.asked):
            check_there(pool, batch.asked)
        yield batch
