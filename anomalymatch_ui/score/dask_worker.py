"""What a worker of a cluster does: it opens pool and model once, and scores the shards it is given."""

# ruff: noqa: E402

from __future__ import annotations

from anomalymatch_ui.process import prepare_process

# Dask starts a worker, which loads this module first of ours; what follows loads torch.
prepare_process()

import socket
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
import torch

from anomalymatch_ui._version import __version__
from anomalymatch_ui.config import PixelsConfig, ScoreConfig, Symmetry
from anomalymatch_ui.errors import AnomalyMatchError, InputError
from anomalymatch_ui.learn import AnomalyNetwork, load_checkpoint, network_digest, resolve_device
from anomalymatch_ui.pool import ImagePool, open_pool
from anomalymatch_ui.score.archive import Archive
from anomalymatch_ui.score.archiving import Engine
from anomalymatch_ui.score.components import Components
from anomalymatch_ui.score.local_engine import LocalEngine
from anomalymatch_ui.score.manifest import ArchiveManifest, Arithmetic, Plan
from anomalymatch_ui.score.shards import EncodedShard
from anomalymatch_ui.stream.allocation import keep_freed_memory

Value = TypeVar("Value")


class EngineSpec(Protocol):
    """What a worker opens. It is hashable, for it is opened once for all shards of a run."""

    @property
    def device(self) -> str:
        """Where to compute, as in the settings of a session."""

    @property
    def software(self) -> str:
        """Version of anomalymatch-ui that asks."""

    def open(self) -> Engine:
        """Open it on a worker. Raises ``InputError`` if it is not there, or is another one."""


@dataclass(frozen=True, slots=True)
class NetworkSpec:
    """Scores by a network; see :class:`EngineSpec`.

    Attributes
    ----------
    images, model
        Paths of the pool and the checkpoint, the same on every worker.
    pool_digest, model_digest
        Of those.
    device
        As in the settings of a session.
    symmetry, config
        How to score.
    pixels
        How the images are read and rendered.
    software
        Version of anomalymatch-ui.
    """

    images: str
    model: str
    pool_digest: str
    model_digest: str
    device: str
    symmetry: Symmetry
    config: ScoreConfig
    pixels: PixelsConfig = field(default_factory=PixelsConfig)
    software: str = __version__

    def open(self) -> LocalEngine:
        """Open pool and model."""
        device = resolve_device(self.device)
        network = open_network(self.model, self.model_digest)
        pool = open_images(self.images, self.pixels, self.pool_digest)
        return LocalEngine(pool, network, of_one_task(self.config, device), device, self.symmetry)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a worker cannot do what it is asked for: an answer, for no retry would change it."""

    sentence: str


def arithmetic(spec: EngineSpec) -> tuple[Arithmetic, str] | Refusal:
    """Say how this worker's network is computed, and why that is not what was asked for, if it is not."""
    try:
        engine = _engine(spec)
        return engine.arithmetic, engine.remark  # noqa: TRY300
    except AnomalyMatchError as error:
        return _refusal(error)


def plan(spec: EngineSpec) -> Plan | Refusal:
    """Find how the images of a new archive are best read by this worker."""
    try:
        return _engine(spec).plan()
    except AnomalyMatchError as error:
        return _refusal(error)


def features(spec: EngineSpec, indices: np.ndarray, plan: Plan) -> np.ndarray | Refusal:
    """Return the features, float16 ``(n, features)``, of those of some images that can be read."""
    try:
        return _engine(spec).features(indices, plan)
    except AnomalyMatchError as error:
        return _refusal(error)


def score_shard(
    spec: EngineSpec, manifest: ArchiveManifest, components: Components | None, number: int
) -> EncodedShard | Refusal:
    """Score one shard; its file is written by who asked."""
    try:
        engine = _engine(spec)
        if engine.arithmetic != manifest.arithmetic:
            raise InputError(
                f"it computes in {engine.arithmetic}, and this archive is of {manifest.arithmetic}. Give "
                "workers of one kind, by --device, --runtime or the resource GPU, and the same OpenVINO"
            )
        (encoded,) = engine.score(Archive(Path(), manifest, components), [number])
    except AnomalyMatchError as error:
        return _refusal(error)
    return encoded


def keep(value: Value) -> Value:
    """Return the value: as the result of a task it is sent to a worker once, not with each shard."""
    return value


def open_network(path: str, digest: str) -> AnomalyNetwork:
    """Open a checkpoint on a worker.

    Raises
    ------
    InputError
        If it is not there, or its network is another one than where the scores are asked for.
    """
    network = load_checkpoint(Path(path)).average
    if network_digest(network) != digest:
        raise InputError(f"the model {path} is another one there. Copy the same file to every worker")
    return network


def open_images(path: str, pixels: PixelsConfig, digest: str) -> ImagePool:
    """Open a pool on a worker.

    Raises
    ------
    InputError
        If it is not there, or holds other images than where the scores are asked for.
    """
    pool = open_pool(path, pixels)
    if pool.digest != digest:
        raise InputError(f"the images in {path} are others there. Mount the same ones on every worker")
    return pool


def of_one_task(config: ScoreConfig, device: torch.device) -> ScoreConfig:
    """Read and decode in one thread on a CPU: Dask gives a worker as many tasks as it has threads.

    Or else 64 workers of a machine of 64 cores would have 64 threads each. A GPU needs more than one, and has
    the cores that its job may use.
    """
    if config.workers or device.type != "cpu":
        return config
    return config.model_copy(update={"workers": 1})


_opened: dict[EngineSpec, Engine] = {}
_opening = threading.Lock()


def _engine(spec: EngineSpec) -> Engine:
    """Return the engine that was opened for this in this process; another one is let go of."""
    with _opening:
        if spec not in _opened:
            _opened.clear()
            if spec.software != __version__:
                raise InputError(
                    f"it runs version {__version__} of anomalymatch-ui, not {spec.software}. Install the "
                    "same everywhere"
                )
            keep_freed_memory()
            _opened[spec] = spec.open()
        return _opened[spec]


def _refusal(error: AnomalyMatchError) -> Refusal:
    return Refusal(f"The worker on {socket.gethostname()} cannot score: {str(error).rstrip('.')}.")
