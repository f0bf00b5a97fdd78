"""The order that needs no training, whatever labels there are: none, one class, or both."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anomalymatch_ui.config import HeadConfig
from anomalymatch_ui.rank.artefacts import drawn_background
from anomalymatch_ui.rank.linear import LinearHead, fit_linear_head
from anomalymatch_ui.rank.novelty import Novelty


@dataclass(frozen=True)
class InstantModel:
    """What was fitted in milliseconds, and what to call it.

    Attributes
    ----------
    model
        Returns the scores.
    source
        ``"linear head"``, ``"similarity to the anomalies"`` or ``"novelty"``.
    """

    model: LinearHead | Novelty
    source: str

    def scores(self, embedding: np.ndarray) -> np.ndarray:
        """Return scores in [0, 1], float32 ``(n,)``, for rows of the pool or of other images."""
        return self.model.scores(embedding)


def fit_instant(
    embedding: np.ndarray,
    anomalies: np.ndarray,
    nominals: np.ndarray,
    config: HeadConfig,
    *,
    seed: int,
    artefacts: np.ndarray | None = None,
) -> InstantModel:
    """Fit what orders a pool from its embedding and the labels at hand.

    With labels of both classes a linear head tells them apart. With anomalies only, a random
    background of unlabelled images stands in for the nominal ones: the few anomalies among it are too
    rare to matter. Without an anomaly the measure is novelty. Artefacts are nominal; but they tell nothing of
    ordinary images, so that alone they do not stand for these.

    Parameters
    ----------
    embedding
        float ``(n, components)`` of the pool; rows with NaN are images that could not be read.
    anomalies, nominals
        Rows with these labels, int64.
    config
        Regularisation, size of the background.
    seed
        Seed of the background.
    artefacts
        Which of the nominal rows are artefacts, int64; ``None`` for none.
    """
    anomalies, nominals = (rows[~np.isnan(embedding[rows, 0])] for rows in (anomalies, nominals))
    ordinary = len(nominals) if artefacts is None else np.count_nonzero(~np.isin(nominals, artefacts))
    source, weights = "linear head", None
    if len(anomalies) > 0 and ordinary == 0:
        source = "similarity to the anomalies"
        readable = ~np.isnan(np.asarray(embedding[:, 0]))
        readable[anomalies] = readable[nominals] = False
        background = drawn_background(readable, config.background, seed)
        if len(background) and len(nominals):
            # Together the artefacts count as much as all the background: alone, a few of 2,000 would be lost.
            half = (len(background) + len(nominals)) / 2
            each = (1.0, half / len(background), half / len(nominals))
            weights = np.repeat(each, (len(anomalies), len(background), len(nominals)))
        nominals = np.concatenate([background, nominals])
    if len(anomalies) == 0 or len(nominals) == 0:
        return InstantModel(Novelty.of(embedding), "novelty")
    rows = np.concatenate([anomalies, nominals])
    labels = np.arange(len(rows)) < len(anomalies)
    features = np.asarray(embedding[rows])
    head = fit_linear_head(features, labels, regularisation=config.regularisation, weights=weights)
    return InstantModel(head, source)
