"""The map in the drawer: what the browser draws, and what is chosen on it."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from typing import Any, Literal, Protocol

import numpy as np
from PIL import Image

from anomalymatch_ui.app.inbox import Inbox, Message
from anomalymatch_ui.app.looking.natives import Reader
from anomalymatch_ui.errors import AnomalyMatchError, InputError
from anomalymatch_ui.labels import LABELS, Label
from anomalymatch_ui.pool import index_in, rows_in
from anomalymatch_ui.session import Session

PREVIEW = 128
"""Side of the image beside the pointer, in pixels."""

LABEL_CODES: Mapping[Label, int] = {label: code for code, label in enumerate(LABELS, 1)}


class Lists(Protocol):
    """What can list images for a person to look at: the gallery."""

    @property
    def shown(self) -> Reader:
        """Reads images as its cards show them."""

    def find(self, *, sort: str, ids: Iterable[str], wait: bool) -> None:
        """List these images in an order."""

    def show_similar(self, ids: str, *, wait: bool) -> None:
        """List an image and those most like it."""

    def show_unlabelled(self, *, wait: bool) -> None:
        """List the images without a label."""


class Drawer(Protocol):
    """The widget that the map is part of."""

    map_state: dict[str, Any]

    def show(self, tab: Literal["map"]) -> None:
        """Open it at the map."""

    def send(self, content: dict[str, Any], buffers: list[bytes]) -> None:
        """Send a message to the browser."""


class Map:
    """A map of the images, drawn by the browser from binary arrays that it asks for.

    Parameters
    ----------
    session
        Whose images these are.
    gallery
        Where images that were chosen are shown.
    drawer
        The widget that the map is part of.
    """

    def __init__(self, session: Session, gallery: Lists, drawer: Drawer) -> None:
        self._session = session
        self._gallery = gallery
        self._drawer = drawer
        self._rows = np.empty(0, dtype=np.int64)
        self._places = np.empty((0, 2), dtype=np.float32)
        self._version = 0
        self._of: tuple[int, int] = (0, 0)
        self._coloured: object = None
        self._begun: int | None = None  # the ranking at which a map was asked for last
        self._colours = 0
        self._selected = np.empty(0, dtype=np.int64)

    def __repr__(self) -> str:
        return f"<Map of {len(self._rows):,} images, {len(self._selected):,} selected>"

    @property
    def selected(self) -> tuple[str, ...]:
        """Ids of the images selected, in the order of the pool."""
        return tuple(self._session.pool.ids[int(row)] for row in self._selected)

    def show(self) -> None:
        """Open the drawer at the map, which is made in the background if there is none."""
        self._drawer.show("map")

    def select(self, ids: Iterable[str]) -> None:
        """Select images on the map and list them in the gallery, best first; none lists the unlabelled.

        Raises
        ------
        InputError
            If there is no such image.
        """
        self._select(np.array([self._row(name) for name in ids], dtype=np.int64), wait=True)
        self._drawer.send({"kind": "selected"}, [self._selected.astype(np.uint32).tobytes()])

    def show_image(self, image_id: str) -> None:
        """List an image in the gallery, and after it those most alike.

        Raises
        ------
        InputError
            If there is no such image.
        """
        self._show_image(self._row(image_id), wait=True)

    def opened(self) -> None:
        """Have a map made at the next :meth:`refresh`, if there is none; what failed before is tried anew."""
        self._begun = None

    def take_messages(self, inbox: Inbox) -> None:
        """Answer the browser's questions about the map."""
        inbox.answers.update(points=self._points, colours=self._colour_points, thumbnail=self._thumbnail)
        inbox.notices["select"] = lambda message: self._select(_rows_in(message), wait=False)
        inbox.notices["pick"] = lambda message: self._show_image(int(message["row"]), wait=False)

    def refresh(self) -> None:
        """Send the browser what is new: map, labels, ranking. Have a map made if none is up to date."""
        mapper = self._session.pictures.mapper
        # Once for each ranking, with which there may be an embedding; the mapper's own news come here, too.
        version = self._session.ranking().version
        if version != self._begun:
            self._begun = version
            if mapper.state.newest is None or mapper.outdated:
                mapper.begin()
        state, labels = mapper.state, self._session.labels()
        coloured = (labels, self._session.ranking().version)
        if coloured != self._coloured:
            self._coloured = coloured
            self._colours += 1
        if state.newest is not None:
            # Images labelled since are drawn as well, though the sample has left them out.
            drawn = np.zeros(len(self._session.pool), dtype=bool)
            drawn[state.newest.rows] = True
            extra = [row for row in self._labelled_rows(labels) if not drawn[row]]
            self._take(state.version, np.array(extra, dtype=np.int64))
        self._drawer.map_state = {
            "version": self._version,
            "colours": self._colours,
            "method": state.newest.method if state.newest else "",
            "drawn": len(self._rows),
            "images": state.newest.images if state.newest else 0,
            "sentence": state.sentence,
            "at_work": state.at_work,
        }

    def _take(self, version: int, extra: np.ndarray) -> None:
        mapper = self._session.pictures.mapper
        newest = mapper.state.newest
        if newest is None or self._of == (version, len(extra)):
            return
        places = mapper.places_of(extra) if len(extra) else np.empty((0, 2), np.float32)
        known = ~np.isnan(places).any(axis=1)
        self._rows = np.concatenate([newest.rows, extra[known]])
        self._places = np.concatenate([newest.places, places[known]])
        self._of = version, len(extra)
        self._version += 1

    def _labelled_rows(self, labels: Any) -> list[int]:
        rows: list[int] = rows_in(self._session.pool, labels).tolist()
        return rows

    def _points(self, _message: Message) -> tuple[Message, list[bytes]]:
        arrays = [
            self._rows.astype(np.uint32),
            self._places,
            *self._bytes(),
            self._selected.astype(np.uint32),
        ]
        return {"kind": "points", "version": self._version}, [array.tobytes() for array in arrays]

    def _colour_points(self, _message: Message) -> tuple[Message, list[bytes]]:
        return {"kind": "colours", "version": self._version}, [array.tobytes() for array in self._bytes()]

    def _bytes(self) -> tuple[np.ndarray, np.ndarray]:
        """Return rank and label of each point, uint8 ``(n,)``.

        Ranks go with the logarithm of the place: 255 the first, 1 the last, 0 without a place. Else the few
        images that matter would share one shade.
        """
        pool, ranking, labels = self._session.pool, self._session.ranking(), self._session.labels()
        ranks = np.zeros(len(pool), dtype=np.uint8)
        if ranking.version and len(ranking.order):
            share = np.log1p(np.arange(len(ranking.order))) / np.log1p(max(1, len(ranking.order) - 1))
            ranks[ranking.order] = (1 + np.round(254 * (1 - share))).astype(np.uint8)
        codes = np.zeros(len(pool), dtype=np.uint8)
        for name, label in labels.items():
            if name in pool:
                codes[pool.index(name)] = LABEL_CODES[label]
        return ranks[self._rows], codes[self._rows]

    def _select(self, rows: np.ndarray, *, wait: bool) -> None:
        if len(rows) and ((rows < 0) | (rows >= len(self._session.pool))).any():
            raise InputError("The selection holds an image that is not in the pool. Draw it again.")
        self._selected = np.unique(rows)
        if len(self._selected) == 0:
            self._gallery.show_unlabelled(wait=wait)
            return
        sort = "probability" if self._session.ranking().version else "name"
        self._gallery.find(ids=self.selected, sort=sort, wait=wait)

    def _show_image(self, row: int, *, wait: bool) -> None:
        if not 0 <= row < len(self._session.pool):
            raise InputError("The map shows an image that is not in the pool. Open the dashboard again.")
        self._gallery.show_similar(self._session.pool.ids[row], wait=wait)

    def _thumbnail(self, message: Message) -> tuple[Message, list[bytes]]:
        session, row = self._session, int(message["row"])
        name = session.pool.ids[row]
        ranking, label = session.ranking(), session.labels().get(name)
        lines = [name.rpartition("/")[2]]
        place = np.flatnonzero(ranking.order == row)
        if ranking.version and len(place):
            lines.append(f"place {place[0] + 1:,}, score {ranking.scores[row]:.3g}")
        if label:
            lines.append(label)
        jpeg = b""
        try:
            pixels = self._gallery.shown.read(np.array([row]), PREVIEW).pixels
            if len(pixels):
                jpeg = _jpeg(pixels[0])
            else:
                lines.append("cannot be read")
        except AnomalyMatchError as error:
            lines.append(str(error))
        return {"kind": "thumbnail", "lines": lines}, [jpeg]

    def _row(self, name: str) -> int:
        return index_in(self._session.pool, name)


def _rows_in(message: Message) -> np.ndarray:
    buffers = message["buffers"]
    return np.frombuffer(buffers[0], dtype=np.uint32).astype(np.int64) if buffers else np.empty(0, np.int64)


def _jpeg(pixels: np.ndarray) -> bytes:
    """Encode uint8 ``(3, height, width)``."""
    buffer = io.BytesIO()
    Image.fromarray(pixels.transpose(1, 2, 0)).save(buffer, "JPEG", quality=90, subsampling=0)
    return buffer.getvalue()
