"""An approximate index of an archive's embeddings (HNSW by usearch), made once and mapped into memory.

It takes about 1.6 times the embeddings' size on disk, and as much memory while it is made: an index is for
millions of images. For more, or where every neighbour counts, the exact search reads all embeddings.

References
----------
.. [1] Malkov and Yashunin 2020, "Efficient and robust approximate nearest neighbor search using Hierarchical
   Navigable Small World graphs", IEEE TPAMI 42, 824; arXiv:1603.09320
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch

from anomalymatch_ui.errors import DamagedStoreError, InputError
from anomalymatch_ui.files import write_atomically
from anomalymatch_ui.score.archive import NEIGHBOURS, Archive
from anomalymatch_ui.score.vectors import NearestRows, embeddings, unit_rows

CONNECTIONS, EFFORT_OF_BUILDING, EFFORT_OF_SEARCH = 16, 128, 256
"""Edges of a node, and candidates held while one is added and while one is looked for (M and ef of [1]_)."""


class NeighbourIndex:
    """The index of one archive.

    Parameters
    ----------
    index
        Index of usearch; its keys are ``shard * shard_size + row``.
    archive
        What it is of.
    """

    def __init__(self, index: Any, archive: Archive) -> None:
        self._index = index
        self._shard_size = archive.manifest.shard_size

    @classmethod
    def of(cls, archive: Archive, advance: Callable[[int, int], None]) -> Self:
        """Open an archive's index; it is made if it is not there.

        Parameters
        ----------
        archive
            Scored with embeddings.
        advance
            Told how many shards of how many are indexed.

        Raises
        ------
        InputError
            If usearch is not installed.
        DamagedStoreError
            If the index cannot be read.
        StorageError
            If the disk refuses it.
        """
        index_class = _usearch()
        path = archive.folder / NEIGHBOURS
        if not path.exists():
            _build(index_class, archive, path, advance)
        try:
            index = index_class.restore(str(path), view=True)
            whole = index is not None and index.ndim == archive.manifest.components
        except (RuntimeError, ValueError, OSError) as error:
            raise _damaged(path) from error
        if not whole:
            raise _damaged(path)
        index.expansion_search = EFFORT_OF_SEARCH
        return cls(index, archive)

    def nearest(self, direction: torch.Tensor, count: int) -> NearestRows:
        """Return nearly always the rows most like a direction, float32 ``(components,)``."""
        matches = self._index.search(direction.numpy(), min(count, len(self._index)))
        keys = np.asarray(matches.keys, np.int64)
        length = float(torch.linalg.vector_norm(direction))
        # Of the mean of unit vectors: its length is what the cosine to it is short of the mean cosine.
        similarities = (1 - np.asarray(matches.distances, np.float32)) * np.float32(length)
        order = np.lexsort((keys, -similarities))
        keys = keys[order]
        return NearestRows(keys // self._shard_size, keys % self._shard_size, similarities[order])


def _usearch() -> Any:
    try:
        from usearch.index import Index
    except ImportError as error:
        raise InputError(
            "An approximate search needs usearch. Install it by `pip install 'anomalymatch-ui[search]'`, or "
            "search exactly."
        ) from error
    return Index


def _build(index_class: Any, archive: Archive, path: Path, advance: Callable[[int, int], None]) -> None:
    manifest = archive.manifest
    index = index_class(
        ndim=manifest.components,
        metric="cos",
        dtype="f16",
        connectivity=CONNECTIONS,
        expansion_add=EFFORT_OF_BUILDING,
    )
    for number, block in embeddings(archive):
        keys = np.arange(len(block), dtype=np.uint64) + np.uint64(number * manifest.shard_size)
        # One row of NaN among 5,000 hides a sixth of the others from every search (usearch 2.26).
        whole = np.isfinite(block).all(axis=1)
        index.add(keys[whole], unit_rows(torch.from_numpy(block[whole])).numpy())
        advance(number + 1, manifest.shard_count)

    def write(temporary: Path) -> None:
        try:
            index.save(str(temporary))
        except RuntimeError as error:  # what usearch raises when the disk refuses
            raise OSError(str(error)) from error

    write_atomically(path, write)


def _damaged(path: Path) -> DamagedStoreError:
    return DamagedStoreError(f"The index {path} is damaged. Delete it; it can be made again.")
