"""Which labels the others contest: a slip of the finger, or an image worth a second look.

References
----------
.. [1] Brodley & Friedl 1999, "Identifying mislabeled training data", JAIR 11, 131.
.. [2] Northcutt, Jiang & Chuang 2021, "Confident learning: estimating uncertainty in dataset labels",
   JAIR 70, 1373.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.rank.linear import fit_linear_head

LEAVE_ONE_OUT = 40
"""Up to so many labels each is judged by all the others; a fit costs milliseconds."""


@dataclass(frozen=True)
class Audit:
    """Labels, the most contested first; those that could not be audited last.

    Attributes
    ----------
    rows
        Rows of the pool, int64 ``(n,)``.
    probabilities
        Probabilities of an anomaly if both classes were equally frequent, by heads that did not see this
        label, float32 ``(n,)``.
    contest
        Probability that the label is wrong, by the same heads, float32 ``(n,)``.
    """

    rows: np.ndarray
    probabilities: np.ndarray
    contest: np.ndarray


def audit_labels(
    embeddings: np.ndarray,
    rows: np.ndarray,
    is_anomaly: np.ndarray,
    *,
    regularisation: float,
    seed: int,
    folds: int = 5,
    repeats: int = 3,
) -> Audit:
    """Judge each label by linear heads fitted without it [1]_ [2]_.

    Up to 40 labels each is held out alone. More are dealt to ``folds`` folds, each class evenly, so that
    up to ``folds`` members of the rarer class are still held out one at a time; that is repeated with
    other deals and averaged, because one deal's heads are noisy.

    The only member of a class is never held out, for without it there is no class to tell apart: its
    probability and contest are NaN. So are those of an image that cannot be read (a row of NaN).

    Parameters
    ----------
    embeddings
        Features of the pool around zero mean and on one scale, float ``(n, features)``.
    rows
        Rows with a label, each once, int64 ``(labels,)``.
    is_anomaly
        What they were called, bool ``(labels,)``.
    regularisation
        Regularisation of the heads, scikit-learn's ``C``.
    seed
        Seed of the deals.
    folds
        At least 2.
    repeats
        Deals, at least 1.

    Raises
    ------
    InputError
        If the labels of readable images are not of both classes.
    """
    features = np.asarray(embeddings[rows], dtype=np.float32)
    readable = ~np.isnan(features).any(axis=1)
    probabilities = np.full(len(rows), np.nan, dtype=np.float32)
    labels = is_anomaly[readable]
    if not labels.any() or labels.all():
        raise InputError(
            "Labels can be checked against each other only when there are some of both classes: "
            "label at least one more anomaly or nominal image that can be read."
        )
    deals = _deals(labels, folds, repeats, np.random.default_rng(seed))
    judgements = [_judge(features[readable], labels, deal, regularisation) for deal in deals]
    probabilities[readable] = expit(np.mean(judgements, axis=0))
    contest = np.where(is_anomaly, 1 - probabilities, probabilities)
    order = np.argsort(-contest, kind="stable")
    return Audit(rows[order].astype(np.int64), probabilities[order], contest[order])


def held_out_margins(
    features: np.ndarray, is_anomaly: np.ndarray, *, regularisation: float, seed: int, folds: int = 5
) -> np.ndarray:
    """Return each label's log-odds from a head that has not seen it, by one deal to ``folds`` folds.

    Parameters
    ----------
    features
        Features of the labelled images, without NaN, float ``(n, features)``.
    is_anomaly
        bool ``(n,)``; of one class only all margins are NaN.
    regularisation, seed, folds
        As in :func:`audit_labels`.

    Returns
    -------
    numpy.ndarray
        float32 ``(n,)``; NaN for the only member of a class.
    """
    if is_anomaly.all() or not is_anomaly.any():
        return np.full(len(is_anomaly), np.nan, np.float32)
    deal = _deal(is_anomaly, folds, np.random.default_rng(seed))
    return _judge(features.astype(np.float32), is_anomaly, deal, regularisation)


def _deals(labels: np.ndarray, folds: int, repeats: int, random: np.random.Generator) -> Iterator[np.ndarray]:
    """Return the fold of each label, int64 ``(labels,)``, -1 where it is never held out, deal by deal."""
    if len(labels) <= LEAVE_ONE_OUT:
        yield np.where(_is_alone(labels), -1, np.arange(len(labels)))
        return
    for _ in range(repeats):
        yield _deal(labels, folds, random)


def _deal(labels: np.ndarray, folds: int, random: np.random.Generator) -> np.ndarray:
    deal = np.empty(len(labels), dtype=np.int64)
    for members in (np.flatnonzero(labels), np.flatnonzero(~labels)):
        deal[random.permutation(members)] = np.arange(len(members)) % folds
    return np.where(_is_alone(labels), -1, deal)


def _is_alone(labels: np.ndarray) -> np.ndarray:
    alone: np.ndarray = np.bincount(labels, minlength=2)[labels.astype(np.int64)] == 1
    return alone


def _judge(features: np.ndarray, labels: np.ndarray, deal: np.ndarray, regularisation: float) -> np.ndarray:
    """Return each label's log-odds from a head without it, float32; NaN where it is never held out."""
    judgement = np.full(len(labels), np.nan, dtype=np.float32)
    for fold in np.unique(deal[deal >= 0]):
        held_out = deal == fold
        head = fit_linear_head(features[~held_out], labels[~held_out], regularisation=regularisation)
        judgement[held_out] = head.margins(features[held_out])
    return judgement
