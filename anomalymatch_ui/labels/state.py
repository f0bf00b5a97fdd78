"""What a journal's rows come to so far, and the rows that follow them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import cast

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.labels.checking import lost_rows
from anomalymatch_ui.labels.entries import LABELS, JournalEntry, Label, LabelEvent, Shown
from anomalymatch_ui.labels.history import Touched
from anomalymatch_ui.labels.journalfile import OpenFile, Writing
from anomalymatch_ui.labels.rows import Row, entries_of, row_of
from anomalymatch_ui.labels.views import Views


class JournalState:
    """The state that follows from the rows of a file, kept in step with it. Its journal holds the lock.

    Parameters
    ----------
    file
        Opened here.

    Attributes
    ----------
    views
        Snapshots of the state.
    foreign_seq
        Number of the newest row that somebody else wrote, or that was there at the start; 0 if none.
    """

    def __init__(self, file: OpenFile) -> None:
        self._file = file
        self.views = Views()
        self.foreign_seq = 0
        self._data_version = -1
        self._take_in(file.open())
        # The number of a row that was lost stays its own: given out again, its next loss would not be told.
        self._last_lost = max(lost_rows(file.meta()), default=0)
        self.refresh()

    def refresh(self) -> None:
        """Take in what others have written, if the file has changed."""
        version = self._file.version()
        if version != self._data_version:
            self.read_new_rows()
            self._data_version = version

    def read_new_rows(self) -> None:
        """Take in what others have written."""
        self._take_in(self._file.rows_after(self.views.history.last_seq))

    def write(
        self,
        writing: Writing,
        changes: Mapping[Touched, str | None],
        annotator: str,
        origin: str,
        reverts: int | None,
        shown: Mapping[str, Shown],
    ) -> list[JournalEntry]:
        """Write changes as the rows of one action; they count once :meth:`accept` has taken them."""
        now = datetime.now(UTC)
        now = now.replace(microsecond=now.microsecond // 1000 * 1000)
        action = self.views.history.last_action + 1
        last = max(self.views.history.last_seq, self._last_lost)
        entries = [
            JournalEntry(
                seq,
                now,
                image_id,
                cast(Label | None, value) if mark is None else None,
                annotator,
                origin,
                action,
                reverts,
                shown.get(image_id) if mark is None else None,
                mark,
                None if mark is None else value,
            )
            for seq, ((image_id, mark), value) in enumerate(changes.items(), last + 1)
        ]
        writing.rows([row_of(entry) for entry in entries])
        return entries

    def accept(self, entries: list[JournalEntry]) -> LabelEvent:
        """Take rows into the derived state, now that they are committed."""
        self.views.add(entries)
        last = entries[-1]
        labels = {entry.image_id: entry.label for entry in entries if entry.mark is None}
        marks = {(entry.image_id, entry.mark): entry.value for entry in entries if entry.mark is not None}
        return LabelEvent(
            last.seq, last.time, last.action, MappingProxyType(labels), marks=MappingProxyType(marks)
        )

    def _take_in(self, rows: Sequence[Row]) -> None:
        """Take rows into the derived state that others have written."""
        if rows:
            self.views.add(entries_of(rows))
            self.foreign_seq = rows[-1][0]


def check_labels(labels: Mapping[str, Label | None]) -> None:
    """Check what images are to be labelled as.

    Raises
    ------
    InputError
        If there is no image, or a label is unknown.
    """
    if not labels:
        raise InputError("There is no image to label. Name at least one.")
    for label in set(labels.values()):
        if label is not None and label not in LABELS:
            raise InputError(f"There is no label {label!r}. Use one of: {', '.join(LABELS)}, or none.")
