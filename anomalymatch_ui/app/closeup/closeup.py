"""One image in its full resolution, and what is known of it."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from anomalymatch_ui.app.looking.natives import Natives
from anomalymatch_ui.app.looking.nativevalues import packed
from anomalymatch_ui.app.looking.sheet import contact_sheet
from anomalymatch_ui.app.words import said
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.labels.marks import MOST_INTEREST
from anomalymatch_ui.pixels import NativeImage, PixelError
from anomalymatch_ui.pool import (
    ImagePool,
    UnreadableImageError,
    has_surroundings,
    index_in,
    numbered_rows,
    surroundings,
)
from anomalymatch_ui.session import Ranking, Session
from anomalymatch_ui.session.labelling.evidence import labelled_mask
from anomalymatch_ui.sky import links_at, sexagesimal

LARGEST_SIDE = 4096
"""Pixels; a canvas of that size is what every browser holds, and takes 64 MB there."""

LOOKS = ("not yet", "in one view so far", "closely")
"""How the network looked at an image, told while not all were looked at closely."""

FIELDS = (2, 4)
"""How many times as wide as an image the fields are that show what lies around it."""

NEIGHBOURS = 8
NEIGHBOUR_CELL = 64
"""Side of a neighbour's thumbnail, in pixels."""

Answer = tuple[dict[str, Any], list[bytes]]


@dataclass(frozen=True, slots=True)
class Picture:
    """An image as a PNG, which loses nothing.

    Attributes
    ----------
    png
        The encoded image.
    width, height
        Width and height of the whole image, in pixels.
    reduced
        Each pixel of the PNG is the mean of ``reduced`` x ``reduced`` pixels; 1 keeps every one.
    """

    png: bytes
    width: int
    height: int
    reduced: int


def picture(pixels: np.ndarray) -> Picture:
    """Encode an image, uint8 ``(height, width, 3)``, reduced where a side is over :data:`LARGEST_SIDE`."""
    height, width, _ = pixels.shape
    reduced = math.ceil(max(height, width) / LARGEST_SIDE)
    image = Image.fromarray(pixels)
    buffer = io.BytesIO()
    # Level 1 is three times faster than the default and makes files a tenth larger.
    (image.reduce(reduced) if reduced > 1 else image).save(buffer, "PNG", compress_level=1)
    return Picture(buffer.getvalue(), width, height, reduced)


class Closeup:
    """Answers what the browser asks of one image, in threads, because a large one takes seconds to encode.

    Parameters
    ----------
    session
        Whose images these are.
    ranking
        Returns the ranking that the cards are in.
    natives
        Native values of the images.
    values
        Send these instead of a picture.

    Attributes
    ----------
    answers
        By kind of question; see :class:`~anomalymatch_ui.app.inbox.Inbox`.
    fields
        How many times as wide the fields are that can be shown around an image.
    """

    def __init__(
        self, session: Session, ranking: Callable[[], Ranking], natives: Natives, *, values: bool = False
    ) -> None:
        self._session = session
        self._ranking = ranking
        self._natives = natives
        self._values = values
        # One for the image that is looked at, one for the next, which is fetched beforehand.
        self._threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="closeup")
        self.answers: dict[str, Callable[[dict[str, Any]], Future[Answer]]] = {
            "closeup": self._in_thread(self._closeup),
            "facts": self._in_thread(lambda image_id: (self.facts(image_id), [])),
            "neighbours": self._in_thread(self._neighbours),
        }
        self.fields = FIELDS if has_surroundings(session.pool) else ()
        self.answers |= {f"field {zoom}": self._in_thread(partial(self._field, zoom)) for zoom in self.fields}

    def check(self, image_id: str) -> None:
        """Refuse an image that is not in the pool.

        Parameters
        ----------
        image_id
            Its id.

        Raises
        ------
        InputError
            If it is not there.
        """
        index_in(self._session.pool, image_id)

    def facts(self, image_id: str) -> dict[str, Any]:
        """Return what is known of an image besides its pixels.

        Returns
        -------
        dict
            ``facts``: pairs of a name and a value in words; ``label``; ``words``: pairs of an annotator and
            the label they gave; ``history``: pairs of a cycle and the score its network gave.

        Raises
        ------
        InputError
            If the image is not in the pool.
        """
        self.check(image_id)
        session = self._session
        words = session.people.words()
        place = place_facts(session.pool, image_id)
        return {
            "id": image_id,
            "facts": [*place, *self._rank(image_id), *self._marks(image_id), *self._columns(image_id)],
            "label": session.labels().get(image_id),
            "words": [(annotator, own[image_id]) for annotator, own in words.items() if image_id in own],
            "history": session.cycles.score_history(image_id),
        }

    def close(self) -> None:
        """Stop the threads; what is being made is finished first."""
        self._threads.shutdown(cancel_futures=True)

    def _in_thread(self, answer: Callable[[str], Answer]) -> Callable[[dict[str, Any]], Future[Answer]]:
        """Answer in a thread; a question that is sent again meanwhile waits for the same answer."""
        under_way: dict[str, Future[Answer]] = {}

        def submit(message: dict[str, Any]) -> Future[Answer]:
            image_id = str(message["id"])
            if image_id not in under_way or under_way[image_id].done():
                for done in [name for name, future in under_way.items() if future.done()]:
                    del under_way[done]
                under_way[image_id] = self._threads.submit(answer, image_id)
            return under_way[image_id]

        return submit

    def _closeup(self, image_id: str) -> Answer:
        self.check(image_id)
        pool, index = self._session.pool, self._session.pool.index(image_id)
        if self._values:
            sent, buffers = self._native(image_id, self._natives.image(index))
        else:
            sent, buffers = _sent(pool.image(index))
        remark = pool.report.remarks.get(image_id, "")
        return {**self.facts(image_id), **sent, "remark": remark, "sky": self._sky(image_id, sent)}, buffers

    def _field(self, zoom: int, image_id: str) -> Answer:
        """Return a field around an image, stretched as the image itself, and where that lies in it."""
        self.check(image_id)
        pool, index = self._session.pool, self._session.pool.index(image_id)
        around = surroundings(pool, index, zoom)
        assert around is not None, "asked only where there is something around"
        if self._values:
            sent, buffers = self._native(image_id, around.image, self._natives.image(index))
        else:
            sent, buffers = _sent(pool.rendering.picture(around.image))
        frame = {"left": around.left, "top": around.top, "side": around.side}
        return {"id": image_id, **sent, "frame": frame, "remark": around.remark}, buffers

    def _native(self, image_id: str, image: NativeImage, within: NativeImage | None = None) -> Answer:
        try:
            packed_values = packed(image, self._session.showing.rendering, within)
        except PixelError as error:
            raise UnreadableImageError(image_id, str(error)) from error
        height, width = image.values.shape[1:]
        described = packed_values.described
        size = {"width": width, "height": height, "reduced": described["reduced"]}
        return {**size, "native": described}, [packed_values.values, packed_values.bad]

    def _neighbours(self, image_id: str) -> Answer:
        self.check(image_id)
        session = self._session
        try:
            ids = session.insight.similar([image_id], NEIGHBOURS)
        except InputError:  # nothing is embedded before the first ranking
            return {"id": image_id, "ids": []}, []
        indices = [session.pool.index(name) for name in ids]
        sheet = contact_sheet(self._natives.rendered(session.showing.rendering), indices, NEIGHBOUR_CELL)
        return {"id": image_id, "ids": ids, "readable": sheet.readable, **sheet.layout}, [sheet.jpeg]

    def _rank(self, image_id: str) -> list[tuple[str, str]]:
        ranking = self._ranking()
        index = self._session.pool.index(image_id)
        score = float(ranking.scores[index])
        look = [] if ranking.depth is None else [("looked at", LOOKS[int(ranking.depth[index])])]
        if not math.isfinite(score):
            return look
        (place,), images = np.flatnonzero(ranking.order == index), len(ranking.order)
        name = {"probability": "probability", "place": "novelty", "score": "network"}[ranking.kind]
        said_so = said(score, ranking.kind, images) or ""
        return [(name, said_so), ("rank", self._place_among(image_id, int(place), ranking.order)), *look]

    def _place_among(self, image_id: str, place: int, order: np.ndarray) -> str:
        """Return a place in an order, of an image without a label among those that have none either."""
        labels = self._session.labels()
        if not labels or image_id in labels:
            return f"{place + 1:,} of {len(order):,}"
        labelled = labelled_mask(self._session.pool, labels)[order]
        others = len(order) - int(labelled.sum())
        return f"{place + 1 - int(labelled[:place].sum()):,} of {others:,}"

    def _sky(self, image_id: str, sent: dict[str, Any]) -> dict[str, Any] | None:
        """Return where an image is, how it is turned, and which archives show it; ``None`` if unknown."""
        place = self._session.finding.places.of(image_id)
        if place is None:
            return None
        field = (place.scale or 0) * max(sent["width"], sent["height"])
        links = links_at(place.ra, place.dec, field)
        return {
            "position": [f"{place.ra:.6f} {place.dec:+.6f}", sexagesimal(place.ra, place.dec)],
            "scale": place.scale,
            "east": place.east,
            "north": place.north,
            "links": [(link.name, link.address) for link in links],
        }

    def _marks(self, image_id: str) -> list[tuple[str, str]]:
        """Return what is said of an image beside its label, where anything is."""
        marks = self._session.marking.of(image_id)
        said = (
            ("favourite", "★" if marks.favourite else ""),
            ("interest", "" if marks.interest is None else f"{marks.interest} of {MOST_INTEREST}"),
            ("tags", marks.text),
            ("note", marks.note),
        )
        return [(name, text) for name, text in said if text]

    def _columns(self, image_id: str) -> list[tuple[str, str]]:
        """Return what tables that came with the images say of one."""
        index = self._session.pool.index(image_id)
        try:
            columns = self._session.finding.metadata.columns()
        except InputError as error:
            return [("table", str(error))]
        texts = {name: column.text_at(index) for name, column in columns.items()}
        return [(name, text) for name, text in texts.items() if text]


def _sent(pixels: np.ndarray) -> Answer:
    """Return a picture as it is sent, with its size."""
    shown = picture(pixels)
    return {"width": shown.width, "height": shown.height, "reduced": shown.reduced}, [shown.png]


def place_facts(pool: ImagePool, image_id: str) -> list[tuple[str, str]]:
    """Return where an image lies: format, bytes and date of its file, or the common file and its row."""
    path = Path(pool.path)
    if path.is_file():
        return [("in", f"row {image_id} of {path.name}" if numbered_rows(pool) else path.name)]
    try:
        status = (path / image_id).stat()
    except OSError:  # deleted since it was read
        return []
    changed = datetime.fromtimestamp(status.st_mtime, UTC)
    return [
        ("format", Path(image_id).suffix.lstrip(".").upper().replace("JPG", "JPEG")),
        ("file", f"{status.st_size:,} bytes"),
        ("changed", f"{changed:%Y-%m-%d %H:%M} UTC"),
    ]
