"""The order that needs no training, whatever labels there are: none, one class, or both."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anomalymatch_ui.config import HeadConfig
from anomalymatch_ui.rank.linear import LinearHead, fit_linear_head
from anomalymatch_ui.rank.novelty import Novelty


@dataclass(frozen=True)
class InstantModel:
    """What was fitted in milliseconds, and what to call it.

    Attributes
    ----------
    model
        Gives the scores.
    source
        ``"linear head"``, ``"similarity to the anomalies"`` or ``"novelty"``.
    """

    model: LinearHead | Novelty
    source: str

    def scores(self, embedding: np.ndarray) -> np.ndarray:
        """Return scores in [0, 1], float32 ``(n,)``, for rows of the pool or of other images."""
        return self.model.scores(embedding)


def fit_instant(
    embedding: np.ndarray, anomalies: np.ndarray, nominals: np.ndarray, config: HeadConfig, *, seed: int
) -> InstantModel:
    """Fit what orders a pool from its embedding and the labels at hand.

    With labels of both classes a linear head tells them apart. With anomalies only, a random
    background of unlabelled images stands in for the nominal ones: the few anomalies among it are too
    rare to matter. Without an anomaly the measure is novelty.

    Parameters
    ----------
    embedding
        float ``(n, components)`` of the pool; rows with NaN are images that could not be read.
    anomalies, nominals
        Rows with these labels, int64.
    config
        Regularisation, size of the background.
    seed
        Of the background.
    """
    anomalies, nominals = (rows[~np.isnan(embedding[rows, 0])] for rows in (anomalies, nominals))
    source = "linear head"
    if len(anomalies) > 0 and len(nominals) == 0:
        source = "similarity to the anomalies"
        readable = ~np.isnan(np.asarray(embedding[:, 0]))
        readable[anomalies] = False
        others = np.flatnonzero(readable)
        count = min(config.background, len(others))
        nominals = np.random.default_rng(seed).choice(others, count, replace=False)
    if len(anomalies) == 0 or len(nominals) == 0:
        return InstantModel(Novelty.of(embedding), "novelty")
    rows = np.concatenate([anomalies, nominals])
    labels = np.arange(len(rows)) < len(anomalies)
    head = fit_linear_head(np.asarray(embedding[rows]), labels, regularisation=config.regularisation)
    return InstantModel(head, source)
