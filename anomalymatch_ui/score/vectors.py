"""The embeddings of an archive as vectors: read shard by shard, scaled to length 1, found again by row."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch

from anomalymatch_ui.score.archive import Archive
from anomalymatch_ui.score.shards import read_embedding

_READING_THREADS = 4


@dataclass(frozen=True)
class NearestRows:
    """Rows of an archive: shard, row in it and similarity, int64 and float32 ``(n,)``, best first."""

    shards: np.ndarray
    rows: np.ndarray
    similarities: np.ndarray


def unit_rows(block: torch.Tensor) -> torch.Tensor:
    """Scale rows to length 1, float32; zeros have no direction and stay zeros."""
    block = block.float()
    lengths = torch.linalg.vector_norm(block, dim=1, keepdim=True)
    return block / torch.where(lengths == 0, torch.ones_like(lengths), lengths)


def embeddings(archive: Archive) -> Iterator[tuple[int, np.ndarray]]:
    """Return number and embedding, float16 ``(n, components)``, of each shard in order, a few read ahead."""
    with ThreadPoolExecutor(_READING_THREADS, thread_name_prefix="read-embeddings") as threads:
        numbers = range(archive.manifest.shard_count)
        waiting = [
            (number, threads.submit(read_embedding, archive.shard(number)))
            for number in numbers[:_READING_THREADS]
        ]
        for number in islice(numbers, _READING_THREADS, None):
            first, future = waiting.pop(0)
            waiting.append((number, threads.submit(read_embedding, archive.shard(number))))
            yield first, future.result()
        for number, future in waiting:
            yield number, future.result()
