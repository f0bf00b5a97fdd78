"""From a session's folder and an archive to the archive's scores in the session's own order."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from anomalymatch_ui.config import Config, RuntimeName, Symmetry
from anomalymatch_ui.errors import DamagedStoreError, InputError
from anomalymatch_ui.learn import AnomalyNetwork, load_checkpoint, network_digest, resolve_device
from anomalymatch_ui.pool import ImagePool, open_pool
from anomalymatch_ui.rank import CoarseToFine, Reduction
from anomalymatch_ui.score.archive import MANIFEST, ORDER, check_folder, check_ids
from anomalymatch_ui.score.archiving import Advance, Model, Outcome, score_archive
from anomalymatch_ui.score.components import Components
from anomalymatch_ui.score.manifest import ArchiveManifest, Plan, read_manifest
from anomalymatch_ui.score.request import as_trained
from anomalymatch_ui.session.archives.archive_engine import SessionEngine, measured_threshold
from anomalymatch_ui.session.core.folder import SessionFolder
from anomalymatch_ui.session.look.looking import PAIRS, lottery_of
from anomalymatch_ui.session.look.seer import Seer
from anomalymatch_ui.session.session import Session
from anomalymatch_ui.session.work.learnt import Learnt
from anomalymatch_ui.session.work.tidying import pin_model
from anomalymatch_ui.stream.batching import usual_batch_size


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
    manifest = request.out / MANIFEST
    begun = None if request.restart or not os.path.exists(manifest) else read_manifest(manifest)
    with Session.open(request.session, share=True) as session:
        pool = open_pool(request.images, as_trained(session.pool.rendering, request.pixels))
        try:
            session.pool.rendering.check_fits(
                pool.rendering, f"The session {request.session}", f"the images in {pool.path}"
            )
            config, plan = _settings(session.config, request, begun)
            seer, learnt = _learnt(session, pool, config, begun, request, progress)
        except BaseException:
            pool.close()
            raise
    with closing(pool):
        engine = SessionEngine(pool, seer, learnt, config.score.number_format, plan)
        return score_archive(
            pool,
            Model(learnt.digest, seer.image_size),
            request.out,
            engine,
            config.score,
            symmetry=seer.symmetry,
            components=seer.components if request.embeddings else 0,
            embedding=_as_it_is(seer.components),
            shard_size=request.shard_size,
            restart=request.restart,
            prepare=lambda folder: learnt.write(folder / ORDER),
            progress=progress,
        )


def _as_it_is(components: int) -> Components:
    """Return what keeps the session's own embedding, so that what is alike here is alike there."""
    return Components(Reduction(np.eye(components, dtype=np.float32), np.zeros(components, np.float32)))


def _settings(
    config: Config, request: SessionScoreRequest, begun: ArchiveManifest | None
) -> tuple[Config, Plan]:
    """Return the session's settings for a run whose batches do not depend on the machine's mood."""
    if request.device != "auto":
        config = config.with_values(device=request.device)
    if request.runtime != "auto":
        config = config.with_values(score={"runtime": request.runtime})
    usual = config.score.batch_size or usual_batch_size(resolve_device(config.device).type)
    plan = Plan(usual) if begun is None else begun.plan
    return config.with_values(score={"batch_size": plan.batch_size}), plan


def _learnt(
    session: Session,
    pool: ImagePool,
    config: Config,
    begun: ArchiveManifest | None,
    request: SessionScoreRequest,
    progress: Callable[[str], Advance],
) -> tuple[Seer, Learnt]:
    """Return what looks at the archive, and what was learnt: when the scores were begun, else until now."""
    kept, scorer, folder = _kept(request.out / ORDER, begun), session.scorer, SessionFolder(session.path)
    if kept is not None:
        seeing = scorer.seeing()
        if seeing.digest != kept.sight:
            raise InputError(
                f"The session {request.session} looks at images in another way than when the scores in "
                f"{request.out} were begun. Start again with --restart, which deletes them, or give another "
                "folder."
            )
        as_set: Symmetry = seeing.sight.symmetry if config.score.symmetries else "none"
        views = as_set if kept.views is None else kept.views  # which it did not say at first
        return Seer(pool, config, seeing, _network(folder, kept), views), kept
    check_ids(pool)
    seeing, embedding, learnt = scorer.learnt(session.labels())
    assert learnt.views is not None
    seer = Seer(pool, config, seeing, _network(folder, learnt), learnt.views)
    advance = progress("Learning what one view tells")
    rows = np.sort(lottery_of(session.pool, config.seed)[:PAIRS])
    advance(0, len(rows))
    in_one_view = Seer(session.pool, config, seeing).embed(rows, closely=False)
    margins = learnt.head.margins
    learnt = replace(learnt, coarse=CoarseToFine.of(margins(in_one_view), margins(embedding[rows])))
    advance(len(rows), len(rows))
    threshold = measured_threshold(len(pool), lambda some: seer.embed(some, closely=False), margins)
    return seer, replace(learnt, threshold=threshold)


def _kept(path: Path, begun: ArchiveManifest | None) -> Learnt | None:
    """Return the order by which scores were begun; ``None`` where there are none, or it was lost."""
    if begun is None:
        return None
    try:
        learnt = Learnt.load(path)
    except DamagedStoreError:  # the same labels give the same again; others are refused by the manifest
        return None
    return learnt if learnt.digest == begun.model else None


def _network(folder: SessionFolder, learnt: Learnt) -> AnomalyNetwork | None:
    """Return the network in the order, and keep it on disk for the next run; ``None`` if there is none."""
    if learnt.cycle == 0:
        return None
    checkpoint = folder.checkpoint(learnt.cycle)
    network = load_checkpoint(checkpoint).average
    if network_digest(network) != learnt.network:
        raise InputError(
            f"{checkpoint} is another network than when the scores were begun. Start again with --restart, "
            "which deletes them, or give another folder."
        )
    pin_model(checkpoint)
    return network
