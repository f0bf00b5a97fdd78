"""What is done with a session's learner: train, rank, adapt, pause, stop, go back."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import numpy as np

from anomalymatch_ui.errors import AnomalyMatchError, InputError, SessionBusyError, StorageError
from anomalymatch_ui.pool import ImagePool
from anomalymatch_ui.session.core.board import StatusBoard
from anomalymatch_ui.session.core.context import Context
from anomalymatch_ui.session.core.jobs import Background, Reporter, failure_sentence
from anomalymatch_ui.session.core.status import Counts, Progress, Status
from anomalymatch_ui.session.search.insight import Insight
from anomalymatch_ui.session.work.automatic import AutomaticTraining
from anomalymatch_ui.session.work.configuring import Configuring
from anomalymatch_ui.session.work.cycles import Cycles
from anomalymatch_ui.session.work.rankings import Rankings
from anomalymatch_ui.session.work.settings import given_up, gone_on_with
from anomalymatch_ui.session.work.underway import UnderWay

logger = logging.getLogger(__name__)


class Steering:
    """Runs the jobs of a session, one after the other, in the background.

    Parameters
    ----------
    context, board, rankings, cycles, insight
        What the parts of the session share, where its status is published, its rankings, its finished
        cycles, and what it can say beyond the order.

    Attributes
    ----------
    settings
        Changes and keeps the settings.
    automatic
        Starts a cycle by itself after so many labels.
    """

    def __init__(
        self, context: Context, board: StatusBoard, rankings: Rankings, cycles: Cycles, insight: Insight
    ) -> None:
        self._context, self._board = context, board
        self._rankings, self._cycles, self._insight = rankings, cycles, insight
        self._folder, self._pool, self._journal = context.folder, context.pool, context.journal
        self._writer_lock = context.writer_lock
        self.settings = Configuring(context, board, rankings, cycles)
        self.automatic = AutomaticTraining(
            context.journal, cycles, lambda: context.config.train.every, self._train_if_possible
        )
        self._background = Background(board.publish, self._may_go_on)
        self._under_way = UnderWay(context.folder)
        self._stopped = False  # whether the job was asked to stop
        self._leaving = False  # ... because the session closes: it goes on when it is opened again

    def train(self, steps: int | None = None, wait: bool = False, *, rank: bool = True) -> None:
        """Train one cycle on the current labels, then rank the pool by it.

        A cycle that was stopped goes on where it was, with the current labels.

        Parameters
        ----------
        steps
            Steps of the cycle; ``None`` takes those that a stopped cycle was begun with, else the settings'.
        wait
            Return when it is done, raising what it failed with; otherwise it runs in the background.
        rank
            Whether to rank the pool afterwards; without it :meth:`rank` does so later.

        Raises
        ------
        InputError
            If a job runs already, the labels do not hold both classes, or the settings know no training.
        """
        self.settings.follow()
        if self._context.config.order == "labels":
            raise InputError(
                "These settings order the images by the linear head alone, so there is nothing to train. "
                "Choose the preset default, or set order to fused."
            )
        counts = self._board.status.counts
        if not (counts.anomaly and counts.not_sought):
            # Only here, for torch takes seconds to import, which a key would wait for.
            from anomalymatch_ui.learn import check_classes

            check_classes(counts.anomaly, counts.not_sought)

        def work(reporter: Reporter) -> None:
            from anomalymatch_ui.session.work.training import train_cycle

            last_seq, view = self._journal.last_seq, self._journal.view()
            self.automatic.cycle_begins(view)
            advice = self._rankings.advice(view)
            self._board.publish(message=advice)
            folder, config, prevalence = self._folder, self._context.config, self._insight.prevalence()
            train_cycle(folder, self._pool, view, last_seq, config, steps, reporter, prevalence=prevalence)
            cycle = self._folder.cycle
            self._board.publish(
                # In one piece: beside "training" the finished cycle would be taken for the one before.
                phase="ranking" if rank else "preparing",
                progress=Progress(),
                cycle=cycle,
                cycle_in_use=cycle,
                kept_cycles=self._cycles.kept,
                interrupted_step=None,
                message=advice,
            )
            if rank:
                self._rankings.rank(reporter)
            self._tidy()

        self.start("train", work, wait, steps)

    def pin(self, cycle: int, pinned: bool = True) -> None:
        """Keep a cycle's network and scores for good, or no longer; see :meth:`Cycles.pin`."""
        self._cycles.pin(cycle, pinned)
        self._board.publish(kept_cycles=self._cycles.kept, pinned_cycles=self._cycles.pinned)

    def _tidy(self) -> None:
        """Remove the networks and scores of past cycles that nothing needs, if the disk lets us."""
        from anomalymatch_ui.session.work.tidying import tidy

        try:
            tidy(self._folder, self._pool, self._cycles, self._context.config.train.keep_cycles)
        except StorageError as error:  # the cycle is there all the same, and the next one tries again
            logger.warning("The networks of past cycles could not be removed: %s", error)

    def adapt(self, wait: bool = False) -> None:
        """Adapt the backbone to the pool, which takes no label, then look at every image with it and rank.

        Where there is no order yet, the pool is ranked first, so that there is something to label meanwhile:
        labels and the order that follows them go on. An adaptation that was stopped goes on where it was.
        When it is done the settings have ``embedding.adapt``.

        Parameters
        ----------
        wait
            As for :meth:`train`.

        Raises
        ------
        InputError
            If a job runs already, the settings order by the trained network alone, or, with ``wait``, the
            pool is too small, or its images are not seen by the middle of the network.
        """
        self.settings.follow()
        if self._context.config.order == "network":
            raise InputError(
                "These settings order the images by the trained network alone, as published, which is not "
                "adapted first. Choose the preset default."
            )

        def work(reporter: Reporter) -> None:
            if self._rankings.newest.version == 0:
                self._rankings.rank(reporter)
            self._rankings.adapt(reporter)
            self.settings.keep({"embedding": {"adapt": True}})
            self._rankings.rank(reporter)

        self.start("adapt", work, wait)

    def go_back(self, cycle: int, wait: bool = False) -> None:
        """Let an earlier cycle order the images until the next one is finished.

        Of past cycles some are kept; see :meth:`pin`. A stopped cycle that began with the weights of another
        one (``train.carry_over``) is given up.

        Parameters
        ----------
        cycle
            Number of the cycle; 0 for the labels alone.
        wait
            As for :meth:`train`.

        Raises
        ------
        InputError
            If a job runs already, there is no such cycle, its network is not kept any more, or, with
            ``wait``, its checkpoint is damaged.
        """
        self._cycles.check(cycle)

        def work(reporter: Reporter) -> None:
            before, interrupted = self._folder.cycle_in_use, self._board.status.interrupted_step
            self._cycles.use(cycle)
            step = self._cycles.interrupted_step(self._context.config)
            lost = interrupted is not None and step is None
            self._board.publish(
                cycle_in_use=cycle,
                interrupted_step=step,
                message=given_up(self._folder.cycle + 1, before) if lost else self._board.status.message,
            )
            self._rankings.rank(reporter)

        self.start("go-back", work, wait)

    def rank(self, wait: bool = False) -> None:
        """Order the pool by the current labels and, after a cycle, by its network.

        The new ranking is announced by the status.

        Parameters
        ----------
        wait
            As for :meth:`train`.

        Raises
        ------
        InputError
            If a job runs already.
        SessionBusyError
            If another process holds the lock.
        """
        self.start("rank", self._rankings.rank, wait)

    def score_images(self, images: ImagePool) -> np.ndarray:
        """Score other images by what this session has learnt; return when it is done.

        Parameters
        ----------
        images
            Another pool.

        Returns
        -------
        numpy.ndarray
            float32 ``(len(images),)``, on the same scale as the ranking's scores; NaN where an image could
            not be read.

        Raises
        ------
        InputError
            If a job runs already, or this one is stopped.
        """
        scores: list[np.ndarray] = []

        def work(reporter: Reporter) -> None:
            scores.append(self._rankings.scorer.scores_of(images, self._journal.view(), reporter))

        self.start("score", work, wait=True)
        if not scores:
            raise InputError("The scoring of other images was stopped. Ask again to score them.")
        return scores[0]

    def pause(self) -> None:
        """Let the running job wait after its current step; left so, it waits for a person to go on."""
        self._under_way.hold()
        self._background.pause()

    def resume(self) -> None:
        """Let the paused job go on, or, where none runs, what ran when the session was last left.

        That is training, ranking or adapting which nobody has stopped or paused: a page was reloaded or
        opened a second time, or its process ended. A cycle goes on from its last checkpoint.
        """
        status = self._board.status
        if status.state != "idle":
            self._under_way.release()
            self._background.resume()
        elif self._writer_lock.elsewhere is None:
            self._under_way.go_on(status.interrupted_step or 0, self.train, self.adapt, self.rank)

    def stop(self) -> None:
        """End the running job after its current step; a cycle can be gone on with later."""
        self._stopped = True
        self._under_way.hold()  # at once: the page may be reloaded, or the process end, before the step does
        self._background.stop()

    def leave(self) -> None:
        """End the running job after its current step, to go on when the session is opened again."""
        self._leaving = True
        self._background.stop()

    def wait(self, timeout: float | None = None) -> Status:
        """Wait for the running job to end; see :meth:`Background.wait`."""
        self._background.wait(timeout)
        return self._board.status

    def _may_go_on(self) -> None:
        """Check that what a job keeps is this process's to keep, where anything is kept."""
        if not self._context.read_only:
            self._writer_lock.check()

    def _train_if_possible(self) -> None:
        """Start a cycle that nobody asked for, unless a job runs or something else is missing."""
        status, counts = self._board.status, self._board.status.counts
        possible = self._context.config.order != "labels" and counts.anomaly > 0 and counts.not_sought > 0
        if possible and status.state == "idle" and self._writer_lock.elsewhere is None:
            try:
                self.train()
            except AnomalyMatchError as error:  # a job was quicker, or the lock is gone: this was not urgent
                logger.warning("No cycle was started automatically: %s", error)

    def begin(self, counts: Counts, elsewhere: str | None, aim: str) -> None:
        """Set the first status: the labels, who else trains, in words, and what is sought."""
        folder, step = self._folder, self.interrupted_step(elsewhere)
        status = Status(
            cycle=folder.cycle,
            cycle_in_use=folder.cycle_in_use,
            kept_cycles=self._cycles.kept,
            pinned_cycles=self._cycles.pinned,
            counts=counts,
            interrupted_step=step,
            adaptation=self._rankings.embedder().adaptation(),
            message="" if step is None else gone_on_with(folder.cycle + 1, step),
            written_elsewhere=elsewhere,
            read_only=self._context.read_only,
            aim=aim,
        )
        self._board.begin(status, self._rankings.figures)

    def follow_labels(self) -> None:
        """Let the order follow the current labels, and train if as many have come as the settings ask for."""
        self._rankings.tick()
        self.automatic.label_came()

    def take_notice(self, **changes: Any) -> None:
        """Publish what the watch has seen of other processes."""
        if "written_elsewhere" in changes and self._board.status.state == "idle":
            changes["interrupted_step"] = self.interrupted_step(changes["written_elsewhere"])
        self._board.publish(**changes)

    def interrupted_step(self, elsewhere: str | None) -> int | None:
        """Return the step a cycle can be gone on with from; while another process trains, it is not ours."""
        return None if elsewhere is not None else self._cycles.interrupted_step(self._context.config)

    def start(
        self, name: str, work: Callable[[Reporter], None], wait: bool, steps: int | None = None
    ) -> None:
        """Start a job, and wait for its end if that is wanted; where nobody waits, it outlives its process.

        Raises
        ------
        InputError
            If one runs already.
        SessionBusyError
            If another process holds the lock.
        """
        self._writer_lock.claim()
        self._stopped = False
        noted = work if wait else self._under_way.noted(name, steps, work)
        self._background.start(name, noted, self._job_end)
        if wait:
            self._background.finish()

    def start_and_wait(self, name: str, work: Callable[[Reporter], None]) -> None:
        """Start a job and wait for its end. Raises as :meth:`start`, and what the job failed with."""
        self.start(name, work, wait=True)

    def look_and_wait(self, name: str, work: Callable[[Reporter], None]) -> None:
        """Start a job that need not keep anything, and wait for its end.

        Raises as :meth:`start`, and what the job failed with; a session that can only be viewed has it, too.
        """
        if not self._context.read_only:
            self.start(name, work, wait=True)
            return
        self._stopped = False
        self._background.start(name, work, self._job_end)
        self._background.finish()

    def tell_notices(self) -> None:
        """Tell of damage that was met and mended, beside what is told already."""
        notices = self._folder.notices
        told = list(dict.fromkeys(notices))
        notices.clear()
        if told:
            self._board.publish(message=" ".join(filter(None, [self._board.status.message, *told])))

    def _job_end(self, error: BaseException | None) -> None:
        self._under_way.end(to_go_on=not self._writer_lock.mine or (self._leaving and not self._stopped))
        self.tell_notices()
        by, lost = self._writer_lock.elsewhere_in_words, isinstance(error, SessionBusyError)
        # That another page goes on with it is no fault.
        taken = {"message": f"What ran here was taken over by {by or 'another page'}."} if lost else {}
        self._board.publish(
            **taken,
            phase="idle",
            state="idle",
            progress=Progress(),
            error=None if error is None or lost else failure_sentence(error, self._folder.path),
            cycle=self._folder.cycle,
            cycle_in_use=self._folder.cycle_in_use,
            kept_cycles=self._cycles.kept,
            pinned_cycles=self._cycles.pinned,
            interrupted_step=self.interrupted_step(by),
            adaptation=self._rankings.embedder().adaptation(),
        )
        self.settings.reread()
        if self._stopped:
            self.automatic.put_off()
        else:
            self.automatic.look()
