"""A folder of images, read recursively."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.pool.base import (
    Batch,
    Fetched,
    PoolReport,
    UnreadableImageError,
    check_indices,
    split_into_shards,
)
from anomalymatch_ui.pool.decode import DECODE_ERRORS, decode, square, why_unreadable
from anomalymatch_ui.pool.listing import Listing, list_images

_SUFFIXES_NAMED = 5


class FolderPool:
    """The images below a folder; see :class:`~anomalymatch_ui.pool.ImagePool`.

    Parameters
    ----------
    path
        The folder, absolute.

    Raises
    ------
    InputError
        If the folder cannot be opened or holds no image.
    """

    block_images = 1
    concurrent = True

    def __init__(self, path: Path) -> None:
        try:
            listing = list_images(str(path))
        except OSError as error:
            raise InputError(
                f"Cannot open the folder {path}: {error.strerror or error}. Check its permissions."
            ) from error
        if not listing.images:
            raise InputError(_no_images(path, listing))
        self.path = path
        self.name = path.name or str(path)
        self.ids: Sequence[str] = tuple(sorted(listing.images))
        # Sizes, too: two surveys may number their cutouts alike, and a file that was repaired is another.
        files = (f"{image_id}\0{listing.images[image_id]}" for image_id in self.ids)
        self.digest = hashlib.sha256("\0".join(("folder", *files)).encode()).hexdigest()
        self.report = PoolReport(len(self.ids), listing.skipped)
        self._index = {image_id: index for index, image_id in enumerate(self.ids)}
        self._prefix = f"{path}/"

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        return f"<FolderPool {self.path} of {len(self):,} images>"

    def __contains__(self, image_id: object) -> bool:
        return image_id in self._index

    def index(self, image_id: str) -> int:
        """Give the index of an image; ``KeyError`` if there is none of that id."""
        return self._index[image_id]

    def read(self, indices: Sequence[int] | np.ndarray, size: int) -> Batch:
        """Read the central squares of some images; see :meth:`ImagePool.read`."""
        asked = check_indices(indices, len(self))
        pixels = np.empty((len(asked), 3, size, size), np.uint8)
        kept: list[int] = []
        for index in asked.tolist():
            try:
                pixels[len(kept)] = square(self._decode(index, size), size)
            except UnreadableImageError:  # noted in the report by _decode
                continue
            kept.append(index)
        return Batch(np.array(kept, np.int64), pixels[: len(kept)])

    def fetch(self, indices: Sequence[int] | np.ndarray) -> Fetched:
        """Read the files of some images; see :meth:`ImagePool.fetch`."""
        kept: list[int] = []
        contents: list[bytes] = []
        for index in check_indices(indices, len(self)).tolist():
            try:
                contents.append(self._content(index))
            except OSError as error:
                self.report.note(self.ids[index], why_unreadable(error))
                continue
            kept.append(index)
        return Fetched(np.array(kept, np.int64), contents)

    def image(self, index: int) -> np.ndarray:
        """Read one whole image; see :meth:`ImagePool.image`."""
        (checked,) = check_indices([index], len(self)).tolist()
        return np.array(self._decode(checked))

    def shards(self, size: int) -> Iterator[range]:
        """Give the indices of all images in ranges of ``size``."""
        return split_into_shards(len(self), size)

    def any_there(self, indices: Sequence[int] | np.ndarray) -> bool:
        """Tell whether at least one of some files is there; see :meth:`ImagePool.any_there`."""
        asked = check_indices(indices, len(self)).tolist()
        return any(os.path.exists(self._prefix + self.ids[index]) for index in asked)

    def close(self) -> None:
        """Do nothing: no file stays open between two reads."""

    def _decode(self, index: int, size: int | None = None) -> Image.Image:
        """Read a file and decode it, or note in the report why not and raise ``UnreadableImageError``."""
        image_id = self.ids[index]
        try:
            image = decode(self._content(index), size)
        except DECODE_ERRORS as error:
            reason = why_unreadable(error)
            self.report.note(image_id, reason)
            raise UnreadableImageError(image_id, reason) from error
        self.report.clear([image_id])
        return image

    def _content(self, index: int) -> bytes:
        with open(self._prefix + self.ids[index], "rb") as file:
            return file.read()


def _no_images(path: Path, listing: Listing) -> str:
    advice = "Give a folder with JPEG, PNG, TIFF or WebP images in it or in the folders below it."
    if listing.skipped:
        advice = f"{PoolReport(0, listing.skipped).sentence()} {advice}"
    others = listing.other_suffixes.total()
    if not others:
        state = "holds no images" if listing.skipped else "is empty"
        return f"The folder {path} {state}. {advice}"
    common = [suffix or "no suffix" for suffix, _ in listing.other_suffixes.most_common(_SUFFIXES_NAMED)]
    more = ", …" if len(listing.other_suffixes) > _SUFFIXES_NAMED else ""
    files = "1 other file" if others == 1 else f"{others:,} other files"
    return f"The folder {path} holds no images, only {files} ({', '.join(common)}{more}). {advice}"
