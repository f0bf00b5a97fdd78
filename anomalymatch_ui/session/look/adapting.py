"""Adapting the backbone to a session's pool, on a job's thread: it reports each step, and leaves files."""

from __future__ import annotations

import logging
import time
from pathlib import Path

from anomalymatch_ui.config import Config, Symmetry
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.learn import (
    Adapter,
    AdaptReport,
    StopTraining,
    build_network,
    resolve_device,
    restore_state,
    save_adapted,
    save_state,
    steps_for,
)
from anomalymatch_ui.pool import ImagePool
from anomalymatch_ui.rank import sample_rows
from anomalymatch_ui.session.core.jobs import JobStopped, Reporter
from anomalymatch_ui.session.look.reading import read_all
from anomalymatch_ui.stream import usable_cores

logger = logging.getLogger(__name__)


def adapt_pool(
    path: Path,
    state: Path,
    pool: ImagePool,
    config: Config,
    size: int,
    symmetry: Symmetry,
    seed: int,
    reporter: Reporter,
) -> None:
    """Adapt the backbone to a pool, to the end, or on from where that was interrupted.

    Parameters
    ----------
    path, state
        Files of the adapted weights, and of how far they are while they are made.
    pool, config
        Images and settings of the session. The images are those of the pool alone, and of a large one a
        sample of ``train.window``.
    size
        Side in pixels at which they are seen.
    symmetry
        What changes nothing of what they mean.
    seed
        Seed of everything drawn at random.
    reporter
        Told of each step. When it raises ``JobStopped`` the adaptation is kept as it is, to go on later.

    Raises
    ------
    InputError
        If there are too few images, or the adaptation diverges.
    StorageError
        If the disk refuses.
    """
    device = resolve_device(config.device)
    rows = sample_rows(pool.ids, seed, config.train.window)
    reporter.begin("preparing", len(rows))
    _, pixels = read_all(pool, rows, size, config.score.workers or usable_cores(), reporter, 0)
    sized = config.network.model_copy(update={"image_size": size, "reads": "end"})
    network = build_network(sized, seed, pool.rendering.channels)
    adapter = Adapter(network, pixels, config.adapt, device=device, seed=seed, symmetry=symmetry)
    if state.exists():
        try:
            restore_state(state, adapter)
        except InputError as error:  # nothing of a person's is in it
            logger.warning("%s It begins anew.", error)
    steps = steps_for(config.adapt, len(pixels))
    reporter.begin("adapting", steps, done=adapter.step, device=str(device))
    stopped: list[JobStopped] = []
    saved = time.monotonic()

    def after_step(report: AdaptReport) -> None:
        nonlocal saved
        if report.step < steps and time.monotonic() - saved >= config.train.checkpoint_seconds:
            save_state(state, adapter)
            saved = time.monotonic()
        try:
            reporter.advance(report.step, loss=report.loss)
        except JobStopped as stop:
            stopped.append(stop)
            raise StopTraining from stop

    if adapter.run(steps, [after_step]):
        save_adapted(path, adapter)
        state.unlink(missing_ok=True)
    else:
        save_state(state, adapter)
    if stopped:
        raise stopped[0]
