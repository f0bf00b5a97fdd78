"""The order that needs no training, whatever labels there are: none, one class, or both."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from anomalymatch_ui.config import HeadConfig
from anomalymatch_ui.rank.linear import FeatureScale, fit_linear_head
from anomalymatch_ui.rank.novelty import novelty_scores


class InstantScores(NamedTuple):
    """Scores of a whole pool, float32 ``(n,)`` in [0, 1], and what gave them."""

    scores: np.ndarray
    source: str


def instant_scores(
    features: np.ndarray,
    scale: FeatureScale,
    anomalies: np.ndarray,
    nominals: np.ndarray,
    config: HeadConfig,
    *,
    seed: int,
) -> InstantScores:
    """Score a pool from frozen features and the labels at hand.

    With labels of both classes a linear head tells them apart. With anomalies only, a random
    background of unlabelled images stands in for the nominal ones: the few anomalies among it are too
    rare to matter. Without an anomaly the measure is novelty.

    Parameters
    ----------
    features
        float ``(n, features)`` of the pool; rows with NaN are images that could not be read.
    scale
        Of the whole pool.
    anomalies, nominals
        Rows with these labels, int64.
    config
        Regularisation, size of the background, components of the novelty measure.
    seed
        Of the background and the novelty measure.
    """
    readable = ~np.isnan(features[:, 0])
    anomalies, nominals = anomalies[readable[anomalies]], nominals[readable[nominals]]
    if len(anomalies) == 0:
        scores = novelty_scores(features, scale, components=config.novelty_components, seed=seed)
        return InstantScores(scores, "novelty")
    source = "linear head"
    if len(nominals) == 0:
        readable[anomalies] = False
        others = np.flatnonzero(readable)
        count = min(config.background, len(others))
        nominals = np.sort(np.random.default_rng(seed).choice(others, count, replace=False))
        source = "similarity to the anomalies"
    if len(nominals) == 0:
        return InstantScores(np.where(np.isnan(features[:, 0]), np.nan, 1).astype(np.float32), source)
    rows = np.sort(np.concatenate([anomalies, nominals]))
    labels = np.isin(rows, anomalies)
    head = fit_linear_head(np.asarray(features[rows]), labels, scale, regularisation=config.regularisation)
    return InstantScores(head.probabilities(features), source)
