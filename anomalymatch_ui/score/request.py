"""From what a person asks for to an archive's scores: opens pool and model, and picks the engine."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from anomalymatch_ui.config import ScoreConfig, Symmetry
from anomalymatch_ui.learn import load_checkpoint, resolve_device
from anomalymatch_ui.pool import open_pool
from anomalymatch_ui.score.archiving import Advance, Outcome, score_archive
from anomalymatch_ui.score.clock import StageClock
from anomalymatch_ui.score.local_engine import LocalEngine

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
    shard_size
        Images in a shard; by the pool's size if not given.
    restart
        Delete the scores that the folder holds, and start again.
    """

    images: Path
    model: Path
    out: Path
    embeddings: bool = False
    symmetry: Symmetry = "none"
    device: str = "auto"
    shard_size: int | None = None
    restart: bool = False


def run_request(
    request: ScoreRequest, progress: Callable[[str], Advance]
) -> tuple[Outcome, dict[str, float]]:
    """Score what is asked for; give what it came to, and the busy share of each stage.

    Parameters
    ----------
    request
        What is asked for.
    progress
        Asked for something to advance, by the title of each part of the work.

    Raises
    ------
    InputError
        If something asked for cannot be used.
    StoreBusyError
        If another process writes the folder.
    StorageError
        If the disk refuses.
    """
    network = load_checkpoint(request.model).average
    pool = open_pool(request.images)
    config = ScoreConfig()
    clock = StageClock()
    with ExitStack() as stack:
        stack.callback(pool.close)
        engine = LocalEngine(pool, network, config, resolve_device(request.device), request.symmetry, clock)
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
