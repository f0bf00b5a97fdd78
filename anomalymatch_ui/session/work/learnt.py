"""What a session has learnt, as far as it takes to put other images into its order: arrays in, arrays out."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, cast

import numpy as np

from anomalymatch_ui.config import Symmetry
from anomalymatch_ui.errors import DamagedStoreError
from anomalymatch_ui.files import write_bytes_atomically
from anomalymatch_ui.rank import CoarseToFine, Forecast, Fusion, LinearHead, Reduction, Scale, log_odds
from anomalymatch_ui.sealed import UNREADABLE

_EXACT = 1_000


@dataclass(frozen=True)
class Learnt:
    """The order of a session at one moment.

    Attributes
    ----------
    sight
        Digest of how the session looks at images.
    cycle, network
        Number of the cycle whose network is in the order, and the network's digest; 0 and empty for none.
    views
        Over which the network's scores are averaged; ``None`` in archives that did not say it.
    reductions
        Reduction of each part of what the backbones say, in their order.
    head
        On the embedding that the reductions give.
    coarse
        From the margin after a look at one view to that after a look at all.
    guess
        From the head's margin to the network's log-odds, for images that no network has scored.
    fusion
        Fusion of the two; ``None`` without a network.
    forecast
        From margins to probabilities.
    threshold
        Margin after a look at one view from which an image ranks high.
    first
        Head on the embedding by one view, where another one than ``head``; weightless on components that
        need not be looked at.
    """

    sight: str
    cycle: int
    network: str
    views: Symmetry | None
    reductions: tuple[Reduction, ...]
    head: LinearHead
    coarse: CoarseToFine
    guess: CoarseToFine
    fusion: Fusion | None
    forecast: Forecast
    threshold: float = -np.inf
    first: LinearHead | None = None

    @property
    def components(self) -> int:
        """Columns of the embedding."""
        return len(self.head.weights)

    @property
    def glance(self) -> LinearHead:
        """The head on the embedding by one view."""
        return self.head if self.first is None else self.first

    def coarse_probabilities(self, embedding: np.ndarray) -> np.ndarray:
        """Return what is to be expected of images after a look at one view of each.

        Parameters
        ----------
        embedding
            float ``(n, components)``; NaN where an image cannot be read.

        Returns
        -------
        numpy.ndarray
            float32 ``(n,)``; NaN where the embedding is.
        """
        margins = self.coarse.apply(self.glance.margins(embedding))
        return self._probabilities(margins, self.guess.apply(margins))

    def ranks_high(self, embedding: np.ndarray) -> np.ndarray:
        """Return which images, seen in one view, are worth a look at all of them, bool ``(n,)``."""
        high: np.ndarray = self.glance.margins(embedding) >= self.threshold
        return high

    def probabilities(self, embedding: np.ndarray, network: np.ndarray | None) -> np.ndarray:
        """Return the probabilities that the session gives images after a look at all of their views.

        Parameters
        ----------
        embedding
            As for :meth:`coarse_probabilities`.
        network
            Scores of the cycle's network, float ``(n,)``; ``None`` where the order has none.
        """
        margins = self.head.margins(embedding)
        return self._probabilities(margins, margins if network is None else log_odds(network))

    def _probabilities(self, head: np.ndarray, network: np.ndarray) -> np.ndarray:
        margins = head if self.fusion is None else self.fusion.margins(head, network)
        # Of few images a forecast interpolates nothing: no image's number depends on which stand beside it.
        parts = np.array_split(margins, max(1, -(-len(margins) // _EXACT)))
        return np.concatenate([self.forecast.probabilities(part) for part in parts])

    @property
    def digest(self) -> str:
        """Hexadecimal, 16 digits; orders that differ in anything have different ones."""
        digest = hashlib.sha256()
        for name, values in sorted(self._arrays().items()):
            digest.update(f"{name} {values.dtype.str} {values.shape}".encode())
            digest.update(np.ascontiguousarray(values).tobytes())
        return digest.hexdigest()[:16]

    def encoded(self) -> bytes:
        """Return it as the bytes of a file."""
        content = io.BytesIO()
        np.savez(content, **cast(Any, self._arrays()))
        return content.getvalue()

    def write(self, path: Path) -> None:
        """Write it, whole or not at all. Raises ``StorageError`` if the disk refuses."""
        write_bytes_atomically(path, self.encoded())

    @classmethod
    def decoded(cls, content: bytes) -> Self:
        """Return what :meth:`encoded` gave of it; raises one of ``UNREADABLE`` where it is damaged."""
        with np.load(io.BytesIO(content), allow_pickle=False) as saved:
            names = saved["names"].tolist()
            count = int(saved["cycle"][1])
            scale, nodes, fusion = saved["scale"].tolist(), saved["nodes"], saved["fusion"].tolist()
            return cls(
                names[0],
                int(saved["cycle"][0]),
                names[1],
                names[2] if len(names) > 2 else None,
                tuple(Reduction(saved[f"axes{part}"], saved[f"offset{part}"]) for part in range(count)),
                LinearHead(saved["weights"], float(saved["bias"][0])),
                CoarseToFine(*saved["coarse"].tolist()),
                CoarseToFine(*saved["guess"].tolist()),
                Fusion((fusion[0], fusion[1]), (fusion[2], fusion[3]), fusion[4]) if fusion else None,
                Forecast(Scale(*scale), nodes[0], nodes[1], nodes[2], nodes[3]),
                float(saved["threshold"][0]),
                LinearHead(saved["first"], float(saved["first_bias"][0])) if "first" in saved.files else None,
            )

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what :meth:`write` wrote.

        Raises
        ------
        DamagedStoreError
            If it is missing or damaged.
        """
        try:
            return cls.decoded(path.read_bytes())
        except UNREADABLE as error:
            raise DamagedStoreError(
                f"The order in {path} is damaged. Start again with --restart, which deletes the scores there."
            ) from error

    def _arrays(self) -> dict[str, np.ndarray]:
        forecast, fusion = self.forecast, self.fusion
        nodes = np.stack([forecast.levels, forecast.slopes, forecast.floors, forecast.weights])
        fused: Sequence[float] = ()
        if fusion is not None:
            fused = (*fusion.means, *fusion.deviations, fusion.weight)
        names = [self.sight, self.network] if self.views is None else [self.sight, self.network, self.views]
        arrays = {
            "names": np.array(names),
            "cycle": np.array([self.cycle, len(self.reductions)]),
            "weights": self.head.weights,
            "bias": np.array([self.head.bias]),
            "coarse": np.array([self.coarse.slope, self.coarse.offset]),
            "guess": np.array([self.guess.slope, self.guess.offset]),
            "fusion": np.array(fused, dtype=np.float64),
            "scale": np.array([forecast.scale.centre, forecast.scale.deviation, forecast.scale.best]),
            "nodes": nodes,
            "threshold": np.array([self.threshold]),
        }
        if self.first is not None:
            arrays |= {"first": self.first.weights, "first_bias": np.array([self.first.bias])}
        for part, reduction in enumerate(self.reductions):
            arrays |= {f"axes{part}": reduction.axes, f"offset{part}": reduction.offset}
        return arrays
