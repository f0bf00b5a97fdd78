"""The numbers behind the pictures: where the scores lie, how the search goes, how pure the top is."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit

from anomalymatch_ui.labels import LABELS, WITHOUT_A_LOOK, Journal, JournalEntry, Label
from anomalymatch_ui.pool import ImagePool, rows_in
from anomalymatch_ui.rank import Forecast, binomial_interval
from anomalymatch_ui.session.charts.mapping import Mapper
from anomalymatch_ui.session.core.folder import SessionFolder
from anomalymatch_ui.session.labelling.evidence import labelled_mask
from anomalymatch_ui.session.work.ranking import Ranking

if TYPE_CHECKING:
    from anomalymatch_ui.session.look.embedding import Embedder

POINTS = 300
"""Most points of a curve: a picture is some 400 pixels wide, and its message stays below 20 kB."""

BINS = 40
"""Bins of the histogram; each is then some ten pixels wide, enough to point at."""

LOG_ODDS = 7.0
"""Log-odds at the ends of the histogram of probabilities: 0.1 % and 99.9 %; beyond them are few images."""

AHEAD = 1000
"""Most images that the discovery curve looks ahead; further on the interval says nothing of use."""

STEPS_AHEAD = 24
"""Points of the expected continuation; each costs one Poisson binomial distribution."""


@dataclass(frozen=True)
class ScoreHistogram:
    """How many images have which score.

    Attributes
    ----------
    edges
        Bounds of the bins, float64 ``(bins + 1,)``, ascending in [0, 1]; scores beyond them count in the
        outermost bins.
    counts
        Images in each bin, int64 ``(bins,)``, those with a label among them.
    labelled
        The same of the images with each label.
    calibrated
        Whether the scores are probabilities; then the bins are equal steps in log-odds, else in score.
    unscored
        Images without a score: those that could not be read, or all before the first ranking.
    """

    edges: np.ndarray
    counts: np.ndarray
    labelled: Mapping[Label, np.ndarray]
    calibrated: bool
    unscored: int


@dataclass(frozen=True)
class Discovery:
    """How many anomalies were found after how many images looked at, and what to expect of the next.

    Attributes
    ----------
    looked, found
        The curve, int64 ``(n,)`` with ``n`` at most :data:`POINTS`; it begins at ``(0, 0)`` and ends with
        all looks.
    ahead
        Images looked at if the best ones come next, int64 ``(m,)``, from the end of the curve on; empty
        while the scores are no probabilities.
    expected, low, high
        Anomalies found by then, float64 ``(m,)``, and the ends of a 95 % interval, int64 ``(m,)``.
    imported
        Images whose label came with a table; they are no looks of this search and are not counted.
    """

    looked: np.ndarray
    found: np.ndarray
    ahead: np.ndarray
    expected: np.ndarray
    low: np.ndarray
    high: np.ndarray
    imported: int


@dataclass(frozen=True)
class Precision:
    """The share of anomalies at the top of the ranking, as the labels tell it.

    The ranking has learnt from the same labels, so it flatters; and who labels from the top down has
    labelled nearly all of the first places, of the later ones only a part, which was chosen.

    Attributes
    ----------
    top
        Places of the ranking, int64 ``(n,)``, equally spaced in their logarithm.
    labelled
        Images among them that are labelled anomaly or nominal, int64 ``(n,)``.
    anomalies
        Images among them that are labelled anomaly, int64 ``(n,)``.
    share, low, high
        Their ratio and the ends of its 95 % interval after Clopper and Pearson, float64 ``(n,)``; NaN
        where nothing is labelled.
    """

    top: np.ndarray
    labelled: np.ndarray
    anomalies: np.ndarray
    share: np.ndarray
    low: np.ndarray
    high: np.ndarray


def score_histogram(
    scores: np.ndarray, labels: Mapping[Label, np.ndarray], *, calibrated: bool, bins: int = BINS
) -> ScoreHistogram:
    """Count images by score.

    Parameters
    ----------
    scores
        float ``(n,)`` in [0, 1]; NaN are counted as unscored.
    labels
        Rows of the images with each label, int64.
    calibrated
        Whether the scores are probabilities.
    bins
        How many.
    """
    edges = np.linspace(-LOG_ODDS, LOG_ODDS, bins + 1) if calibrated else np.linspace(0, 1, bins + 1)
    if calibrated:
        edges = expit(edges)

    def count(values: np.ndarray) -> np.ndarray:
        known = values[~np.isnan(values)]
        # The inner edges alone, so that what lies beyond the outer ones is counted, too.
        return np.bincount(np.searchsorted(edges[1:-1], known, side="right"), minlength=bins)

    labelled = {label: count(scores[rows]) for label, rows in labels.items()}
    unscored = int(np.count_nonzero(np.isnan(scores)))
    return ScoreHistogram(edges, count(scores), labelled, calibrated, unscored)


class FirstLooks:
    """The images looked at, in the order of their first labels.

    An image counts from its first label on, with its label of now, so that a correction puts the curve
    right; one whose label was withdrawn does not count.
    """

    def __init__(self) -> None:
        self._origins: dict[str, str] = {}
        self.last_seq = 0

    def add(self, entries: Iterable[JournalEntry]) -> None:
        """Take in the next rows of a journal."""
        for entry in entries:
            if entry.label is not None:
                self._origins.setdefault(entry.image_id, entry.origin)
            self.last_seq = entry.seq

    def found(self, view: Mapping[str, Label]) -> tuple[list[bool], int]:
        """Return of each look whether it was an anomaly.

        Parameters
        ----------
        view
            The current labels.

        Returns
        -------
        found
            One for each image that somebody looked at, in order.
        imported
            How many images have a label that came with a table, or otherwise, before anybody looked.
        """
        known = [(name, origin) for name, origin in self._origins.items() if name in view]
        found = [view[name] == "anomaly" for name, origin in known if origin not in WITHOUT_A_LOOK]
        return found, len(known) - len(found)


def discovery_curve(
    found: Iterable[bool],
    imported: int,
    margins: np.ndarray,
    forecast: Forecast | None,
) -> Discovery:
    """Draw the curve of what was found, and go on with what the forecast promises.

    Parameters
    ----------
    found
        Whether each look, in order, was at an anomaly.
    imported
        See :class:`Discovery`.
    margins
        What the forecast reads, float ``(n,)``, of the images without a label, the highest first.
    forecast
        ``None`` before there is one.
    """
    total = np.concatenate([[0], np.cumsum(np.fromiter(found, dtype=np.int64))])
    looks = len(total) - 1
    looked = np.unique(np.linspace(0, looks, min(looks + 1, POINTS)).astype(np.int64))
    steps = np.empty(0, dtype=np.int64)
    # As far ahead as the search has come, but a page or two at least, so that both parts can be read.
    reach = min(len(margins), max(100, looks), AHEAD)
    if forecast is not None and reach:
        steps = np.unique(np.linspace(0, reach, STEPS_AHEAD + 1).astype(np.int64))
    counts = [] if forecast is None else [forecast.count(margins[:n]) for n in steps.tolist()]
    ends = [(count.expected, count.low, count.high) for count in counts]
    expected, low, high = np.array(ends, dtype=np.float64).reshape(-1, 3).T
    return Discovery(
        looked,
        total[looked],
        looks + steps,
        total[-1] + expected,
        total[-1] + low.astype(np.int64),
        total[-1] + high.astype(np.int64),
        imported,
    )


def precision_at_top(order: np.ndarray, anomalies: np.ndarray, nominals: np.ndarray) -> Precision:
    """Return the share of anomalies among the labelled images of the first places.

    Parameters
    ----------
    order
        Rows of the pool, int64 ``(n,)``, best first.
    anomalies, nominals
        Rows labelled so, int64.
    """
    top = _log_grid(len(order))
    found = np.concatenate([[0], np.cumsum(np.isin(order, anomalies))])[top]
    labelled = found + np.concatenate([[0], np.cumsum(np.isin(order, nominals))])[top]
    low, high = binomial_interval(found, labelled)
    share = np.divide(found, labelled, out=np.full(len(top), np.nan), where=labelled > 0)
    return Precision(top, labelled, found, share, low, high)


class Pictures:
    """The pictures of a session, drawn up when they are asked for.

    Parameters
    ----------
    folder, pool, journal
        The files of the session, its images, and its labels.
    ranking
        Returns the newest ranking.
    embedder
        Returns what embeds the pool.

    Attributes
    ----------
    mapper
        Makes the map of the embedding.
    """

    def __init__(
        self,
        folder: SessionFolder,
        pool: ImagePool,
        journal: Journal,
        ranking: Callable[[], Ranking],
        embedder: Callable[[], Embedder],
    ) -> None:
        self.mapper = Mapper(folder.path / "maps", pool, lambda: embedder().if_made())
        self._pool = pool
        self._journal = journal
        self._ranking = ranking
        self._looks = FirstLooks()
        self._lock = threading.Lock()

    def histogram(self) -> ScoreHistogram:
        """Count the images by score; see :class:`ScoreHistogram`."""
        ranking = self._ranking()
        calibrated = ranking.calibrated
        return score_histogram(ranking.scores, self._rows(), calibrated=calibrated)

    def discovery(self) -> Discovery:
        """Return the discovery curve and its expected continuation; see :class:`Discovery`."""
        ranking, view = self._ranking(), self._journal.view()
        with self._lock:
            self._looks.add(self._journal.entries(since=self._looks.last_seq))
            found, imported = self._looks.found(view)
        left = ranking.order[~labelled_mask(self._pool, view)[ranking.order]]
        margins = np.empty(0) if ranking.margins is None else ranking.margins[left[:AHEAD]]
        return discovery_curve(found, imported, margins, ranking.forecast)

    def recent(self, looks: int) -> tuple[int, int]:
        """Return how many of the last looks there are, at most ``looks``, and the anomalies among these."""
        with self._lock:
            self._looks.add(self._journal.entries(since=self._looks.last_seq))
            found, _ = self._looks.found(self._journal.view())
        return len(found[-looks:]), sum(found[-looks:])

    def precision(self) -> Precision:
        """Return the share of anomalies at the top; see :class:`Precision`. Before a ranking it is empty."""
        ranking, rows = self._ranking(), self._rows()
        order = ranking.order if ranking.version else ranking.order[:0]
        return precision_at_top(order, rows["anomaly"], np.concatenate([rows["nominal"], rows["artefact"]]))

    def close(self) -> None:
        """End the map that is being made."""
        self.mapper.close()

    def _rows(self) -> dict[Label, np.ndarray]:
        view = self._journal.view()
        return {label: labelled_rows(self._pool, view, label) for label in LABELS}


def labelled_rows(pool: ImagePool, view: Mapping[str, Label], label: Label) -> np.ndarray:
    """Return the rows of a pool with a label, int64; images that have gone are left out."""
    return rows_in(pool, (name for name, given in view.items() if given == label))


def _log_grid(places: int) -> np.ndarray:
    """Return whole numbers from 1 to ``places``, twelve or fewer a decade."""
    if places == 0:
        return np.empty(0, dtype=np.int64)
    points = min(POINTS, 1 + round(12 * np.log10(places)))
    return np.unique(np.geomspace(1, places, max(points, 1)).round().astype(np.int64))
