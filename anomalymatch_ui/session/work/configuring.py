"""The settings of an open session: changed, kept, and taken up where somebody else has written them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from anomalymatch_ui.config import Config
from anomalymatch_ui.errors import AnomalyMatchError
from anomalymatch_ui.session.core.board import StatusBoard
from anomalymatch_ui.session.core.context import Context
from anomalymatch_ui.session.work.cycles import Cycles
from anomalymatch_ui.session.work.rankings import Rankings
from anomalymatch_ui.session.work.settings import (
    changes,
    changes_the_order,
    configured,
    consequence,
    in_effect,
    rescores,
)


class Configuring:
    """Changes the settings of a session.

    Parameters
    ----------
    context, board, rankings, cycles
        What the parts of the session share, where its status is published, its rankings, and its
        finished cycles.
    """

    def __init__(self, context: Context, board: StatusBoard, rankings: Rankings, cycles: Cycles) -> None:
        self._context = context
        self._board = board
        self._rankings = rankings
        self._cycles = cycles
        self._folder = context.folder
        self._writer_lock = context.writer_lock
        self._lock = threading.RLock()
        self._stamp = context.folder.settings_stamp

    @property
    def keeps(self) -> bool:
        """Whether settings are kept: no other process holds the writer lock."""
        return self._writer_lock.elsewhere is None and not self._writer_lock.refusal

    def keep(self, values: Mapping[str, Any]) -> None:
        """Change settings as the outcome of a job, and keep what a person has changed in the meantime."""
        with self._lock:
            self._save(lambda config: config.with_values(**values))
            self._take(self._context.config.with_values(**values))

    def keep_if_mine(self, values: Mapping[str, Any]) -> bool:
        """Keep settings that change no score unless another process holds the lock; return whether it did."""
        if not self.keeps:
            return False
        self.keep(values)
        return True

    def change(self, values: Mapping[str, Any], *, preset: str | None = None) -> bool:
        """Change settings and keep them; the next cycle and the next ranking follow them.

        Parameters
        ----------
        values
            New values by the names of the settings, such as ``{"train.steps": 80, "prevalence": 0.01}``.
        preset
            Start from a preset instead of the settings now; see
            :func:`~anomalymatch_ui.session.work.settings.configured`.

        Returns
        -------
        bool
            Whether a ranking is needed for the order to follow. What it takes is told by the status.

        Raises
        ------
        SettingsError
            With a sentence for each setting that is unknown, out of range, or cannot change while a job runs.
        SessionBusyError
            If another process holds the lock.
        StorageError
            If the disk refuses; then nothing has changed.
        """
        self._writer_lock.claim()
        self.follow()
        with self._lock:
            before, interrupted = self._context.config, self._board.status.interrupted_step
            config = configured(before, values, preset, busy=self._board.status.state != "idle")
            self._save(lambda now: configured(now, values, preset))
            looks_anew = self._take(config)
        names, step = in_effect(changes(before, config), config), self._cycles.interrupted_step(config)
        lost = self._folder.cycle + 1 if interrupted is not None and step is None else None
        self._board.publish(
            interrupted_step=step,
            adaptation=self._rankings.embedder().adaptation(),
            message=consequence(names, looks_anew=looks_anew, gives_up=lost),
        )
        return changes_the_order(names)

    def follow(self) -> None:
        """Take the settings that another process, or a person in an editor, has written since.

        Raises
        ------
        InputError
            If they cannot be used.
        """
        stamp = self._folder.settings_stamp
        if stamp == self._stamp or self._board.status.state != "idle":
            return
        config = Config.load(self._folder.config)
        self._stamp = stamp
        if config != self._context.config:
            self._take(config)

    def reread(self) -> None:
        """Follow, and publish why that cannot be done."""
        try:
            self.follow()
        except AnomalyMatchError as error:
            self._board.publish(error=str(error))

    def _save(self, changed: Callable[[Config], Config]) -> None:
        """Write changed settings, beside what another process or an editor has written since they were read.

        What somebody else has written is taken up when nothing runs; see :meth:`follow`.
        """
        self._writer_lock.check()
        is_ours = self._folder.settings_stamp == self._stamp
        changed(self._context.config if is_ours else Config.load(self._folder.config)).save(
            self._folder.config
        )
        if is_ours:
            self._stamp = self._folder.settings_stamp

    def _take(self, config: Config) -> bool:
        """Use other settings from now on; return whether every image has to be looked at anew."""
        names = in_effect(changes(self._context.config, config), config)
        former = self._rankings.scorer if rescores(names) else None  # by the previous settings
        self._context.settings.now = config
        return former is not None and self._rankings.configure(former)
