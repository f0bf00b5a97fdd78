"""What is said of images, by keys and by tables: written to the journal, counted, and told to the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from anomalymatch_ui.labels import (
    LABELS,
    WITHOUT_A_LOOK,
    ImportReport,
    Label,
    LabelEvent,
    LabelTable,
    Shown,
)
from anomalymatch_ui.pool import ImagePool, index_in
from anomalymatch_ui.session.core.board import StatusBoard
from anomalymatch_ui.session.core.context import Context
from anomalymatch_ui.session.core.status import Counts, Receipt
from anomalymatch_ui.session.labelling.importing import import_labels


class Order(Protocol):
    """The order in which images are looked at, such as a ranking."""

    def shown(self, row: int) -> Shown | None:
        """Return what it says of an image; ``None`` if it says nothing."""


class Labelling:
    """Labels images in the name of a session's annotator.

    Parameters
    ----------
    context, board
        What the parts of the session share, and where its status is published.
    follow
        Told that labels have changed.
    """

    def __init__(self, context: Context, board: StatusBoard, follow: Callable[[], None]) -> None:
        self._context = context
        self._board = board
        self._follow = follow

    def label(
        self, ids: Iterable[str], label: Label | None, origin: str = "api", *, ranking: Order | None = None
    ) -> Receipt:
        """Label images, as one event that can be undone as one; durable when this returns.

        Parameters
        ----------
        ids
            Image ids; or one of them.
        label
            ``"anomaly"``, ``"nominal"``, ``"unsure"`` or ``"artefact"``; ``None`` withdraws the label.
        origin
            Where it comes from, kept in the journal. ``"known"`` says that the images were known before the
            search: such labels are no looks.
        ranking
            The order in which the images were looked at: what it said of each is kept with the label, and
            whether that came true is what forecasts learn from. A session takes its newest ranking for
            ``None``; images that nobody had to look for have the origin ``"known"``.

        Raises
        ------
        InputError
            If an id is not in the pool, there is none, or the label is unknown.
        StorageError
            If the disk refuses; then nothing is written.
        """
        ids = [ids] if isinstance(ids, str) else list(ids)
        rows = {image_id: index_in(self._context.pool, image_id) for image_id in ids}
        is_look = ranking is not None and origin not in WITHOUT_A_LOOK
        shown = {name: ranking.shown(row) for name, row in rows.items()} if ranking and is_look else {}
        said = {name: its for name, its in shown.items() if its is not None}
        return self.receipt(self._context.journal.append(ids, label, self._context.annotator, origin, said))

    def undo(self, origin: str) -> Receipt | None:
        """Take back the annotator's last event.

        Parameters
        ----------
        origin
            Where that is asked for, kept in the journal as for :meth:`label`.

        Returns
        -------
        Receipt or None
            ``None`` if there is nothing to take back.

        Raises
        ------
        StorageError
            If the disk refuses; then nothing has changed.
        """
        event = self._context.journal.undo(self._context.annotator, origin)
        return None if event is None else self.receipt(event)

    def redo(self, origin: str) -> Receipt | None:
        """Do again what was undone last.

        Parameters
        ----------
        origin
            As for :meth:`undo`.

        Returns
        -------
        Receipt or None
            ``None`` if there is nothing to do again.

        Raises
        ------
        StorageError
            If the disk refuses; then nothing has changed.
        """
        event = self._context.journal.redo(self._context.annotator, origin)
        return None if event is None else self.receipt(event)

    def take_table(self, table: LabelTable) -> ImportReport:
        """Import a table of labels and tell what became of it. Raises as :func:`import_labels`."""
        report, event = import_labels(table, self._context.pool, self._context.journal)
        if event is not None:
            self.receipt(event)
            self._board.publish(message=report.sentence())
        return report

    def receipt(self, event: LabelEvent) -> Receipt:
        """Count the labels, let the order follow them, and return what proves that they are on disk."""
        self._board.publish(counts=self.count())
        if event.labels:
            self._follow()
        marked = tuple(dict.fromkeys(image_id for image_id, _ in event.marks))
        return Receipt(event.seq, event.time, event.labels, event.passed_over, marked)

    def count(self) -> Counts:
        """Count the images of the pool by their labels now."""
        return counts_of(self._context.pool, self._context.journal.view())

    def gone(self, view: Mapping[str, Label]) -> int:
        """Return how many labelled images are not in the pool now."""
        return sum(name not in self._context.pool for name in view)


def counts_of(pool: ImagePool, view: Mapping[str, Label]) -> Counts:
    """Return how many images of a pool have which label."""
    counted = Counter(label for name, label in view.items() if name in pool)
    return Counts(len(pool), *(counted[label] for label in LABELS))
