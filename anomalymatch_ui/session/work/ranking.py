"""An order of the pool, as an immutable value, and its copy on disk."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from anomalymatch_ui.files import write_bytes_atomically
from anomalymatch_ui.labels import Shown
from anomalymatch_ui.rank import Forecast, Scale, order_by_score
from anomalymatch_ui.sealed import UNREADABLE
from anomalymatch_ui.session.core.status import LookedAt
from anomalymatch_ui.session.look.embedded import COARSE, FINE, NOT_YET

if TYPE_CHECKING:
    import pandas as pd


UNRANKED = "pool order"
"""The source of an order in which nothing is ranked."""


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
    last_seq
        Number of the newest row of the journal that it follows.
    calibrated
        Whether the scores are probabilities.
    forecast
        What is believed of the unlabelled images; ``None`` before there is an anomaly to go by.
    margins
        What the forecast reads, float32 ``(len(pool),)``; ``None`` without one.
    depth
        How each image had been looked at, uint8 ``(len(pool),)``, see
        :class:`~anomalymatch_ui.session.look.embedded.Embedded`; ``None`` where all were looked at in
        every view.
    scored
        How many images the cycle's network had scored, where not all: the others stand where the labels and
        what it said of a random share put them; else ``None``.
    removed
        Share of the first images that the artefacts took away; ``None`` while there are none.
    """

    version: int
    source: str
    created: datetime
    scores: np.ndarray
    order: np.ndarray
    last_seq: int = 0
    calibrated: bool = False
    forecast: Forecast | None = None
    margins: np.ndarray | None = None
    depth: np.ndarray | None = None
    scored: int | None = None
    removed: float | None = None

    @classmethod
    def of_scores(
        cls,
        version: int,
        source: str,
        scores: np.ndarray,
        *,
        calibrated: bool = False,
        forecast: Forecast | None = None,
        margins: np.ndarray | None = None,
        depth: np.ndarray | None = None,
        scored: int | None = None,
        removed: float | None = None,
    ) -> Ranking:
        """Rank by scores, highest first."""
        scores = scores.copy()
        order = order_by_score(scores)
        scores.flags.writeable = order.flags.writeable = False
        return cls(
            version,
            source,
            datetime.now(UTC),
            scores,
            order,
            calibrated=calibrated,
            forecast=forecast,
            margins=margins,
            depth=depth,
            scored=scored,
            removed=removed,
        )

    @cached_property
    def not_yet(self) -> np.ndarray:
        """Pool indices of the images that were not looked at yet, int64, ascending; they have no score."""
        return np.empty(0, np.int64) if self.depth is None else np.flatnonzero(self.depth == NOT_YET)

    @cached_property
    def unreadable(self) -> int:
        """How many images could not be read."""
        return len(self.scores) - len(self.order) - len(self.not_yet)

    @cached_property
    def looked_at(self) -> LookedAt | None:
        """How many images it knows; ``None`` where it knows all as well as it can."""
        if self.depth is None:
            return None
        coarse, fine = (int((self.depth == kind).sum()) for kind in (COARSE, FINE))
        return LookedAt(len(self.depth), coarse + fine, fine)

    @property
    def kind(self) -> Literal["probability", "place", "score"]:
        """What the scores are: probabilities, places by novelty, or what a network answers."""
        if self.calibrated:
            return "probability"
        return "score" if self.source.startswith("cycle") else "place"

    def shown(self, row: int) -> Shown | None:
        """Return what this order says of an image, to be kept with its label; ``None`` before a forecast."""
        if self.forecast is None or self.margins is None:
            return None
        height = float(self.forecast.scale.heights(self.margins[row : row + 1])[0])
        probability = float(self.scores[row]) if self.calibrated else None
        return Shown(probability, height) if np.isfinite(height) else None

    @classmethod
    def of_pool(cls, images: int) -> Ranking:
        """Keep the pool's own order: what there is before anything is known."""
        scores = np.full(images, np.nan, dtype=np.float32)
        order = np.arange(images)
        scores.flags.writeable = order.flags.writeable = False
        return cls(0, UNRANKED, datetime.now(UTC), scores, order)

    def table(self, ids: Sequence[str], labels: Mapping[str, str], top: int | None = None) -> pd.DataFrame:
        """Return the ranking as a table with the columns ``rank,id,score,label``.

        Parameters
        ----------
        ids
            Id of each image of the pool, by index.
        labels
            Current labels by image id.
        top
            How many images from the first on; ``None`` for all.
        """
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
            last_seq=self.last_seq,
            calibrated=self.calibrated,
            **_arrays(self),
            pool=pool_digest,
        )
        write_bytes_atomically(path, buffer.getvalue(), root=path.parent)

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
                seq = int(saved["last_seq"]) if "last_seq" in saved.files else 0
                version, source = int(saved["version"]), str(saved["source"])
                calibrated = "calibrated" in saved.files and bool(saved["calibrated"])
                depth = saved["depth"] if "depth" in saved.files else None
                if depth is not None and depth.shape != (images,):
                    return None
                scored = int(saved["scored"]) if "scored" in saved.files else None
                removed = float(saved["removed"]) if "removed" in saved.files else None
                ranking = cls(
                    version,
                    source,
                    created,
                    scores,
                    order,
                    seq,
                    calibrated,
                    None,
                    None,
                    depth,
                    scored,
                    removed,
                )
                if "margins" not in saved.files:
                    return ranking
                *nodes, weights = saved["nodes"]
                floors = nodes[2] if len(nodes) > 2 else np.zeros_like(weights)  # from before they were kept
                forecast = Forecast(Scale(*saved["scale"].tolist()), nodes[0], nodes[1], floors, weights)
                return replace(ranking, forecast=forecast, margins=saved["margins"])
        except UNREADABLE:
            return None


def is_readable(path: Path) -> bool:
    """Return whether a kept ranking is as it was written, of whatever pool it is."""
    try:
        with np.load(path, allow_pickle=False) as saved:
            return all(saved[name] is not None for name in saved.files)
    except UNREADABLE:
        return False


def _arrays(ranking: Ranking) -> dict[str, Any]:
    """Return what not every ranking has."""
    forecast, margins, depth = ranking.forecast, ranking.margins, ranking.depth
    looked_at: dict[str, Any] = {} if depth is None else {"depth": depth}
    looked_at |= {} if ranking.scored is None else {"scored": ranking.scored}
    looked_at |= {} if ranking.removed is None else {"removed": ranking.removed}
    if forecast is None or margins is None:
        return looked_at
    scale = forecast.scale
    return looked_at | {
        "scale": np.array([scale.centre, scale.deviation, scale.best]),
        "nodes": np.stack([forecast.levels, forecast.slopes, forecast.floors, forecast.weights]),
        "margins": margins,
    }
