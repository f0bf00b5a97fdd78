"""Ids of many images, of which none or only a few are in memory as text."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from typing import overload

import numpy as np

from anomalymatch_ui.errors import InputError

_BLOCK = 65_536
_BLOCKS_KEPT = 4


class RowIds(Sequence[str]):
    """``"0"``, ``"1"``, … without a string for each in memory."""

    def __init__(self, rows: int) -> None:
        self._range = range(rows)

    def __len__(self) -> int:
        return len(self._range)

    def __contains__(self, image_id: object) -> bool:
        # A sequence's own would compare a million strings.
        return isinstance(image_id, str) and self.row(image_id) is not None

    def row(self, image_id: str) -> int | None:
        """Return the row of an id; ``None`` if there is none."""
        row = int(image_id) if image_id.isdecimal() and len(image_id) < 20 else -1
        return row if str(row) == image_id and row in self._range else None

    def rows(self, ids: Sequence[str]) -> np.ndarray:
        """Return the row of each of many ids, int64 ``(n,)``; -1 where there is none of it."""
        try:
            numbers = np.fromiter(map(int, ids), np.int64, len(ids))
            plain = type(self) is RowIds and all(map(str.__eq__, map(str, numbers.tolist()), ids))
        except (ValueError, OverflowError):
            plain = False
        if plain:
            return np.where((numbers >= 0) & (numbers < len(self)), numbers, -1)
        found = (self.row(image_id) for image_id in ids)
        return np.fromiter((-1 if row is None else row for row in found), np.int64, len(ids))

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        if isinstance(index, slice):
            return tuple(map(str, self._range[index]))
        return str(self._range[index])


class OrderedRowIds(RowIds):
    """Numbers of rows as ids, of rows in another order or of some of them.

    Parameters
    ----------
    rows
        Number of the row of each image, int64 ``(n,)``, no two of one.
    """

    def __init__(self, rows: np.ndarray) -> None:
        super().__init__(len(rows))
        self._rows = rows
        self._order = np.argsort(rows, kind="stable")

    def row(self, image_id: str) -> int | None:
        """Return the index of an id; ``None`` if there is none."""
        number = int(image_id) if image_id.isdecimal() and len(image_id) < 20 else -1
        if str(number) != image_id or not len(self):
            return None
        place = min(int(np.searchsorted(self._rows, number, sorter=self._order)), len(self) - 1)
        index = int(self._order[place])
        return index if self._rows[index] == number else None

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        if isinstance(index, slice):
            return tuple(map(str, self._rows[index].tolist()))
        return str(self._rows[self._range[index]])


class StoredIds(Sequence[str]):
    """Ids by row, and rows by id, for 12 to 16 bytes a row.

    All are read once, for the digest and to find ids that are there twice.

    Parameters
    ----------
    read
        Returns the ids of the rows from ``start`` to ``stop - 1``. May be called from several threads.
    rows
        How many there are.
    what
        Where they lie, for errors, such as ``"'ids' in survey.zarr"``.

    Attributes
    ----------
    digest
        Hexadecimal; of all ids in their order.

    Raises
    ------
    InputError
        If an id is empty, or there twice.
    """

    def __init__(self, read: Callable[[int, int], list[str]], rows: int, what: str) -> None:
        self._read = read
        self._rows = rows
        self._what = what
        self._blocks: OrderedDict[int, list[str]] = OrderedDict()
        self._lock = threading.Lock()
        digest = hashlib.sha256()
        hashes = np.empty(rows, np.int64)
        for start in range(0, rows, _BLOCK):
            block = read(start, min(start + _BLOCK, rows))
            if "" in block:
                raise InputError(f"{what} has no id in row {start + block.index('')}. Give each image one.")
            digest.update("\0".join((*block, "")).encode())
            hashes[start : start + len(block)] = np.fromiter(map(hash, block), np.int64, len(block))
        self.digest = digest.hexdigest()
        self._order = np.argsort(hashes, kind="stable").astype(np.int32 if rows < 2**31 else np.int64)
        self._hashes = hashes[self._order]
        self._refuse_repetitions()

    def __len__(self) -> int:
        return self._rows

    def __repr__(self) -> str:
        return f"<StoredIds {self._what}, {self._rows:,} rows>"

    def __iter__(self) -> Iterator[str]:
        for start in range(0, self._rows, _BLOCK):
            yield from self._block(start // _BLOCK)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        if isinstance(index, slice):
            return tuple(self[row] for row in range(*index.indices(self._rows)))
        row = range(self._rows)[index]
        return self._block(row // _BLOCK)[row % _BLOCK]

    def __contains__(self, image_id: object) -> bool:
        return isinstance(image_id, str) and self.row(image_id) is not None

    def row(self, image_id: str) -> int | None:
        """Return the row of an id; ``None`` if there is none of it."""
        wanted = hash(image_id)
        first = int(np.searchsorted(self._hashes, wanted))
        while first < self._rows and self._hashes[first] == wanted:
            row = int(self._order[first])
            if self[row] == image_id:
                return row
            first += 1  # another id with the same hash
        return None

    def rows(self, ids: Sequence[str]) -> np.ndarray:
        """Return the row of each of many ids, int64 ``(n,)``; -1 where there is none of it.

        No text is read: ids of one hash of 64 bits are taken for the same.
        """
        wanted = np.fromiter(map(hash, ids), np.int64, len(ids))
        places = np.minimum(np.searchsorted(self._hashes, wanted), self._rows - 1)
        found = self._order[places].astype(np.int64)
        return np.where(self._hashes[places] == wanted, found, -1)

    def _block(self, number: int) -> list[str]:
        with self._lock:
            if number in self._blocks:
                self._blocks.move_to_end(number)
                return self._blocks[number]
        block = self._read(number * _BLOCK, min((number + 1) * _BLOCK, self._rows))
        with self._lock:
            self._blocks[number] = block
            while len(self._blocks) > _BLOCKS_KEPT:
                self._blocks.popitem(last=False)
        return block

    def _refuse_repetitions(self) -> None:
        # Rows of one hash stand together, the earlier first; nearly always they are of one id.
        seen: dict[str, int] = {}
        for place in np.flatnonzero(self._hashes[1:] == self._hashes[:-1]).tolist():
            for row in self._order[place : place + 2].tolist():
                first = seen.setdefault(self[row], row)
                if first != row:
                    raise InputError(
                        f"{self._what} has the id {self[row]!r} twice, in rows {first} and {row}. "
                        "Give each image an id of its own."
                    )
