"""An archive in the order of a session: one view of every image, and all views of those that rank high.

What ranks high is settled before the first image, on a random sample, so that a shard is written once and
depends on nothing but itself: it can be checked, and gone on with, like those of a network.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence

import numpy as np

from anomalymatch_ui.config import Config, ScoreConfig
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.learn import resolve_device
from anomalymatch_ui.pool import ImagePool
from anomalymatch_ui.score.archive import Archive
from anomalymatch_ui.score.local_engine import assemble
from anomalymatch_ui.score.manifest import Arithmetic, Plan
from anomalymatch_ui.score.shards import EncodedShard
from anomalymatch_ui.session.look.seer import Seer
from anomalymatch_ui.session.work.learnt import Learnt
from anomalymatch_ui.stream import ScoredBatch
from anomalymatch_ui.stream.batching import usual_batch_size

CLOSELY = 0.02
"""Share of an archive that is looked at in all views: all eight of an image take as long as eight images."""

FEWEST_CLOSELY = 2_048
"""Images that are looked at in all views, if there are as many."""

SAMPLE = 4_096
"""Images of a large archive on which it is measured which ones rank high; a 32nd of a smaller one."""

FEWEST_SAMPLED = 1_024
"""The same of the smallest."""

BLOCK = 4_096
"""Images of a shard that are looked at in one go, so that the largest shard needs no more memory."""


class SessionEngine:
    """Scores by what a session has learnt; see :class:`~anomalymatch_ui.score.archiving.Engine`.

    Parameters
    ----------
    pool
        The archive.
    seer
        Looks at its images, by the same settings.
    learnt
        Makes probabilities of what is seen.
    config
        Number format and size of a batch, which is a number.
    """

    def __init__(self, pool: ImagePool, seer: Seer, learnt: Learnt, config: ScoreConfig) -> None:
        self._pool, self._seer, self._learnt, self._plan = pool, seer, learnt, Plan(config.batch_size)
        names = sorted({runtime.name for runtime in seer.runtimes})
        self.arithmetic = Arithmetic(seer.device.partition(":")[0], config.number_format, ", ".join(names))
        self.remark = next((runtime.reason for runtime in seer.runtimes if runtime.reason), "")

    def plan(self) -> Plan:
        """Return how the images are read."""
        return self._plan

    def features(self, indices: np.ndarray, plan: Plan) -> np.ndarray:
        """Return the session's embedding of some images by one view, float16 ``(n, components)``."""
        embedding = self._seer.embed(indices, closely=False)
        readable: np.ndarray = embedding[~np.isnan(embedding[:, 0])]
        return readable

    def score(self, archive: Archive, missing: Sequence[int]) -> Generator[EncodedShard, None, None]:
        """Score shards, in order."""
        for number in missing:
            asked = archive.manifest.indices(number)
            starts = range(asked.start, asked.stop, BLOCK)
            # An embedding that is kept needs every look; a score what its head goes by.
            needed = None if archive.components else self._learnt.glance.weights != 0
            blocks = (self._scored(range(start, min(start + BLOCK, asked.stop)), needed) for start in starts)
            yield archive.encode(number, assemble(self._pool, asked, blocks, archive.components))

    def _scored(self, asked: range, needed: np.ndarray | None) -> ScoredBatch:
        rows, learnt = np.arange(asked.start, asked.stop), self._learnt
        embedding = self._seer.embed(rows, closely=False, asked=needed)
        scores = learnt.coarse_probabilities(embedding)
        high = np.flatnonzero(learnt.ranks_high(embedding))
        if len(high):
            known = embedding[high]
            embedding[high] = self._seer.embed(rows[high], closely=True, known=known, asked=needed)
            scores[high] = learnt.probabilities(embedding[high], self._seer.network_scores(rows[high]))
        readable = np.isfinite(scores)
        return ScoredBatch(asked, rows[readable], scores[readable], embedding[readable])


def in_usual_batches(config: Config) -> Config:
    """Return settings whose batches have the size that is set, or the usual one of the device.

    Never one that was measured: batches show in the last digits of a score, and the machine has its moods.
    """
    size = config.score.batch_size or usual_batch_size(resolve_device(config.device).type)
    return config.with_values(score={"batch_size": size})


def measured_threshold(
    images: int, embed: Callable[[np.ndarray], np.ndarray], margins: Callable[[np.ndarray], np.ndarray]
) -> float:
    """Return the margin after a look at one view from which an image is looked at in all of them.

    Parameters
    ----------
    images
        Images of the archive.
    embed
        Returns the embedding of some of them by one view.
    margins
        Returns the margins of embeddings.

    Raises
    ------
    InputError
        If none of those that are looked at can be read.
    """
    share = max(CLOSELY, FEWEST_CLOSELY / images)
    if share >= 1:
        return -np.inf
    count = min(images, max(FEWEST_SAMPLED, min(SAMPLE, images // 32)))
    sample = np.random.default_rng(0).choice(images, count, replace=False)
    values = margins(embed(np.sort(sample)))
    known = values[np.isfinite(values)]
    if len(known) == 0:
        raise InputError(
            f"None of {len(sample):,} images drawn from the archive can be read. Check them with "
            "`anomalymatch info`."
        )
    return float(np.quantile(known, 1 - share))
