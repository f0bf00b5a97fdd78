"""What to show next: the order in which a person should look at a pool.

References
----------
.. [1] Lewis & Gale 1994, "A sequential algorithm for training text classifiers", SIGIR
   (uncertainty sampling).
.. [2] Saerens, Latinne & Decaestecker 2002, "Adjusting the outputs of a classifier to new a priori
   probabilities", Neural Computation 14, 21.
.. [3] Carbonell & Goldstein 1998, "The use of MMR, diversity-based reranking for reordering documents
   and producing summaries", SIGIR.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from anomalymatch_ui.rank.draws import with_draws
from anomalymatch_ui.rank.exploration import with_unlike
from anomalymatch_ui.rank.order import order_by_score
from anomalymatch_ui.rank.similarity import unit_vectors

Acquisition = Literal["most_likely", "uncertain", "diverse", "mixed"]
"""How the next images to look at are chosen; see :func:`arrange`."""

UNCERTAIN_EVERY = 5
"""In the mixed order every fifth image is an uncertain one: 12 of a page of 60."""

_SAMPLE_ROWS = 512  # 130,816 pairs: 130 of them lie above the quantile, so that it is known to 9 %
_PAIR_QUANTILE = 0.999
_SIMILARITY_BOUNDS = (0.8, 0.95)
"""Below, no pair is a duplicate; above, every pair is, in any pool.

Images of one class are no duplicates. With 0.5 the first 60 images after 55 labels held 22.2 of a
photographed breed of dog, of whose pairs 3 % were duplicates, instead of 31.1 with 0.8 (eight seeds).
"""
_EDGE = 1e-6  # a probability nearer to 0 or 1 than this counts as this


@dataclass(frozen=True)
class Listing:
    """Images in the order in which to look at them.

    Attributes
    ----------
    order
        Rows of the pool, the first to look at first, int64 ``(m,)``.
    drawn
        Whether the image at that place was drawn at random, bool ``(m,)``.
    duplicate
        Whether it comes later than by its score because it nearly duplicates one further up, bool ``(m,)``.
    unlike
        Whether it comes earlier than by its score because it is unlike any that has a label, bool ``(m,)``.
    """

    order: np.ndarray
    drawn: np.ndarray
    duplicate: np.ndarray
    unlike: np.ndarray

    @classmethod
    def plain(cls, order: np.ndarray) -> Listing:
        """Return images in an order that nothing but itself decides."""
        nothing = np.zeros(len(order), dtype=bool)
        return cls(order, nothing, nothing, nothing)

    def followed_by(self, rows: np.ndarray) -> Listing:
        """Return the same with other rows behind, int64, in their order."""
        if len(rows) == 0:
            return self
        nothing = np.zeros(len(rows), dtype=bool)
        return Listing(
            np.concatenate([self.order, rows]),
            np.concatenate([self.drawn, nothing]),
            np.concatenate([self.duplicate, nothing]),
            np.concatenate([self.unlike, nothing]),
        )


def arrange(
    scores: np.ndarray,
    embeddings: np.ndarray,
    taken: np.ndarray,
    acquisition: Acquisition,
    *,
    random_every: int,
    head: int,
    shuffled: np.ndarray,
    looks: int = 0,
    decision: float | None = None,
    unlike: np.ndarray | None = None,
) -> Listing:
    """Put all readable images that are not taken into the order in which to look at them.

    ``"most_likely"``
        From the highest score to the lowest.
    ``"uncertain"``
        Nearest to the decision first [1]_. Among rare anomalies that is not a probability of 0.5, which
        next to none has, but the one at which both classes would be equally likely if they were equally
        frequent: the prevalence [2]_, which for calibrated scores is their mean over the pool. Distance
        is measured in log-odds, in which the correction for prevalence is a shift, so that this is the
        order by the entropy of the corrected probability. For scores that are not calibrated,
        ``decision`` says where it is.
    ``"diverse"``
        As most likely, but of the first ``head`` images those that nearly duplicate one already placed
        come after those that do not: maximal marginal relevance [3]_ with a threshold in place of the
        weight. The images held back are placed by the same rule in their turn, so a group of duplicates
        gives one image a turn. The same images stay among the first ``head``.
    ``"mixed"``
        The diverse order, with every fifth image from the uncertain one (:data:`UNCERTAIN_EVERY`).

    A near-duplicate is a pair whose cosine exceeds the 0.999 quantile of random pairs of the pool, within
    0.8 to 0.95. Only ``head`` images and a sample of 512 are compared, whatever the size of the pool.

    **The random share.** Every ``random_every``-th look is at an image drawn at random, whatever rankings
    come between; see :func:`~anomalymatch_ui.rank.draws.with_draws`. What is drawn stands at the earlier of
    its two places, so that no draw hides a likely anomaly: an image that belongs at place ``p`` is listed by
    place ``p`` and one more for each draw before it.

    Parameters
    ----------
    scores
        Probabilities of an anomaly, float ``(n,)``; NaN for images that cannot be read.
    embeddings
        Features of the pool around zero mean, float ``(n, features)``. A row of zeros or NaN
        duplicates nothing.
    taken
        Images to leave out, such as those with a label, bool ``(n,)``.
    acquisition
        One of the four above.
    random_every
        A look in so many is at an image drawn at random; 0 for none.
    looks
        Images looked at before this list, each once: they decide which look is the next to be a draw.
    head
        How many images a person may look at before the next ranking, a few hundred.
    shuffled
        Rows that may be drawn, in the order in which they are
        (:func:`~anomalymatch_ui.rank.draws.draw_order`): all, or those of a shortlist that are a uniform
        sample of a whole archive; those that are taken count, too.
    decision
        Score at which an image is as likely to be called an anomaly as not, for uncertainty; ``None``
        takes the scores for calibrated.
    unlike
        Rows to put at every second place of the first ``head``, int64, in their order, before the random
        share has its places; see :func:`~anomalymatch_ui.rank.unlike_labelled`. Those that are not listed
        are passed over: an embedding may know images that these scores do not. ``None`` for none.
    """
    by_score = order_by_score(np.where(taken, np.nan, scores))
    order, places = by_score, np.arange(len(by_score))
    by_row, held_back = np.zeros(len(scores), np.int64), np.zeros(len(scores), dtype=bool)
    by_row[by_score] = places
    if acquisition in ("diverse", "mixed"):
        order = _duplicates_later(by_score, embeddings, head, shuffled)
        held_back[order] = places > by_row[order]
    if acquisition in ("uncertain", "mixed"):
        if decision is None:
            decision = _mean_score(scores, shuffled)
        uncertain = _nearest_to_the_decision(by_score, scores, decision)
        order = _interleave(order, uncertain) if acquisition == "mixed" else uncertain
    is_unlike = np.zeros(len(scores), dtype=bool)
    if unlike is not None:
        order, moved = with_unlike(order, unlike[~(taken | np.isnan(scores))[unlike]], head)
        is_unlike[order[moved]] = True
    drawn = np.zeros(len(order), dtype=bool)
    if random_every > 0:
        readable = shuffled[~np.isnan(scores[shuffled])]
        order, drawn = with_draws(order, readable, every=random_every, looks=looks)
    later, earlier = places > by_row[order], places < by_row[order]
    return Listing(order, drawn, held_back[order] & later & ~drawn, is_unlike[order] & earlier & ~drawn)


def most_telling(scores: np.ndarray, labelled: np.ndarray, *, head: int, decides: bool) -> np.ndarray:
    """Return the rows that it matters most to know better: what is labelled, likely, or near the decision.

    Parameters
    ----------
    scores
        Scores of the order so far, float ``(n,)``; NaN for images that have none, which are left out.
    labelled
        Images that teach the order, bool ``(n,)``; with a score or without one they come first.
    head
        How many places a person may look at before the next order: twice as many of the likeliest are given,
        and as many of the least certain, in turn.
    decides
        Whether the scores are probabilities; without a decision nothing is near it.

    Returns
    -------
    numpy.ndarray
        int64, the most telling first.
    """
    by_score = order_by_score(np.where(labelled, np.nan, scores))
    likely, taught = by_score[: 2 * head], np.flatnonzero(labelled)
    if not decides or len(by_score) == 0:
        return np.concatenate([taught, likely])
    uncertain = _nearest_to_the_decision(by_score, scores, _mean_score(scores, by_score))[:head]
    places = np.concatenate([np.arange(len(likely)), 2.0 * np.arange(len(uncertain)) + 1.5])
    both = np.concatenate([likely, uncertain])[np.argsort(places, kind="stable")]
    _, firsts = np.unique(both, return_index=True)
    return np.concatenate([taught, both[np.sort(firsts)]])


def _mean_score(scores: np.ndarray, shuffled: np.ndarray) -> float:
    sample = scores[shuffled]
    if np.isnan(sample).all():
        sample = scores
    return 0.5 if np.isnan(sample).all() else float(np.nanmean(sample, dtype=np.float64))


def _nearest_to_the_decision(by_score: np.ndarray, scores: np.ndarray, decision: float) -> np.ndarray:
    """Order the rows ``by_score`` by uncertainty; of two that are equally so the likelier is first."""
    distances = np.abs(_log_odds(scores[by_score]) - _log_odds(np.float64(decision)))
    return by_score[np.argsort(distances, kind="stable")]


def _log_odds(probabilities: np.ndarray | np.floating) -> np.ndarray:
    clipped = np.clip(np.asarray(probabilities, dtype=np.float64), _EDGE, 1 - _EDGE)
    odds: np.ndarray = np.log(clipped) - np.log1p(-clipped)
    return odds


def _duplicates_later(
    by_score: np.ndarray, embeddings: np.ndarray, head: int, shuffled: np.ndarray
) -> np.ndarray:
    first, rest = by_score[: max(head, 0)], by_score[max(head, 0) :]
    if len(first) < 2:
        return by_score
    sample = (shuffled if len(shuffled) > 1 else by_score)[:_SAMPLE_ROWS]
    threshold = _duplicate_threshold(unit_vectors(embeddings[sample]))
    units = unit_vectors(embeddings[first])
    return np.concatenate([first[_take_turns(units @ units.T > threshold)], rest])


def _duplicate_threshold(units: np.ndarray) -> float:
    """Measure from which cosine on two images are near-duplicates, on the unit vectors of a random sample."""
    units = units[~np.isnan(units).any(axis=1)]
    pairs = (units @ units.T)[np.triu_indices(len(units), 1)]
    quantile = np.quantile(pairs, _PAIR_QUANTILE) if len(pairs) else 1.0
    return float(np.clip(quantile, *_SIMILARITY_BOUNDS))


def _take_turns(similar: np.ndarray) -> np.ndarray:
    """Order images, best first, so that those similar to one placed in this turn wait for the next.

    Parameters
    ----------
    similar
        bool ``(n, n)``.
    """
    order = []
    waiting = np.ones(len(similar), dtype=bool)
    while waiting.any():
        turn = waiting.copy()
        while turn.any():
            best = int(np.argmax(turn))
            order.append(best)
            waiting[best] = turn[best] = False
            turn &= ~similar[best]
    return np.array(order, dtype=np.int64)


def _interleave(order: np.ndarray, uncertain: np.ndarray) -> np.ndarray:
    """Merge two orders of the same rows; a row that both want comes at the earlier of its two places."""
    ranks = np.arange(len(order))
    places = np.full(order.max(initial=-1) + 1, np.iinfo(np.int64).max)
    places[order] = ranks + ranks // (UNCERTAIN_EVERY - 1)
    places[uncertain] = np.minimum(places[uncertain], (ranks + 1) * UNCERTAIN_EVERY - 1)
    return order[np.argsort(places[order], kind="stable")]
