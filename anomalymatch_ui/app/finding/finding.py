"""Finding images in the gallery: by a query, by views made ready, and the way back."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets

from anomalymatch_ui.app.inbox import Answer, Commit, Message, Notice
from anomalymatch_ui.errors import AnomalyMatchError, InputError
from anomalymatch_ui.labels import LABELS, MATCHING, Label
from anomalymatch_ui.session import SORTS, TO_LABEL, Counts, Found, Query, Ranking, Receipt, Session
from anomalymatch_ui.session.catalogue.column import Column

if TYPE_CHECKING:
    from anomalymatch_ui.app.finding.listed import Listed

_LABELLED = Query(sort="probability", labels=LABELS)
_DISAGREEMENTS = Query(disagreements=True)
_UNREADABLE = Query(sort="name", unreadable=True)
_KEPT = 8  # lists to go back to; each holds 9 bytes an image
_CHOICES = 20  # values of a column of text that are offered; more would be no choice


@dataclass(frozen=True)
class Place:
    """A list that was shown, so that one can come back to it.

    Attributes
    ----------
    view
        ``"to label"``, ``"find"``, ``"labelled"``, ``"audit"``, ``"disagreements"``, ``"unreadable"`` or
        ``"similar"``.
    query
        What the toolbar shows.
    find
        Finds the like by a ranking.
    found
        What was found.
    ranking
        By which it was.
    first
        Where in the list the page shown begins, counted from 0; a page may have another size later.
    """

    view: str
    query: Query
    find: Callable[[Ranking], Found]
    found: Found
    ranking: Ranking
    first: int = 0


class Finds(traitlets.HasTraits):
    """What a gallery can find. A list keeps its order while labels are given; only the counts change.

    Attributes
    ----------
    finding
        What the toolbar shows: the view, the query's values, the counts, and whether there is a way back.
    orders
        The orders in the menu.
    """

    finding = traitlets.Dict().tag(sync=True)
    orders: traitlets.List[str] = traitlets.List(default_value=list(SORTS), read_only=True).tag(sync=True)

    _session: Session
    _ranking: Ranking
    _listed: Listed
    _number: int
    page_size: int
    _loop: asyncio.AbstractEventLoop | None
    commands: dict[str, Notice]
    commits: dict[str, Commit]
    answers: dict[str, Answer]
    if TYPE_CHECKING:
        show: Callable[..., None]
        say: Callable[..., None]
        label: Callable[..., Receipt]
        heed: Callable[..., None]
        _turn: Callable[..., Any]
        _by_hand: Callable[..., Receipt | None]

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
            Change the query.

        Raises
        ------
        InputError
            If a value is unknown, or there is nothing yet to sort by. The list stays as it is then.
        """
        query = (query or Query()).with_values(**values)
        self._go("to label" if query == TO_LABEL else "find", query, self._finder(query), wait=wait)

    def show_unlabelled(self, *, wait: bool = True) -> None:
        """List the images without a label by the newest ranking, what to look at next first."""
        self.find(TO_LABEL, wait=wait)

    def show_labelled(self, *, wait: bool = True) -> None:
        """List the images that have a label."""
        self._go("labelled", _LABELLED, self._finder(_LABELLED), wait=wait)

    def show_disagreements(self, *, wait: bool = True) -> None:
        """List the images on which annotators disagree, with what each says."""
        self._go("disagreements", _DISAGREEMENTS, self._finder(_DISAGREEMENTS), wait=wait)

    def show_unreadable(self, *, wait: bool = True) -> None:
        """List the images that cannot be read."""
        self._go("unreadable", _UNREADABLE, self._finder(_UNREADABLE), wait=wait)

    def show_audit(self, *, wait: bool = True) -> None:
        """List the labels, those first that the others contest the most.

        Raises
        ------
        InputError
            If there are not labels of both classes, or the pool has not been ranked yet.
        """
        self._go("audit", self.query, lambda _ranking: self._session.finding.audit(), wait=wait)

    def show_similar(self, ids: str | Iterable[str], count: int = 60, *, wait: bool = True) -> None:
        """List the images most like one or several others.

        Raises
        ------
        InputError
            If an id is not in the pool, or the pool has not been ranked yet.
        """
        ids = [ids] if isinstance(ids, str) else list(ids)
        find = self._session.finding.similar
        self._go("similar", self.query, lambda _ranking: find(ids, count), wait=wait)

    def show_same_place(self, radius: float = 1.0, *, wait: bool = True) -> None:
        """List the images that lie within ``radius`` seconds of arc of another, place by place.

        Raises
        ------
        InputError
            If no positions are known, or the radius is not above 0.
        """
        find = self._session.finding.same_place
        self._go("same place", self.query, lambda _ranking: find(radius), wait=wait)

    def back(self, *, wait: bool = True) -> None:
        """Go back to the list, and its page, from which one came; nothing if there is none."""
        place = self._former
        if place is not None:
            if self._is_here:
                self._places.pop()
            self._show_place(place, wait)
            if place.first:
                self._turn(place.first // self.page_size, wait=wait)
            self.heed(self._session.status)  # a newer ranking is offered again

    def label_matching(self, label: Label | None) -> Receipt:
        """Label all that is listed, on all pages, as one action that one undo takes back.

        An image that has got a label since it was found, and for which the list does not ask any more, is
        left alone.

        Raises
        ------
        AnomalyMatchError
            If nothing is left to label, or the session cannot take the labels.
        """
        ids = self._session.finding.remaining(self._found)
        if not ids:
            raise InputError("Nothing that is listed here is left to label. Take a filter away.")
        receipt = self.label(ids, label, origin=MATCHING)
        done = f"labelled {label}" if label else "left without a label"
        self.say(f"{len(ids):,} {done} · Z takes it back")
        return receipt

    def close(self) -> None:
        """Stop the thread that finds, and leave the page."""
        self._seeker.shutdown(cancel_futures=True)
        super().close()  # type: ignore[misc]

    @property
    def query(self) -> Query:
        """What the toolbar shows."""
        return self._here.query if self._here else TO_LABEL

    @property
    def counts(self) -> Counts:
        """How the images that are listed, on all pages, are labelled now."""
        return self._session.finding.counts(self._found)

    def _begin_finding(self) -> None:
        self._here: Place | None = None
        self._here_listing = -1
        self._places: deque[Place] = deque(maxlen=_KEPT)
        self._seeker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="finding")
        self._sought: Future[Found] | None = None
        self._awaited: Query | None = None  # asked for last, and not found yet
        self._followed: tuple[int, int] | None = None
        self._told: tuple[int, Mapping[str, Label]] | None = None
        self.commands |= {
            "find": lambda message: self._telling(lambda: self._find_changed(message["change"])),
            "view": lambda message: self._telling(lambda: self._show_view(message["view"])),
            "similar": lambda message: self.show_similar(message["id"], wait=False),
            "back": lambda _message: self.back(wait=False),
        }
        self.commits["label matching"] = self._label_what_was_counted
        self.answers["columns"] = lambda _message: (self._filters(), [])
        self.observe(self._note_page, "page")

    def _label_what_was_counted(self, message: Message) -> Receipt | None:
        if message["listing"] != self._listed.number:
            raise InputError(
                "Another list has come meanwhile, so nothing was labelled. Look at it, then ask again."
            )
        return self._by_hand(self.label_matching, message["label"])

    def _finder(self, query: Query) -> Callable[[Ranking], Found]:
        return lambda ranking: self._session.finding.find(query, ranking)

    def _go(self, view: str, query: Query, find: Callable[[Ranking], Found], *, wait: bool) -> None:
        """Show another list, and keep in mind where to come back to."""

        def arrive(found: Found, ranking: Ranking) -> None:
            if view == "to label":
                self._places.clear()
            elif self._here and (self._here.view != view or not self._is_here):
                self._places.append(self._here)  # but one search replaces the other, as one likeness does
            self._show_place(Place(view, query, find, found, ranking), wait)

        self._awaited = query
        self._seek(find, arrive, wait)

    def _again(self, place: Place, wait: bool) -> None:
        """Show the like of a list by the newest ranking."""
        followed = id(place), self._session.ranking().version
        if self._sought is not None and self._followed == followed:
            return  # asked for with every status until it is there
        self._followed = followed

        def arrive(found: Found, ranking: Ranking) -> None:
            self._show_place(replace(place, found=found, ranking=ranking, first=0), wait)

        self._seek(place.find, arrive, wait)

    def _seek(
        self, find: Callable[[Ranking], Found], arrive: Callable[[Found, Ranking], None], wait: bool
    ) -> None:
        """Find on a thread unless ``wait``: an audit takes a second, in which keys are to be answered."""
        ranking, loop = self._session.ranking(), self._loop
        if wait or loop is None:
            arrive(find(ranking), ranking)
            return

        def take(done: Future[Found]) -> None:
            if self._sought is not done:
                return  # something else was asked for meanwhile
            self._sought = self._awaited = None
            try:
                found = done.result()
            except AnomalyMatchError as error:
                self.say(str(error), "error")
                self._tell_finding(anew=True)
                return
            arrive(found, ranking)

        self._sought = self._seeker.submit(find, ranking)
        self._sought.add_done_callback(lambda done: loop.call_soon_threadsafe(take, done))

    def _show_place(self, place: Place, wait: bool) -> None:
        found = place.found
        self._sought = self._awaited = None
        self._here, self._here_listing = place, self._listed.number + 1
        self.show(
            found.order,
            found.drawn,
            found.title,
            found.empty,
            duplicate=found.duplicate,
            captions=found.captions,
            ranking=place.ranking,
            again=lambda *, wait=True: self._again(place, wait),
            wait=wait,
        )

    def _note_page(self, _change: object) -> None:
        if self._is_here and self._here:
            self._here = replace(self._here, first=self._number * self.page_size)
        self._tell_finding()

    @property
    def _former(self) -> Place | None:
        """Where the way back leads."""
        if not self._is_here:
            return self._here
        return self._places[-1] if self._places else None

    @property
    def _is_here(self) -> bool:
        """Whether the list shown is one of ours; others may list images, too."""
        return self._here_listing == self._listed.number

    @property
    def _found(self) -> Found:
        if self._is_here and self._here:
            return self._here.found
        listed = self._listed
        return Found(listed.order, listed.drawn, listed.title, duplicate=listed.duplicate)

    def _find_changed(self, change: Mapping[str, Any]) -> None:
        # Two controls in haste: the second changes what the first has asked for.
        self.find((self._awaited or self.query).with_values(**change), wait=False)

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
            self._tell_finding(anew=True)
            raise

    def _tell_finding(self, *, anew: bool = False) -> None:
        """Return the browser what is listed, unless it knows; ``anew`` so that a control shows it again."""
        now = self._listed.number, self._session.labels()
        if not anew and self._told is not None and self._told[0] == now[0] and self._told[1] is now[1]:
            return
        self._told = now
        found, counts = self._found, self.counts
        counts_of = {**asdict(counts), "unlabelled": counts.unlabelled}
        self.finding = {
            "serial": int(self.finding.get("serial", 0)) + 1,
            "listing": now[0],
            "view": self._here.view if self._is_here and self._here else "list",
            "query": _in_json(self.query),
            "counts": counts_of,
            "remaining": sum(counts_of[state] for state in found.labels) if found.labels else found.total,
            "replaces": sum(counts_of[label] for label in LABELS if label in (found.labels or LABELS)),
            "back": self._former.found.title if self._former else "",
        }

    def _filters(self) -> dict[str, Any]:
        """Return what can be asked for: columns, and whether positions are known."""
        finding = self._session.finding
        columns = [_described(column) for column in finding.columns().values()]
        return {"columns": columns, "positions": finding.places.degrees() is not None}


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


def _described(column: Column) -> dict[str, Any]:
    """Return what can be asked of a column: its range, or its values where they are few."""
    if column.numbers is not None:
        known = column.numbers[np.isfinite(column.numbers)]
        low, high = (float(known.min()), float(known.max())) if len(known) else (None, None)
        return {"name": column.name, "kind": "number", "low": low, "high": high}
    values = sorted(set(column.texts) - {""})
    return {"name": column.name, "kind": "text", "values": values if len(values) <= _CHOICES else []}
