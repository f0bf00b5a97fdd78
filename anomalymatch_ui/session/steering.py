"""What is done with a session's learner: train, pause, stop, go back, and change the settings."""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

from anomalymatch_ui.config import Config
from anomalymatch_ui.errors import AnomalyMatchError, InputError, StorageError
from anomalymatch_ui.labels import Journal, Label
from anomalymatch_ui.pool import ImagePool
from anomalymatch_ui.session.core.folder import SessionFolder
from anomalymatch_ui.session.core.jobs import Background, Reporter
from anomalymatch_ui.session.core.pen import Pen
from anomalymatch_ui.session.core.status import Status
from anomalymatch_ui.session.search.insight import Insight
from anomalymatch_ui.session.work.automatic import AutomaticTraining
from anomalymatch_ui.session.work.cycles import Cycles
from anomalymatch_ui.session.work.rankings import Rankings
from anomalymatch_ui.session.work.settings import (
    changes,
    changes_the_order,
    configured,
    consequence,
    given_up,
    in_effect,
    rescores,
)

logger = logging.getLogger(__name__)


class Steering(ABC):
    """The part of :class:`~anomalymatch_ui.session.Session` that a person steers the learner with."""

    config: Config
    cycles: Cycles
    insight: Insight
    pool: ImagePool
    _automatic: AutomaticTraining
    _background: Background
    _folder: SessionFolder
    _journal: Journal
    _pen: Pen
    _rankings: Rankings
    _settings_lock: threading.RLock
    _settings_stamp: int
    _stopped: bool

    @property
    @abstractmethod
    def status(self) -> Status:
        """What the session is doing."""

    @abstractmethod
    def labels(self) -> Mapping[str, Label]:
        """Return the current labels."""

    @abstractmethod
    def _publish(self, **changes: Any) -> None:
        """Change the status and tell those who want to know."""

    @abstractmethod
    def _start(self, name: str, work: Callable[[Reporter], None], wait: bool) -> None:
        """Start a job."""

    def train(self, steps: int | None = None, wait: bool = False, *, rank: bool = True) -> None:
        """Train one cycle on the labels now, then rank the pool by it.

        A cycle that was stopped goes on where it was, with the labels of now. Runs in the background
        unless ``wait``.

        Parameters
        ----------
        steps
            Steps of the cycle; ``None`` takes those that a stopped cycle was begun with, else the settings'.
        wait
            Return when it is done, raising what it failed with.
        rank
            Whether to rank the pool afterwards; without it :meth:`rank` does so later.

        Raises
        ------
        InputError
            If a job runs already, the labels do not hold both classes, or the settings know no training.
        """
        self._follow_settings()
        if self.config.order == "labels":
            raise InputError(
                "These settings order the images by the linear head alone, so there is nothing to train. "
                "Choose the preset default, or set order to fused."
            )
        counts = self.status.counts
        if not (counts.anomaly and counts.not_sought):
            # Only here, for torch takes seconds to import, which a key would wait for.
            from anomalymatch_ui.learn import check_classes

            check_classes(counts.anomaly, counts.not_sought)

        def work(reporter: Reporter) -> None:
            from anomalymatch_ui.session.work.training import train_cycle

            last_seq, view = self._journal.last_seq, self.labels()
            self._automatic.cycle_begins(view)
            advice = self._rankings.advice(view)
            self._publish(message=advice)
            train_cycle(
                self._folder,
                self.pool,
                view,
                last_seq,
                self.config,
                steps,
                reporter,
                prevalence=self.insight.prevalence(),
            )
            cycle = self._folder.cycle
            self._publish(
                cycle=cycle,
                cycle_in_use=cycle,
                kept_cycles=self.cycles.kept,
                interrupted_step=None,
                message=advice,
            )
            if rank:
                self._rankings.rank(reporter)
            self._tidy()

        self._start("train", work, wait)

    def pin(self, cycle: int, pinned: bool = True) -> None:
        """Keep a cycle's network and scores for good, or no longer than those of other cycles.

        Of the others, the last ``train.keep_cycles`` are kept, and the one in use. Any process may pin.

        Raises
        ------
        InputError
            If there is no such cycle, or its network is not kept any more.
        StorageError
            If the disk refuses.
        """
        self.cycles.pin(cycle, pinned)
        self._publish(kept_cycles=self.cycles.kept, pinned_cycles=self.cycles.pinned)

    def _tidy(self) -> None:
        """Remove the networks and scores of past cycles that nothing needs, if the disk lets us."""
        from anomalymatch_ui.session.work.tidying import tidy

        try:
            tidy(self._folder, self.pool, self.cycles, self.config.train.keep_cycles)
        except StorageError as error:  # the cycle is there all the same, and the next one tries again
            logger.warning("The networks of past cycles could not be removed: %s", error)

    def adapt(self, wait: bool = False) -> None:
        """Adapt the backbone to the pool, which takes no label, then look at every image with it and rank.

        Where there is no order yet, the pool is ranked first, so that there is something to label meanwhile:
        labels and the order that follows them go on. An adaptation that was stopped goes on where it was.
        When it is done the settings have ``embedding.adapt``. Runs in the background unless ``wait``.

        Raises
        ------
        InputError
            If a job runs already, the settings order by the trained network alone, or, with ``wait``, the
            pool is too small, or its images are not seen by the middle of the network.
        """
        self._follow_settings()
        if self.config.order == "network":
            raise InputError(
                "These settings order the images by the trained network alone, as published, which is not "
                "adapted first. Choose the preset default."
            )

        def work(reporter: Reporter) -> None:
            if self._rankings.newest.version == 0:
                self._rankings.rank(reporter)
            self._rankings.adapt(reporter)
            self._keep_settings({"embedding": {"adapt": True}})
            self._rankings.rank(reporter)

        self._start("adapt", work, wait)

    def _keep_settings(self, values: Mapping[str, Any]) -> None:
        """Go by other settings that follow from a job, beside those that a person has changed meanwhile."""
        with self._settings_lock:
            self._save_settings(lambda config: config.with_values(**values))
            self._take_settings(self.config.with_values(**values))

    def _save_settings(self, changed: Callable[[Config], Config]) -> None:
        """Write changed settings, beside what another process or an editor has written since they were read.

        What somebody else has written is taken up when nothing runs; see :meth:`_follow_settings`.
        """
        self._pen.check()
        is_ours = self._folder.settings_stamp == self._settings_stamp
        changed(self.config if is_ours else Config.load(self._folder.config)).save(self._folder.config)
        if is_ours:
            self._settings_stamp = self._folder.settings_stamp

    @property
    def keeps_settings(self) -> bool:
        """Whether settings are kept: this process, and no other, holds the pen."""
        return self._pen.elsewhere is None

    def _keep_if_mine(self, values: Mapping[str, Any]) -> bool:
        """Keep settings that change no score, unless another process holds the pen; tell whether they are."""
        if not self.keeps_settings:
            return False
        self._keep_settings(values)
        return True

    def go_back(self, cycle: int, wait: bool = False) -> None:
        """Let an earlier cycle order the images, and rank them; 0 stands for the labels alone.

        It holds until the next cycle is finished, which is numbered on. Of past cycles some are kept; see
        :meth:`pin`. A stopped
        cycle that began with the weights of another one (``train.carry_over``) is given up. Runs in the
        background unless ``wait``.

        Raises
        ------
        InputError
            If a job runs already, there is no such cycle, its network is not kept any more, or, with
            ``wait``, its checkpoint is damaged.
        """
        self.cycles.check(cycle)

        def work(reporter: Reporter) -> None:
            before, interrupted = self._folder.cycle_in_use, self.status.interrupted_step
            self.cycles.use(cycle)
            step = self.cycles.interrupted_step(self.config)
            lost = interrupted is not None and step is None
            self._publish(
                cycle_in_use=cycle,
                interrupted_step=step,
                message=given_up(self._folder.cycle + 1, before) if lost else self.status.message,
            )
            self._rankings.rank(reporter)

        self._start("go-back", work, wait)

    @property
    def train_every(self) -> int:
        """After how many new labels a cycle starts by itself, kept with the settings; 0 for never."""
        return self.config.train.every

    @train_every.setter
    def train_every(self, labels: int) -> None:
        self.configure({"train.every": labels})

    def configure(self, values: Mapping[str, Any], *, preset: str | None = None) -> bool:
        """Change settings and keep them; the next cycle and the next ranking follow them.

        Parameters
        ----------
        values
            By name, such as ``{"train.steps": 80, "prevalence": 0.01}``.
        preset
            Start from a preset instead of the settings now; see
            :func:`~anomalymatch_ui.session.work.settings.configured`.

        Returns
        -------
        bool
            Whether :meth:`rank` is needed for the order to follow. What it takes is told by the status.

        Raises
        ------
        SettingsError
            With a sentence for each setting that is unknown, out of range, or cannot change while a job runs.
        SessionBusyError
            If another process holds the pen.
        StorageError
            If the disk refuses; then nothing has changed.
        """
        self._pen.claim()
        self._follow_settings()
        with self._settings_lock:
            before, interrupted = self.config, self.status.interrupted_step
            config = configured(before, values, preset, busy=self.status.state != "idle")
            self._save_settings(lambda now: configured(now, values, preset))
            looks_anew = self._take_settings(config)
        names, step = in_effect(changes(before, config), config), self.cycles.interrupted_step(config)
        lost = self._folder.cycle + 1 if interrupted is not None and step is None else None
        self._publish(
            interrupted_step=step,
            adaptation=self._rankings.embedder().adaptation(),
            message=consequence(names, looks_anew=looks_anew, gives_up=lost),
        )
        return changes_the_order(names)

    def _follow_settings(self) -> None:
        """Take the settings that another process, or a person in an editor, has written since."""
        stamp = self._folder.settings_stamp
        if stamp == self._settings_stamp or self.status.state != "idle":
            return
        config = Config.load(self._folder.config)
        self._settings_stamp = stamp
        if config != self.config:
            self._take_settings(config)

    def _take_settings(self, config: Config) -> bool:
        """Go by other settings; gives whether every image has to be looked at anew."""
        names = in_effect(changes(self.config, config), config)
        self.config = config
        self.insight.configure(config)
        return rescores(names) and self._rankings.configure(config)

    def pause(self) -> None:
        """Let the running job wait after its current step."""
        self._background.pause()

    def resume(self) -> None:
        """Let the paused job go on."""
        self._background.resume()

    def stop(self) -> None:
        """End the running job after its current step; a cycle can be gone on with later."""
        self._stopped = True
        self._background.stop()

    def wait(self, timeout: float | None = None) -> Status:
        """Wait for the running job to end, at most ``timeout`` seconds."""
        self._background.wait(timeout)
        return self.status

    def _train_if_possible(self) -> None:
        """Start a cycle that nobody asked for, unless a job runs or something else is missing."""
        status, counts = self.status, self.status.counts
        possible = self.config.order != "labels" and counts.anomaly > 0 and counts.not_sought > 0
        if possible and status.state == "idle" and self._pen.elsewhere is None:
            try:
                self.train()
            except AnomalyMatchError as error:  # a job was quicker, or the pen is gone: this was not urgent
                logger.warning("No cycle was started automatically: %s", error)
