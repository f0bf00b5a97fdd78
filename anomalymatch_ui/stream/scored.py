"""What the network says, as it goes from the pipeline to the disk. Reading it back needs no torch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class ScoredBatch:
    """What the network says of some images.

    Attributes
    ----------
    asked
        Pool indices that were asked for.
    indices
        Those that could be read, int64 ``(n,)``.
    scores
        Probability of an anomaly, float32 ``(n,)``.
    features
        Pooled features of the backbone, float16 ``(n, features)``.
    """

    asked: range
    indices: np.ndarray
    scores: np.ndarray
    features: np.ndarray
