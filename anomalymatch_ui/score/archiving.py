"""Score a whole archive into its store: resumable at the shard, the same bytes by whatever engine."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np

from anomalymatch_ui._version import __version__
from anomalymatch_ui.config import ScoreConfig, Symmetry
from anomalymatch_ui.errors import DamagedStoreError
from anomalymatch_ui.learn import AnomalyNetwork, network_digest
from anomalymatch_ui.pool import ImagePool, PoolReport
from anomalymatch_ui.score.archive import COMPONENTS, MANIFEST, Archive, Survey, begin, check_ids
from anomalymatch_ui.score.components import Components, drawn_sample
from anomalymatch_ui.score.manifest import ArchiveManifest, Arithmetic, Plan, read_manifest, usual_shard_size
from anomalymatch_ui.score.shards import EncodedShard
from anomalymatch_ui.score.sorting import sort_scores
from anomalymatch_ui.stream.clock import StageClock

Advance = Callable[[int, int], None]
"""Told how much of how much is done."""


@dataclass(frozen=True, slots=True)
class Model:
    """What gives the scores.

    Attributes
    ----------
    digest
        Hexadecimal; another model has another one.
    image_size
        Side of the square that it sees, in pixels; the largest where there are several.
    """

    digest: str
    image_size: int

    @classmethod
    def of(cls, network: AnomalyNetwork) -> Self:
        """Return what names a network."""
        return cls(network_digest(network), network.image_size)


class Engine(Protocol):
    """What computes an archive's scores, here or on other machines.

    Attributes
    ----------
    arithmetic
        Where, in which number format and by what it computes.
    remark
        Why that is not what was asked for, a sentence; else empty.
    """

    arithmetic: Arithmetic
    remark: str

    def plan(self) -> Plan:
        """Find how the images of a new archive are best read."""

    def features(self, indices: np.ndarray, plan: Plan) -> np.ndarray:
        """Return the features, float16 ``(n, features)``, of those of some images that can be read."""

    def score(self, archive: Archive, missing: Sequence[int]) -> Generator[EncodedShard, None, None]:
        """Score shards, in any order; closing the generator ends the work."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to.

    Attributes
    ----------
    manifest
        Manifest of the archive.
    scored, unreadable
        Images of the pool; together they are all of it.
    written
        Shards that this run wrote.
    damaged
        Those among them that were there, and damaged.
    passed_over
        What lay among the images and could not be looked at, such as a folder without the right to enter: a
        sentence; empty if there was none.
    remark
        What the engine remarks; see :class:`Engine`.
    """

    manifest: ArchiveManifest
    scored: int
    unreadable: int
    written: int
    damaged: int
    passed_over: str = ""
    remark: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can say it, with the manifest's values."""
        counts = {"scored": self.scored, "unreadable": self.unreadable}
        shards = {"shards": self.manifest.shard_count, "written": self.written, "damaged": self.damaged}
        told = {"passed_over": self.passed_over, "remark": self.remark}
        return asdict(self.manifest) | counts | shards | told


def score_archive(
    pool: ImagePool,
    model: AnomalyNetwork | Model,
    folder: Path,
    engine: Engine,
    config: ScoreConfig,
    *,
    symmetry: Symmetry = "none",
    components: int = 0,
    embedding: Components | None = None,
    shard_size: int | None = None,
    restart: bool = False,
    prepare: Callable[[Path], None] = lambda folder: None,
    progress: Callable[[str], Advance] = lambda title: lambda done, total: None,
    clock: StageClock | None = None,
) -> Outcome:
    """Score a pool into a folder, going on where an earlier run of the same ended, and sort the scores.

    Parameters
    ----------
    pool, model
        What is scored by what: by a network, or what the engine else goes by.
    folder
        Folder of the archive's scores.
    engine
        Does the computing.
    config
        Tells whether the network is compiled; how a new archive is read, the engine finds.
    symmetry
        Views over which an image's scores are averaged.
    components
        Components of each image's embedding, 64 to 128 as a rule; 0 for none.
    embedding
        What makes it; ``None`` measures it on a sample.
    shard_size
        Images in a shard; unset: what the archive was begun with, or by the pool's size.
    restart
        Delete what the folder holds of an archive before.
    prepare
        Given the folder, which no other process then writes, before the first image is scored.
    progress
        Asked for something to advance, by the title of each part of the work.
    clock
        Counts how long the disk is written to.

    Raises
    ------
    InputError
        If the folder holds something else, an id is in the pool twice, or the network gives no numbers.
    StoreBusyError
        If another process writes the folder.
    StorageError
        If the disk refuses; the shards that were written stay.
    """
    clock = clock or StageClock()
    if not isinstance(model, Model):
        model = Model.of(model)
    begun = None if restart else _begun(folder)
    plan = engine.plan() if begun is None else begun.plan
    if shard_size is None:
        shard_size = usual_shard_size(len(pool), plan.batch_size) if begun is None else begun.shard_size
    manifest = ArchiveManifest(
        model=model.digest,
        pool=pool.digest,
        images=len(pool),
        software=__version__,
        image_size=model.image_size,
        symmetry=symmetry,
        components=components,
        compiled=config.compiled,
        shard_size=shard_size,
        **asdict(engine.arithmetic),
        **asdict(plan),
    )
    if begun is None:
        check_ids(pool)
    with begin(folder, manifest, restart=restart):
        prepare(folder)
        found = _components(folder, manifest, engine, embedding, progress)
        archive = Archive(folder, manifest, found)
        survey, scored, unreadable = write_missing(archive, engine.score, progress, clock)
        sort_scores(archive, check=not survey.missing)
    passed_over = PoolReport(len(pool), pool.report.skipped).sentence()
    counts = (scored, unreadable, len(survey.missing), len(survey.damaged))
    return Outcome(manifest, *counts, passed_over, engine.remark)


def write_missing(
    archive: Archive,
    score: Callable[[Archive, Sequence[int]], Generator[EncodedShard, None, None]],
    progress: Callable[[str], Advance],
    clock: StageClock,
) -> tuple[Survey, int, int]:
    """Check an archive that is held to be written, and write the shards that are missing or damaged.

    Whoever scores a pool, for an archive or for a session, does it by this.

    Parameters
    ----------
    archive
        Held by :func:`~anomalymatch_ui.score.archive.begin`.
    score
        As :meth:`Engine.score`.
    progress, clock
        As for :func:`score_archive`.

    Returns
    -------
    survey : Survey
        What had to be done.
    scored, unreadable : int
        Images of the whole archive.

    Raises
    ------
    StorageError
        If the disk refuses; the shards that were written stay.
    """
    survey = archive.survey(progress("Checking"))
    scored, unreadable = survey.scored, survey.unreadable
    if survey.missing:
        archive.forget_derived()
    advance = progress("Scoring")
    with closing(score(archive, survey.missing)) as shards:
        for encoded in shards:
            with clock.busy("write"):
                archive.write(encoded)
            scored, unreadable = scored + encoded.scored, unreadable + encoded.unreadable
            advance(scored + unreadable, archive.manifest.images)
    return survey, scored, unreadable


def _begun(folder: Path) -> ArchiveManifest | None:
    """Return the manifest of an archive that was begun; ``None`` if none was."""
    path = folder / MANIFEST
    return read_manifest(path) if os.path.exists(path) else None  # Path.exists raises of a long name


def _components(
    folder: Path,
    manifest: ArchiveManifest,
    engine: Engine,
    given: Components | None,
    progress: Callable[[str], Advance],
) -> Components | None:
    """Load the components that an archive was begun with, or measure them; ``None`` if it has none."""
    if not manifest.components:
        return None
    try:
        return Components.load(folder / COMPONENTS)
    except DamagedStoreError:  # or not there yet; shards of other components are scored again
        if given is not None:
            given.write(folder / COMPONENTS)
            return given
        sample = drawn_sample(manifest.images)
        advance = progress("Measuring the embedding")
        advance(0, len(sample))
        found = Components.measure(engine.features(sample, manifest.plan), manifest.components)
        found.write(folder / COMPONENTS)
        advance(len(sample), len(sample))
        return found
