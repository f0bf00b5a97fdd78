"""What goes through the stages of scoring: images of a range of a pool, ever more ready."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from PIL import Image

from anomalymatch_ui.pixels.files import DECODE_ERRORS, Content, Decoder, why_unreadable
from anomalymatch_ui.pixels.pictures import DRAFT_FROM
from anomalymatch_ui.pixels.spec import NativeImage
from anomalymatch_ui.pixels.square import square, squares
from anomalymatch_ui.pixels.stack import rendered_in_runs
from anomalymatch_ui.pool import Fetched, ImagePool
from anomalymatch_ui.stream.jpeg import ordinary_frame

DecodeJpeg = Callable[[bytes], np.ndarray | None]
"""From an ordinary JPEG to its pixels, uint8 ``(height, width, 3)``; ``None`` where it cannot."""


@dataclass(frozen=True, slots=True)
class RawPiece:
    """Images as they lie on disk, or decoded.

    Attributes
    ----------
    asked
        Pool indices that were asked for.
    fetched
        Those that could be read.
    """

    asked: range
    fetched: Fetched


@dataclass(frozen=True, slots=True)
class DecodedPiece:
    """Images in their full size.

    Attributes
    ----------
    asked
        Pool indices that were asked for.
    indices
        Those that could be read, int64 ``(n,)``, ascending.
    images
        Pillow's images of mode RGB, or arrays uint8 ``(height, width, channels)``.
    """

    asked: range
    indices: np.ndarray
    images: list[Image.Image | np.ndarray] | np.ndarray


@dataclass(frozen=True, slots=True)
class Piece:
    """Images as the network takes them, but for the number format.

    Attributes
    ----------
    asked
        Pool indices that were asked for.
    indices
        Those that could be read, int64 ``(n,)``, ascending.
    pixels
        uint8: an array ``(n, size, size, channels)``, or on a GPU a tensor ``(n, channels, size, size)``.
    """

    asked: range
    indices: np.ndarray
    pixels: Any

    def split(self, stop: int) -> tuple[Piece, Piece]:
        """Return what lies before a pool index, and the rest; both share this one's memory."""
        first, middle = self.asked.start, min(stop, self.asked.stop)
        place = int(np.searchsorted(self.indices, middle))
        return (
            Piece(range(first, middle), self.indices[:place], self.pixels[:place]),
            Piece(range(middle, self.asked.stop), self.indices[place:], self.pixels[place:]),
        )


class HostStages:
    """The stages that run on the host's processor: read, decode, resize.

    Parameters
    ----------
    pool
        Where the images come from.
    size
        Side of the network's images, in pixels.
    decode_jpeg
        What decodes ordinary JPEGs, to the same pixels, faster than Pillow.
    """

    def __init__(self, pool: ImagePool, size: int, decode_jpeg: DecodeJpeg | None = None) -> None:
        self._pool = pool
        self._size = size
        self._decode_jpeg = decode_jpeg
        self._channels = pool.rendering.channels

    def read(self, asked: range) -> RawPiece:
        """Read a range of images."""
        return RawPiece(asked, self._pool.fetch(asked))

    def decode(self, piece: RawPiece) -> DecodedPiece:
        """Decode what is encoded; what cannot be is noted in the pool's report and left out."""
        fetched = piece.fetched
        if isinstance(fetched.contents, np.ndarray):
            return DecodedPiece(piece.asked, fetched.indices, fetched.contents)
        kept: list[int] = []
        images: list[Image.Image | np.ndarray] = []
        contents = zip(fetched.indices.tolist(), fetched.contents, strict=True)
        opened = ((index, self._opened(index, content, fetched.decoder)) for index, content in contents)
        there = ((index, image) for index, image in opened if image is not None)
        for index, image in rendered_in_runs(fetched.decoder.rendering, there, "network"):
            if isinstance(image, Exception):
                self._pool.report.note(self._pool.ids[index], why_unreadable(image))
                continue
            kept.append(index)
            images.append(image)
        return DecodedPiece(piece.asked, np.array(kept, np.int64), images)

    def _opened(
        self, index: int, content: Content, decoder: Decoder
    ) -> Image.Image | np.ndarray | NativeImage | None:
        """Decode one image; ``None`` if it cannot be, which is noted in the pool's report."""
        if self._decode_jpeg is not None and decoder.rendering.is_plain and isinstance(content, bytes):
            frame = ordinary_frame(content)
            if (
                frame is not None
                and min(frame.height, frame.width) < DRAFT_FROM * self._size
                and frame.height * frame.width <= decoder.largest
                and (pixels := self._decode_jpeg(content)) is not None
            ):
                return pixels
        report, image_id = self._pool.report, self._pool.ids[index]
        try:
            return decoder.opened(content, "network", self._size, partial(report.remark, image_id))
        except DECODE_ERRORS as error:
            report.note(image_id, why_unreadable(error))
            return None

    def resize(self, piece: DecodedPiece) -> Piece:
        """Cut out and scale the central squares."""
        if isinstance(piece.images, np.ndarray):
            return Piece(piece.asked, piece.indices, squares(piece.images, self._size))
        pixels = np.empty((len(piece.images), self._size, self._size, self._channels), np.uint8)
        for place, image in enumerate(piece.images):
            pixels[place] = square(image, self._size).transpose(1, 2, 0)
        return Piece(piece.asked, piece.indices, pixels)


def regroup(pieces: Iterable[Piece], ranges: Iterable[range]) -> Iterator[Piece]:
    """Make batches of pieces.

    Parameters
    ----------
    pieces
        In the pool's order, without a gap.
    ranges
        Ranges of the batches, which cover what the pieces do. If the pieces end early, the last, unfinished
        batch is not given.
    """
    source = iter(pieces)
    waiting: deque[Piece] = deque()
    for wanted in ranges:
        while not waiting or waiting[-1].asked.stop < wanted.stop:
            piece = next(source, None)
            if piece is None:
                return
            waiting.append(piece)
        parts = []
        while waiting and waiting[0].asked.start < wanted.stop:
            part, rest = waiting.popleft().split(wanted.stop)
            parts.append(part)
            if rest.asked:
                waiting.appendleft(rest)
        yield _joined(parts)


def _joined(parts: list[Piece]) -> Piece:
    if len(parts) == 1:
        return parts[0]
    asked = range(parts[0].asked.start, parts[-1].asked.stop)
    indices = np.concatenate([part.indices for part in parts])
    return Piece(asked, indices, np.concatenate([part.pixels for part in parts]))
