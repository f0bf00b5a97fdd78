"""Finding images in the gallery: by a query, by views made ready, and the way back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from typing import Any, Literal, Protocol

import numpy as np

from anomalymatch_ui.app.finding.trail import ListingGallery, Trail
from anomalymatch_ui.app.inbox import Inbox, Message
from anomalymatch_ui.errors import AnomalyMatchError, InputError
from anomalymatch_ui.labels import LABELS, MATCHING, Label
from anomalymatch_ui.session import TO_LABEL, Counts, Found, Query, Ranking, Receipt, Session, Status
from anomalymatch_ui.session.catalogue.column import Column

_LABELLED = Query(sort="probability", labels=LABELS)
_DISAGREEMENTS = Query(disagreements=True)
_UNREADABLE = Query(sort="name", unreadable=True)
_CHOICES = 20  # values of a column of text that are offered; more would be no choice


class FindingGallery(ListingGallery, Protocol):
    """What is needed of a gallery."""

    finding: dict[str, Any]

    def label(self, ids: Iterable[str], label: Label | None, *, origin: str) -> Receipt:
        """Label images."""

    def say(self, sentence: str, tone: Literal["info", "error"] = "info") -> None:
        """Show a sentence."""

    def heed(self, status: Status) -> None:
        """Take notice of a session's status."""


class GalleryFinds:
    """What a gallery can find. A list keeps its order while labels are given; only the counts change.

    Parameters
    ----------
    session
        Whose images are listed.
    gallery
        Where they are shown. What its toolbar shows, the view, the query's values, the counts and whether
        there is a way back, is written into its trait ``finding``.
    loop
        The kernel's loop; ``None`` in a script.
    """

    def __init__(
        self, session: Session, gallery: FindingGallery, loop: asyncio.AbstractEventLoop | None
    ) -> None:
        self._session = session
        self._gallery = gallery
        self._trail = Trail(session, gallery, loop, self._refuse)
        self._told: tuple[int, Mapping[str, Label]] | None = None

    def take_messages(self, inbox: Inbox, by_hand: Callable[..., Receipt | None]) -> None:
        """Carry out what the browser asks for; ``by_hand`` carries out what goes to the disk."""
        inbox.commands |= {
            "find": lambda message: self._telling(lambda: self._find_changed(message["change"])),
            "view": lambda message: self._telling(lambda: self._show_view(message["view"])),
            "similar": lambda message: self.show_similar(message["id"], wait=False),
            "same place": lambda message: self.show_same_place(of=message.get("id", ""), wait=False),
            "back": lambda _message: self.back(wait=False),
        }
        inbox.commits["label matching"] = lambda message: self._label_what_was_counted(message, by_hand)
        inbox.answers["columns"] = lambda _message: (self._filters(), [])

    def find(self, query: Query | None = None, *, wait: bool = True, **values: Any) -> None:
        """Find images and show the first page of them.

        Parameters
        ----------
        query
            What to look for; ``None`` for values by name, such as ``sort="uncertainty", text="ngc"``. What
            is not named is not filtered; see :class:`~anomalymatch_ui.session.Query`.
        wait
            Return when the page is shown; otherwise it is shown as soon as it is ready.
        values
            Filters and the order by name, as :class:`~anomalymatch_ui.session.Query` has them; they win over
            ``query``.

        Raises
        ------
        InputError
            If a value is unknown, or there is nothing yet to sort by. The list stays as it is then.
        """
        query = (query or Query()).with_values(**values)
        self._trail.go(_view_of(query), query, self._finder(query), wait=wait)

    def show_unlabelled(self, *, wait: bool = True) -> None:
        """List the images without a label by the newest ranking, what to look at next first.

        Parameters
        ----------
        wait
            As for :meth:`find`.
        """
        self.find(TO_LABEL, wait=wait)

    def show_labelled(self, *, wait: bool = True) -> None:
        """List the images that have a label, by name as long as nothing is ranked.

        Parameters
        ----------
        wait
            As for :meth:`find`.
        """
        ranked = self._session.ranking().version > 0
        query = _LABELLED if ranked else _LABELLED.with_values(sort="name")
        self._trail.go("labelled", query, self._finder(query), wait=wait)

    def show_disagreements(self, *, wait: bool = True) -> None:
        """List the images on which annotators disagree, with what each says.

        Parameters
        ----------
        wait
            As for :meth:`find`.
        """
        self._trail.go("disagreements", _DISAGREEMENTS, self._finder(_DISAGREEMENTS), wait=wait)

    def show_unreadable(self, *, wait: bool = True) -> None:
        """List the images that cannot be read.

        Parameters
        ----------
        wait
            As for :meth:`find`.
        """
        self._trail.go("unreadable", _UNREADABLE, self._finder(_UNREADABLE), wait=wait)

    def show_audit(self, *, wait: bool = True) -> None:
        """List the labels, those first that the others contest the most.

        Parameters
        ----------
        wait
            As for :meth:`find`.

        Raises
        ------
        InputError
            If there are not labels of both classes, or the pool has not been ranked yet.
        """
        self._trail.go("audit", self.query, lambda _ranking: self._session.finding.audit(), wait=wait)

    def show_similar(self, ids: str | Iterable[str], count: int = 60, *, wait: bool = True) -> None:
        """List the images most like one or several others.

        Parameters
        ----------
        ids
            Id of an image; or several, of which any may be alike.
        count
            How many to list at most.
        wait
            As for :meth:`find`.

        Raises
        ------
        InputError
            If an id is not in the pool, or the pool has not been ranked yet.
        """
        ids = [ids] if isinstance(ids, str) else list(ids)
        find = self._session.finding.similar
        self._trail.go("similar", self.query, lambda _ranking: find(ids, count), wait=wait)

    def show_same_place(self, radius: float | None = None, of: str = "", *, wait: bool = True) -> None:
        """List the images that lie within ``radius`` seconds of arc of another, place by place.

        Parameters
        ----------
        radius
            Seconds of arc; ``None`` takes the setting ``acquisition.same_place``.
        of
            Id of an image; only those at its place then.
        wait
            As for :meth:`find`.

        Raises
        ------
        InputError
            If no positions are known, the radius is not above 0, or there is no other image at the place.
        """
        find = self._session.finding.same_place
        self._trail.go("same place", self.query, lambda _ranking: find(radius, of), wait=wait)

    def back(self, *, wait: bool = True) -> None:
        """Go back to the list, and its page, from which one came; nothing if there is none.

        Parameters
        ----------
        wait
            As for :meth:`find`.
        """
        if self._trail.back(wait=wait):
            self._gallery.heed(self._session.status)  # a newer ranking is offered again

    def label_matching(self, label: Label | None) -> Receipt:
        """Label all that is listed, on all pages, as one action that one undo takes back.

        An image that has got a label since it was found, and for which the list does not ask any more, is
        left alone.

        Parameters
        ----------
        label
            As for :meth:`Session.label`; ``None`` withdraws the labels.

        Returns
        -------
        Receipt
            What is on disk now.

        Raises
        ------
        AnomalyMatchError
            If nothing is left to label, or the session cannot take the labels.
        """
        ids = self._session.finding.remaining(self._trail.found)
        if not ids:
            raise InputError("Nothing listed here is left to label. Remove a filter.")
        receipt = self._gallery.label(ids, label, origin=MATCHING)
        done = f"labelled {label}" if label else "left without a label"
        self._gallery.say(f"{len(ids):,} {done} · Z takes it back")
        return receipt

    def close(self) -> None:
        """Stop the thread that finds."""
        self._trail.close()

    @property
    def query(self) -> Query:
        """What the toolbar shows."""
        return self._trail.query

    @property
    def counts(self) -> Counts:
        """How the images that are listed, on all pages, are labelled now."""
        return self._session.finding.counts(self._trail.found)

    def note_page(self) -> None:
        """Keep in mind which page is shown, and tell the browser what is listed."""
        self._trail.note_page()
        self.tell()

    def tell(self, *, anew: bool = False) -> None:
        """Tell the browser what is listed, unless it knows; ``anew`` so that a control shows it again."""
        now = self._gallery.listed.number, self._session.labels()
        if not anew and self._told is not None and self._told[0] == now[0] and self._told[1] is now[1]:
            return
        self._told = now
        trail, found, counts = self._trail, self._trail.found, self.counts
        counts_of = {**asdict(counts), "unlabelled": counts.unlabelled}
        self._gallery.finding = {
            "serial": int(self._gallery.finding.get("serial", 0)) + 1,
            "listing": now[0],
            "view": trail.view,
            "query": _in_json(self.query),
            "counts": counts_of,
            "remaining": sum(counts_of[state] for state in found.labels) if found.labels else found.total,
            "replaces": sum(counts_of[label] for label in LABELS if label in (found.labels or LABELS)),
            "folded": found.folded,
            "positions": self._session.finding.places.at_hand() is not None,
            "back": trail.former.found.title if trail.former else "",
        }

    def _label_what_was_counted(
        self, message: Message, by_hand: Callable[..., Receipt | None]
    ) -> Receipt | None:
        if message["listing"] != self._gallery.listed.number:
            raise InputError(
                "The list has changed meanwhile, so nothing was labelled. Check it, then try again."
            )
        return by_hand(self.label_matching, message["label"])

    def _finder(self, query: Query) -> Callable[[Ranking], Found]:
        return lambda ranking: self._session.finding.find(query, ranking)

    def _find_changed(self, change: Mapping[str, Any]) -> None:
        # Two controls in haste: the second changes what the first has asked for.
        self.find(self._trail.awaited.with_values(**change), wait=False)

    def _show_view(self, name: str) -> None:
        views = {
            "to label": self.show_unlabelled,
            "labelled": self.show_labelled,
            "audit": self.show_audit,
            "disagreements": self.show_disagreements,
            "unreadable": self.show_unreadable,
        }
        if name not in views:
            raise InputError(f"There is no view {name!r}. Choose one of: {', '.join(views)}.")
        views[name](wait=False)

    def _telling(self, action: Callable[[], None]) -> None:
        """Carry out what a control asks for; if it cannot be, let the control show again what there is."""
        try:
            action()
        except AnomalyMatchError:
            self.tell(anew=True)
            raise

    def _refuse(self, error: AnomalyMatchError) -> None:
        self._gallery.say(str(error), "error")
        self.tell(anew=True)

    def _filters(self) -> dict[str, Any]:
        """Return what can be asked for: columns, and whether positions are known."""
        finding = self._session.finding
        columns = [_described(name, column) for name, column in finding.columns().items()]
        return {"columns": columns, "positions": finding.places.degrees() is not None}


def _view_of(query: Query) -> str:
    """Return the view that lists what a query does, in whatever order; else ``"find"``."""
    views = {
        "to label": TO_LABEL,
        "labelled": _LABELLED,
        "disagreements": _DISAGREEMENTS,
        "unreadable": _UNREADABLE,
    }
    which = query.with_values(sort="name", reverse=False)
    same = (name for name, view in views.items() if view.with_values(sort="name", reverse=False) == which)
    return next(same, "find")


def _in_json(query: Query) -> dict[str, Any]:
    """Return a query's values for the browser; of ids no more than how many."""
    return {
        "sort": query.sort,
        "reverse": query.reverse,
        "labels": list(query.labels),
        "score": query.score,
        "cone": query.cone,
        "text": query.text,
        "columns": dict(query.columns),
        "disagreements": query.disagreements,
        "unreadable": query.unreadable,
        "ids": None if query.ids is None else len(query.ids),
    }


def _described(name: str, column: Column) -> dict[str, Any]:
    """Return what can be asked of a column: its range, or its values where they are few."""
    if column.numbers is not None:
        known = column.numbers[np.isfinite(column.numbers)]
        low, high = (float(known.min()), float(known.max())) if len(known) else (None, None)
        return {"name": name, "kind": "number", "low": low, "high": high}
    values = sorted(set(column.texts) - {""})
    return {"name": name, "kind": "text", "values": values if len(values) <= _CHOICES else []}
