"""Whether more labels would help: what a linear head gains, in cross-validation, from half of them to all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anomalymatch_ui.rank.linear import fit_linear_head

MIN_LABELS = 8
"""Labels of each class below which the halves are too small to say anything."""

FOLDS, REPEATS = 4, 5


@dataclass(frozen=True)
class LabelGain:
    """Average precision on labels that a head has not seen, by how many it has.

    Attributes
    ----------
    half, whole
        Means over the folds, after half of the other labels and after all of them.
    error
        Standard error of ``whole - half``, from the means of the repeats.
    """

    half: float
    whole: float
    error: float

    @property
    def share(self) -> float:
        """Return the gain as a share of what half of the labels give, 0 where it may be chance."""
        gain = self.whole - self.half
        return gain / self.half if self.half > 0 and gain > 2 * self.error else 0.0


def gain_of_labels(
    features: np.ndarray, is_anomaly: np.ndarray, *, regularisation: float, seed: int
) -> LabelGain | None:
    """Measure what twice as many labels gained.

    Parameters
    ----------
    features
        float ``(n, components)`` of the labelled images, without NaN.
    is_anomaly
        bool ``(n,)``.
    regularisation
        C of the head, see :func:`~anomalymatch_ui.rank.fit_linear_head`.
    seed
        Seed of the folds and halves.

    Returns
    -------
    LabelGain or None
        ``None`` with fewer than :data:`MIN_LABELS` of either class.
    """
    from sklearn.metrics import average_precision_score
    from sklearn.model_selection import StratifiedKFold

    if min(int(is_anomaly.sum()), int((~is_anomaly).sum())) < MIN_LABELS:
        return None
    random = np.random.default_rng(seed)
    values = np.empty((REPEATS, FOLDS, 2))
    for repeat in range(REPEATS):
        folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed + repeat)
        for fold, (others, held_out) in enumerate(folds.split(features, is_anomaly)):
            for column, rows in enumerate((_half(others, is_anomaly, random), others)):
                head = fit_linear_head(features[rows], is_anomaly[rows], regularisation=regularisation)
                margins = head.margins(features[held_out])
                values[repeat, fold, column] = average_precision_score(is_anomaly[held_out], margins)
    half, whole = values.mean(axis=(0, 1))
    gains = (values[..., 1] - values[..., 0]).mean(axis=1)
    return LabelGain(float(half), float(whole), float(gains.std(ddof=1) / np.sqrt(REPEATS)))


def _half(rows: np.ndarray, is_anomaly: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Draw half of the rows of each class."""
    classes = (rows[is_anomaly[rows]], rows[~is_anomaly[rows]])
    return np.concatenate([random.choice(members, len(members) // 2, replace=False) for members in classes])
