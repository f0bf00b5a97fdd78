"""The tree of a Zarr store, which may be a folder or a zip file: its arrays, and which keys are there."""

from __future__ import annotations

import errno
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from zarr.storage import LocalStore, ZipStore

from anomalymatch_ui.pool.contents import BANDS, IDS, IMAGES, Entry
from anomalymatch_ui.pool.links import ALLOWED_BY, is_inside
from anomalymatch_ui.pool.zarr_chunks import WholeChunks

# Reading an array's metadata takes some 200 µs: of groups with 10^5 arrays, not all are looked at.
_LOOKED_AT = 1000


class _Enclosed(LocalStore):
    """A folder none of whose keys is a link that leads out of the folder it lies in."""

    async def get(self, key: str, *args: Any, **options: Any) -> Any:
        self._check(key)
        return await super().get(key, *args, **options)

    async def get_partial_values(self, prototype: Any, key_ranges: Any) -> Any:
        asked = list(key_ranges)
        for key, _ in asked:
            self._check(key)
        return await super().get_partial_values(prototype, asked)

    def get_sync(self, key: str, *args: Any, **options: Any) -> Any:
        self._check(key)
        return super().get_sync(key, *args, **options)

    def _check(self, key: str) -> None:
        if not is_inside(self.root / key, self.root.parent):
            raise PermissionError(errno.EPERM, f"{key} is a link to what lies {ALLOWED_BY}")


class Store:
    """A store that is open for reading.

    Parameters
    ----------
    path
        A folder or a zip file, absolute.
    follow_links
        Whether links may lead out of the folder it lies in.

    Attributes
    ----------
    root
        Its group, or the array that it is.
    """

    def __init__(self, path: Path, *, follow_links: bool = False) -> None:
        self._path = path
        self._keys: frozenset[str] | None = None
        store: LocalStore | ZipStore
        if path.is_file():
            with zipfile.ZipFile(path) as archive:
                self._keys = frozenset(archive.namelist())
            store = ZipStore(path, mode="r")
        else:
            # Whoever named a link to a store, or found it in a folder, has asked where it leads.
            real = path.resolve()
            store = LocalStore(real, read_only=True) if follow_links else _Enclosed(real, read_only=True)
        self.root: Any
        whole = WholeChunks(store)
        try:
            # What was added after a store was consolidated is not in its consolidated metadata.
            self.root = zarr.open_group(whole, mode="r", use_consolidated=False)
        except (FileNotFoundError, zarr.errors.ContainsArrayError):
            self.root = zarr.open_array(whole, mode="r")

    def has(self, key: str) -> bool:
        """Return whether there is a key."""
        return (self._path / key).is_file() if self._keys is None else key in self._keys

    def arrays(self) -> dict[str, tuple[Any, Entry]]:
        """Return the arrays in all groups by their paths, in the order of these."""
        if isinstance(self.root, zarr.Array):
            return {"images": (self.root, _entry("images", self.root))}
        found: dict[str, tuple[Any, Entry]] = {}
        self._walk(self.root, "", found)
        return found

    def names(self, prefix: str) -> list[str]:
        """Return what lies directly below a group, ``prefix`` being empty or ending with ``/``."""
        if self._keys is None:
            with os.scandir(self._path / prefix) as entries:
                return sorted(entry.name for entry in entries if entry.is_dir())
        below = (key[len(prefix) :] for key in self._keys if key.startswith(prefix))
        return sorted({name.split("/", maxsplit=1)[0] for name in below if "/" in name})

    def _walk(self, group: Any, prefix: str, found: dict[str, tuple[Any, Entry]]) -> None:
        names = self.names(prefix)
        known = {*IMAGES, *IDS}
        if len(names) > _LOOKED_AT:
            names = [*(name for name in names if name.casefold() in known), *names[:_LOOKED_AT]]
        for name in dict.fromkeys(names):
            item = group.get(name)
            if isinstance(item, zarr.Group):
                self._walk(item, f"{prefix}{name}/", found)
            elif isinstance(item, zarr.Array):
                found[prefix + name] = item, _entry(prefix + name, item, group.attrs)


def _entry(name: str, array: Any, beside: Any = None) -> Entry:
    dtype = np.dtype(array.dtype)
    shape = tuple(array.shape)
    kind = type(getattr(array.metadata, "data_type", getattr(array.metadata, "dtype", None))).__name__
    encoded = len(shape) == 1 and kind == "VariableLengthBytes"
    text = dtype.kind == "T" or kind == "VariableLengthUTF8"
    names = getattr(array.metadata, "dimension_names", None) or array.attrs.get("_ARRAY_DIMENSIONS") or ()
    bands = None
    for attributes in (array.attrs, beside or {}):
        bands = bands or next((attributes[key] for key in attributes if key.casefold() in BANDS), None)
    read: Callable[[int, int], np.ndarray] = lambda start, stop: np.asarray(array[start:stop])  # noqa: E731
    return Entry(name, shape, dtype, read, tuple(names), encoded, text, bands)
