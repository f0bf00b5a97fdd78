"""What a network said of a pool, as sessions kept it before their scores became archives; only read."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from anomalymatch_ui import jsontext
from anomalymatch_ui.errors import DamagedStoreError
from anomalymatch_ui.pool import ImagePool
from anomalymatch_ui.sealed import UNREADABLE

_CHECKSUM = b"checksum"
"""In the metadata of a shard's schema: CRC-32 of its ids and scores."""


def is_earlier(folder: Path) -> bool:
    """Return whether a folder holds scores of that kind."""
    try:
        values = jsontext.parsed((folder / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(values, dict) and "model" in values and "format" not in values


class EarlierScores:
    """The scores that one network gave to one pool; see :class:`~anomalymatch_ui.score.Archive`.

    Parameters
    ----------
    folder
        Folder of ``manifest.json`` and ``shard-00000.parquet`` ….

    Raises
    ------
    DamagedStoreError
        If it cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            values = jsontext.parsed((folder / "manifest.json").read_text(encoding="utf-8"))
            self._images = int(values["images"])
            self._shard_size = int(values["shard_size"])
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise self._damaged() from error
        if self._images < 0 or self._shard_size < 1:
            raise self._damaged()
        self._shards = -(-self._images // self._shard_size)

    @property
    def is_whole(self) -> bool:
        """Whether every shard is there."""
        return all(self._shard(number).exists() for number in range(self._shards))

    def unscored(self) -> np.ndarray:
        """Return which images were not scored yet, bool ``(images,)`` by pool index."""
        is_missing = np.array([not self._shard(number).exists() for number in range(self._shards)], bool)
        return np.repeat(is_missing, self._shard_size)[: self._images]

    def scores(self, pool: ImagePool) -> np.ndarray:
        """Return all scores, float32 ``(len(pool),)`` by pool index, NaN where there is none.

        Raises
        ------
        DamagedStoreError
            If a shard cannot be read.
        """
        scores = np.full(len(pool), np.nan, dtype=np.float32)
        for number in range(self._shards):
            if self._shard(number).exists():
                ids, values = self._read(number)
                try:
                    scores[[pool.index(image_id) for image_id in ids]] = values
                except KeyError as error:
                    raise self._damaged() from error
        return scores

    def score_of(self, pool: ImagePool, image_id: str) -> float | None:
        """Return the score of one image; ``None`` if it has none. Raises as :meth:`scores`."""
        number = pool.index(image_id) // self._shard_size
        if not self._shard(number).exists():
            return None
        ids, values = self._read(number)
        return float(values[ids.index(image_id)]) if image_id in ids else None

    def _read(self, number: int) -> tuple[list[str], np.ndarray]:
        """Read a shard's ids and scores, and check them; the first ones had no checksum, and are believed."""
        import pyarrow
        import pyarrow.parquet as parquet

        try:
            table: Any = parquet.read_table(self._shard(number))
            ids, values = table["id"].to_pylist(), table["score"].to_numpy()
            checksum = (table.schema.metadata or {}).get(_CHECKSUM)
        except (*UNREADABLE, pyarrow.ArrowException) as error:
            raise self._damaged() from error
        if checksum is not None and checksum != checksum_of(ids, values):
            raise self._damaged()
        return ids, values

    def _damaged(self) -> DamagedStoreError:
        return DamagedStoreError(f"The scores in {self.folder} are damaged. They can be made again.")

    def _shard(self, number: int) -> Path:
        return self.folder / f"shard-{number:05d}.parquet"


def checksum_of(ids: Sequence[str], values: np.ndarray) -> bytes:
    """Return what such a shard says of its ids and scores."""
    names = zlib.crc32("\0".join(ids).encode("utf-8", "surrogateescape"))
    return f"{zlib.crc32(np.ascontiguousarray(values, np.float32).tobytes(), names):08x}".encode()
