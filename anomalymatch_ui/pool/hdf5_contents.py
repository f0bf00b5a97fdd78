"""The tree of an HDF5 file: which arrays it has, and which of its links lead nowhere."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.pool.contents import BANDS, IDS, IMAGES, Entry
from anomalymatch_ui.pool.hdf5_outside import led_outside
from anomalymatch_ui.pool.links import ALLOWED_BY

# Rows of one chunk are read one after another: a chunk that does not stay in memory is unpacked for each
# of them (64 rows of a compressed file of 1.2 MB chunks: 173 ms without the space for them, 3 ms with it).
_CHUNK_CACHE_BYTES = 64 * 2**20
_LEAST_CACHE_BYTES = 2**20
"""HDF5's own; of a thousand files that are open at one time, these are a gigabyte at most."""

# Opening an array takes some 50 µs: of files with 10^5 of them in one group, not all are looked at.
_LOOKED_AT = 1000


@dataclass(slots=True)
class Tree:
    """What an HDF5 file holds.

    Attributes
    ----------
    entries
        Its arrays, in the order of their names; of a group with thousands, the first and the likeliest.
    links
        Name -> what it points to, of links to nothing, or to what must not be read.
    """

    entries: list[Entry] = field(default_factory=list)
    links: dict[str, str] = field(default_factory=dict)


def for_reading(path: Path, **options: int) -> h5py.File:
    """Open a file for reading, without a lock where there is none to be had.

    Disks of clusters may have no locks, and a program that writes the file holds one; reading needs none.
    First with one all the same: a process that has a file open in both ways is refused by HDF5.

    Raises
    ------
    OSError
        If it cannot be opened.
    """
    try:
        return h5py.File(path, "r", **options)
    except OSError:
        return h5py.File(path, "r", locking=False, **options)


def opened(path: Path, parts: int = 1) -> h5py.File:
    """Open a file of images, of as many that are open at one time; see :func:`for_reading`.

    Raises
    ------
    InputError
        If it cannot be opened.
    """
    try:
        return for_reading(path, rdcc_nbytes=max(_LEAST_CACHE_BYTES, 4 * _CHUNK_CACHE_BYTES // (parts + 3)))
    except OSError as error:
        why = first_line(error)
        if error.errno == errno.EAGAIN or "open for write" in str(error):
            raise InputError(
                f"Cannot open {path}: another program has it open for writing ({why}). Close it there, or "
                "copy the file."
            ) from error
        raise InputError(
            f"Cannot open {path} as an HDF5 file: {why}. "
            "Check its permissions, or fetch it again if its download was cut off."
        ) from error


def tree(file: h5py.File, folder: Path | None) -> Tree:
    """Return the arrays of a file, in all its groups.

    Parameters
    ----------
    file
        Open.
    folder
        Outside of which no file that this one refers to is read; ``None`` if any may be.
    """
    found = Tree()
    seen: set[object] = set()
    _walk(file, "", found, seen, folder)
    return found


def _walk(group: h5py.Group, prefix: str, found: Tree, seen: set[object], folder: Path | None) -> None:
    for name in _likeliest(group):
        path = prefix + name
        try:
            outside = "" if folder is None else led_outside(group, name, folder)
            if outside:
                found.links[path] = f"kept in {outside}, {ALLOWED_BY}"
                continue
            item = group[name]
        except (KeyError, OSError, RuntimeError, TypeError, ValueError) as error:
            found.links[path] = _where_to(group, name, error)
            continue
        if item.id in seen:  # hard and soft links may lead in circles
            continue
        seen.add(item.id)
        if isinstance(item, h5py.Group):
            _walk(item, path + "/", found, seen, folder)
        elif isinstance(item, h5py.Dataset):
            found.entries.append(_entry(path, item))


def _likeliest(group: h5py.Group) -> Iterator[str]:
    names = list(group)
    if len(names) <= _LOOKED_AT:
        yield from names
        return
    known = {*IMAGES, *IDS}
    yield from [name for name in names if name.casefold() in known]
    yield from names[:_LOOKED_AT]


def _where_to(group: h5py.Group, name: str, error: Exception) -> str:
    link = group.get(name, getlink=True)
    if isinstance(link, h5py.ExternalLink):
        return (
            f"a link to {link.filename}, which is not there"
            if _is_gone(group, link)
            else (f"a link to {link.path} in {link.filename}, which cannot be opened")
        )
    if isinstance(link, h5py.SoftLink):
        return f"a link to {link.path}, which is not there"
    return first_line(error)


def _is_gone(group: h5py.Group, link: h5py.ExternalLink) -> bool:
    return not (Path(group.file.filename).parent / link.filename).exists()


def _entry(name: str, dataset: h5py.Dataset) -> Entry:
    def read(start: int, stop: int) -> np.ndarray:
        values: np.ndarray = dataset[start:stop]
        return values

    dtype = dataset.dtype
    shape = dataset.shape or ()
    inner = h5py.check_vlen_dtype(dtype)
    encoded = len(shape) == 1 and (inner == np.uint8 or (dtype.kind == "V" and dtype.names is None))
    axes = tuple(dimension.label or None for dimension in dataset.dims) if len(shape) == 4 else ()
    text = h5py.check_string_dtype(dtype) is not None
    return Entry(name, shape, dtype, read, axes, encoded, text, _bands(dataset) if len(shape) == 4 else None)


def _bands(dataset: h5py.Dataset) -> object:
    """Return what the attributes of an array, or of the file, call its bands."""
    for attributes in (dataset.attrs, dataset.parent.attrs):
        for name in attributes:
            if name.casefold() in BANDS:
                return attributes[name]
    return None


def first_line(error: BaseException) -> str:
    """Return what an error says, in one line."""
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).splitlines()[0]
