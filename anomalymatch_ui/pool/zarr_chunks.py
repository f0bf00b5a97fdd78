"""Chunks of a Zarr store, of which none is unpacked that is shorter than it says.

c-blosc looks for the end of a chunk where the chunk's own header says that it is, and numcodecs (0.16.6) does
not compare that with what there is: of a chunk that was cut off it unpacks whatever lies behind it in memory,
mostly into an error, now and then into an image.

References
----------
.. [1] https://github.com/Blosc/c-blosc/blob/main/README_CHUNK_FORMAT.rst: 16 bytes, the last four the length
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from zarr.abc.store import ByteRequest, RangeByteRequest
from zarr.storage import LocalStore, WrapperStore, ZipStore

_METADATA = ("zarr.json", ".zarray", ".zattrs", ".zgroup", ".zmetadata")

_HEADER = 16


class WholeChunks(WrapperStore[LocalStore | ZipStore]):
    """A store that raises ``ValueError`` where a chunk of Blosc's [1]_, or a part of a shard, is cut off."""

    def __init__(self, store: LocalStore | ZipStore) -> None:
        super().__init__(store)
        self._by_blosc: set[str] = set()  # paths of arrays, known by their metadata, which are read before

    async def get(self, key: str, prototype: Any, byte_range: ByteRequest | None = None) -> Any:
        """Return a value, as Zarr asks a store for it."""
        value = await super().get(key, prototype, byte_range)
        folder, _, name = key.rpartition("/")
        if value is not None and name in _METADATA:
            self._heed(folder, value.to_bytes())
        elif value is not None:
            self._check(key, value, byte_range)
        return value

    async def get_partial_values(
        self, prototype: Any, key_ranges: Iterable[tuple[str, ByteRequest | None]]
    ) -> list[Any]:
        """Return values or parts of them, as Zarr asks a store for them."""
        asked = list(key_ranges)
        values = await super().get_partial_values(prototype, asked)
        for (key, byte_range), value in zip(asked, values, strict=True):
            if value is not None:
                self._check(key, value, byte_range)
        return values

    def _heed(self, folder: str, content: bytes) -> None:
        """Remember an array whose chunks Blosc packs last; of what is damaged, Zarr says so."""
        try:
            told = json.loads(content)
            last = told["compressor"]["id"] if "compressor" in told else told["codecs"][-1]["name"]
        except (ValueError, LookupError, TypeError, RecursionError):
            return
        if last in ("blosc", "numcodecs.blosc"):
            self._by_blosc.add(folder)

    def _check(self, key: str, value: Any, byte_range: ByteRequest | None) -> None:
        if isinstance(byte_range, RangeByteRequest):
            is_whole = len(value) == byte_range.end - byte_range.start
        elif byte_range is None and self._is_by_blosc(key):
            header = value[:_HEADER].to_bytes()
            is_whole = len(header) == _HEADER and len(value) >= int.from_bytes(header[12:], "little")
        else:
            is_whole = True
        if not is_whole:
            raise ValueError(f"{key} is cut off")

    def _is_by_blosc(self, key: str) -> bool:
        folder = key
        while folder:  # keys of version 3 have a folder for each axis
            folder = folder.rpartition("/")[0]
            if folder in self._by_blosc:
                return True
        return False
