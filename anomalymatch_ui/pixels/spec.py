"""Bands, which have names, and an image of native values in them."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np

from anomalymatch_ui.pixels.filters import usual_wavelength

DTYPES = ("uint8", "uint16", "int16", "int32", "float16", "float32", "float64")
"""Number formats of native values, all of the machine's byte order."""

_NATIVE = frozenset(map(np.dtype, DTYPES))
_NAMED_IN_SENTENCE = 8


class PixelError(ValueError):
    """Why one image cannot be used: a sentence fragment, such as ``"it has no band 'r', only 'g'"``."""


@dataclass(frozen=True, slots=True)
class Band:
    """One band of an image.

    Attributes
    ----------
    name
        By which it is found, such as ``"r"`` or ``"NIR-Y"``.
    wavelength
        Effective wavelength, in nm; ``None`` if it is not known.
    zero_point
        AB magnitude of a source of one unit; ``None`` if it is not known.
    unit
        Unit of the values, as FITS writes units; ``None`` if it is not known.
    """

    name: str
    wavelength: float | None = None
    zero_point: float | None = None
    unit: str | None = None

    def __post_init__(self) -> None:
        if not self.name or self.name != self.name.strip():
            raise ValueError(f"a band needs a name without spaces around it, not {self.name!r}")

    @classmethod
    def named(cls, name: str, *, zero_point: float | None = None, unit: str | None = None) -> Band:
        """Return a band with the wavelength that is usual for its name."""
        return cls(name, usual_wavelength(name), zero_point, unit)


@dataclass(frozen=True, slots=True)
class Bands(Sequence[Band]):
    """The bands of an image in the order of its planes. They are found by name, never by position.

    Parameters
    ----------
    bands
        At least one; no two of one name.

    Examples
    --------
    >>> bands = Bands.named("g", "r", "i")
    >>> bands.positions(["i", "g"])
    (2, 0)
    >>> bands.by_colour()
    ('g', 'r', 'i')
    """

    bands: tuple[Band, ...]

    def __post_init__(self) -> None:
        if not self.bands:
            raise ValueError("an image has at least one band")
        names = [band.name for band in self.bands]
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise PixelError(f"it has two bands called {twice!r}")

    @classmethod
    def named(cls, *names: str) -> Bands:
        """Return bands of these names, with their usual wavelengths."""
        return cls(tuple(map(Band.named, names)))

    @classmethod
    @functools.lru_cache(maxsize=64)  # asked for by each image of a file without names
    def numbered(cls, count: int) -> Bands:
        """Return bands for planes without names: they are called ``"1"``, ``"2"`` and so on."""
        return cls(tuple(Band(str(number)) for number in range(1, count + 1)))

    @property
    def names(self) -> tuple[str, ...]:
        """The names, in the order of the planes."""
        return tuple(band.name for band in self.bands)

    def position(self, name: str) -> int:
        """Return which plane a band is.

        A name in letters of the other case does where it means one band only: many programs write the names
        of FITS extensions in capitals.

        Raises
        ------
        PixelError
            If there is no band of that name.
        """
        names = self.names
        if name in names:
            return names.index(name)
        alike = [place for place, known in enumerate(names) if known.casefold() == name.casefold()]
        if len(alike) == 1:
            return alike[0]
        raise PixelError(f"it has no band {name!r}, only {listed(names)}")

    def positions(self, names: Sequence[str]) -> tuple[int, ...]:
        """Return which plane each of some bands is; see :meth:`position`."""
        return tuple(map(self.position, names))

    def have(self, names: Sequence[str]) -> bool:
        """Return whether there is a band of each of some names."""
        try:
            self.positions(names)
        except PixelError:
            return False
        return True

    def chosen(self, names: Sequence[str]) -> Bands:
        """Return some of the bands, in the order asked for; raises as :meth:`position`."""
        return Bands(tuple(self.bands[place] for place in self.positions(names)))

    def by_colour(self) -> tuple[str, ...]:
        """Return the names from blue to red; by the numbers and letters in them where one is unknown.

        The order of the planes plays no part, so that two files with the same bands agree.
        """
        if all(band.wavelength is not None for band in self.bands):
            return tuple(
                band.name for band in sorted(self.bands, key=lambda band: (band.wavelength, band.name))
            )
        return tuple(sorted(self.names, key=_natural))

    def __len__(self) -> int:
        return len(self.bands)

    def __iter__(self) -> Iterator[Band]:
        return iter(self.bands)

    @overload
    def __getitem__(self, index: int) -> Band: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Band]: ...
    def __getitem__(self, index: int | slice) -> Band | Sequence[Band]:
        return self.bands[index]


NO_GOOD_PIXEL = "it has no good pixel: all are masked or not a number"
"""Why an image cannot be shown, a sentence fragment."""

RGB = Bands.named("red", "green", "blue")
"""Of a colour picture."""

GREY = Bands((Band("grey"),))
"""Of a picture, or of any image, with a single plane that has no name."""


@dataclass(frozen=True, slots=True, eq=False)
class NativeImage:
    """One image as it was measured.

    Attributes
    ----------
    values
        ``(bands, height, width)``, of one of :data:`DTYPES` in the machine's byte order. NaN and infinity
        may occur.
    bad
        bool, of the same shape: pixels that a mask or a blank value marks as without meaning; ``None`` if
        there are none but those that are not finite.
    bands
        Bands of the planes, in their order.

    Raises
    ------
    ValueError
        If they do not belong together.
    """

    values: np.ndarray
    bad: np.ndarray | None
    bands: Bands

    def __post_init__(self) -> None:
        values, bad = self.values, self.bad
        if values.ndim != 3 or 0 in values.shape:
            raise ValueError(f"an image is (bands, height, width), not of shape {values.shape}")
        if values.dtype not in _NATIVE:
            raise ValueError(f"native values are one of {', '.join(DTYPES)}, not {values.dtype.str}")
        if len(self.bands) != len(values):
            raise ValueError(f"{len(values)} planes need as many bands, not {len(self.bands)}")
        if bad is not None and (bad.shape != values.shape or bad.dtype != np.bool_):
            raise ValueError(
                f"a mask of {values.shape} is bool of that shape, not {bad.dtype} of {bad.shape}"
            )

    @property
    def has_good_pixels(self) -> bool:
        """Whether at least one pixel of any band means something."""
        if self.bad is None and self.values.dtype.kind != "f":
            return True
        middle = self.values.shape[1] // 2
        for rows in (slice(middle, middle + 1), slice(None)):  # nearly always the first tells
            good = np.isfinite(self.values[:, rows])
            if self.bad is not None:
                good &= ~self.bad[:, rows]
            if good.any():
                return True
        return False

    def chosen(self, names: Sequence[str]) -> NativeImage:
        """Return the image in some of its bands, in the order asked for.

        Raises
        ------
        PixelError
            If it lacks one.
        """
        if tuple(names) == self.bands.names:
            return self
        places = list(self.bands.positions(names))
        bad = None if self.bad is None else self.bad[places]
        return NativeImage(self.values[places], bad, self.bands.chosen(names))


def as_native(values: np.ndarray) -> np.ndarray:
    """Return numbers in one of :data:`DTYPES` that holds every one of them, in the machine's byte order.

    Integers of 64 bits beyond 2^53, which no survey's pixels reach, lose their last digits.

    Raises
    ------
    PixelError
        If they are no real numbers.
    """
    dtype = values.dtype.newbyteorder("=")
    if dtype.name in DTYPES:
        return values.astype(dtype, copy=False)
    if dtype.kind == "b":
        return values.astype(np.uint8)
    if dtype.kind in "iu":
        return values.astype(np.int16 if dtype.itemsize == 1 else np.float64)
    if dtype.kind == "f":
        return values.astype(np.float64)
    raise PixelError(f"its values are {dtype.name}, which are no real numbers")


def listed(names: Sequence[str]) -> str:
    """Return names for a sentence; of many, the first and how many more there are."""
    shown = ", ".join(map(repr, names[:_NAMED_IN_SENTENCE]))
    more = len(names) - _NAMED_IN_SENTENCE
    return f"{shown} and {more:,} more" if more > 0 else shown


def _natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """Return a key by which "2" comes before "10"."""
    parts = re.split(r"(\d+)", name.casefold())
    return tuple((1, int(part), "") if part.isdigit() else (0, 0, part) for part in parts)
