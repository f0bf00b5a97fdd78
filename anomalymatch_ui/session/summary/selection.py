"""How much of what there is a search has found: its selection function, and what going on would bring."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from anomalymatch_ui.rank import binomial_interval
from anomalymatch_ui.tables import Column, ResultTable

if TYPE_CHECKING:
    from anomalymatch_ui.rank.forecast import Count
    from anomalymatch_ui.session.charts.pictures import Discovery
    from anomalymatch_ui.session.outcome.completeness import Completeness
    from anomalymatch_ui.session.search.insight import Outlook

SAMPLE, FORECAST, PAINTED = "uniform sample", "forecast", "painted objects"
"""By what a share is told: images drawn at random and labelled, the forecast, or injection and recovery."""

RECENT = 100
"""Looks whose finds say what a find costs at present."""


class Share(NamedTuple):
    """A share of all anomalies, and the ends of its 95 % interval; NaN where nothing tells it."""

    fraction: float
    low: float
    high: float

    @property
    def percent(self) -> str:
        """As a text, such as "61 % (40–88 %)"."""
        return f"{100 * self.fraction:.0f} % ({100 * self.low:.0f}–{100 * self.high:.0f} %)"


@dataclass(frozen=True)
class Selection:
    """What share of the anomalies among all images a search has found, by all that tells of it.

    Attributes
    ----------
    found
        Anomalies that are labelled.
    images
        All that can be read; of a shortlist, those of the whole archive.
    discovery
        How many were found after how many looks.
    drawn
        Images drawn at random and judged, a uniform sample of all, and the anomalies among these.
    total
        How many anomalies the forecast expects in all; ``None`` before there is an anomaly to go by.
    next
        How many it expects among the next :data:`RECENT` looks; ``None`` likewise.
    looks_ahead
        How many looks these are, where fewer images are left.
    recent
        The last looks, :data:`RECENT` at most, and the anomalies among these.
    completeness
        What was measured by painted objects; ``None`` if it was not.
    unsure
        Images drawn at random of which nobody could say what they are. They belong to the sample: the
        lower end of its interval counts all of them as nominal, the upper end as anomalies.
    """

    found: int
    images: int
    discovery: Discovery
    drawn: tuple[int, int]
    total: Count | None
    next: Count | None
    looks_ahead: int
    recent: tuple[int, int]
    completeness: Completeness | None
    unsure: int = 0

    @property
    def known(self) -> np.ndarray:
        """How many anomalies were known after each of the looks of the curve, int64 ``(n,)``.

        Some are known without a look; the curve also has those that have gone from the folder since.
        """
        found = self.discovery.found
        known: np.ndarray = np.minimum(found + max(self.found - int(found[-1]), 0), self.found)
        return known

    @property
    def in_sample(self) -> tuple[float, float, float]:
        """How many anomalies there are in all by the uniform sample alone, and the ends of its interval.

        There are at least those that were found. NaN without a sample.
        """
        images, anomalies = self.drawn
        if images == 0:
            return (np.nan, np.nan, np.nan)
        drawn = np.full(2, images + self.unsure)
        low, high = binomial_interval(np.array([anomalies, anomalies + self.unsure]), drawn)
        shares = (anomalies / images, float(low[0]), float(high[1]))
        expected, least, most = (max(share * self.images, self.found) for share in shares)
        return expected, least, most

    def share(self, by: str, found: float | None = None) -> Share:
        """Return the share of all anomalies that was found.

        Parameters
        ----------
        by
            :data:`SAMPLE` or :data:`FORECAST`.
        found
            How many count as found; ``None`` for all of them.
        """
        found = self.found if found is None else found
        if by == SAMPLE:
            expected, low, high = self.in_sample
        elif self.total is None:
            expected = low = high = np.nan
        else:
            expected, low, high = self.total.expected, float(self.total.low), float(self.total.high)
        if by == SAMPLE and self.drawn[1] == 0:
            expected = np.nan  # none among those drawn: there is a least share, but no likeliest
        return Share(*(found / total if total > 0 else np.nan for total in (expected, high, low)))

    def sentence(self) -> str:
        """Return what a paper says of it."""
        looks = int(self.discovery.looked[-1])
        said = [
            f"Of {self.images:,} images, {looks:,} were looked at, and {self.found:,} "
            f"{'anomaly is' if self.found == 1 else 'anomalies are'} known."
        ]
        images, anomalies = self.drawn
        if images:
            _, low, high = self.in_sample
            share = self.share(SAMPLE)
            said.append(
                f"Of {images + self.unsure:,} drawn uniformly, {anomalies:,} "
                f"{'is an anomaly' if anomalies == 1 else 'are anomalies'}{self._doubtful()}, "
                f"which makes {low:,.0f} to {high:,.0f} in all: the search has found "
                + (
                    f"{share.percent} of them."
                    if anomalies
                    else f"at least {100 * share.low:.0f} % of them (exact binomial intervals of 95 %)."
                )
            )
        if self.total is not None:
            said.append(
                f"By the forecast, which learns from every look, it has found {self.share(FORECAST).percent} "
                f"of {self.total.expected:,.0f} ({self.total.low:,}–{self.total.high:,})."
            )
        if self.completeness is not None:
            said.append(self.completeness.sentence())
        return " ".join(said)

    def _doubtful(self) -> str:
        """Return how many of the sample are unsure, and what they count as."""
        if not self.unsure:
            return ""
        return (
            f" and {self.unsure:,} {'is' if self.unsure == 1 else 'are'} unsure (counted as nominal for the "
            "lower end and as anomalous for the upper)"
        )

    def advice(self) -> str:
        """Return what the last looks have brought, and what the next ones should."""
        looks, anomalies = self.recent
        said = "Nobody has looked at an image yet."
        if looks:
            said = f"The last {_looks(looks)} brought {_finds(anomalies)}{_price(looks, anomalies)}."
        if self.next is None:
            return f"{said} What the next ones should bring is not known before an anomaly is labelled."
        if self.looks_ahead == 0:
            return f"{said} Every image has a label."
        expected = self.next.expected
        return (
            f"{said} The next {_looks(self.looks_ahead)} should bring {expected:.0f} "
            f"({self.next.low}–{self.next.high}){_price(self.looks_ahead, expected)}."
        )

    def table(self, provenance: Mapping[str, str]) -> ResultTable:
        """Return the selection function: a row for each estimate, kind and bin, with 95 % intervals."""
        import pyarrow as pa

        rows: list[tuple[object, ...]] = []
        curve = list(zip(self.discovery.looked.tolist(), self.known.tolist(), strict=True))
        for by in (SAMPLE, FORECAST):
            if np.isnan(self.share(by).fraction):
                continue
            for looked, known in curve:
                rows.append((by, "all", "first", 0.0, float(looked), None, known, *self.share(by, known)))
        if (measured := self.completeness) is not None:
            from anomalymatch_ui.session.outcome.completeness_table import share_rows

            rows += [(PAINTED, *row) for row in share_rows(measured)]
        columns = zip(*rows, strict=True) if rows else [[] for _ in _COLUMNS]
        kinds = {float: pa.float64(), int: pa.int64(), str: pa.string()}
        made = tuple(
            Column(name, pa.array(list(values), kinds[kind]), description=described)
            for (name, kind, described), values in zip(_COLUMNS, columns, strict=True)
        )
        said = {"selection": self.sentence(), "advice": self.advice()}
        return ResultTable(made, {**provenance, "table": f"selection, {len(rows)} rows", **said})


_COLUMNS: tuple[tuple[str, type, str], ...] = (
    ("estimate", str, "What tells the share: the uniform sample, the forecast, or painted objects"),
    ("kind", str, "What was painted; all for every kind, and for real anomalies"),
    (
        "against",
        str,
        "Against what the share is told: images looked at (first), or a property of objects",
    ),
    ("from", float, "Lower end of the bin"),
    ("to", float, "Upper end of the bin"),
    ("painted", int, "Objects painted in the bin; none for real anomalies"),
    ("recovered", int, "Objects among the first images, or anomalies found by then"),
    ("fraction", float, "Share of all of them"),
    ("fraction_low", float, "Lower end of its 95 % interval"),
    ("fraction_high", float, "Upper end of its 95 % interval"),
)


class SelectionFunction:
    """Tells how much of what there is a session has found.

    Parameters
    ----------
    outlook, drawn, discovery, completeness
        Return what the session expects, its uniform sample (anomalies, images), its curve of finds, and what
        was last measured by painted objects.
    recent
        Returns of the last looks, how many there are and how many were anomalies.
    """

    def __init__(
        self,
        outlook: Callable[[int], Outlook],
        drawn: Callable[[], tuple[int, int]],
        discovery: Callable[[], Discovery],
        completeness: Callable[[], Completeness | None],
        recent: Callable[[int], tuple[int, int]],
    ) -> None:
        self._outlook, self._drawn, self._discovery = outlook, drawn, discovery
        self._completeness, self._recent = completeness, recent

    def table(self, provenance: Mapping[str, str]) -> ResultTable:
        """Return it as a table; see :meth:`Selection.table`."""
        return self.now().table(provenance)

    def now(self) -> Selection:
        """Return what it is at present."""
        outlook = self._outlook(RECENT)
        anomalies, judged = self._drawn()
        return Selection(
            outlook.found,
            outlook.images,
            self._discovery(),
            (judged, anomalies),
            outlook.total,
            outlook.next,
            outlook.top,
            self._recent(RECENT),
            self._completeness(),
            max(outlook.drawn - judged, 0),
        )


def _looks(count: int) -> str:
    return "look" if count == 1 else f"{count:,} looks"


def _finds(count: int) -> str:
    return f"{count:,} {'anomaly' if count == 1 else 'anomalies'}"


def _price(looks: int, finds: float) -> str:
    """Return in how many looks there is one find."""
    if finds < 0.5:
        return ""
    each = looks / finds
    return f", one in {each:.2g}" if each < 10 else f", one in {each:,.0f}"
