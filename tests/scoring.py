"""An engine and a pool for tests of score archives, whose scores cost nothing."""

from __future__ import annotations

import zlib
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import cast, get_args

import numpy as np
from torch import Tensor

from anomalymatch_ui._version import __version__
from anomalymatch_ui.config import NumberFormat
from anomalymatch_ui.learn import AnomalyNetwork
from anomalymatch_ui.pool import ImagePool, PoolReport
from anomalymatch_ui.score.archive import Archive, begin
from anomalymatch_ui.score.manifest import ArchiveManifest, Arithmetic, Plan
from anomalymatch_ui.score.shards import EncodedShard, Shard
from anomalymatch_ui.stream import ScoredBatch

NUMBER_FORMATS: tuple[NumberFormat, ...] = get_args(NumberFormat)
ROUNDOFF = {"float32": 2.0**-24, "bfloat16": 2.0**-8}
"""Largest relative error of one rounding: half of the last of 24 or 8 bits."""

LAYERS = 50
TERMS = 1000  # of a sum, which is taken in float32 whatever the format


def may_differ_by(network: AnomalyNetwork, features: Tensor, number_format: NumberFormat) -> np.ndarray:
    """Return how far a score may be from that of the same network computed in another way, float ``(n,)``.

    Errors of rounding add up as a random walk: to the root of their number times a single one. All of them
    may point to where the head looks, and a score changes by at most a quarter of what its log-odds do.

    Parameters
    ----------
    network
        Whose head it is.
    features
        float32 ``(n, features)``.
    number_format
        The coarser one of the two computations.
    """
    share = LAYERS**0.5 * (ROUNDOFF[number_format] + TERMS**0.5 * ROUNDOFF["float32"])
    slope = (network.head.weight[1] - network.head.weight[0]).norm()
    return (share * slope * features.norm(dim=1) / 4).detach().numpy()


def scores_of(batches: list[ScoredBatch]) -> np.ndarray:
    return np.concatenate([batch.scores for batch in batches])


class Names:
    """As much of a pool as an archive asks for: ids and a digest, and no images."""

    def __init__(self, ids: Sequence[str], digest: str = "pool") -> None:
        self.ids = ids
        self.digest = digest
        self.path = Path("names")
        self.report = PoolReport(len(ids))

    def __len__(self) -> int:
        return len(self.ids)


def names(ids: Sequence[str], digest: str = "pool") -> ImagePool:
    """Return a pool of nothing but names."""
    return cast(ImagePool, Names(ids, digest))


class Interrupted(Exception):
    """What ends a run in a test."""


class QuickEngine:
    """Scores ids by their checksum; every 13th image cannot be read. Many scores are equal.

    Parameters
    ----------
    ids
        Of the pool.
    stop_after
        Raise :class:`Interrupted` after so many shards.

    Attributes
    ----------
    computed
        Numbers of the shards it was asked for, in order.
    """

    arithmetic = Arithmetic("cpu", "float32")
    remark = ""

    def __init__(self, ids: Sequence[str], stop_after: int | None = None) -> None:
        self.ids = ids
        self.computed: list[int] = []
        self._stop_after = stop_after

    def plan(self) -> Plan:
        return Plan(64)

    def features(self, indices: np.ndarray, plan: Plan) -> np.ndarray:
        random = np.random.default_rng(0)
        return random.normal(0, 1, (len(indices), 16)).astype(np.float16)

    def score(self, archive: Archive, missing: Sequence[int]) -> Generator[EncodedShard, None, None]:
        for number in missing:
            if len(self.computed) == self._stop_after:
                raise Interrupted
            self.computed.append(number)
            shard = quick_shard(self.ids, archive.manifest.indices(number), archive.manifest.components)
            yield archive.encode(number, shard)


def quick_shard(ids: Sequence[str], asked: range, components: int = 0) -> Shard:
    """Return what :class:`QuickEngine` says of some images."""
    readable = [index for index in asked if index % 13 != 12]
    scores = np.array([quick_score(ids[index]) for index in readable], np.float32)
    embedding = None
    if components:
        random = np.random.default_rng(asked.start)
        embedding = random.normal(0, 1, (len(readable), components)).astype(np.float16)
    unreadable = {ids[index]: "truncated" for index in asked if index % 13 == 12}
    return Shard([ids[index] for index in readable], scores, embedding, unreadable)


def quick_score(image_id: str) -> np.float32:
    """Return one of 100 scores in [0, 1]."""
    return np.float32(zlib.crc32(image_id.encode()) % 100 / 99)


def keep_scores(
    folder: Path, pool: ImagePool, scores: np.ndarray, shard_size: int, model: str = "a"
) -> Archive:
    """Write the first scores of a pool, NaN where an image cannot be read, as a session keeps them."""
    manifest = ArchiveManifest(
        model=model,
        pool=pool.digest,
        images=len(pool),
        software=__version__,
        image_size=32,
        symmetry="none",
        device="cpu",
        dtype="float32",
        components=0,
        batch_size=8,
        compiled=False,
        shard_size=shard_size,
    )
    archive = Archive(folder, manifest, None)
    with begin(folder, manifest):
        for number in range(manifest.shard_count):
            asked = manifest.indices(number)
            readable = [index for index in asked if index < len(scores) and np.isfinite(scores[index])]
            if asked.stop <= len(scores):
                shard = Shard([pool.ids[index] for index in readable], scores[readable].astype(np.float32))
                archive.write(archive.encode(number, shard))
    return archive
