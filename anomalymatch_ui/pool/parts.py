"""Several stores or files of one survey as one pool, as programs that cut out in parallel leave them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.pixels import NativeImage, View
from anomalymatch_ui.pixels.files import AS_PICTURES, Content, of_rendered
from anomalymatch_ui.pool.base import (
    Batch,
    Fetched,
    ImagePool,
    PoolReport,
    UnreadableImageError,
    check_indices,
    split_into_shards,
)
from anomalymatch_ui.pool.columns import Columns
from anomalymatch_ui.pool.ids import RowIds, StoredIds
from anomalymatch_ui.pool.records import as_file

if TYPE_CHECKING:
    import pyarrow as pa

Read = TypeVar("Read")


class JoinedPool:
    """The images of several pools, one after another; see :class:`~anomalymatch_ui.pool.ImagePool`.

    The ids are those of the parts; where two parts have one in common, or only numbers, all ids begin with
    the part's name and a slash.

    Parameters
    ----------
    path
        The folder, absolute.
    parts
        Name -> pool, at least one. They are closed with this one.
    skipped
        Name -> reason, of what was passed over.

    Raises
    ------
    InputError
        If there are no parts.
    """

    def __init__(
        self,
        path: Path,
        parts: Mapping[str, ImagePool],
        skipped: Mapping[str, str],
    ) -> None:
        if not parts:
            raise InputError(f"None of the stores in {path} can be used: {PoolReport(0, skipped).sentence()}")
        self.path = path
        self.name = path.name or str(path)
        self._names = tuple(parts)
        self._parts = tuple(parts.values())
        self._starts = np.cumsum([0, *map(len, self._parts)])
        self._stored = self._stored_ids()
        self.ids: Sequence[str] = self._stored
        digests = (f"{name}\0{part.digest}" for name, part in parts.items())
        self.digest = hashlib.sha256("\0".join(("parts", *digests)).encode()).hexdigest()
        told = {
            f"{name}: {what}": why
            for name, part in parts.items()
            for what, why in part.report.skipped.items()
        }
        self.report = PoolReport(len(self), {**skipped, **told})
        self.block_images = max(part.block_images for part in self._parts)
        self.concurrent = len(self._parts) > 1 or self._parts[0].concurrent
        self.bands, self.rendering = self._parts[0].bands, self._parts[0].rendering
        self.pixels = self._parts[0].pixels
        self.columns = Columns({name: self._column(name) for name in self._common_columns()})
        first = self._parts[0].found
        self.found: Mapping[str, str] = {"parts": f"{len(parts):,}, such as {self._names[0]}", **first}
        self._note_known()

    @property
    def numbered(self) -> bool:
        """Whether images of a part have only the numbers of rows for names."""
        return any(isinstance(part.ids, RowIds) for part in self._parts)

    def _stored_ids(self) -> StoredIds:
        try:
            return StoredIds(lambda start, stop: self._names_of(start, stop, ""), len(self), str(self.path))
        except InputError:  # two parts have an id in common
            return StoredIds(lambda start, stop: self._names_of(start, stop, "/"), len(self), str(self.path))

    def _names_of(self, start: int, stop: int, separator: str) -> list[str]:
        """Return the ids of some images, with the part's name before them if there is a separator."""
        names: list[str] = []
        for name, part, first in zip(self._names, self._parts, self._starts.tolist(), strict=False):
            inside = part.ids[max(0, start - first) : max(0, stop - first)]
            names += [f"{name}{separator}{image_id}" for image_id in inside] if separator else inside
        return names

    def _note_known(self) -> None:
        """Take over what the parts found unreadable when they were opened."""
        for part, start in zip(self._parts, self._starts.tolist(), strict=False):
            for image_id, reason in part.report.unreadable.items():
                self.report.note(self.ids[start + part.index(image_id)], reason)

    def _common_columns(self) -> list[str]:
        names = [set(part.columns.names) for part in self._parts]
        return [name for name in self._parts[0].columns.names if all(name in known for known in names)]

    def _column(self, name: str) -> Callable[[], pa.ChunkedArray]:
        return lambda: joined_columns([part.columns[name] for part in self._parts])

    def __len__(self) -> int:
        return int(self._starts[-1])

    def __repr__(self) -> str:
        return f"<JoinedPool {self.path} of {len(self):,} images in {len(self._parts):,} parts>"

    def __contains__(self, image_id: object) -> bool:
        return image_id in self.ids

    def index(self, image_id: str) -> int:
        """Return the index of an image; ``KeyError`` if there is none of that id."""
        row = self._stored.row(image_id)
        if row is None:
            raise KeyError(image_id)
        return row

    def read(self, indices: Sequence[int] | np.ndarray, size: int, view: View = "picture") -> Batch:
        """Read the central squares of some images; see :meth:`ImagePool.read`."""
        asked = check_indices(indices, len(self))
        pixels = np.empty((len(asked), self.rendering.channels_of(view), size, size), np.uint8)
        readable = np.zeros(len(asked), bool)
        for number, places in self._by_part(asked):
            start, part = int(self._starts[number]), self._parts[number]
            # Once each: a part leaves out what it cannot read, however often it is asked for it.
            rows, which = np.unique(asked[places] - start, return_inverse=True)
            batch = part.read(rows, size, view)
            self._follow(part, start, rows, batch.indices)
            found = np.searchsorted(batch.indices, rows)
            found = np.where(np.isin(rows, batch.indices), found, -1)[which]
            readable[places] = found >= 0
            pixels[places[found >= 0]] = batch.pixels[found[found >= 0]]
        return Batch(asked[readable], pixels[readable])

    def fetch(self, indices: Sequence[int] | np.ndarray) -> Fetched:
        """Read some images without decoding them; see :meth:`ImagePool.fetch`."""
        asked = check_indices(indices, len(self))
        contents: dict[int, Content | np.ndarray] = {}
        decoder = AS_PICTURES
        whole: list[np.ndarray] = []
        for number, places in self._by_part(asked):
            start, part = int(self._starts[number]), self._parts[number]
            rows = np.unique(asked[places] - start)
            fetched = part.fetch(rows)
            self._follow(part, start, rows, fetched.indices)
            decoder = fetched.decoder
            if isinstance(fetched.contents, np.ndarray):
                whole.append(fetched.contents)
            contents.update(zip((fetched.indices + start).tolist(), fetched.contents, strict=True))
        kept = [index for index in asked.tolist() if index in contents]
        if len(whole) == 1 and len(kept) == len(whole[0]) and kept == sorted(kept):
            return Fetched(np.array(kept, np.int64), whole[0])
        found = [contents[index] for index in kept]
        arrays = [one for one in found if isinstance(one, np.ndarray)]
        if len(arrays) == len(found) > 0 and len({one.shape for one in arrays}) == 1:
            return Fetched(np.array(kept, np.int64), np.stack(arrays))
        # Images of several sizes: each as a file of its own.
        files = [as_file(one) if isinstance(one, np.ndarray) else one for one in found]
        return Fetched(
            np.array(kept, np.int64), files, of_rendered(arrays[0].shape[2]) if arrays else decoder
        )

    def image(self, index: int) -> np.ndarray:
        """Read one whole image; see :meth:`ImagePool.image`."""
        return self._one(index, lambda part, row: part.image(row))

    def native(self, index: int) -> NativeImage:
        """Read the native values of one whole image; see :meth:`ImagePool.native`."""
        return self._one(index, lambda part, row: part.native(row))

    def _one(self, index: int, read: Callable[[ImagePool, int], Read]) -> Read:
        (checked,) = check_indices([index], len(self)).tolist()
        number = int(np.searchsorted(self._starts, checked, side="right")) - 1
        part, start = self._parts[number], int(self._starts[number])
        try:
            found = read(part, checked - start)
        except UnreadableImageError as error:
            self.report.note(self.ids[checked], error.reason)
            raise UnreadableImageError(self.ids[checked], error.reason) from error
        self._follow(part, start, np.array([checked - start]), np.array([checked - start]))
        return found

    def shards(self, size: int) -> Iterator[range]:
        """Return the indices of all images in ranges of ``size``."""
        return split_into_shards(len(self), size)

    def any_there(self, indices: Sequence[int] | np.ndarray) -> bool:
        """Return whether the files of some are there; see :meth:`ImagePool.any_there`."""
        asked = check_indices(indices, len(self))
        return any(os.path.exists(self._parts[number].path) for number, _ in self._by_part(asked))

    def close(self) -> None:
        """Let go of open files."""
        for part in self._parts:
            part.close()

    def _by_part(self, asked: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
        """Return the parts that hold some images, and the places of these in ``asked``."""
        numbers = np.searchsorted(self._starts, asked, side="right") - 1
        for number in np.unique(numbers).tolist():
            yield number, np.flatnonzero(numbers == number)

    def _follow(self, part: ImagePool, start: int, asked: np.ndarray, read: np.ndarray) -> None:
        """Say in this pool's report what a part says in its own."""
        self.report.clear(self.ids[start + row] for row in read.tolist())
        remarks = part.report.remarks
        if remarks:
            for row in asked.tolist():
                if (remark := remarks.get(part.ids[row])) is not None:
                    self.report.remark(self.ids[start + row], remark)
        lost = np.setdiff1d(asked, read)
        if len(lost):
            reasons = part.report.unreadable
            for row in lost.tolist():
                self.report.note(self.ids[start + row], reasons.get(part.ids[row], "damaged"))


def joined_columns(columns: Sequence[pa.ChunkedArray]) -> pa.ChunkedArray:
    """Return columns one after another; as text where a number of one would not fit the type of another."""
    import pyarrow as pa

    tables = [pa.table({"column": column}) for column in columns]
    try:
        return pa.concat_tables(tables, promote_options="default").column(0)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        texts = [pa.table({"column": column.cast(pa.string())}) for column in columns]
        return pa.concat_tables(texts).column(0)
