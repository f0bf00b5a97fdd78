"""An order of the pool, as an immutable value, and its copy on disk."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from anomalymatch_ui.files import write_bytes_atomically
from anomalymatch_ui.rank import order_by_score

if TYPE_CHECKING:
    import pandas as pd


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
    log_odds_error
        Where the scores are calibrated probabilities, by how much their log-odds may be off together;
        else ``None``.
    last_seq
        Number of the newest row of the journal that it follows.
    """

    version: int
    source: str
    created: datetime
    scores: np.ndarray
    order: np.ndarray
    log_odds_error: float | None = None
    last_seq: int = 0

    @classmethod
    def of_scores(
        cls, version: int, source: str, scores: np.ndarray, log_odds_error: float | None = None
    ) -> Ranking:
        """Rank by scores, highest first."""
        scores = scores.copy()
        order = order_by_score(scores)
        scores.flags.writeable = order.flags.writeable = False
        return cls(version, source, datetime.now(UTC), scores, order, log_odds_error)

    @classmethod
    def of_pool(cls, images: int) -> Ranking:
        """Keep the pool's own order: what there is before anything is known."""
        scores = np.full(images, np.nan, dtype=np.float32)
        order = np.arange(images)
        scores.flags.writeable = order.flags.writeable = False
        return cls(0, "pool order", datetime.now(UTC), scores, order)

    def table(self, ids: Sequence[str], labels: Mapping[str, str], top: int | None = None) -> pd.DataFrame:
        """Give a table with the columns ``rank,id,score,label``, of the first ``top`` images or of all."""
        import pandas as pd

        order = self.order[:top]
        names = [ids[index] for index in order]
        return pd.DataFrame(
            {
                "rank": np.arange(1, len(order) + 1),
                "id": names,
                "score": self.scores[order],
                "label": [labels.get(name, "") for name in names],
            }
        )

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
            log_odds_error=np.nan if self.log_odds_error is None else self.log_odds_error,
            last_seq=self.last_seq,
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
                error = float(saved["log_odds_error"]) if "log_odds_error" in saved.files else np.nan
                known = None if np.isnan(error) else error
                seq = int(saved["last_seq"]) if "last_seq" in saved.files else 0
                return cls(int(saved["version"]), str(saved["source"]), created, scores, order, known, seq)
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
            return None
