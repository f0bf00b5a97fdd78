"""The gallery: pages of images, best first, and the labels given on them."""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Literal

import anywidget
import numpy as np
import traitlets

from anomalymatch_ui.app.scripts import joined
from anomalymatch_ui.app.sheet import CellSize, Sheet, SheetMaker, native_side
from anomalymatch_ui.errors import AnomalyMatchError, InputError
from anomalymatch_ui.session import Receipt, Session, Status

Label = Literal["anomaly", "nominal", "unsure"]

STATIC = Path(__file__).parent / "static"
ORIGIN = "dashboard"


class Gallery(anywidget.AnyWidget):  # type: ignore[misc]
    """A page of cards, drawn by one component in the browser from one contact sheet.

    Everything a key does is a method here. Methods that show a page return when it is shown. After a
    label given by a key, the active card is the next one on the page without a label.

    Parameters
    ----------
    session
        Where labels go and rankings come from.
    loop
        The kernel's loop, on which pages made in threads are shown; ``None`` in a script.
    page_size
        Cards on a page.
    """

    _esm = joined(STATIC / "gallery" / "main.js")
    _css = STATIC / "gallery" / "gallery.css"

    sheet = traitlets.Bytes().tag(sync=True)
    page = traitlets.Dict().tag(sync=True)
    offer = traitlets.Dict().tag(sync=True)

    def __init__(
        self, session: Session, *, loop: asyncio.AbstractEventLoop | None = None, page_size: int = 60
    ) -> None:
        super().__init__()
        self._session = session
        self._loop = loop
        self._page_size = page_size
        self._sheets = SheetMaker(session.pool)
        self._native = native_side(session.pool)
        self._size = CellSize.fitting(self._native)
        self._answers = Answers()
        self._ranking = session.ranking()
        self._listed = np.empty(0, dtype=np.int64)
        self._drawn = np.empty(0, dtype=bool)
        self._listing = 0
        self._serial = 0
        self._number = 0
        self._touched = False
        self._asked = False
        self.add_class("am-host")
        self.on_msg(self._receive)
        self.list_unlabelled()

    def __repr__(self) -> str:
        return f"<Gallery of {self._session.pool.name}: page {self._number + 1} of {self.pages}>"

    # What is shown

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of the images on this page, best first."""
        return tuple(card["id"] for card in self.page["cards"])

    @property
    def number(self) -> int:
        """Number of the page shown, counted from 0."""
        return self._number

    @property
    def pages(self) -> int:
        """How many pages there are."""
        return math.ceil(len(self._listed) / self._page_size)

    @property
    def ranking_version(self) -> int:
        """Version of the ranking that the cards are in."""
        return self._ranking.version

    # Labels

    def label(self, ids: Iterable[str], label: Label | None) -> Receipt:
        """Label images, durably; ``None`` withdraws their labels.

        Raises
        ------
        AnomalyMatchError
            If the session cannot take the label, with the reason.
        """
        receipt = self._session.label(ids, label, origin=ORIGIN)
        self._show_labels(receipt.labels)
        return receipt

    def undo(self) -> Receipt | None:
        """Take the last action back; ``None`` if there is none."""
        return self._step(self._session.undo)

    def redo(self) -> Receipt | None:
        """Do again what was undone; ``None`` if there is nothing."""
        return self._step(self._session.redo)

    def _step(self, step: Callable[..., Receipt | None]) -> Receipt | None:
        receipt = step(origin=ORIGIN)
        if receipt is not None:
            self._show_labels(receipt.labels)
        return receipt

    def _show_labels(self, labels: Mapping[str, str | None]) -> None:
        shown = {card["id"]: card for card in self.page["cards"]}
        changed = {name: label for name, label in labels.items() if name in shown}
        for name, label in changed.items():
            # In place: a view that is opened later reads it, and nothing is sent twice.
            shown[name]["label"] = label
        if changed:
            self.send({"kind": "labels", "labels": changed})

    # Pages

    def show_page(self, number: int) -> None:
        """Show a page, counted from 0.

        Raises
        ------
        InputError
            If there is no such page.
        """
        self._turn(number).result()

    def next_page(self) -> None:
        """Show the next page, if there is one."""
        self.show_page(min(self._number + 1, max(0, self.pages - 1)))

    def previous_page(self) -> None:
        """Show the page before, if there is one."""
        self.show_page(max(self._number - 1, 0))

    def _turn(self, number: int, *, wait: bool = True) -> Future[Sheet]:
        if not 0 <= number < max(1, self.pages):
            raise InputError(f"There is no page {number + 1}; the last one is page {self.pages}.")
        future = self._sheets.request(self._indices(number), self._size)
        self._number = number
        listing = self._listing
        if wait or self._loop is None or future.done():
            self._show(number, future.result())
        else:
            loop = self._loop

            def show_if_still_wanted(done: Future[Sheet]) -> None:
                if (self._listing, self._number) == (listing, number) and not done.cancelled():
                    self._report(lambda: self._show(number, done.result()))

            future.add_done_callback(lambda done: loop.call_soon_threadsafe(show_if_still_wanted, done))
        return future

    def _indices(self, number: int) -> list[int]:
        first = number * self._page_size
        return [int(index) for index in self._listed[first : first + self._page_size]]

    def _show(self, number: int, sheet: Sheet) -> None:
        self._serial += 1
        page = {
            "serial": self._serial,
            "listing": self._listing,
            "number": number,
            "pages": self.pages,
            "count": len(self._listed),
            "first": number * self._page_size + 1,
            "source": in_words(self._ranking.source),
            "cell": sheet.size.cell,
            "thumbnail": sheet.size.thumbnail,
            "pitch": sheet.pitch,
            "columns": sheet.columns,
            "cards": self._cards(number, sheet),
            "empty": "Every image that can be read has a label.",
        }
        with self.hold_sync():
            self.sheet = sheet.jpeg
            self.page = page
        for neighbour in (number + 1, number - 1):
            if 0 <= neighbour < self.pages:
                self._sheets.request(self._indices(neighbour), self._size)

    def _cards(self, number: int, sheet: Sheet) -> list[dict[str, Any]]:
        labels = self._session.labels()
        cards = []
        drawn = self._drawn[number * self._page_size :]
        for position, (index, readable) in enumerate(zip(self._indices(number), sheet.readable, strict=True)):
            name, score = self._session.pool.ids[index], float(self._ranking.scores[index])
            cards.append(
                {
                    "id": name,
                    "score": score if math.isfinite(score) else None,
                    "label": labels.get(name),
                    "readable": readable,
                    "drawn": bool(drawn[position]),
                }
            )
        return cards

    # Rankings

    def apply_ranking(self, *, wait: bool = True) -> None:
        """Show the newest ranking from its first page, without the images that have labels by now.

        If the cards are in the newest one already, the session is asked for one by the labels of now,
        and it is shown when it comes, unless somebody has gone on labelling meanwhile.
        """
        if self._session.ranking().version > self._ranking.version:
            self.list_unlabelled(wait=wait)
        elif self._session.status.state != "idle":
            self.say("The session is busy; the new ranking is offered as soon as it is there.")
        else:
            self._asked = True
            self._session.rank()
            self.say("Ranking the images by your labels …")

    def list_unlabelled(self, *, wait: bool = True) -> None:
        """List the unlabelled images of the newest ranking, best first, and show the first page.

        Parameters
        ----------
        wait
            Return when the page is shown; otherwise it is shown as soon as it is ready.
        """
        self._ranking = self._session.ranking()
        listing = self._session.insight.listing(ranking=self._ranking)
        self._listed, self._drawn = listing.order, listing.drawn
        self._listing += 1
        self._asked = False
        self.offer = {}
        self.say("")
        self._turn(0, wait=wait)

    def heed(self, status: Status) -> None:
        """Take notice of a session's status: offer a new ranking, show labels given elsewhere."""
        current = self._session.labels()
        self._show_labels(
            {
                card["id"]: current.get(card["id"])
                for card in self.page["cards"]
                if card["label"] != current.get(card["id"])
            }
        )
        if status.ranking_version <= self._ranking.version:
            return
        if self._asked or (self._ranking.version == 0 and not self._touched and self._number == 0):
            self.list_unlabelled(wait=False)
        else:
            source = in_words(self._session.ranking().source).partition(" and ")[0]
            self.offer = {"version": status.ranking_version, "text": f"New ranking ({source}): press R"}

    def say(self, sentence: str, tone: Literal["info", "error"] = "info") -> None:
        """Show a sentence above the cards."""
        self.send({"kind": "say", "sentence": sentence, "tone": tone})

    def close(self) -> None:
        """Stop the threads that make sheets, and leave the page."""
        self._sheets.close()
        super().close()

    # Messages from the browser

    def _receive(self, _widget: Any, message: dict[str, Any], _buffers: Any) -> None:
        kind = message.get("kind")
        if kind in ("label", "undo", "redo"):
            self._touched, self._asked = True, False
            self.send(self._answers.once(message, self._carry_out))
        elif kind == "page":
            self._asked = False
            self._report(lambda: self._turn(int(message["number"]), wait=False))
        elif kind == "apply":
            self._report(lambda: self.apply_ranking(wait=False))
        elif kind == "touched":
            self._touched = True
        elif kind == "hello":
            self._fit(float(message.get("pixel_ratio", 1)))

    def _carry_out(self, message: dict[str, Any]) -> dict[str, Any]:
        try:
            if message["kind"] == "label":
                receipt: Receipt | None = self.label(message["ids"], message["label"])
            else:
                receipt = self.undo() if message["kind"] == "undo" else self.redo()
        except AnomalyMatchError as error:
            return {"kind": "refused", "sentence": str(error)}
        if receipt is None:
            return {"kind": "refused", "sentence": f"There is nothing to {message['kind']}."}
        return {
            "kind": "saved",
            "seq": receipt.seq,
            "time": receipt.time.isoformat(),
            "labels": dict(receipt.labels),
        }

    def _report(self, action: Callable[[], Any]) -> None:
        try:
            action()
        except AnomalyMatchError as error:
            self.say(str(error), "error")

    def _fit(self, pixel_ratio: float) -> None:
        size = CellSize.fitting(self._native, pixel_ratio)
        if size != self._size:
            self._size = size
            self._report(lambda: self._turn(self._number, wait=False))


class Answers:
    """Answers already given, so that a request that is sent twice is carried out once.

    Parameters
    ----------
    kept
        Answers remembered for each front end; it sends again within seconds.
    """

    def __init__(self, kept: int = 1000) -> None:
        self._kept = kept
        self._given: dict[str, OrderedDict[int, dict[str, Any]]] = {}

    def once(
        self, message: dict[str, Any], carry_out: Callable[[dict[str, Any]], dict[str, Any]]
    ) -> dict[str, Any]:
        """Carry a message out, or give the answer it was given before."""
        frontend, request = str(message["frontend"]), int(message["request"])
        given = self._given.setdefault(frontend, OrderedDict())
        if request not in given:
            given[request] = {**carry_out(message), "frontend": frontend, "request": request}
            if len(given) > self._kept:
                given.popitem(last=False)
        return given[request]


def in_words(source: str) -> str:
    """Say where a ranking comes from in words that need no explanation."""
    return source.replace("linear head", "your labels")
