"""From what a person asks for to an archive's scores: opens pool and model, and picks the engine."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from anomalymatch_ui.config import NumberFormat, PixelsConfig, RuntimeName, ScoreConfig, Symmetry
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.learn import AnomalyNetwork, load_checkpoint, network_digest, resolve_device
from anomalymatch_ui.pixels import Rendering
from anomalymatch_ui.pool import ImagePool, open_pool
from anomalymatch_ui.score.archiving import Advance, Engine, Outcome, score_archive
from anomalymatch_ui.score.local_engine import LocalEngine
from anomalymatch_ui.stream.clock import StageClock

COMPONENTS = 128
"""Of an embedding: 256 bytes an image, 26 GB for 10^8 of them."""


@dataclass(frozen=True, slots=True)
class ScoreRequest:
    """What ``anomalymatch score`` was asked for; see there.

    Attributes
    ----------
    images, model, out
        The pool, a checkpoint, and the folder for the scores.
    embeddings
        Whether to keep an embedding of each image.
    symmetry
        Views over which an image's scores are averaged.
    device
        As in the settings of a session: ``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``mps``.
    number_format
        In which the network computes; see :attr:`~anomalymatch_ui.config.ScoreConfig.number_format`.
    runtime
        What computes the network on a CPU; see :attr:`~anomalymatch_ui.config.ScoreConfig.runtime`.
    engine
        ``local``: in this process; ``dask``: on the workers of a cluster.
    scheduler
        Address of Dask's scheduler; a cluster on this machine if not given.
    shard_size
        Images in a shard; by the pool's size if not given.
    restart
        Delete the scores that the folder holds, and start again.
    pixels
        How the images are read and rendered; what is not given is as the model has it.
    """

    images: Path
    model: Path
    out: Path
    embeddings: bool = False
    symmetry: Symmetry = "none"
    device: str = "auto"
    number_format: NumberFormat = "float32"
    runtime: RuntimeName = "auto"
    engine: Literal["local", "dask"] = "local"
    scheduler: str | None = None
    shard_size: int | None = None
    restart: bool = False
    pixels: Mapping[str, Any] = field(default_factory=dict)


def run_request(
    request: ScoreRequest, progress: Callable[[str], Advance], begin: Callable[[], None] = lambda: None
) -> tuple[Outcome, dict[str, float]]:
    """Score what is asked for; give what it came to, and the busy share of each stage.

    Parameters
    ----------
    request
        What is asked for.
    progress
        Asked for something to advance, by the title of each part of the work.
    begin
        Called once images and model are open and fit each other.

    Raises
    ------
    InputError
        If something asked for cannot be used.
    StoreBusyError
        If another process writes the folder.
    StorageError
        If the disk refuses.
    """
    check_engine(request.engine, request.scheduler)
    checkpoint = load_checkpoint(request.model)
    network = checkpoint.average
    pool = open_pool(request.images, as_trained(checkpoint.rendering, request.pixels))
    checkpoint.rendering.check_fits(
        pool.rendering, f"The model {request.model}", f"the images in {pool.path}"
    )
    config = ScoreConfig(number_format=request.number_format, runtime=request.runtime)
    clock = StageClock()
    with ExitStack() as stack:
        stack.callback(pool.close)
        begin()
        engine: Engine
        if request.engine == "dask":
            engine = stack.enter_context(_cluster(request, pool, network, config))
        else:
            device = resolve_device(request.device)
            engine = LocalEngine(pool, network, config, device, request.symmetry, clock)
        outcome = score_archive(
            pool,
            network,
            request.out,
            engine,
            config,
            symmetry=request.symmetry,
            components=COMPONENTS if request.embeddings else 0,
            shard_size=request.shard_size,
            restart=request.restart,
            progress=progress,
            clock=clock,
        )
    return outcome, {stage: round(share, 3) for stage, share in clock.shares().items()}


def check_engine(engine: str, scheduler: str | None) -> None:
    """Check that no scheduler is given to an engine without one. Raises ``InputError``."""
    if scheduler is not None and engine != "dask":
        raise InputError("--scheduler goes with --engine dask.")


def as_trained(rendering: Rendering, asked: Mapping[str, Any]) -> PixelsConfig:
    """Return how images are read and rendered: as the model was trained, but for what is asked for."""
    trained = {} if rendering.is_plain else rendering.model_dump()
    return PixelsConfig.of({**trained, **asked})


@contextlib.contextmanager
def _cluster(
    request: ScoreRequest, pool: ImagePool, network: AnomalyNetwork, config: ScoreConfig
) -> Iterator[Engine]:
    from anomalymatch_ui.score.dask_engine import DaskEngine, open_client
    from anomalymatch_ui.score.dask_worker import NetworkSpec

    with open_client(request.scheduler, request.device) as client:
        # A GPU of this machine is made the only one that its worker sees; which it was does not matter there.
        local_gpu = request.scheduler is None and request.device.startswith("cuda:")
        yield DaskEngine(
            client,
            NetworkSpec(
                images=str(pool.path),
                model=str(request.model.absolute()),
                pool_digest=pool.digest,
                model_digest=network_digest(network),
                device="cuda" if local_gpu else request.device,
                symmetry=request.symmetry,
                config=config,
                pixels=pool.pixels,
            ),
        )
