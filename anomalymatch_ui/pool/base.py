"""What every pool of images promises, and what it tells about the images it cannot read."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

import numpy as np

from anomalymatch_ui.config import PixelsConfig
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.pixels import Bands, NativeImage, Rendering, View
from anomalymatch_ui.pixels.files import AS_PICTURES, Content, Decoder
from anomalymatch_ui.pool.columns import Columns

_NAMED_IN_SENTENCE = 5

_NO_IMAGES = frozenset(
    (
        ".cfg",
        ".csv",
        ".db",
        ".html",
        ".ipynb",
        ".json",
        ".log",
        ".md",
        ".parquet",
        ".py",
        ".toml",
        ".tsv",
        ".txt",
        ".yaml",
        ".yml",
    )
)
"""Suffixes of what lies beside images and would be missed by nobody: tables, notes and programs."""


class UnreadableImageError(InputError):
    """One image of a pool cannot be read.

    Attributes
    ----------
    image_id
        Its id.
    reason
        Why, a sentence fragment such as ``"truncated"``.
    """

    def __init__(self, image_id: str, reason: str) -> None:
        super().__init__(f"The image {image_id} cannot be read ({reason}). Replace it, or go on without it.")
        self.image_id = image_id
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Batch:
    """Images that were read.

    Attributes
    ----------
    indices
        Pool index of each, int64 ``(n,)``, in the order asked for.
    pixels
        uint8 ``(n, channels, size, size)``, C-contiguous: RGB, or what the network sees.
    """

    indices: np.ndarray
    pixels: np.ndarray


@dataclass(frozen=True, slots=True)
class Fetched:
    """Images as they lie on disk: read, but not decoded, nor cut or scaled.

    Attributes
    ----------
    indices
        Pool index of each, int64 ``(n,)``, in the order asked for.
    contents
        Each image's file, or files, or the image where there is none; or, of a pool of arrays, uint8
        ``(n, height, width, channels)``, rendered for the network.
    decoder
        Decodes and renders files.
    """

    indices: np.ndarray
    contents: Sequence[Content] | np.ndarray
    decoder: Decoder = AS_PICTURES


class PoolReport:
    """Which images of a pool could not be read so far, and why. Thread-safe.

    ``len(report)`` is the number of unreadable images.

    Parameters
    ----------
    images
        How many images the pool has.
    skipped
        Name -> reason of what was passed over when the pool was opened and is no image of it, such as a
        folder without permission.
    other_suffixes
        How many files of other kinds lie among the images, by suffix; ``""`` counts those without one.
    """

    def __init__(
        self,
        images: int,
        skipped: Mapping[str, str] | None = None,
        other_suffixes: Mapping[str, int] | None = None,
    ) -> None:
        self._images = images
        self._skipped = MappingProxyType(dict(skipped or {}))
        self._other_suffixes = MappingProxyType(dict(other_suffixes or {}))
        self._remarks: dict[str, str] = {}
        self._unreadable: dict[str, str] = {}
        self._lock = threading.Lock()

    @property
    def skipped(self) -> Mapping[str, str]:
        """Name -> reason of what was passed over when the pool was opened."""
        return self._skipped

    @property
    def other_suffixes(self) -> Mapping[str, int]:
        """How many files of other kinds there are, by suffix."""
        return self._other_suffixes

    @property
    def remarks(self) -> Mapping[str, str]:
        """Image id -> what of it is not shown, as of a file with several pages; as it is now."""
        with self._lock:
            return MappingProxyType(dict(self._remarks))

    def remark(self, image_id: str, text: str) -> None:
        """Keep that only a part of an image is shown; ``text`` is a sentence fragment."""
        with self._lock:
            self._remarks[image_id] = text

    @property
    def unreadable(self) -> Mapping[str, str]:
        """Image id -> reason, as it is now; it does not change afterwards."""
        with self._lock:
            return MappingProxyType(dict(self._unreadable))

    def note(self, image_id: str, reason: str) -> None:
        """Keep that an image cannot be read; ``reason`` is a sentence fragment."""
        with self._lock:
            self._unreadable[image_id] = reason

    def clear(self, image_ids: Iterable[str]) -> None:
        """Keep that images can be read after all, as when a disk was away for a moment."""
        if not self._unreadable:
            return
        with self._lock:
            for image_id in image_ids:
                self._unreadable.pop(image_id, None)

    def sentence(self) -> str:
        """Say it to the user; empty if there is nothing to say."""
        unreadable = self.unreadable
        sentences = []
        if unreadable:
            sentences.append(
                f"{len(unreadable):,} of {self._images:,} images could not be read: {_named(unreadable)}."
            )
        if self._skipped:
            entries = "entry was" if len(self._skipped) == 1 else "entries were"
            sentences.append(f"{len(self._skipped):,} {entries} passed over: {_named(self._skipped)}.")
        others = {suffix: n for suffix, n in self._other_suffixes.items() if suffix not in _NO_IMAGES}
        if others:
            count = sum(others.values())
            files = "1 other file is" if count == 1 else f"{count:,} other files are"
            sentences.append(f"{files} not read ({suffixes_named(others)}).")
        remarks = {name: text for name, text in self.remarks.items() if name not in unreadable}
        if remarks:
            images = "1 image is" if len(remarks) == 1 else f"{len(remarks):,} images are"
            sentences.append(f"{images} shown in part: {_named(remarks)}.")
        return " ".join(sentences)

    def __len__(self) -> int:
        with self._lock:
            return len(self._unreadable)

    def __repr__(self) -> str:
        return f"<PoolReport {len(self):,} of {self._images:,} images unreadable>"


def suffixes_named(counts: Mapping[str, int]) -> str:
    """Return the suffixes of files for a sentence, in their order; of many, those of most files."""
    common = sorted(counts, key=lambda suffix: (-counts[suffix], suffix))[:_NAMED_IN_SENTENCE]
    more = ", …" if len(counts) > len(common) else ""
    return ", ".join(suffix or "no suffix" for suffix in sorted(common)) + more


def _named(reasons: Mapping[str, str]) -> str:
    return few([f"{name} ({reasons[name]})" for name in sorted(reasons)])


def few(names: Sequence[str]) -> str:
    """Return names for a sentence; of many, the first and how many more there are."""
    shown = ", ".join(names[:_NAMED_IN_SENTENCE])
    more = len(names) - _NAMED_IN_SENTENCE
    return f"{shown} and {more:,} more" if more > 0 else shown


class ImagePool(Protocol):
    """Images with stable ids and random access. Its methods may be called from several threads.

    Attributes
    ----------
    path
        The folder or file it was opened from, absolute.
    name
        What to call it on the screen.
    ids
        Id of each image, by index; the same whenever and wherever the same images are opened.
    digest
        Hexadecimal; two pools of different images have different ones.
    report
        What could not be read so far.
    block_images
        How many images, from a multiple of it on, are best fetched at one time; 1 if it does not matter.
    concurrent
        Whether several threads read it faster than one.
    bands
        Bands of its images, as far as some of them tell.
    rendering
        How they become visible, bound to the bands. The digest tells pools apart that are rendered otherwise.
    pixels
        What was asked for when it was opened.
    columns
        What its files say of each image beside the pixels, such as positions.
    found
        What the files hold, for a person: ``"array"`` -> ``"'images', float32, 3 bands of 64 x 64 pixels"``.
    """

    path: Path
    name: str
    ids: Sequence[str]
    digest: str
    report: PoolReport
    block_images: int
    concurrent: bool
    bands: Bands
    rendering: Rendering
    pixels: PixelsConfig
    columns: Columns
    found: Mapping[str, str]

    def __len__(self) -> int:
        """Return the number of images, the unreadable ones included."""

    def __contains__(self, image_id: object) -> bool:
        """Return whether there is an image of that id."""

    def index(self, image_id: str) -> int:
        """Return the index of an image.

        Raises
        ------
        KeyError
            If there is no image of that id.
        """

    def read(self, indices: Sequence[int] | np.ndarray, size: int, view: View = "picture") -> Batch:
        """Read the central square of some images, scaled to ``size`` x ``size`` pixels.

        Images that cannot be read are left out and noted in the report.

        Parameters
        ----------
        indices
            Which images.
        size
            Side of the squares.
        view
            Whether as a person sees them, in red, green and blue, or as the network does, in
            ``rendering.channels`` channels.

        Raises
        ------
        IndexError
            If an index is negative or too large.
        """

    def fetch(self, indices: Sequence[int] | np.ndarray) -> Fetched:
        """Read some images without decoding them, the first part of :meth:`read`.

        Images that cannot be read are left out and noted in the report; those that cannot be decoded
        are to be noted by who decodes them.

        Raises
        ------
        IndexError
            If an index is negative or too large.
        """

    def image(self, index: int) -> np.ndarray:
        """Read one whole image, uint8 ``(height, width, 3)``, RGB, in its full resolution.

        Raises
        ------
        UnreadableImageError
            If it cannot be read.
        IndexError
            If the index is negative or too large.
        """

    def native(self, index: int) -> NativeImage:
        """Read the native values of one whole image, in all its bands; raises as :meth:`image`."""

    def shards(self, size: int) -> Iterator[range]:
        """Return the indices of all images in ranges of ``size``; the last may be shorter."""

    def any_there(self, indices: Sequence[int] | np.ndarray) -> bool:
        """Return whether the files of at least one of some images are where they were.

        If they are not, the pool has gone rather than its images: a disk was taken away, or a server.
        """

    def close(self) -> None:
        """Let go of open files."""


def check_indices(indices: Sequence[int] | np.ndarray, images: int) -> np.ndarray:
    """Return ``indices`` as int64 ``(n,)``.

    Raises
    ------
    IndexError
        If one is not in 0 to ``images - 1``, or is no integer.
    """
    array = np.asarray(indices)
    if array.size == 0:
        return np.empty(0, np.int64)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise IndexError(f"indices must be a row of integers, not {array.dtype} of shape {array.shape}")
    outside = array[(array < 0) | (array >= images)]
    if outside.size:
        raise IndexError(f"there is no image {outside[0]} in a pool of {images:,}")
    return array.astype(np.int64, copy=False)


def split_into_shards(images: int, size: int) -> Iterator[range]:
    """Return ranges of ``size`` that cover 0 to ``images - 1``.

    Raises
    ------
    ValueError
        If ``size`` is not positive.
    """
    if size < 1:
        raise ValueError(f"a shard holds at least one image, not {size}")
    return (range(first, min(first + size, images)) for first in range(0, images, size))
