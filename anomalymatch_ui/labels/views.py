"""What follows from a journal's rows, as immutable snapshots that are made when they are asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from anomalymatch_ui.labels.entries import JournalEntry, Label
from anomalymatch_ui.labels.history import History


class Views:
    """Snapshots of the state of a journal, kept until the next row. Not locked: its journal does that."""

    def __init__(self) -> None:
        self.history = History()
        self._forget()

    def _forget(self) -> None:
        self._labels: Mapping[str, Label] | None = None
        self._words: Mapping[str, Mapping[str, Label]] | None = None
        self._looked_at: frozenset[str] | None = None
        self._marks: Mapping[str, Mapping[str, str]] | None = None

    def add(self, entries: Iterable[JournalEntry]) -> None:
        """Take in the next rows."""
        for entry in entries:
            self.history.add(entry)
            self._forget()

    @property
    def labels(self) -> Mapping[str, Label]:
        """The current labels by image id."""
        if self._labels is None:
            self._labels = MappingProxyType(dict(self.history.labels))
        return self._labels

    @property
    def words(self) -> Mapping[str, Mapping[str, Label]]:
        """Each annotator's own present word, by annotator, sorted, and image id."""
        if self._words is None:
            words = self.history.words()
            self._words = MappingProxyType({name: MappingProxyType(own) for name, own in words.items()})
        return self._words

    @property
    def marks(self) -> Mapping[str, Mapping[str, str]]:
        """Values of the marks by image id and mark, of the images that have any."""
        if self._marks is None:
            marks = {name: MappingProxyType(dict(own)) for name, own in self.history.marks.items() if own}
            self._marks = MappingProxyType(marks)
        return self._marks

    @property
    def looked_at(self) -> frozenset[str]:
        """Ids of the images with a label whose first one came from a look."""
        if self._looked_at is None:
            self._looked_at = self.history.looked_at()
        return self._looked_at
