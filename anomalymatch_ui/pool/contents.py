"""What an HDF5 file or a Zarr store holds: which array has the images, and what stands beside it.

Both formats are trees of named arrays. Each gives a list of :class:`Entry`; the choice is made here, once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.pool.base import few
from anomalymatch_ui.pool.layout import Layout, LayoutError, find_layout
from anomalymatch_ui.pool.links import ALLOWED_BY

IMAGES = ("images", "image", "image_array", "cutouts", "data", "x")
"""Names of arrays of images, in small letters, the likeliest first."""

IDS = (
    "ids", "id", "filenames", "filename", "names", "object_id", "objectid", "id_str", "source_id", "sourceid",
    "name",
)  # fmt: skip
"""Names of what tells images apart, in small letters, the likeliest first."""

BANDS = ("bands", "band", "image_band", "band_names", "channels", "channel_names", "filters", "filter")
"""Names of what names the bands, in small letters."""

ERRORS = ("error", "errors")
"""Names of columns with a text where an image is not what it should be."""


# Beside images of the same shape: these tell how good pixels are and are none themselves.
_COMPANIONS = (
    "mask",
    "ivar",
    "invvar",
    "weight",
    "var",
    "variance",
    "err",
    "error",
    "rms",
    "dq",
    "psf",
    "bkg",
    "flag",
)

_OBJECTS_LOOKED_AT = 64
_OBJECT_BANDS = 5

Read = Callable[[int, int], np.ndarray]
"""Reads the values of rows from one to before another."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An array of a file, not read yet.

    Attributes
    ----------
    name
        Path within the file, such as ``"survey/images"``.
    shape, dtype
        Shape and dtype of the array; the dtype of text of any length is ``object``.
    read
        Reads some of its rows.
    axes
        Names of its axes, as far as the file gives them.
    encoded
        Whether each row is the bytes of an image's file.
    text
        Whether rows of dtype ``object`` are text.
    bands
        Names of bands that its attributes give.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype
    read: Read
    axes: tuple[str | None, ...] = ()
    encoded: bool = False
    text: bool = False
    bands: object = None

    @property
    def label(self) -> str:
        """The last part of the name, in small letters."""
        return PurePosixPath(self.name).name.casefold()

    @property
    def group(self) -> str:
        """Where it lies within the file."""
        return str(PurePosixPath(self.name).parent)

    def layout(self) -> Layout | None:
        """Return how images lie in it, ``None`` if each row is an image's file; raises ``LayoutError``."""
        if self.encoded:
            return None
        layout = find_layout(self.shape, self.dtype, self.axes)
        if self.shape[0] == 0:
            raise LayoutError("it has no rows")
        return layout


def choose_images(
    entries: Sequence[Entry], wanted: str | None, where: str, links: Mapping[str, str]
) -> tuple[Entry, Layout | None]:
    """Find the array of images.

    Parameters
    ----------
    entries
        All arrays of the file.
    wanted
        Its name, where a person gave it.
    where
        The file, for errors.
    links
        Name -> what it points to, of links that cannot be followed.

    Returns
    -------
    Entry, Layout or None
        ``None`` if its rows are encoded images.

    Raises
    ------
    InputError
        If there is none, or there are several to choose from.
    """
    if wanted is not None:
        return _asked_for(entries, wanted.strip("/"), where, links)
    reasons: dict[str, str] = {}
    fitting: list[tuple[Entry, Layout | None]] = []
    for entry in entries:
        try:
            fitting.append((entry, entry.layout()))
        except LayoutError as error:
            reasons[entry.name] = str(error)
    for name in IMAGES:
        alike = [(entry, layout) for entry, layout in fitting if entry.label == name]
        if len(alike) == 1:
            return alike[0]
        lost = [link for link in links if PurePosixPath(link).name.casefold() == name]
        if lost:
            raise InputError(f"'{lost[0]}' in {where} is {_told(links[lost[0]])}")
    plain = [pair for pair in fitting if not is_companion(pair[0])] or fitting
    if len(plain) == 1:
        return plain[0]
    if plain:
        names = few([repr(entry.name) for entry, _ in plain])
        raise InputError(
            f"{where} has {len(plain):,} arrays of images: {names}. Choose one by its name (--array)."
        )
    named = [entry for entry in entries if entry.label in IMAGES]
    if named:
        raise InputError(_unfit(named[0], reasons[named[0].name], where))
    held = few([f"{entry.name} ({entry.dtype.name} {entry.shape})" for entry in entries])
    broken = (
        f" What cannot be read: {few([f'{name} ({to})' for name, to in links.items()])}." if links else ""
    )
    raise InputError(
        f"{where} has no images: it needs an array of numbers (n, height, width), (n, height, width, bands) "
        f"or (n, bands, height, width), and holds {held or 'nothing'}.{broken}"
    )


def _asked_for(
    entries: Sequence[Entry], wanted: str, where: str, links: Mapping[str, str]
) -> tuple[Entry, Layout | None]:
    entry = next((entry for entry in entries if entry.name.strip("/") == wanted), None)
    if entry is None:
        if wanted in links:
            raise InputError(f"'{wanted}' in {where} is {_told(links[wanted])}")
        held = few([repr(entry.name) for entry in entries])
        raise InputError(f"There is no array {wanted!r} in {where}, which has {held or 'none'}.")
    try:
        return entry, entry.layout()
    except LayoutError as error:
        raise InputError(_unfit(entry, str(error), where)) from error


def _told(link: str) -> str:
    return f"{link}." if link.endswith(ALLOWED_BY) else f"{link}. Put that file back where it was."


def _unfit(entry: Entry, reason: str, where: str) -> str:
    advice = "Give a file with at least one image." if entry.shape[:1] == (0,) else "Convert it."
    return f"'{entry.name}' in {where} is {entry.dtype.name} of shape {entry.shape}: {reason}. {advice}"


def is_companion(entry: Entry) -> bool:
    """Return whether an array says by its name how good pixels are, as a mask or a variance does."""
    words = entry.label.replace("-", "_").split("_")
    return any(word in _COMPANIONS for word in words)


def one_image(values: np.ndarray) -> np.ndarray:
    """Return an array that is one image as ``(height, width, bands)``, a view of it."""
    if values.ndim == 2:
        return values[..., None]
    return np.moveaxis(values, 0, 2) if values.shape[0] < values.shape[2] else values


def are_objects(entries: Sequence[Entry]) -> bool:
    """Return whether a file has one array an image: several, none of them a stack of images by its name."""
    some = entries[:_OBJECTS_LOOKED_AT]
    return len(some) > 1 and all(
        entry.label not in IMAGES and not is_companion(entry) and is_one_image(entry.shape, entry.dtype)
        for entry in some
    )


def is_one_image(shape: Sequence[int], dtype: np.dtype) -> bool:
    """Return whether an array is one image: ``(h, w)``, or with a few bands first or last."""
    if dtype.kind not in "buif" or 0 in shape:
        return False
    if len(shape) == 2:
        return min(shape) > 1
    return len(shape) == 3 and min(shape[0], shape[2]) <= _OBJECT_BANDS
