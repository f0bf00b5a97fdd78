"""Some of a pool's images, as a pool of their own."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property

import numpy as np

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.pixels import NativeImage, View
from anomalymatch_ui.pool.base import Batch, Fetched, ImagePool, PoolReport, check_indices, split_into_shards
from anomalymatch_ui.pool.ids import RowIds, StoredIds
from anomalymatch_ui.pool.parts import JoinedPool


class SubsetPool:
    """The images of a pool that have certain ids; see :class:`~anomalymatch_ui.pool.ImagePool`.

    Parameters
    ----------
    pool
        Holds the images.
    ids
        Which of them; they keep the pool's order, and repetitions do not matter.
    rows
        Their indices in the pool, int64 ``(n,)``, where they are known: :func:`rows_of`.

    Raises
    ------
    InputError
        If there are no ids, or one is not in the pool.
    """

    def __init__(self, pool: ImagePool, ids: Iterable[str], rows: np.ndarray | None = None) -> None:
        listed = list(ids)
        known = rows
        if known is None:
            try:
                known = np.array([pool.index(image_id) for image_id in listed], np.int64)
            except KeyError as error:
                raise InputError(f"There is no image {error.args[0]!r} in {pool.path}.") from error
        self._members, first = np.unique(known, return_index=True)
        if len(self._members) == 0:
            raise InputError(f"None of the images in {pool.path} is asked for.")
        self.ids: Sequence[str]
        if rows is None:
            self.ids = tuple(pool.ids[index] for index in self._members.tolist())
        elif np.array_equal(first, np.arange(len(listed))):  # as of images that were drawn at random
            self.ids = tuple(listed)
        else:  # from a file a million names are read by blocks, most of which are of other images
            self.ids = tuple(listed[place] for place in first.tolist())
        self.path = pool.path
        self.name = pool.name
        self.digest = hashlib.sha256("\0".join((pool.digest, *self.ids)).encode()).hexdigest()
        self.report: PoolReport = pool.report
        self.block_images = 1
        self.concurrent = pool.concurrent
        self.bands, self.rendering, self.pixels = pool.bands, pool.rendering, pool.pixels
        self.columns = pool.columns.rows(self._members)
        self.found = pool.found
        self._pool = pool

    @property
    def whole(self) -> ImagePool:
        """The pool of which these are some images."""
        return self._pool

    def index_in_whole(self, index: int) -> int:
        """Return the index that an image has in :attr:`whole`."""
        (checked,) = check_indices([index], len(self)).tolist()
        return int(self._members[checked])

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        return f"<SubsetPool of {len(self):,} of {len(self._pool):,} images>"

    def __contains__(self, image_id: object) -> bool:
        return isinstance(image_id, str) and self._place(image_id) is not None

    def index(self, image_id: str) -> int:
        """Return the index of an image; ``KeyError`` if there is none of that id."""
        place = self._place(image_id)
        if place is None:
            raise KeyError(image_id)
        return place

    def _place(self, image_id: str) -> int | None:
        """Return the index of an image; ``None`` if there is none of that id."""
        if not isinstance(self._pool.ids, RowIds):
            return self._index.get(image_id)
        # Of numbers no table is made: for a million it takes a third of a second, and 100 MB.
        row = self._pool.ids.row(image_id)
        if row is None:
            return None
        place = int(np.searchsorted(self._members, row))
        return place if place < len(self._members) and self._members[place] == row else None

    @cached_property
    def _index(self) -> dict[str, int]:
        return {image_id: index for index, image_id in enumerate(self.ids)}

    def read(self, indices: Sequence[int] | np.ndarray, size: int, view: View = "picture") -> Batch:
        """Read the central squares of some images; see :meth:`ImagePool.read`."""
        batch = self._pool.read(self._members[check_indices(indices, len(self))], size, view)
        # Members ascend, so that a place among them is found by bisection.
        return Batch(np.searchsorted(self._members, batch.indices), batch.pixels)

    def fetch(self, indices: Sequence[int] | np.ndarray) -> Fetched:
        """Read some images without decoding them; see :meth:`ImagePool.fetch`."""
        fetched = self._pool.fetch(self._members[check_indices(indices, len(self))])
        places = np.searchsorted(self._members, fetched.indices)
        return Fetched(places, fetched.contents, fetched.decoder)

    def image(self, index: int) -> np.ndarray:
        """Read one whole image; see :meth:`ImagePool.image`."""
        (checked,) = check_indices([index], len(self)).tolist()
        return self._pool.image(int(self._members[checked]))

    def native(self, index: int) -> NativeImage:
        """Read the native values of one whole image; see :meth:`ImagePool.native`."""
        (checked,) = check_indices([index], len(self)).tolist()
        return self._pool.native(int(self._members[checked]))

    def shards(self, size: int) -> Iterator[range]:
        """Return the indices of all images in ranges of ``size``."""
        return split_into_shards(len(self), size)

    def any_there(self, indices: Sequence[int] | np.ndarray) -> bool:
        """Return whether the files of some are there; see :meth:`ImagePool.any_there`."""
        return self._pool.any_there(self._members[check_indices(indices, len(self))])

    def close(self) -> None:
        """Let go of the files of the pool."""
        self._pool.close()


def rows_of(pool: ImagePool, ids: Sequence[str]) -> np.ndarray:
    """Return the index of each of many images, int64 ``(n,)``; -1 where the pool has none of that id."""
    if isinstance(pool.ids, StoredIds) or type(pool.ids) is RowIds:
        return pool.ids.rows(ids)
    found = (pool.index(image_id) if image_id in pool else -1 for image_id in ids)
    return np.fromiter(found, np.int64, len(ids))


def numbered_rows(pool: ImagePool) -> str:
    """Return the digest of the array whose row numbers are a pool's ids; empty where the images have names.

    A name stays with its image whatever happens to the file around it; the number of a row does not.
    """
    whole = pool.whole if isinstance(pool, SubsetPool) else pool
    numbered = whole.numbered if isinstance(whole, JoinedPool) else isinstance(whole.ids, RowIds)
    return whole.digest if numbered else ""


def content_probe(pool: ImagePool) -> str:
    """Return a hash of some files of a folder; empty for other pools, whose digests are of their contents.

    Of a part of a pool, that of the whole.
    """
    whole = pool.whole if isinstance(pool, SubsetPool) else pool
    probe: Callable[[], str] | None = getattr(whole, "probe", None)  # of a folder of files alone
    return "" if probe is None else probe()


def content_stamps(pool: ImagePool) -> Sequence[int] | None:
    """Return a hash for each image of what it is called and how large its files are; ``None`` if unknown.

    Of a part of a pool, those of the whole.
    """
    whole = pool.whole if isinstance(pool, SubsetPool) else pool
    stamps: Sequence[int] | None = getattr(whole, "stamps", None)  # of a folder of files alone
    return stamps
