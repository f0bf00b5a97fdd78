"""Scores on disk: Parquet shards, each whole or absent, under the digest of the network that gave them."""

from __future__ import annotations

import io
import json
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
from pydantic import NonNegativeInt, PositiveInt, TypeAdapter, ValidationError

from anomalymatch_ui.errors import DamagedStoreError, InputError
from anomalymatch_ui.files import write_bytes_atomically
from anomalymatch_ui.pool import ImagePool
from anomalymatch_ui.sealed import UNREADABLE
from anomalymatch_ui.stream.scored import ScoredBatch


@dataclass(frozen=True)
class StoreManifest:
    """What a score store belongs to.

    Attributes
    ----------
    model
        Digest of the network.
    pool
        Digest of the pool.
    images
        Length of the pool.
    shard_size
        Images a shard covers; shard ``k`` covers the pool indices from ``k * shard_size`` on.
    """

    model: str
    pool: str
    images: NonNegativeInt
    shard_size: PositiveInt


_MANIFEST = TypeAdapter(StoreManifest)

_CHECKSUM = b"checksum"
"""In the metadata of a shard's schema: CRC-32 of its ids and scores."""


class ScoreStore:
    """The scores one network gave to one pool.

    The folder holds ``manifest.json`` and ``shard-00000.parquet`` … with the columns ``id`` and
    ``score``. Images that could not be read have no row.

    Parameters
    ----------
    folder
        Made on first use.
    manifest
        What the scores belong to. A store made for something else is refused, never mixed; one that is there
        keeps its size of a shard.

    Raises
    ------
    InputError
        If the folder holds the scores of another network or pool.
    DamagedStoreError
        If it cannot be read.
    StorageError
        If the disk refuses.
    """

    def __init__(self, folder: Path, manifest: StoreManifest) -> None:
        self.folder = folder
        self.manifest = manifest
        path = folder / "manifest.json"
        if not path.exists():
            write_bytes_atomically(path, json.dumps(asdict(manifest), indent=2).encode())
            return
        self.manifest = _kept_manifest(folder)
        if replace(self.manifest, shard_size=manifest.shard_size) != manifest:
            raise InputError(f"{folder} holds scores of another network or pool. Choose another folder.")

    @classmethod
    def existing(cls, folder: Path) -> Self:
        """Open the store in a folder, whatever it belongs to.

        Raises
        ------
        DamagedStoreError
            If there is none, or it cannot be read.
        """
        return cls(folder, _kept_manifest(folder))

    @property
    def shard_count(self) -> int:
        """How many shards the pool has."""
        return -(-self.manifest.images // self.manifest.shard_size)

    @property
    def finished_shards(self) -> int:
        """How many shards are there without a gap; scoring goes on after them."""
        count = 0
        while count < self.shard_count and self._shard(count).exists():
            count += 1
        return count

    @property
    def is_whole(self) -> bool:
        """Whether every shard is there."""
        return self.finished_shards == self.shard_count

    def write(self, pool: ImagePool, batches: Iterable[ScoredBatch], advance: Callable[[int], None]) -> None:
        """Write scored batches, given in the pool's order from the first missing shard on.

        Parameters
        ----------
        pool
            Gives the ids.
        batches
            From :func:`~anomalymatch_ui.stream.pipeline.score_pool`, started at
            ``finished_shards * shard_size``.
        advance
            Told after each batch how many images of the pool are done; it may raise to end the work.

        Raises
        ------
        StorageError
            If the disk refuses; the shards written before stay.
        """
        shard = self.finished_shards
        waiting: list[ScoredBatch] = []
        for batch in batches:
            waiting.append(batch)
            while waiting and (
                waiting[-1].asked.stop >= min((shard + 1) * self.manifest.shard_size, self.manifest.images)
            ):
                waiting = self._write_shard(shard, pool, waiting)
                shard += 1
            advance(batch.asked.stop)

    def scores(self, pool: ImagePool) -> np.ndarray:
        """Return all scores, float32 ``(len(pool),)`` by pool index, NaN where there is none.

        Raises
        ------
        DamagedStoreError
            If a shard cannot be read.
        """
        scores = np.full(len(pool), np.nan, dtype=np.float32)
        for shard in range(self.finished_shards):
            try:
                ids, values = self._read(shard)
                indices = [pool.index(image_id) for image_id in ids]
            except (InputError, KeyError) as error:
                raise self._damaged() from error
            scores[indices] = values
        return scores

    def score_of(self, pool: ImagePool, image_id: str) -> float | None:
        """Return the score of one image, of which one shard is read; ``None`` if it has none.

        Raises
        ------
        DamagedStoreError
            If the shard cannot be read.
        """
        shard = pool.index(image_id) // self.manifest.shard_size
        if not self._shard(shard).exists():
            return None
        ids, values = self._read(shard)
        return float(values[ids.index(image_id)]) if image_id in ids else None

    def _read(self, shard: int) -> tuple[list[str], np.ndarray]:
        """Read a shard's ids and scores, and check them; one of before there was a checksum is believed."""
        import pyarrow
        import pyarrow.parquet as parquet

        try:
            table = parquet.read_table(self._shard(shard))
            ids, values = table["id"].to_pylist(), table["score"].to_numpy()
            checksum = (table.schema.metadata or {}).get(_CHECKSUM)
        except (*UNREADABLE, pyarrow.ArrowException) as error:
            raise self._damaged() from error
        if checksum is not None and checksum != _checksum(ids, values):
            raise self._damaged()
        return ids, values

    def _damaged(self) -> DamagedStoreError:
        return DamagedStoreError(
            f"The scores in {self.folder} are damaged. Delete the folder; they can be made again."
        )

    def _write_shard(self, shard: int, pool: ImagePool, batches: list[ScoredBatch]) -> list[ScoredBatch]:
        """Write one shard; give back what belongs to the next."""
        import pyarrow
        import pyarrow.parquet as parquet

        end = (shard + 1) * self.manifest.shard_size
        indices = np.concatenate([batch.indices for batch in batches])
        scores = np.concatenate([batch.scores for batch in batches])
        inside = indices < end
        ids, values = [pool.ids[index] for index in indices[inside]], scores[inside]
        table = pyarrow.table({"id": ids, "score": values})
        table = table.replace_schema_metadata({_CHECKSUM: _checksum(ids, values)})
        buffer = io.BytesIO()
        parquet.write_table(table, buffer)
        write_bytes_atomically(self._shard(shard), buffer.getvalue())
        last = batches[-1]
        if last.asked.stop <= end:
            return []
        rest = last.indices >= end
        return [ScoredBatch(last.asked, last.indices[rest], last.scores[rest], last.features[rest])]

    def _shard(self, number: int) -> Path:
        return self.folder / f"shard-{number:05d}.parquet"


def _checksum(ids: Sequence[str], values: np.ndarray) -> bytes:
    names = zlib.crc32("\0".join(ids).encode("utf-8", "surrogateescape"))
    return f"{zlib.crc32(np.ascontiguousarray(values, np.float32).tobytes(), names):08x}".encode()


def _kept_manifest(folder: Path) -> StoreManifest:
    try:
        return _MANIFEST.validate_json((folder / "manifest.json").read_bytes())
    except (OSError, ValueError) as error:  # pydantic's own is a ValueError
        reason = "its manifest does not fit" if isinstance(error, ValidationError) else error
        raise DamagedStoreError(
            f"The score store {folder} is damaged ({reason}). Delete it to score again."
        ) from error
