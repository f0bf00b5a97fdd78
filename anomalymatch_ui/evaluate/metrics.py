"""How good an order is, against labels that are known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class DetectionMetrics:
    """Measures of an order on images that were never trained on.

    Attributes
    ----------
    auroc
        Area under the receiver operating characteristic.
    ap
        Average precision.
    precision_top1
        Precision among the first 1 % (at least one image).
    recall_5
        Share of the anomalies among the first 5 % (at least one image).
    calibration_error
        Expected calibration error of the scores, in ten bins of equal width.
    """

    auroc: float
    ap: float
    precision_top1: float
    recall_5: float
    calibration_error: float


def measure_detection(is_anomaly: np.ndarray, scores: np.ndarray) -> DetectionMetrics:
    """Measure an order.

    Parameters
    ----------
    is_anomaly
        bool ``(n,)``; both classes must occur.
    scores
        Probability of an anomaly, float ``(n,)``. An image without a score (NaN) comes last.
    """
    from sklearn.metrics import average_precision_score, roc_auc_score

    scores = np.nan_to_num(scores.astype(np.float64), nan=-1)
    ranked = is_anomaly[np.argsort(-scores, kind="stable")]
    return DetectionMetrics(
        auroc=float(roc_auc_score(is_anomaly, scores)),
        ap=float(average_precision_score(is_anomaly, scores)),
        precision_top1=float(ranked[: _share(0.01, len(ranked))].mean()),
        recall_5=float(ranked[: _share(0.05, len(ranked))].sum() / ranked.sum()),
        calibration_error=expected_calibration_error(is_anomaly, np.clip(scores, 0, 1)),
    )


def expected_calibration_error(is_anomaly: np.ndarray, probabilities: np.ndarray, bins: int = 10) -> float:
    """Return the mean distance of stated from observed frequency, over bins weighted by their images.

    Parameters
    ----------
    is_anomaly
        bool ``(n,)``.
    probabilities
        float ``(n,)`` in [0, 1].
    bins
        Bins of equal width.

    References
    ----------
    .. [1] Guo et al. 2017, "On Calibration of Modern Neural Networks", arXiv:1706.04599, equation 3.
    """
    which = np.minimum((probabilities * bins).astype(int), bins - 1)
    members = np.bincount(which, minlength=bins)
    stated = np.bincount(which, weights=probabilities, minlength=bins)
    observed = np.bincount(which, weights=is_anomaly, minlength=bins)
    return float(np.abs(stated - observed)[members > 0].sum() / len(probabilities))


def paired_difference(
    values: np.ndarray, reference: np.ndarray, *, seed: int = 0, draws: int = 10_000
) -> tuple[float, float, float]:
    """Return the mean difference of paired values, and its bootstrap 95 % interval.

    Parameters
    ----------
    values, reference
        float ``(n,)``, one pair a seed.
    seed, draws
        Seed and draws of the bootstrap.

    Returns
    -------
    mean, low, high
        Mean, low, and high of ``values - reference``.
    """
    differences = values - reference
    rows = np.random.default_rng(seed).integers(0, len(differences), (draws, len(differences)))
    low, high = np.percentile(differences[rows].mean(axis=1), (2.5, 97.5))
    return float(differences.mean()), float(low), float(high)


def _share(share: float, images: int) -> int:
    return max(1, int(share * images))
