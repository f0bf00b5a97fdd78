"""Scores as probabilities a person can count with, at the prevalence of the archive.

The labels at hand are few and chosen (the start labels by class, the later ones from the top of the
ranking), so their class shares say nothing of how rare an anomaly is. They tell how steeply the
log-odds rise with the margin; how high they lie follows from the prevalence alone.

References
----------
.. [1] Platt 1999, "Probabilistic Outputs for Support Vector Machines".
.. [2] Saerens, Latinne & Decaestecker 2002, "Adjusting the Outputs of a Classifier to New a Priori
   Probabilities", Neural Computation 14, 21.
.. [3] Hong 2013, "On computing the distribution function for the Poisson binomial distribution",
   Computational Statistics & Data Analysis 59, 41.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit

from anomalymatch_ui.errors import InputError

ASSUMED_PREVALENCE = 0.01
"""Share of anomalies among the unlabelled images where nobody has given one.

On five tasks of 1 to 6 % and from 5 to 25 anomalies, estimating it from the margins (expectation
maximisation [2]_, moments, tails) was further off than this constant, at times by 10^4.
"""

PRIOR_SLOPE = 1.0
"""Rise of the log-odds over one standard deviation of the pool's margins, before any label.

Fitted to the truth of 335 to 2,424 held-out images it was 0.7 to 1.5 on five tasks of real images,
whose margins have longer tails than normal ones.
"""

PRIOR_SLOPE_DEVIATION = 0.2
"""Uncertainty of :data:`PRIOR_SLOPE`; five anomalies hardly move it, two hundred do."""

LEAST_SLOPE = 0.05
"""Per standard deviation. Labels that contradict the margins must not turn the order round."""

LEAST_SHARE = 0.1
"""Part of the given prevalence that is believed of the unlabelled images however many are found."""

LOG_ODDS_ERROR = 1.0
"""By how much all log-odds may be off together where the prevalence is right.

With it 85 to 100 %, on average 98 %, of the intervals of the 20, 50 and 100 best images held the truth: four
real pools, three of 6,060 images with 1 % anomalies and one of 910 with 6 %, after 55 to 85 labels, 20
searches each. With 0.5, 70 to 95 % of those of the 50 best did on one of the pools. In a pool of millions the
best lie in a tail that no label has seen: there the interval is too short until some of them are labelled.
"""

LOG_ODDS_ERROR_ASSUMED = 1.5
"""The same where the prevalence is assumed.

With it all intervals held the truth where 1 % were anomalies. Where 5 to 6 % were, some or all of them were
too low: nothing tells such a pool from one with fewer anomalies that stand out less. So it is said that a
prevalence was assumed.
"""

LEAST_SCALE = 1e-6
"""Log-odds. Margins that differ by less differ by rounding only."""

_HIGH, _LOW = 5.0, -40.0  # log-odds beyond which they rise by their logarithm, before float32 ends


@dataclass(frozen=True)
class Calibration:
    """A monotone map from margins to probabilities.

    Attributes
    ----------
    slope
        Log-odds per unit of margin, above 0.
    intercept
        Log-odds at margin 0.
    prevalence
        Mean probability over the unlabelled pool it was fitted to.
    log_odds_error
        By how much all log-odds may be off together, for :func:`expected_anomalies`.
    """

    slope: float
    intercept: float
    prevalence: float
    log_odds_error: float

    def probabilities(self, margins: np.ndarray) -> np.ndarray:
        """Give the probability of an anomaly, float32 ``(n,)``, in the order of ``margins``.

        Log-odds above 5 (0.993) count as 5 plus a logarithm: no handful of labels vouches for more,
        and the best images keep their order in float32, which has no number between 1 - 6e-8 and 1
        (log-odds of 17).

        Parameters
        ----------
        margins
            float ``(n,)`` on the scale of the fit. NaN gives NaN.
        """
        log_odds = self.slope * np.asarray(margins, dtype=np.float64) + self.intercept
        probabilities: np.ndarray = expit(_soften(log_odds)).astype(np.float32)
        return probabilities


def fit_calibration(
    pool_margins: np.ndarray,
    labelled_margins: np.ndarray,
    is_anomaly: np.ndarray,
    *,
    prevalence: float | None,
    unlabelled: int | None = None,
) -> Calibration:
    """Fit probabilities to the labels at hand and the prevalence.

    The slope is Platt's [1]_, with his targets, on margins standardised by the pool's median and
    median absolute deviation, and held by a normal prior; the intercept makes the mean probability
    over the unlabelled pool the share of anomalies that is left there.

    Parameters
    ----------
    pool_margins
        float ``(n,)``, log-odds of any scale, of the unlabelled images; those not finite are left out.
    labelled_margins
        float ``(m,)``, of the labelled images on the same scale, each from a model that has not
        seen its label (cross-validated); else the anomalies look surer than they are.
    is_anomaly
        bool ``(m,)``. With one class only, or none, the slope is the prior's.
    prevalence
        Share of anomalies among all images, labelled or not; those found are taken off it. ``None``
        assumes :data:`ASSUMED_PREVALENCE` of the unlabelled ones.
    unlabelled
        How many unlabelled images ``pool_margins`` are a uniform sample of; ``None`` if they are all.

    Raises
    ------
    InputError
        If ``prevalence`` is not above 0 and below 1.
    """
    if prevalence is not None and not 0 < prevalence < 1:
        raise InputError(
            f"The prevalence cannot be {prevalence:g}: it is the expected share of anomalies among all "
            "images, above 0 and below 1. Give for example 0.01 for one in a hundred."
        )
    pool = pool_margins[np.isfinite(pool_margins)].astype(np.float64)
    share = _unlabelled_share(prevalence, len(pool) if unlabelled is None else unlabelled, is_anomaly)
    known = np.isfinite(labelled_margins)
    centre, scale = _location_and_scale(pool)
    labelled = (labelled_margins[known].astype(np.float64) - centre) / scale
    slope = _fit_slope(labelled, is_anomaly[known].astype(bool)) / scale
    intercept = _fit_intercept(slope * (pool - centre), share) - slope * centre
    error = LOG_ODDS_ERROR_ASSUMED if prevalence is None else LOG_ODDS_ERROR
    return Calibration(slope, intercept, share, error)


def expected_anomalies(
    probabilities: np.ndarray, top: int, *, log_odds_error: float = LOG_ODDS_ERROR
) -> tuple[float, int, int]:
    """Tell how many anomalies the images with the highest probabilities hold.

    The count of independent images follows the Poisson binomial distribution [3]_, computed exactly.
    Its 2.5 % quantile is taken with all log-odds lowered by ``log_odds_error``, its 97.5 %
    quantile with all of them raised, because the probabilities are themselves estimates and err
    together.

    Parameters
    ----------
    probabilities
        float ``(n,)`` in [0, 1]; NaN are left out.
    top
        How many images, from the highest probability down. For other images give theirs, and their
        number.
    log_odds_error
        Of the calibration; 0 takes the probabilities as exact.

    Returns
    -------
    expected, low, high
        The sum of the probabilities, and the ends of the interval, in images.
    """
    known = probabilities[~np.isnan(probabilities)].astype(np.float64)
    first = np.sort(known)[::-1][: max(top, 0)]
    low = _count_quantile(expit(logit(first) - log_odds_error), 0.025)
    high = _count_quantile(expit(logit(first) + log_odds_error), 0.975)
    return float(first.sum()), low, high


def _unlabelled_share(prevalence: float | None, unlabelled: int, is_anomaly: np.ndarray) -> float:
    if prevalence is None or unlabelled == 0:
        share = ASSUMED_PREVALENCE if prevalence is None else prevalence
    else:
        left = prevalence * (unlabelled + len(is_anomaly)) - np.count_nonzero(is_anomaly)
        share = left / unlabelled
        # What is found may refute the number given; neither class is ever said to be used up.
        share = min(max(share, LEAST_SHARE * prevalence), 1 - LEAST_SHARE * (1 - prevalence))
    return float(np.clip(share, np.finfo(float).tiny, 1 - np.finfo(float).eps))


def _location_and_scale(margins: np.ndarray) -> tuple[float, float]:
    """Median, and the deviation that the anomalies' own tail does not widen."""
    if len(margins) == 0:
        return 0.0, 1.0
    centre = float(np.median(margins))
    normal = 1.4826 * float(np.median(np.abs(margins - centre)))
    scale = normal if normal > LEAST_SCALE else float(margins.std())
    return centre, scale if scale > LEAST_SCALE else 1.0


def _fit_slope(margins: np.ndarray, is_anomaly: np.ndarray) -> float:
    anomalies = np.count_nonzero(is_anomaly)
    nominals = len(is_anomaly) - anomalies
    if anomalies == 0 or nominals == 0:
        return PRIOR_SLOPE
    targets = np.where(is_anomaly, (anomalies + 1) / (anomalies + 2), 1 / (nominals + 2))

    def negative_log_posterior(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        slope, intercept = parameters
        log_odds = slope * margins + intercept
        pull = (slope - PRIOR_SLOPE) / PRIOR_SLOPE_DEVIATION
        residuals = expit(log_odds) - targets
        loss = float((np.logaddexp(0, log_odds) - targets * log_odds).sum() + pull**2 / 2)
        return loss, np.array([residuals @ margins + pull / PRIOR_SLOPE_DEVIATION, residuals.sum()])

    from scipy.optimize import minimize  # here, because a page opens 0.4 s sooner without it

    bounds = [(LEAST_SLOPE, None), (None, None)]
    fit = minimize(negative_log_posterior, [PRIOR_SLOPE, 0.0], jac=True, method="L-BFGS-B", bounds=bounds)
    return float(fit.x[0])


def _fit_intercept(log_odds: np.ndarray, share: float) -> float:
    """Find what to add to ``log_odds`` so that their mean probability is ``share``."""
    level = float(_harden(logit(share)))
    if len(log_odds) == 0:
        return level
    low, high = level - log_odds.max(), level - log_odds.min()
    if low == high:
        return float(low)

    def excess(intercept: float) -> float:
        return float(expit(_soften(log_odds + intercept)).mean() - share)

    if excess(low) >= 0 or excess(high) <= 0:  # margins that differ by rounding only
        return float(low)
    from scipy.optimize import brentq  # as above

    return float(brentq(excess, low, high))


def _soften(log_odds: np.ndarray) -> np.ndarray:
    inside = np.clip(log_odds, _LOW, _HIGH)
    beyond = log_odds - inside
    softened: np.ndarray = inside + np.sign(beyond) * np.log1p(np.abs(beyond))
    return softened


def _harden(log_odds: np.ndarray) -> np.ndarray:
    """Undo :func:`_soften`."""
    inside = np.clip(log_odds, _LOW, _HIGH)
    beyond = log_odds - inside
    hardened: np.ndarray = inside + np.sign(beyond) * np.expm1(np.abs(beyond))
    return hardened


def _count_quantile(probabilities: np.ndarray, quantile: float) -> int:
    """Give a quantile of the number of successes, by multiplying generating polynomials in pairs."""
    if len(probabilities) == 0:
        return 0
    products = np.stack([1 - probabilities, probabilities], axis=1)
    while len(products) > 1:
        if len(products) % 2:
            certain_none = np.zeros((1, products.shape[1]))
            certain_none[0, 0] = 1
            products = np.concatenate([products, certain_none])
        size = 2 * products.shape[1]
        spectra = np.fft.rfft(products, size, axis=1)
        products = np.fft.irfft(spectra[0::2] * spectra[1::2], size, axis=1)
    cumulative = np.cumsum(products[0])
    return min(int(np.searchsorted(cumulative, quantile)), len(probabilities))
