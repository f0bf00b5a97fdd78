"""What a worker of a cluster opens to score an archive in the order of a session."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from anomalymatch_ui._version import __version__
from anomalymatch_ui.config import Config, PixelsConfig, Symmetry
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.pool import ImagePool
from anomalymatch_ui.score.dask_worker import of_one_task, open_images, open_network
from anomalymatch_ui.session.archives.archive_engine import SessionEngine, in_usual_batches
from anomalymatch_ui.session.look.backbone import digest_of
from anomalymatch_ui.session.look.embedded import Seeing
from anomalymatch_ui.session.look.seer import Seer
from anomalymatch_ui.session.look.sight import Look, Sight
from anomalymatch_ui.session.work.learnt import Learnt


@dataclass(frozen=True, slots=True)
class SessionSpec:
    """Scores in the order of a session; see :class:`~anomalymatch_ui.score.dask_worker.EngineSpec`.

    What the session has learnt comes along; its files are opened where they lie.

    Attributes
    ----------
    images, checkpoint, adapted
        Paths of the pool, of the network in the order and of the weights adapted to the session's images, the
        same on every worker; the latter two empty without one.
    pool_digest, backbones, adapted_digest
        Of the pool, of the backbone of each look, and of the adapted weights.
    order
        What was learnt, as :meth:`~anomalymatch_ui.session.work.learnt.Learnt.encoded` gives it.
    sight, views
        How images are looked at, and over which views the network's scores are averaged.
    config
        Settings of the session.
    pixels
        How the images are read and rendered.
    software
        Version of anomalymatch-ui.
    """

    images: str
    checkpoint: str
    adapted: str
    pool_digest: str
    backbones: tuple[str, ...]
    adapted_digest: str
    order: bytes = field(repr=False)
    sight: Sight
    views: Symmetry
    config: Config
    pixels: PixelsConfig
    software: str = __version__

    @classmethod
    def of(
        cls,
        pool: ImagePool,
        config: Config,
        seeing: Seeing,
        learnt: Learnt,
        views: Symmetry,
        checkpoint: Path | None,
    ) -> Self:
        """Return what a worker needs; see :class:`SessionSpec`.

        Parameters
        ----------
        pool
            The archive.
        config
            Settings of the session, with the device of the workers.
        seeing, learnt, views, checkpoint
            How images are looked at, and what is made of that.
        """
        adapted = next(iter(seeing.adapted.values()), None)
        return cls(
            images=str(pool.path),
            checkpoint="" if checkpoint is None else str(checkpoint.absolute()),
            adapted="" if adapted is None else str(adapted.absolute()),
            pool_digest=pool.digest,
            backbones=_backbones(config, seeing.sight, pool),
            adapted_digest="" if adapted is None else _digest(adapted),
            order=learnt.encoded(),
            sight=seeing.sight,
            views=views,
            config=config,
            pixels=pool.pixels,
        )

    @property
    def device(self) -> str:
        """Where the workers compute, as in the settings of a session."""
        return self.config.device

    def open(self) -> SessionEngine:
        """Open the archive and what looks at it."""
        # Not above: dask_worker comes first, for it sets what torch reads when it is loaded.
        from anomalymatch_ui.learn import resolve_device

        device, config = resolve_device(self.config.device), in_usual_batches(self.config)
        config = config.model_copy(update={"score": of_one_task(config.score, device)})
        learnt = Learnt.decoded(self.order)
        network = open_network(self.checkpoint, learnt.network) if self.checkpoint else None
        pool = open_images(self.images, self.pixels, self.pool_digest)
        if _backbones(config, self.sight, pool) != self.backbones:
            raise InputError(
                "its pretrained weights are others than where the scores are asked for. Install the same "
                "version of the packages with the weights everywhere"
            )
        seeing = Seeing(learnt.sight, self.sight, learnt.reductions, self._adapted())
        return SessionEngine(pool, Seer(pool, config, seeing, network, self.views), learnt, config.score)

    def _adapted(self) -> Mapping[Look, Path]:
        if not self.adapted:
            return {}
        path = Path(self.adapted)
        if not path.exists() or _digest(path) != self.adapted_digest:
            raise InputError(
                f"the weights {path}, which the session has adapted to its images, are missing or others "
                "there. Mount the same session on every worker"
            )
        return dict.fromkeys(self.sight.adaptable, path)


def _backbones(config: Config, sight: Sight, pool: ImagePool) -> tuple[str, ...]:
    return tuple(digest_of(config, look, pool.rendering.channels) for look in sight.backbones)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
