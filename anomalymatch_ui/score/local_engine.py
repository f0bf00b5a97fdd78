"""Shards scored in this process: by a run of its own, or by a worker of a cluster."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing

import numpy as np
import torch

from anomalymatch_ui.config import NumberFormat, ScoreConfig, Symmetry
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.learn import AnomalyNetwork, Runtime
from anomalymatch_ui.pool import ImagePool, SubsetPool
from anomalymatch_ui.rank.blas import one_blas_thread
from anomalymatch_ui.score.archive import Archive
from anomalymatch_ui.score.components import Components
from anomalymatch_ui.score.manifest import Arithmetic, Plan
from anomalymatch_ui.score.shards import EncodedShard, Shard
from anomalymatch_ui.stream.batching import batch_size_for
from anomalymatch_ui.stream.clock import StageClock
from anomalymatch_ui.stream.pipeline import score_pool
from anomalymatch_ui.stream.scored import ScoredBatch
from anomalymatch_ui.stream.scorer import Scorer


class LocalEngine:
    """Scores in this process; see :class:`~anomalymatch_ui.score.archiving.Engine`.

    Parameters
    ----------
    pool, network, config, symmetry
        What is scored by what, and how; see :func:`~anomalymatch_ui.score.archiving.score_archive`.
    device
        Where the network runs.
    clock
        Counts how long each stage is busy.
    """

    def __init__(
        self,
        pool: ImagePool,
        network: AnomalyNetwork,
        config: ScoreConfig,
        device: torch.device,
        symmetry: Symmetry = "none",
        clock: StageClock | None = None,
    ) -> None:
        self._pool = pool
        self._scorer = Scorer(
            network,
            device,
            number_format=config.number_format,
            compiled=config.compiled,
            runtime=config.runtime,
        )
        self._config = config
        self._symmetry = symmetry
        self._clock = clock
        self.arithmetic = arithmetic_of(device, config.number_format, self._scorer.runtime)
        self.remark = self._scorer.runtime.reason

    def plan(self) -> Plan:
        """Find how the images of a new archive are best read, by measuring."""
        return Plan(batch_size_for(self._config, self._scorer, len(self._pool), self._symmetry))

    def features(self, indices: np.ndarray, plan: Plan) -> np.ndarray:
        """Return the features of some images; float16 ``(n, features)``."""
        sample = SubsetPool(self._pool, [self._pool.ids[index] for index in indices.tolist()])
        with closing(self._batches(sample, plan)) as batches:
            return np.concatenate([batch.features for batch in batches])

    def score(self, archive: Archive, missing: Sequence[int]) -> Generator[EncodedShard, None, None]:
        """Score shards, in order."""
        manifest = archive.manifest
        for first, last in runs_of(missing):
            asked = range(manifest.indices(first).start, manifest.indices(last).stop)
            with closing(self._batches(self._pool, manifest.plan, asked, manifest.shard_size)) as batches:
                for number in range(first, last + 1):
                    shard = assemble(self._pool, manifest.indices(number), batches, archive.components)
                    yield archive.encode(number, shard)

    def _batches(
        self, pool: ImagePool, plan: Plan, asked: range | None = None, shard_size: int | None = None
    ) -> Generator[ScoredBatch, None, None]:
        return score_pool(
            pool,
            self._scorer.network,
            self._config.model_copy(update={"batch_size": plan.batch_size}),
            device=self._scorer.device,
            start=0 if asked is None else asked.start,
            stop=None if asked is None else asked.stop,
            symmetry=self._symmetry,
            shard_size=shard_size,
            scorer=self._scorer,
            clock=self._clock,
        )


def arithmetic_of(
    device: torch.device, number_format: NumberFormat, runtime: Runtime | None = None
) -> Arithmetic:
    """Return where a network runs, in which number format, and by what it is computed: torch unless given."""
    return Arithmetic(device.type, number_format, (runtime or Runtime()).name)


def assemble(
    pool: ImagePool, asked: range, batches: Iterator[ScoredBatch], components: Components | None
) -> Shard:
    """Take from ``batches`` those of one shard.

    Parameters
    ----------
    pool
        Returns the ids.
    asked
        Pool indices that the shard covers; the last batch ends where it ends.
    batches
        From :func:`~anomalymatch_ui.stream.pipeline.score_pool`.
    components
        Make the embedding, where there is one.

    Raises
    ------
    InputError
        If a score is no number.
    """
    taken = list(_until(asked.stop, batches))
    indices = np.concatenate([batch.indices for batch in taken])
    scores = np.concatenate([batch.scores for batch in taken]).astype(np.float32, copy=False)
    ids = [pool.ids[index] for index in indices.tolist()]
    check_scores(scores, ids.__getitem__)
    embedding = None
    if components is not None:
        # Batch by batch, in one thread: rounding depends on how many rows are multiplied at one time.
        with one_blas_thread():
            embedding = np.concatenate([components.reduction.apply(batch.features) for batch in taken])
    return Shard(ids, scores, embedding, _unreadable(pool, asked, indices))


def check_scores(scores: np.ndarray, name: Callable[[int], str]) -> None:
    """Check that a network gives numbers.

    Parameters
    ----------
    scores
        float ``(n,)``, of images that could be read.
    name
        Returns the id of the image of a score, by its place among them.

    Raises
    ------
    InputError
        If it gives something else for an image, which is named.
    """
    is_number = np.isfinite(scores)
    if not is_number.all():
        raise InputError(
            f"The model gives no number for {name(int(np.argmin(is_number)))}: its training diverged. Take "
            "the network of another cycle."
        )


def _until(stop: int, batches: Iterator[ScoredBatch]) -> Iterator[ScoredBatch]:
    for batch in batches:
        yield batch
        if batch.asked.stop >= stop:
            return
    raise ValueError(f"the batches end before the shard does, which ends at {stop}")


def _unreadable(pool: ImagePool, asked: range, indices: np.ndarray) -> dict[str, str]:
    """Return id -> reason of the images of a shard that have no score, in the pool's order."""
    if len(indices) == len(asked):
        return {}
    reasons = pool.report.unreadable
    lacking = sorted(set(asked).difference(indices.tolist()))
    return {pool.ids[index]: reasons.get(pool.ids[index], "cannot be read") for index in lacking}


def runs_of(numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Yield the first and last of each run of consecutive numbers, which ascend."""
    run: list[int] = []
    for number in numbers:
        if run and number != run[-1] + 1:
            yield run[0], run[-1]
            run = []
        run.append(number)
    if run:
        yield run[0], run[-1]
