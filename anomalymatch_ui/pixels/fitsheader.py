"""The HDUs of a FITS file: where their data lie and what their headers say of them.

astropy builds an object for each card; a cutout of 48 kB takes it longer to open than to read. Here only
what concerns the pixels is parsed, straight from the bytes.

References
----------
.. [1] FITS standard 4.0, https://fits.gsfc.nasa.gov/fits_standard.html.
"""

from __future__ import annotations

import math
import mmap
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from anomalymatch_ui.pixels.spec import PixelError

Value = str | int | float | bool

_BLOCK = 2880
_CARD = 80
_END = b"END".ljust(_CARD)
_EXTENSION = b"XTENSION"
_LARGEST = 2**40
"""Bytes: beyond it a size in a header is nonsense."""

_KEYWORDS = (
    "SIMPLE XTENSION BITPIX NAXIS PCOUNT GCOUNT GROUPS BSCALE BZERO BLANK EXTNAME EXTTYPE IMAGETYP FILTER "
    "BAND BANDS BUNIT MAGZERO MAGZPT PHOTZP ZEROPNT ZIMAGE ZBITPIX ZNAXIS ZBLANK"
)
_WANTED = frozenset(name.ljust(8).encode() for name in _KEYWORDS.split())
_NUMBERED = (b"NAXIS", b"ZNAXIS", b"BAND")
_MASK_BIT = re.compile(rb"(?:HIERARCH )?(MP_[A-Z_0-9]+) *= *(\d+)")


@dataclass(frozen=True, slots=True)
class Hdu:
    """One header and data unit.

    Attributes
    ----------
    index
        Its place in the file, from 0 on.
    header
        What concerns the pixels, by keyword.
    start
        Start of its data, in bytes from the beginning of the file.
    stop
        End of its data, without what fills the last block.
    place
        Place of its header, in bytes from the beginning of the file.
    """

    index: int
    header: Mapping[str, Value]
    start: int
    stop: int
    place: int

    @property
    def is_compressed(self) -> bool:
        """Whether it is an image compressed in tiles, kept as a table."""
        return self.header.get("ZIMAGE") is True

    @property
    def shape(self) -> tuple[int, ...]:
        """Of its image, slowest axis first, without axes of length 1 before or behind it; or empty."""
        prefix = "Z" if self.is_compressed else ""
        if not self.is_compressed and self.header.get("XTENSION", "IMAGE") != "IMAGE":
            return ()
        axes = _axes(self.header, prefix)
        while axes[-1:] == (1,):
            axes = axes[:-1]
        if len(axes) < 2 or min(axes) < 1 or axes[-2] < 2 or self.header.get("GROUPS") is True:
            return ()
        return (*(length for length in axes[:-2] if length > 1), *axes[-2:])

    @property
    def bitpix(self) -> int:
        """Number format of its image, as FITS writes it."""
        return whole(self.header, "ZBITPIX" if self.is_compressed else "BITPIX")

    def text(self, *keywords: str) -> str:
        """Return the first of some keywords that holds text, or an empty string."""
        for keyword in keywords:
            value = self.header.get(keyword)
            if isinstance(value, str) and value.strip():
                return value.strip()
        return ""

    def number(self, *keywords: str) -> float | None:
        """Return the first of some keywords that holds a number."""
        found = self._number(keywords)
        return None if found is None else float(found)

    def integer(self, *keywords: str) -> int | None:
        """Return the first of some keywords that holds a number as an integer, with all of its digits."""
        found = self._number(keywords)
        return None if found is None else int(found)

    def _number(self, keywords: tuple[str, ...]) -> int | float | None:
        for keyword in keywords:
            value = self.header.get(keyword)
            if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
                return value
        return None


def read_hdus(content: bytes | mmap.mmap) -> Iterator[Hdu]:
    """Iterate over the HDUs of a FITS file; what comes after the last is passed over, as astropy does.

    Raises
    ------
    PixelError
        If a header is damaged, or the file ends before it does.
    """
    place, index = 0, 0
    while place < len(content) and (index == 0 or content[place : place + 8] == _EXTENSION):
        header, start = _header(content, place)
        bits = abs(whole(header, "BITPIX"))
        axes = _axes(header, "")
        elements = math.prod(axes) if axes else 0
        if header.get("GROUPS") is True and axes and axes[-1] == 0:
            elements = math.prod(axes[:-1])
        size = bits // 8 * int(header.get("GCOUNT", 1)) * (int(header.get("PCOUNT", 0)) + elements)
        if not 0 <= size < _LARGEST:
            raise PixelError("damaged")
        yield Hdu(index, header, start, start + size, place)
        stop, place, index = start + size, start + -(-size // _BLOCK) * _BLOCK, index + 1
        # Nobody knows which HDUs came after a cut. Some programs do not fill the last block, though.
        if place > len(content) != stop:
            raise PixelError("truncated")
    # So does one within the first word of an HDU, which is then no other's rest.
    if place < len(content) < place + len(_EXTENSION) and _EXTENSION.startswith(content[place:]):
        raise PixelError("truncated")


def whole(header: Mapping[str, Value], keyword: str) -> int:
    """Return a whole number that the standard demands; raises ``PixelError`` if it is not there."""
    value = header.get(keyword)
    if not isinstance(value, int) or isinstance(value, bool):
        raise PixelError("damaged")
    return value


def _axes(header: Mapping[str, Value], prefix: str) -> tuple[int, ...]:
    """Return the lengths of the axes, slowest first."""
    count = whole(header, prefix + "NAXIS")
    if not 0 <= count < 1000:
        raise PixelError("damaged")
    axes = tuple(whole(header, f"{prefix}NAXIS{number}") for number in range(count, 0, -1))
    if any(length < 0 for length in axes):
        raise PixelError("damaged")
    return axes


def _header(content: bytes | mmap.mmap, place: int) -> tuple[dict[str, Value], int]:
    """Return what a header says of the pixels, and where the data begin."""
    header: dict[str, Value] = {}
    while True:
        card = content[place : place + _CARD]
        if len(card) < _CARD:
            raise PixelError("truncated")
        place += _CARD
        if card == _END or (card.startswith(b"END") and not card[3:].strip()):
            break
        keyword = card[:8]
        if keyword in _WANTED or (keyword.startswith(_NUMBERED) and card[8:9] == b"="):
            name = keyword.decode("ascii", "replace").rstrip()
            if name not in header and card[8:10] == b"= ":
                header[name] = _value(card[10:])
        elif b"MP_" in card[:12] and (found := _MASK_BIT.match(card)):
            header[found[1].decode()] = int(found[2])
    return header, -(-place // _BLOCK) * _BLOCK


def _value(field: bytes) -> Value:
    """Return the value of a card: text without the blanks at its end, a number, or a truth value."""
    text = field.decode("ascii", "replace").strip()
    if text.startswith("'"):
        found = re.match(r"'((?:[^']|'')*)'?", text)
        return found[1].replace("''", "'").rstrip() if found else ""
    word = text.partition("/")[0].strip()
    if word in ("T", "F"):
        return word == "T"
    for kind in (int, float):
        try:
            return kind(word.replace("D", "E").replace("d", "e"))
        except ValueError:
            continue
    return word
