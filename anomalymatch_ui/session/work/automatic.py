"""Training that starts by itself after so many labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from anomalymatch_ui.labels import Journal, Label
from anomalymatch_ui.session.work.cycles import Cycles


class AutomaticTraining:
    """Asks for a cycle once the labels differ enough from those that the last cycle began with.

    A label that was given, undone and given again counts once, and one that was taken back not at all.
    What became due while a job ran is asked for when the job has ended; nothing is asked for before a
    label has come since the last cycle began, so that a cycle that was stopped stays stopped.

    Parameters
    ----------
    journal, cycles
        The labels of the session and its finished cycles.
    every
        Returns the number of labels; 0 for no automatic training.
    start
        Starts a cycle if that can be done now; told on the thread that brought the label or ended the job.
    """

    def __init__(
        self, journal: Journal, cycles: Cycles, every: Callable[[], int], start: Callable[[], None]
    ) -> None:
        self._journal = journal
        self._cycles = cycles
        self._every = every
        self._start = start
        self._began_with: Mapping[str, Label] | None = None
        self._label_came = False
        self._closed = False

    def cycle_begins(self, view: Mapping[str, Label]) -> None:
        """Take note of the labels a cycle begins with."""
        self._began_with, self._label_came = view, False

    def label_came(self) -> None:
        """Take note that labels have changed."""
        self._label_came = True
        self.look()

    def look(self) -> None:
        """Ask for a cycle if one is due."""
        every = self._every()
        if not self._closed and self._label_came and 0 < every <= self._new_labels():
            self._start()

    def put_off(self) -> None:
        """Ask for nothing before another label has come: the job that ran was stopped."""
        self._label_came = False

    def close(self) -> None:
        """Ask for nothing any more."""
        self._closed = True

    def _new_labels(self) -> int:
        """Count the images whose label is not what it was when the last cycle began."""
        if self._began_with is None:
            self._began_with = self._labels_of_last_cycle()
        before, now = self._began_with, self._journal.view()
        return sum(before.get(name) != now.get(name) for name in before.keys() | now.keys())

    def _labels_of_last_cycle(self) -> Mapping[str, Label]:
        cycles = self._cycles.all()
        if not cycles:
            return {}
        last_seq = cycles[-1].last_seq
        if last_seq is None:  # its record is gone: what is there now counts as known
            return self._journal.view()
        labels = {entry.image_id: entry.label for entry in self._journal.entries() if entry.seq <= last_seq}
        return {name: label for name, label in labels.items() if label is not None}
