"""Pages of cards: which images are listed, and the sheet that shows those of one page."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from typing import Any

import anywidget
import numpy as np
import traitlets

from anomalymatch_ui.app.finding.listed import Listed
from anomalymatch_ui.app.looking.natives import Natives, Reader
from anomalymatch_ui.app.looking.sheet import THUMBNAILS, Sheet, SheetMaker, cell_side, native_side
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.session import Ranking, Session

PAGE_SIZES = (1, 200)
"""Fewest and most cards on a page."""


class Pages(anywidget.AnyWidget):  # type: ignore[misc]
    """A list of images, of which one page is shown; the pages beside it are made ready.

    Methods that show a page return when it is shown; setting ``page_size`` or ``thumbnail`` shows it again
    as soon as it is made.

    Parameters
    ----------
    session
        Whose images these are.
    loop
        The kernel's loop, on which pages made in threads are shown; ``None`` in a script.

    Attributes
    ----------
    page_size
        Cards on a page, 1 to 200; a trait.
    thumbnail
        Side of a thumbnail on the screen, 64 to 256 CSS pixels; a trait. Small images are magnified to the
        nearest whole multiple of their own size.
    selection
        Ids of the images that are selected; a trait. :meth:`select` changes it.
    """

    sheet = traitlets.Bytes().tag(sync=True)
    page: traitlets.Dict[str, Any] = traitlets.Dict({"cards": []}).tag(sync=True)
    page_size = traitlets.Int(60).tag(sync=True, echo_update=False)
    thumbnail = traitlets.Int(128).tag(sync=True, echo_update=False)
    selection: traitlets.List[str] = traitlets.List().tag(sync=True, echo_update=False)

    def __init__(self, session: Session, loop: asyncio.AbstractEventLoop | None) -> None:
        super().__init__()
        self._session = session
        self._loop = loop
        self._natives = Natives(session.pool)
        self._sheets = SheetMaker(self._natives)
        self._native = native_side(session.pool)
        self._pixel_ratio = 1.0
        self._ranking = session.ranking()
        none = np.empty(0, bool)
        self._listed = Listed(np.empty(0, np.int64), none, none, none, "", "")
        self._number = 0
        self._serial = 0
        self._laid_out: tuple[int, int, str] | None = None
        self.observe(lambda _change: self._lay_out(), ["page_size", "thumbnail"])

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__} of {self._session.pool.name}: page {self._number + 1} of {self.pages}>"
        )

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of the images on this page, in order."""
        return tuple(card["id"] for card in self.page["cards"])

    @property
    def number(self) -> int:
        """Number of the page shown, counted from 0."""
        return self._number

    @property
    def pages(self) -> int:
        """How many pages there are."""
        return self._listed.pages(self.page_size)

    @property
    def listed(self) -> Listed:
        """What is listed, on all pages."""
        return self._listed

    @property
    def shown(self) -> Reader:
        """Reads images as the cards show them."""
        return self._natives.rendered(self._session.showing.rendering)

    @property
    def ranking_version(self) -> int:
        """Version of the ranking that the cards are in."""
        return self._ranking.version

    @property
    def selected(self) -> tuple[str, ...]:
        """Ids of the images of this page that are selected, in order."""
        chosen = frozenset(self.selection)
        return tuple(name for name in self.ids if name in chosen)

    def select(self, ids: Iterable[str]) -> None:
        """Select images of this page, and no others.

        Parameters
        ----------
        ids
            Ids of images of this page.

        Raises
        ------
        InputError
            If an image is not on this page.
        """
        ids, shown = list(ids), frozenset(self.ids)
        for name in ids:
            if name not in shown:
                raise InputError(f"{name!r} is not on this page, so it cannot be selected.")
        self.selection = ids

    def show_page(self, number: int, *, wait: bool = True) -> None:
        """Show a page.

        Parameters
        ----------
        number
            Which page, counted from 0.
        wait
            Return when it is shown; otherwise it is shown as soon as it is ready.

        Raises
        ------
        InputError
            If there is no such page.
        """
        self._turn(number, wait=wait)

    def next_page(self) -> None:
        """Show the next page, if there is one."""
        self.show_page(min(self._number + 1, max(0, self.pages - 1)))

    def previous_page(self) -> None:
        """Show the page before, if there is one."""
        self.show_page(max(self._number - 1, 0))

    def close(self) -> None:
        """Stop the threads that make sheets, and leave the page."""
        self._sheets.close()
        self._natives.close()
        super().close()

    def _list(
        self,
        order: np.ndarray,
        why: tuple[np.ndarray | None, np.ndarray | None, np.ndarray | None],
        title: str,
        empty: str,
        captions: Mapping[str, str],
        ranking: Ranking,
        wait: bool,
    ) -> None:
        """List images, which of them were drawn, are duplicates or unlike, and show their first page."""
        self._ranking = ranking
        nothing = np.zeros(len(order), dtype=bool)
        drawn, duplicate, unlike = (nothing if reason is None else reason for reason in why)
        self._listed = Listed(
            np.asarray(order, np.int64),
            drawn,
            duplicate,
            unlike,
            title,
            empty,
            captions,
            self._listed.number + 1,
        )
        self._turn(0, wait=wait)

    def _turn(self, number: int, *, wait: bool = True) -> Future[Sheet]:
        if not 0 <= number < max(1, self.pages):
            raise InputError(f"There is no page {number + 1}; the last one is page {self.pages}.")
        future = self._request(number)
        self._number = number
        self._laid_out = layout = self._layout
        listing = self._listed.number
        if wait or self._loop is None or future.done():
            self._show(number, future.result())
        else:
            loop = self._loop

            def show_if_still_wanted(done: Future[Sheet]) -> None:
                now = self._listed.number, self._number, self._laid_out
                if now == (listing, number, layout) and not done.cancelled():
                    self._show(number, done.result())

            future.add_done_callback(lambda done: loop.call_soon_threadsafe(show_if_still_wanted, done))
        return future

    @property
    def _cell(self) -> int:
        return cell_side(self._native, self.thumbnail, self._pixel_ratio, self.page_size)

    @property
    def _layout(self) -> tuple[int, int, str]:
        """What a sheet depends on besides the images: cards, side of a cell, digest of the rendering."""
        return self.page_size, self._cell, self._session.showing.rendering.digest

    def _request(self, number: int) -> Future[Sheet]:
        indices = self._listed.indices(number, self.page_size)
        return self._sheets.request(indices, self._cell, self._session.showing.rendering)

    def _show(self, number: int, sheet: Sheet) -> None:
        self._serial += 1
        listed, size = self._listed, self.page_size
        labels, pool = self._session.labels(), self._session.pool
        page = {
            "serial": self._serial,
            "listing": listed.number,
            "number": number,
            "pages": self.pages,
            "count": len(listed.order),
            "first": number * size + 1,
            "title": listed.title,
            "native": self._native,
            **sheet.layout,
            "cards": listed.cards(
                number,
                size,
                pool,
                self._ranking.scores,
                self._ranking.kind,
                labels,
                self._session.marking.all(),
                sheet.readable,
                self._session.finding.folding.others(),
            ),
            "empty": listed.empty,
        }
        with self.hold_sync():
            self.sheet = sheet.jpeg
            self.page = page
            self.selection = list(self.selected)
        for neighbour in (number + 1, number - 1):
            if 0 <= neighbour < self.pages:
                self._request(neighbour)

    def _lay_out(self, *, wait: bool = False) -> Future[Sheet] | None:
        """Show the page anew where its size, resolution or rendering is another; its first image stays."""
        former, now = self._laid_out, self._layout
        if former is None or former == now:
            return None
        return self._turn(self._number * former[0] // now[0], wait=wait)

    @traitlets.validate("page_size", "thumbnail")
    def _check_layout(self, proposal: Any) -> int:
        name, value = proposal["trait"].name, proposal["value"]
        least, most = PAGE_SIZES if name == "page_size" else THUMBNAILS
        if not least <= value <= most:
            raise InputError(f"{name} must be between {least} and {most}, not {value}.")
        return int(value)
