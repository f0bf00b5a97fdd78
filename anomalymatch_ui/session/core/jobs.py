"""Work in the background, one job at a time, that can be paused and stopped within one step."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from anomalymatch_ui.errors import AnomalyMatchError, InputError
from anomalymatch_ui.session.core.memory import used_memory
from anomalymatch_ui.session.core.status import JobState, Phase, Progress

if TYPE_CHECKING:
    from anomalymatch_ui.learn.verdict import Runtime

logger = logging.getLogger(__name__)


class JobStopped(Exception):
    """Raised inside a job at the next :meth:`Job.tick` after it was asked to stop."""


class Job:
    """One piece of work on a thread of its own.

    The work calls :meth:`tick` after each step; a tick returns at once, waits while the job is paused,
    or raises :class:`JobStopped`.

    Parameters
    ----------
    name
        Name of the thread.
    work
        Is given the job.
    on_state
        Told of every change of state in the order they happen, from whichever thread made it; it must
        not wait for the job.
    on_end
        Told, on the job's thread, of the exception the work ended with, or of ``None``.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[Job], None],
        on_state: Callable[[JobState], None],
        on_end: Callable[[BaseException | None], None],
    ) -> None:
        self._work = work
        self._on_state = on_state
        self._on_end = on_end
        self._condition = threading.Condition()
        self._ended = threading.Event()
        self._pause_asked = False
        self._stop_asked = False
        self._work_done = False
        self._seconds_paused = 0.0
        self._started = time.monotonic()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._on_state("running")
        self._thread.start()

    @property
    def active_seconds(self) -> float:
        """Time since the start, without the time it was paused."""
        return time.monotonic() - self._started - self._seconds_paused

    def pause(self) -> None:
        """Ask the work to wait after its current step."""
        with self._condition:
            if self._stop_asked or self._pause_asked or self._work_done:
                return
            self._pause_asked = True
            self._on_state("pausing")

    def resume(self) -> None:
        """Let paused work go on."""
        with self._condition:
            if not self._pause_asked:
                return
            self._pause_asked = False
            self._condition.notify_all()
            self._on_state("running")

    def stop(self) -> None:
        """Ask the work to end after its current step."""
        with self._condition:
            if self._work_done:
                return
            self._stop_asked = True
            self._condition.notify_all()
            self._on_state("stopping")

    def join(self, timeout: float | None = None) -> None:
        """Wait until the end has been told, at most ``timeout`` seconds.

        Not ``Thread.join``: interrupted by Ctrl+C, that takes a running thread for an ended one from then
        on (Python issue 90882), and whoever closes the session would pull it away from under the work.
        """
        self._ended.wait(timeout)

    def tick(self) -> None:
        """Mark the end of a step.

        Raises
        ------
        JobStopped
            If the job was asked to stop.
        """
        with self._condition:
            if self._pause_asked and not self._stop_asked:
                paused = time.monotonic()
                self._on_state("paused")
                self._condition.wait_for(lambda: self._stop_asked or not self._pause_asked)
                self._seconds_paused += time.monotonic() - paused
            if self._stop_asked:
                raise JobStopped

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            self._work(self)
        except JobStopped:
            pass
        except BaseException as raised:  # noqa: BLE001 - handed on: nothing may end a session
            error = raised
        with self._condition:
            self._work_done = True
        try:
            self._on_end(error)
        finally:
            self._ended.set()


class Reporter:
    """Tells the session how far a job is, and the job whether to go on.

    Parameters
    ----------
    job
        Whose pauses and stops to obey.
    publish
        Given the phase and the progress.
    check
        Called at most once a second; it may raise to end the work.
    """

    def __init__(
        self, job: Job, publish: Callable[[Phase, Progress], None], check: Callable[[], None]
    ) -> None:
        self._job = job
        self._publish = publish
        self._check = check
        self._checked = time.monotonic()
        self._phase: Phase = "idle"
        self._progress = Progress()
        self._began = 0.0
        self._first = 0

    def begin(
        self,
        phase: Phase,
        total: int,
        *,
        done: int = 0,
        device: str | None = None,
        number_format: str | None = None,
        runtime: Runtime | None = None,
    ) -> None:
        """Start a phase of ``total`` steps or images, of which ``done`` were done before."""
        self._phase = phase
        self._began = self._job.active_seconds
        self._first = done
        memory, device_memory = used_memory(device)
        self._progress = Progress(
            done=done,
            total=total,
            device=device,
            number_format=number_format,
            runtime=None if runtime is None else runtime.name,
            runtime_reason="" if runtime is None else runtime.reason,
            memory=memory,
            device_memory=device_memory,
        )
        self._publish(phase, self._progress)
        self._job.tick()

    def advance(
        self,
        done: int,
        *,
        loss: float | None = None,
        pseudo_label_share: float | None = None,
        loss_curve: tuple[float, ...] = (),
        pseudo_label_curve: tuple[float, ...] = (),
        closely: int | None = None,
        share: float | None = None,
        seconds_left: float | None = None,
    ) -> None:
        """Mark a step; see :class:`~anomalymatch_ui.session.core.status.Progress` for what it is told of.

        Raises
        ------
        JobStopped
            If the job was asked to stop.
        """
        if share is None:
            elapsed = self._job.active_seconds - self._began
            seconds_left = elapsed / max(done - self._first, 1) * (self._progress.total - done)
        else:  # a pace that was measured anew must not let a bar go back
            share = max(share, self._progress.share or 0)
        self._progress = replace(
            self._progress,
            done=done,
            loss=loss,
            pseudo_label_share=pseudo_label_share,
            loss_curve=loss_curve,
            pseudo_label_curve=pseudo_label_curve,
            seconds_left=seconds_left,
            closely=closely,
            share=share,
        )
        self._publish(self._phase, self._progress)
        if time.monotonic() - self._checked > 1:
            self._check()
            memory, device_memory = used_memory(self._progress.device)
            self._progress = replace(self._progress, memory=memory, device_memory=device_memory)
            self._checked = time.monotonic()
        self._job.tick()


Start = Callable[[str, Callable[[Reporter], None]], None]
"""Runs a job of a name in the background and waits for its end."""


class Background:
    """The one place in the background where a session's jobs run, one after the other.

    Parameters
    ----------
    publish
        Given changes of the session's status: ``state``, ``phase``, ``progress``, ``error``.
    check
        Called at most once a second while a job runs; it may raise to end the job.
    """

    def __init__(self, publish: Callable[..., None], check: Callable[[], None]) -> None:
        self._publish = publish
        self._check = check
        self._lock = threading.RLock()
        self._job: Job | None = None
        self._last: tuple[Job, list[BaseException]] | None = None

    def start(
        self, name: str, work: Callable[[Reporter], None], on_end: Callable[[BaseException | None], None]
    ) -> None:
        """Start a job; ``on_end`` is told of the exception it failed with, or of ``None``.

        Raises
        ------
        InputError
            If a job runs already.
        """
        errors: list[BaseException] = []

        def run(job: Job) -> None:
            def publish(phase: Phase, progress: Progress) -> None:
                self._publish(phase=phase, progress=progress)

            work(Reporter(job, publish, self._check))

        def end(error: BaseException | None) -> None:
            if error is not None:
                errors.append(error)
            with self._lock:  # whoever is told of the end may start the next job
                self._job = None
                on_end(error)

        with self._lock:
            if self._job is not None:
                raise InputError(
                    "Something is already running in the background. Wait for it, or stop it first."
                )
            job = self._job = Job(f"anomalymatch-{name}", run, self._state, end)
            self._last = job, errors
            self._publish(error=None)
            job.start()

    def pause(self) -> None:
        """Let the running job wait after its current step."""
        if job := self._job:
            job.pause()

    def resume(self) -> None:
        """Let the paused job go on."""
        if job := self._job:
            job.resume()

    def stop(self) -> None:
        """End the running job after its current step."""
        if job := self._job:
            job.stop()

    def wait(self, timeout: float | None = None) -> None:
        """Wait until the end of the last job has been told.

        Parameters
        ----------
        timeout
            Seconds to wait at most; ``None`` waits for as long as it takes.
        """
        if self._last is not None:
            self._last[0].join(timeout)

    def finish(self) -> None:
        """Wait for the last job that was started, and raise what it failed with."""
        if self._last is not None:
            job, errors = self._last
            job.join()
            for error in errors:
                raise error

    def _state(self, state: JobState) -> None:
        self._publish(state=state)


def failure_sentence(error: BaseException, session: Path) -> str:
    """Return what a job failed with; what is no error of ours is logged, too.

    Parameters
    ----------
    error
        What it raised.
    session
        The session's folder, in which the labels are.
    """
    if isinstance(error, AnomalyMatchError):
        return str(error)
    logger.error("A background job failed", exc_info=error)
    return (
        f"The work in the background failed: {type(error).__name__}: {error}. Your labels are safe "
        f"in {session}. Try again; if it fails again, please report it."
    )
