"""An order of the pool, as an immutable value, and its copy on disk."""

from __future__ import annotations

import io
import zipfile
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from anomalymatch_ui.files import write_bytes_atomically
from anomalymatch_ui.rank import order_by_score


@dataclass(frozen=True)
class Ranking:
    """An order of the pool.

    Attributes
    ----------
    version
        Counts up with each new ranking of a session; 0 is the pool's own order.
    source
        What gave the scores: ``"novelty"``, ``"linear head"``, ``"cycle 3"`` …
    created
        When, UTC.
    scores
        float32 ``(len(pool),)`` by pool index, in [0, 1]; NaN where an image could not be read.
    order
        int64, pool indices from the most to the least likely anomaly; images without a score are left
        out.
    """

    version: int
    source: str
    created: datetime
    scores: np.ndarray
    order: np.ndarray

    @classmethod
    def of_scores(cls, version: int, source: str, scores: np.ndarray) -> Ranking:
        """Rank by scores, highest first."""
        scores = scores.copy()
        order = order_by_score(scores)
        scores.flags.writeable = order.flags.writeable = False
        return cls(version, source, datetime.now(UTC), scores, order)

    @classmethod
    def of_pool(cls, images: int) -> Ranking:
        """Keep the pool's own order: what there is before anything is known."""
        scores = np.full(images, np.nan, dtype=np.float32)
        order = np.arange(images)
        scores.flags.writeable = order.flags.writeable = False
        return cls(0, "pool order", datetime.now(UTC), scores, order)

    def save(self, path: Path, pool_digest: str) -> None:
        """Write the ranking to disk, whole or not at all.

        Raises
        ------
        StorageError
            If the disk refuses.
        """
        buffer = io.BytesIO()
        np.savez(
            buffer,
            version=self.version,
            source=self.source,
            created=self.created.isoformat(),
            scores=self.scores,
            pool=pool_digest,
        )
        write_bytes_atomically(path, buffer.getvalue())

    @classmethod
    def load(cls, path: Path, pool_digest: str, images: int) -> Ranking | None:
        """Read a ranking; ``None`` if there is none of this pool, or it is damaged: it can be made again."""
        try:
            with np.load(path, allow_pickle=False) as saved:
                if str(saved["pool"]) != pool_digest:
                    return None
                scores = saved["scores"]
                if scores.shape != (images,):
                    return None
                order = order_by_score(scores)
                created = datetime.fromisoformat(str(saved["created"]))
                scores.flags.writeable = order.flags.writeable = False
                return cls(int(saved["version"]), str(saved["source"]), created, scores, order)
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
            return None
