"""A folder of images, read recursively."""

from __future__ import annotations

import contextlib
import hashlib
import mmap
import os
import zlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from anomalymatch_ui.config import PixelsConfig
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.pixels import GREY, RGB, Bands, NativeImage, PixelError, View
from anomalymatch_ui.pixels.files import (
    AS_PICTURES,
    DECODE_ERRORS,
    FITS,
    PICTURES,
    Content,
    Decoder,
    describe,
    why_unreadable,
)
from anomalymatch_ui.pixels.fits import HduError
from anomalymatch_ui.pixels.square import square
from anomalymatch_ui.pixels.stack import rendered_in_runs
from anomalymatch_ui.pool.base import (
    Batch,
    Fetched,
    PoolReport,
    UnreadableImageError,
    check_indices,
    split_into_shards,
    suffixes_named,
)
from anomalymatch_ui.pool.columns import NO_COLUMNS
from anomalymatch_ui.pool.listing import FolderListing, list_images
from anomalymatch_ui.pool.template import Grouped, group_files, missing
from anomalymatch_ui.pool.tiles import Tiles
from anomalymatch_ui.sky import Place

_LOOKED_AT = 9
"""So many files that may have any bands, from all over the folder, tell what bands the pool has."""

_ALIKE = 0.1
"""Share of files of one size from which on sizes tell nothing."""

_PROBED = 8
_PROBED_BYTES = 2**20

_SEARCHED = 200
"""So many FITS files, from all over the folder, are searched for the HDUs that are asked for."""


class FolderPool:
    """The images below a folder; see :class:`~anomalymatch_ui.pool.ImagePool`.

    Parameters
    ----------
    path
        The folder, absolute.
    pixels
        How the images are read and rendered.
    listing
        What lies in it; looked for if not given.

    Raises
    ------
    InputError
        If the folder cannot be opened or holds no image, or lacks what is asked for.
    """

    block_images = 1
    concurrent = True
    columns = NO_COLUMNS

    def __init__(
        self, path: Path, pixels: PixelsConfig | None = None, listing: FolderListing | None = None
    ) -> None:
        self.pixels = pixels or PixelsConfig()
        listing = listing or listed(path, self.pixels)
        if not listing.images:
            raise InputError(_no_images(path, listing))
        self.path = path
        self.name = path.name or str(path)
        self._prefix = f"{path}/"
        grouped = self._grouped(listing)
        self._files = None if grouped is None else grouped.images
        self.ids: Sequence[str] = tuple(sorted(listing.images if grouped is None else grouped.images))
        skipped = listing.skipped if grouped is None else listing.skipped | grouped.others
        self.report = PoolReport(len(self.ids), skipped, listing.other_suffixes)
        self._index = {image_id: index for index, image_id in enumerate(self.ids)}
        files = () if grouped is None else grouped.bands
        reading = Decoder(
            hdu=self.pixels.hdu, planes=self.pixels.planes, files=files, largest=self.pixels.largest
        )
        if reading.hdu is not None:
            self._check_hdus(listing, reading)
        self.bands = Bands.named(*files) if files else self._look(reading)
        try:
            self.rendering = self.pixels.rendering.bound(self.bands)
        except PixelError as error:
            raise InputError(f"The images in {path} cannot be shown so: {error}.") from error
        self._decoder = replace(reading, rendering=self.rendering)
        self.digest = self._digest(listing)
        for image_id in self.ids if files else ():
            self._note_missing(image_id)
        self.found: Mapping[str, str] = {}

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        return f"<FolderPool {self.path} of {len(self):,} images>"

    def __contains__(self, image_id: object) -> bool:
        return image_id in self._index

    def index(self, image_id: str) -> int:
        """Return the index of an image; ``KeyError`` if there is none of that id."""
        return self._index[image_id]

    def read(self, indices: Sequence[int] | np.ndarray, size: int, view: View = "picture") -> Batch:
        """Read the central squares of some images; see :meth:`ImagePool.read`."""
        asked = check_indices(indices, len(self))
        pixels = np.empty((len(asked), self.rendering.channels_of(view), size, size), np.uint8)
        kept: list[int] = []
        for index, image in rendered_in_runs(self.rendering, self._opened(asked, size, view), view):
            if isinstance(image, Exception):
                self.report.note(self.ids[index], why_unreadable(image))
                continue
            pixels[len(kept)] = square(image, size)
            kept.append(index)
        self.report.clear(self.ids[index] for index in kept)
        return Batch(np.array(kept, np.int64), pixels[: len(kept)])

    def fetch(self, indices: Sequence[int] | np.ndarray) -> Fetched:
        """Read the files of some images; see :meth:`ImagePool.fetch`."""
        kept: list[int] = []
        contents: list[Content] = []
        for index in check_indices(indices, len(self)).tolist():
            try:
                contents.append(self._content(index))
            except (OSError, PixelError) as error:
                self.report.note(self.ids[index], why_unreadable(error))
                continue
            kept.append(index)
        return Fetched(np.array(kept, np.int64), contents, self._decoder)

    def image(self, index: int) -> np.ndarray:
        """Read one whole image; see :meth:`ImagePool.image`."""
        (checked,) = check_indices([index], len(self)).tolist()
        return np.array(self._decode(checked))

    def native(self, index: int) -> NativeImage:
        """Read the native values of one whole image, in all its bands; raises as :meth:`image`."""
        (checked,) = check_indices([index], len(self)).tolist()
        try:
            return self._decoder.native(self._content(checked))
        except DECODE_ERRORS as error:
            raise UnreadableImageError(self.ids[checked], why_unreadable(error)) from error

    def shards(self, size: int) -> Iterator[range]:
        """Return the indices of all images in ranges of ``size``."""
        return split_into_shards(len(self), size)

    def any_there(self, indices: Sequence[int] | np.ndarray) -> bool:
        """Return whether at least one of some files is there; see :meth:`ImagePool.any_there`."""
        asked = check_indices(indices, len(self)).tolist()
        return any(
            os.path.exists(self._prefix + file) for index in asked for file in self._paths(self.ids[index])
        )

    def place(self, index: int) -> Place | None:
        """Return where the middle of a FITS image is, by its WCS; ``None`` of other files, or without one."""
        (checked,) = check_indices([index], len(self)).tolist()
        file = self._paths(self.ids[checked])[0]
        if not file.lower().endswith(FITS):
            return None
        tiles = Tiles(self.pixels.hdu, self.pixels.planes)
        try:
            sky = tiles.sky(self._prefix + file)
            return sky.place((sky.width - 1) / 2, (sky.height - 1) / 2)
        except (PixelError, *DECODE_ERRORS):
            return None
        finally:
            tiles.close()

    def close(self) -> None:
        """Do nothing: no file stays open between two reads."""

    def _grouped(self, listing: FolderListing) -> Grouped | None:
        """Return which files belong together, if a template says so."""
        template = self.pixels.template
        return None if template is None else group_files(listing.images, template, self.pixels.bands)

    def _look(self, reading: Decoder) -> Bands:
        """Return the bands that most of the images have, told by some of those that may have any."""
        any_bands = [image_id for image_id in self.ids if not image_id.lower().endswith(PICTURES)]
        if not any_bands or (self.pixels.bands is None and 2 * len(any_bands) < len(self.ids)):
            return RGB
        found: list[Bands] = []
        for image_id in _some(any_bands, _LOOKED_AT):
            try:
                found.append(self._bands_of(image_id, reading))
            except DECODE_ERRORS:  # said when the image is read
                continue
        if not found:
            return GREY
        fits = [bands for bands in found if bands.have(self.pixels.bands or ())] or found
        # Grey and colour go together, as among pictures.
        kinds = [() if len(bands) == 1 or bands.names == RGB.names else bands.names for bands in fits]
        usual, _ = Counter(kinds).most_common(1)[0]
        return next(bands for bands, kind in zip(fits, kinds, strict=True) if kind == usual)

    def _check_hdus(self, listing: FolderListing, reading: Decoder) -> None:
        """Refuse HDUs that no FITS file has: each of them would be reported as unreadable."""
        files = [file for file in listing.images if file.lower().endswith(FITS)]
        lacking = ""
        for file in _some(files, _SEARCHED):
            try:
                self._bands_of(file, reading)
            except HduError as error:
                lacking = lacking or f"{file}: {error}"
            except DECODE_ERRORS:  # said when the image is read
                continue
            else:
                return
        if lacking:
            raise InputError(
                f"None of the FITS files tried in {self.path} has the HDUs that --hdu asks for. {lacking}."
            )

    def _bands_of(self, image_id: str, reading: Decoder) -> Bands:
        """Return the bands of a file; of a large one only the headers are read."""
        with open(self._prefix + image_id, "rb") as file:
            if os.fstat(file.fileno()).st_size == 0:
                raise PixelError("empty file")
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                return describe(content, reading)

    def _digest(self, listing: FolderListing) -> str:
        """Hash names and sizes, and how the images are read and rendered unless as pictures always are.

        Sizes, too: two surveys may number their cutouts alike, and a file that was repaired is another.
        """
        files = [
            "\0".join(f"{file}\0{listing.images[file]}" for file in self._paths(name)) for name in self.ids
        ]
        stamps = [zlib.crc32(file.encode("utf-8", "surrogateescape")) for file in files]
        self.stamps = np.array(stamps if tell_apart(listing.images.values()) else [], np.uint32)
        parts = ["folder", *files]
        if self._decoder != AS_PICTURES:
            how = self._decoder
            parts.append(f"{how.rendering.digest} {how.hdu!r} {how.planes!r} {how.files!r}")
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    def probe(self) -> str:
        """Return a hash of the bytes of some files: names and sizes alone do not tell surveys apart."""
        digest = hashlib.sha256()
        for name in _some(self.ids, _PROBED):
            for file in self._paths(name):
                with contextlib.suppress(OSError), open(self._prefix + file, "rb") as content:
                    digest.update(content.read(_PROBED_BYTES))
        return digest.hexdigest()[:16]

    def _paths(self, image_id: str) -> tuple[str, ...]:
        """Return the files of an image, relative to the folder."""
        return (image_id,) if self._files is None else tuple(self._files[image_id].values())

    def _note_missing(self, image_id: str) -> str:
        """Note in the report that files of an image are missing, if they are; return it."""
        assert self._files is not None
        lacking = missing(self._files[image_id], self._decoder.files)
        if lacking:
            self.report.note(image_id, lacking)
        return lacking

    def _opened(
        self, asked: np.ndarray, size: int, view: View
    ) -> Iterator[tuple[int, Image.Image | NativeImage]]:
        """Decode files by their indices, but do not render them yet; note in the report what cannot be."""
        for index in asked.tolist():
            image_id = self.ids[index]
            try:
                content = self._content(index)
                yield index, self._decoder.opened(content, view, size, partial(self.report.remark, image_id))
            except DECODE_ERRORS as error:
                self.report.note(image_id, why_unreadable(error))

    def _decode(self, index: int) -> Image.Image | np.ndarray:
        """Read a file and decode it, or note in the report why not and raise ``UnreadableImageError``."""
        image_id = self.ids[index]
        try:
            content = self._content(index)
            image = self._decoder.picture(content, None, partial(self.report.remark, image_id))
        except DECODE_ERRORS as error:
            reason = why_unreadable(error)
            self.report.note(image_id, reason)
            raise UnreadableImageError(image_id, reason) from error
        self.report.clear([image_id])
        return image

    def _content(self, index: int) -> Content:
        image_id = self.ids[index]
        if self._files is None:
            return self._bytes(image_id)
        if lacking := self._note_missing(image_id):
            raise PixelError(lacking)
        files = self._files[image_id]
        return tuple(self._bytes(files[band]) for band in self._decoder.files)

    def _bytes(self, file: str) -> bytes:
        with open(self._prefix + file, "rb") as opened:
            return opened.read()


def listed(path: Path, pixels: PixelsConfig) -> FolderListing:
    """List the images below a folder; see :func:`~anomalymatch_ui.pool.listing.list_images`.

    Raises
    ------
    InputError
        If it cannot be opened.
    """
    try:
        return list_images(str(path), follow_links=pixels.follow_links)
    except OSError as error:
        raise InputError(
            f"Cannot open the folder {path}: {error.strerror or error}. Check its permissions."
        ) from error


def tell_apart(sizes: Collection[int]) -> bool:
    """Return whether names and sizes tell files from others of the same names.

    FITS and NPY of one shape all have one size, and surveys number their cutouts alike.
    """
    commonest = max(Counter(sizes).values(), default=0)
    return commonest <= max(1, _ALIKE * len(sizes))


def _some(files: Sequence[str], most: int) -> list[str]:
    """Return files from all over a list, at most so many."""
    if not files:
        return []
    return [files[place] for place in np.unique(np.linspace(0, len(files) - 1, most).astype(int)).tolist()]


def _no_images(path: Path, listing: FolderListing) -> str:
    advice = "Give a folder with JPEG, PNG, TIFF, WebP or FITS images in it or in the folders below it."
    if listing.skipped:
        advice = f"{PoolReport(0, listing.skipped).sentence()} {advice}"
    others = listing.other_suffixes.total()
    if not others:
        state = "holds no images" if listing.skipped else "is empty"
        return f"The folder {path} {state}. {advice}"
    files = "1 other file" if others == 1 else f"{others:,} other files"
    suffixes = suffixes_named(listing.other_suffixes)
    return f"The folder {path} holds no images, only {files} ({suffixes}). {advice}"
