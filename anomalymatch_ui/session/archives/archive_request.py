"""From a session's folder and an archive to the archive's scores in the session's own order."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from anomalymatch_ui.config import Config, RuntimeName, Symmetry
from anomalymatch_ui.errors import DamagedStoreError, InputError, StorageError
from anomalymatch_ui.learn import load_checkpoint, network_digest
from anomalymatch_ui.pool import ImagePool, open_pool
from anomalymatch_ui.rank import Glance, Reduction
from anomalymatch_ui.score.archive import MANIFEST, ORDER, check_folder, check_ids
from anomalymatch_ui.score.archiving import Advance, Engine, Model, Outcome, score_archive
from anomalymatch_ui.score.components import Components
from anomalymatch_ui.score.manifest import ArchiveManifest, read_manifest
from anomalymatch_ui.score.request import as_trained, check_engine
from anomalymatch_ui.session.archives.archive_engine import (
    SessionEngine,
    in_usual_batches,
    measured_threshold,
)
from anomalymatch_ui.session.core.draw_order import draw_order_of
from anomalymatch_ui.session.core.folder import SessionFolder
from anomalymatch_ui.session.labelling.working_set import ScoredArchive
from anomalymatch_ui.session.look.embedded import Seeing
from anomalymatch_ui.session.look.seer import Seer
from anomalymatch_ui.session.session import Session
from anomalymatch_ui.session.work.learnt import Learnt
from anomalymatch_ui.session.work.tidying import pin_model

if TYPE_CHECKING:
    from distributed import Client

TOLD_BY = 1_024
"""Images of the session, drawn at random, that tell what one view is worth. Of the first hundredth of a sky
survey 97 to 100 % were in the twentieth looked at closely; with half as many of these 93 to 95 %."""


@dataclass(frozen=True, slots=True)
class SessionScoreRequest:
    """What ``anomalymatch score --session`` was asked for; see there.

    Attributes
    ----------
    images, session, out
        The archive, the folder of the session, and the folder for the scores.
    embeddings
        Whether to keep an embedding of each image.
    device, runtime
        Where the networks run, and what computes them there; ``auto`` takes the session's setting.
    engine, scheduler
        As for :class:`~anomalymatch_ui.score.request.ScoreRequest`.
    shard_size
        Images in a shard; by the archive's size if not given.
    restart
        Delete the scores that the folder holds, and start again.
    pixels
        How the images are read and rendered; what is not given is as the session has it.
    """

    images: Path
    session: Path
    out: Path
    embeddings: bool = False
    device: str = "auto"
    runtime: RuntimeName = "auto"
    engine: Literal["local", "dask"] = "local"
    scheduler: str | None = None
    shard_size: int | None = None
    restart: bool = False
    pixels: Mapping[str, Any] = field(default_factory=dict)


def run_session_request(request: SessionScoreRequest, progress: Callable[[str], Advance]) -> Outcome:
    """Score an archive as a session orders its own images.

    What the session has learnt is kept beside the scores: labels that come later change nothing of a run that
    is gone on with. The session is open only until that is known.

    Parameters
    ----------
    request
        What is asked for.
    progress
        Asked for something to advance, by the title of each part of the work.

    Raises
    ------
    InputError
        If something asked for cannot be used, or the session has no order of labels of both classes yet.
    StoreBusyError
        If another process writes the folder.
    StorageError
        If the disk refuses; the shards that were written stay.
    """
    check_folder(request.out)
    check_engine(request.engine, request.scheduler)
    manifest = request.out / MANIFEST
    begun = None if request.restart or not os.path.exists(manifest) else read_manifest(manifest)
    with ExitStack() as stack:
        client: Client | None = None
        with Session.open(request.session, share=True) as session:
            pool = open_pool(request.images, as_trained(session.pool.rendering, request.pixels))
            stack.callback(pool.close)
            session.pool.rendering.check_fits(
                pool.rendering, f"The session {request.session}", f"the images in {pool.path}"
            )
            config = _settings(session.config, request, begun)
            if request.engine == "dask":
                from anomalymatch_ui.score.dask_engine import open_client

                client = stack.enter_context(open_client(request.scheduler, config.device))
            order = _kept_order(session, config, begun, request)
            seer = None
            if order is None or client is None:
                order, seer = _order(session, pool, config, order, request, progress)
        learnt, sight = order.learnt, order.seeing.sight
        engine: Engine
        if client is None:
            assert seer is not None
            engine = SessionEngine(pool, seer, learnt, in_usual_batches(config).score)
        else:
            engine = _on_cluster(client, pool, config, order, request)
        outcome = score_archive(
            pool,
            Model(learnt.digest, max(look.size for look in sight.looks)),
            request.out,
            engine,
            config.score,
            symmetry=sight.symmetry,
            components=learnt.components if request.embeddings else 0,
            embedding=_as_it_is(learnt.components),
            shard_size=request.shard_size,
            restart=request.restart,
            prepare=lambda folder: learnt.write(folder / ORDER),
            progress=progress,
        )
        _tell_session(request, pool, outcome)
        return outcome


def _tell_session(request: SessionScoreRequest, pool: ImagePool, outcome: Outcome) -> None:
    """Write down in the session where the scores lie, from which it may choose what it works on."""
    manifest = outcome.manifest
    scored = ScoredArchive(
        str(request.out.absolute()), manifest.pool, manifest.identity, str(pool.path.resolve())
    )
    path = SessionFolder(request.session).scored
    if ScoredArchive.of(path, scored.pool) != scored:
        with suppress(StorageError):  # a session that may only be read
            scored.keep(path)


@dataclass(frozen=True)
class _Order:
    """How images are looked at, and what is made of that.

    Attributes
    ----------
    seeing, learnt
        See there.
    views, checkpoint
        Over which views the network's scores are averaged, and where the network lies; ``None`` without one.
    """

    seeing: Seeing
    learnt: Learnt
    views: Symmetry
    checkpoint: Path | None


def _as_it_is(components: int) -> Components:
    """Return what keeps the session's own embedding, so that what is alike here is alike there."""
    return Components(Reduction(np.eye(components, dtype=np.float32), np.zeros(components, np.float32)))


def _settings(config: Config, request: SessionScoreRequest, begun: ArchiveManifest | None) -> Config:
    """Return the session's settings for a run; batches of one that was begun have the size they had."""
    if request.device != "auto":
        config = config.with_values(device=request.device)
    if request.runtime != "auto":
        config = config.with_values(score={"runtime": request.runtime})
    return config if begun is None else config.with_values(score={"batch_size": begun.batch_size})


def _on_cluster(
    client: Client, pool: ImagePool, config: Config, order: _Order, request: SessionScoreRequest
) -> Engine:
    from anomalymatch_ui.score.dask_engine import DaskEngine
    from anomalymatch_ui.session.archives.archive_spec import SessionSpec

    # A GPU of this machine is made the only one that its worker sees; which it was does not matter there.
    if request.scheduler is None and config.device.startswith("cuda:"):
        config = config.with_values(device="cuda")
    return DaskEngine(
        client, SessionSpec.of(pool, config, order.seeing, order.learnt, order.views, order.checkpoint)
    )


def _order(
    session: Session,
    pool: ImagePool,
    config: Config,
    kept: _Order | None,
    request: SessionScoreRequest,
    progress: Callable[[str], Advance],
) -> tuple[_Order, Seer]:
    """Return the order to score by, learnt now unless one was kept, and what looks at the archive here."""
    if kept is not None:
        return kept, _seer(pool, config, kept)
    check_ids(pool)
    seeing, embedding, learnt = session.scorer.learnt(session.labels())
    assert learnt.views is not None
    order = _Order(seeing, learnt, learnt.views, _checkpoint(session, learnt))
    if request.engine == "dask" and config.device not in ("auto", "cpu"):
        config = config.with_values(device="auto")  # it is the workers that need a GPU
    seer = _seer(pool, config, order)
    advance = progress("Learning what one view tells")
    rows = np.sort(draw_order_of(session.pool, config.seed)[:TOLD_BY])
    advance(0, len(rows))
    own = Seer(session.pool, in_usual_batches(config), seeing)
    glance = Glance.of(
        own.embed(rows, closely=False), learnt.head.margins(embedding[rows]), learnt.head, own.choices()
    )
    first = None if glance.head is learnt.head else glance.head
    learnt = replace(learnt, coarse=glance.coarse, first=first)
    advance(len(rows), len(rows))
    needed = learnt.glance.weights != 0
    threshold = measured_threshold(
        len(pool), lambda some: seer.embed(some, closely=False, asked=needed), learnt.glance.margins
    )
    return replace(order, learnt=replace(learnt, threshold=threshold)), seer


def _kept_order(
    session: Session, config: Config, begun: ArchiveManifest | None, request: SessionScoreRequest
) -> _Order | None:
    """Return the order by which scores were begun; ``None`` where it has to be learnt."""
    kept = _kept(request.out / ORDER, begun)
    if kept is None:
        return None
    seeing = session.scorer.seeing()
    if seeing.digest != kept.sight:
        raise InputError(
            f"The session {request.session} looks at images in another way than when the scores in "
            f"{request.out} were begun. Start again with --restart, which deletes them, or give another "
            "folder."
        )
    as_set: Symmetry = seeing.sight.symmetry if config.score.symmetries else "none"
    views = as_set if kept.views is None else kept.views  # which it did not say at first
    return _Order(seeing, kept, views, _checkpoint(session, kept))


def _seer(pool: ImagePool, config: Config, order: _Order) -> Seer:
    """Return what looks at an archive in this process."""
    network = None if order.checkpoint is None else load_checkpoint(order.checkpoint).average
    return Seer(pool, in_usual_batches(config), order.seeing, network, order.views)


def _kept(path: Path, begun: ArchiveManifest | None) -> Learnt | None:
    """Return the order by which scores were begun; ``None`` where there are none, or it was lost."""
    if begun is None:
        return None
    try:
        learnt = Learnt.load(path)
    except DamagedStoreError:  # the same labels give the same again; others are refused by the manifest
        return None
    return learnt if learnt.digest == begun.model else None


def _checkpoint(session: Session, learnt: Learnt) -> Path | None:
    """Return where the network in the order lies, and keep it for the next run; ``None`` without one."""
    if learnt.cycle == 0:
        return None
    checkpoint = SessionFolder(session.path).checkpoint(learnt.cycle)
    if network_digest(load_checkpoint(checkpoint).average) != learnt.network:
        raise InputError(
            f"{checkpoint} is another network than when the scores were begun. Start again with --restart, "
            "which deletes them, or give another folder."
        )
    pin_model(checkpoint)
    return checkpoint
