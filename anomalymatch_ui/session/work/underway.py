"""What runs in the background, written down, so that it goes on when its page is opened again."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace

from anomalymatch_ui import jsontext
from anomalymatch_ui.errors import AnomalyMatchError, StorageError
from anomalymatch_ui.files import write_bytes_atomically
from anomalymatch_ui.session.core.folder import SessionFolder, modified_ns
from anomalymatch_ui.session.core.jobs import Reporter

logger = logging.getLogger(__name__)

MOST_TRIES = 3
"""How often a job goes on by itself from the same place, for it may be what ends its process each time."""


@dataclass(frozen=True, slots=True)
class Left:
    """A job that ran when its process was left, and that nobody has stopped.

    Attributes
    ----------
    job
        Its name.
    steps
        Steps of a cycle, as it was asked for; ``None`` for those of the settings.
    cycle
        Number of the last finished cycle when it began.
    step, tries
        The place that it last went on from by itself, and how often from there; 0 for never. Of a cycle that
        is its step, of an adaptation when its state was kept.
    """

    job: str
    steps: int | None
    cycle: int
    step: int = 0
    tries: int = 0


class UnderWay:
    """Knows which job runs, across processes: by a small file, which goes when the job ends or is stopped.

    Parameters
    ----------
    folder
        The files of the session.
    """

    def __init__(self, folder: SessionFolder) -> None:
        self._folder = folder
        self._now: Left | None = None  # what runs here
        self._again: Left | None = None  # what is about to go on

    def noted(
        self, job: str, steps: int | None, work: Callable[[Reporter], None]
    ) -> Callable[[Reporter], None]:
        """Return the work of a job, written down as it begins.

        Where the disk refuses, it does not go on by itself, and that is all.
        """
        left = self._again or Left(job, steps, self._folder.cycle)

        def run(reporter: Reporter) -> None:
            self._now = left
            self._write(left)
            work(reporter)

        return run

    def go_on(
        self,
        step: int,
        train: Callable[[int | None], None],
        adapt: Callable[[], None],
        rank: Callable[[], None],
    ) -> None:
        """Start what was left, if anything was, and if it has not gone on too often from the same place.

        Parameters
        ----------
        step
            From which training would go on; 0 if there is no such.
        train, adapt, rank
            Start the jobs, in the background. A cycle is given its steps.
        """
        left = self.left()
        if left is None:
            return
        if left.job == "adapt":
            step = max(map(modified_ns, self._folder.adaptations), default=0)
        tries = left.tries + 1 if step == left.step else 1
        if tries > MOST_TRIES:
            return
        self._again = replace(left, step=step, tries=tries)
        try:
            if left.job == "train" and self._folder.cycle == left.cycle:
                train(left.steps)
            elif left.job == "adapt":
                adapt()
            else:  # of a finished cycle, or one that was gone back to, the order is what is missing
                rank()
        except AnomalyMatchError as error:  # the settings or labels are others now: a person decides
            logger.warning("What was under way does not go on: %s", error)
        finally:
            self._again = None

    def hold(self) -> None:
        """Let the job that runs here wait for a person, also in the next process."""
        if self._now is not None:
            self._remove()

    def release(self) -> None:
        """Let the job that waited go on by itself again."""
        if self._now is not None:
            self._write(self._now)

    def end(self, *, to_go_on: bool) -> None:
        """Take note that the job has ended here; ``to_go_on`` leaves it to the next process."""
        if self._now is not None and not to_go_on:
            self._remove()
        self._now = None

    def left(self) -> Left | None:
        """Return the job that ran when the session was left; ``None`` if none did."""
        try:
            values = jsontext.parsed(self._folder.under_way.read_text(encoding="utf-8"))
            steps = values["steps"]
            return Left(
                str(values["job"]),
                None if steps is None else int(steps),
                *(int(values[name]) for name in ("cycle", "step", "tries")),
            )
        except (OSError, ValueError, KeyError, TypeError, OverflowError):  # there is none, or it is damaged
            return None

    def _remove(self) -> None:
        try:
            self._folder.under_way.unlink(missing_ok=True)
        except OSError as error:
            logger.warning("%s could not be removed: %s", self._folder.under_way, error)

    def _write(self, left: Left) -> None:
        try:
            content = json.dumps(asdict(left)).encode()
            write_bytes_atomically(self._folder.under_way, content, root=self._folder.path)
        except StorageError as error:
            logger.warning("What runs could not be written down: %s", error)
