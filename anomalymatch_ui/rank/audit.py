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

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.rank.linear import FeatureScale, fit_linear_head

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
        Of an anomaly if both classes were equally frequent, by heads that did not see this label,
        float32 ``(n,)``.
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
        Of the heads, scikit-learn's ``C``.
    seed
        Of the deals.
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
    probabilities[readable] = _judge(features[readable], labels, deals, regularisation)
    contest = np.where(is_anomaly, 1 - probabilities, probabilities)
    order = np.argsort(-contest, kind="stable")
    return Audit(rows[order].astype(np.int64), probabilities[order], contest[order])


def _deals(labels: np.ndarray, folds: int, repeats: int, random: np.random.Generator) -> Iterator[np.ndarray]:
    """Give the fold of each label, int64 ``(labels,)``, -1 where it is never held out, deal by deal."""
    alone = np.bincount(labels, minlength=2)[labels.astype(np.int64)] == 1
    if len(labels) <= LEAVE_ONE_OUT:
        yield np.where(alone, -1, np.arange(len(labels)))
        return
    for _ in range(repeats):
        deal = np.empty(len(labels), dtype=np.int64)
        for members in (np.flatnonzero(labels), np.flatnonzero(~labels)):
            deal[random.permutation(members)] = np.arange(len(members)) % folds
        yield np.where(alone, -1, deal)


def _judge(
    features: np.ndarray, labels: np.ndarray, deals: Iterator[np.ndarray], regularisation: float
) -> np.ndarray:
    """Give each label's probability from heads without it, averaged over the deals, float32."""
    scale = FeatureScale(
        np.zeros(features.shape[1], np.float32),
        np.ones(features.shape[1], np.float32),
    )
    judgements = []
    for deal in deals:
        judgement = np.full(len(labels), np.nan, dtype=np.float32)
        for fold in np.unique(deal[deal >= 0]):
            held_out = deal == fold
            head = fit_linear_head(
                features[~held_out], labels[~held_out], scale, regularisation=regularisation
            )
            judgement[held_out] = head.scores(features[held_out])
        judgements.append(judgement)
    average: np.ndarray = np.mean(judgements, axis=0)
    return average
