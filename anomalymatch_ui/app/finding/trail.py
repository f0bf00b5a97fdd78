"""The lists that a gallery has shown, and the way back."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from anomalymatch_ui.app.finding.listed import Listed
from anomalymatch_ui.errors import AnomalyMatchError
from anomalymatch_ui.session import TO_LABEL, Found, Query, Ranking, Session

_KEPT = 8  # lists to go back to; each holds 9 bytes an image


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


class ListingGallery(Protocol):
    """What lists images, a page of them at a time."""

    page_size: int

    @property
    def listed(self) -> Listed:
        """What is listed."""

    @property
    def number(self) -> int:
        """Number of the page shown, counted from 0."""

    def show(self, order: np.ndarray, drawn: np.ndarray, title: str, empty: str, **options: Any) -> None:
        """List images, and show the first page of them."""

    def show_page(self, number: int, *, wait: bool) -> None:
        """Show another page."""


class Trail:
    """The lists of a gallery, from the images to label on.

    Parameters
    ----------
    session
        Whose images are listed.
    gallery
        Where they are shown.
    loop
        The kernel's loop, on which what was found in a thread is shown; ``None`` in a script.
    refused
        Called with the reason where nothing could be found.
    """

    def __init__(
        self,
        session: Session,
        gallery: ListingGallery,
        loop: asyncio.AbstractEventLoop | None,
        refused: Callable[[AnomalyMatchError], None],
    ) -> None:
        self._session = session
        self._gallery = gallery
        self._loop = loop
        self._refused = refused
        self._here: Place | None = None
        self._here_listing = -1
        self._places: deque[Place] = deque(maxlen=_KEPT)
        self._seeker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="finding")
        self._sought: Future[Found] | None = None
        self._awaited: Query | None = None  # asked for last, and not found yet
        self._followed: tuple[int, int] | None = None

    @property
    def query(self) -> Query:
        """What was asked for, of the last list of ours."""
        return self._here.query if self._here else TO_LABEL

    @property
    def awaited(self) -> Query:
        """What was asked for last, though it may not be found yet."""
        return self._awaited or self.query

    @property
    def view(self) -> str:
        """The view that is shown; ``"list"`` where somebody else has listed images."""
        return self._here.view if self._is_here and self._here else "list"

    @property
    def found(self) -> Found:
        """What is listed, whoever has listed it."""
        if self._is_here and self._here:
            return self._here.found
        listed = self._gallery.listed
        return Found(
            listed.order, listed.drawn, listed.title, duplicate=listed.duplicate, unlike=listed.unlike
        )

    @property
    def former(self) -> Place | None:
        """Where the way back leads."""
        if not self._is_here:
            return self._here
        return self._places[-1] if self._places else None

    @property
    def _is_here(self) -> bool:
        """Whether the list shown is one of ours; others may list images, too."""
        return self._here_listing == self._gallery.listed.number

    def go(self, view: str, query: Query, find: Callable[[Ranking], Found], *, wait: bool) -> None:
        """Show another list, and keep in mind where to come back to."""

        def arrive(found: Found, ranking: Ranking) -> None:
            if view == "to label":
                self._places.clear()
            elif self._here and (self._here.view != view or not self._is_here):
                self._places.append(self._here)  # but one search replaces the other, as one likeness does
            self._show(Place(view, query, find, found, ranking), wait)

        self._awaited = query
        self._seek(find, arrive, wait)

    def back(self, *, wait: bool) -> bool:
        """Go back to the list, and its page, from which one came; return whether there is one."""
        place = self.former
        if place is None:
            return False
        if self._is_here:
            self._places.pop()
        self._show(place, wait)
        if place.first:
            self._gallery.show_page(place.first // self._gallery.page_size, wait=wait)
        return True

    def note_page(self) -> None:
        """Keep in mind which page is shown."""
        if self._is_here and self._here:
            self._here = replace(self._here, first=self._gallery.number * self._gallery.page_size)

    def close(self) -> None:
        """Stop the thread that finds."""
        self._seeker.shutdown(cancel_futures=True)

    def _again(self, place: Place, wait: bool) -> None:
        """Show the like of a list by the newest ranking."""
        followed = id(place), self._session.ranking().version
        if self._sought is not None and self._followed == followed:
            return  # asked for with every status until it is there
        self._followed = followed

        def arrive(found: Found, ranking: Ranking) -> None:
            self._show(replace(place, found=found, ranking=ranking, first=0), wait)

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
                self._refused(error)
                return
            arrive(found, ranking)

        self._sought = self._seeker.submit(find, ranking)
        self._sought.add_done_callback(lambda done: loop.call_soon_threadsafe(take, done))

    def _show(self, place: Place, wait: bool) -> None:
        found = place.found
        self._sought = self._awaited = None
        self._here, self._here_listing = place, self._gallery.listed.number + 1
        self._gallery.show(
            found.order,
            found.drawn,
            found.title,
            found.empty,
            duplicate=found.duplicate,
            unlike=found.unlike,
            captions=found.captions,
            ranking=place.ranking,
            again=lambda *, wait=True: self._again(place, wait),
            wait=wait,
        )
