"""What a search misses: objects are painted into its images, and looked up in its order.

Injection and recovery, as surveys measure their selection function; what counts as recovered is a place among
the first images of the order.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from anomalymatch_ui import jsontext
from anomalymatch_ui.config import PixelsConfig
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.files import expanded, write_bytes_atomically
from anomalymatch_ui.labels import Label
from anomalymatch_ui.pool import UnreadableImageError, open_pool
from anomalymatch_ui.rank import Shares, binomial_interval, places_among, shares_by, shares_within
from anomalymatch_ui.session.core.context import Context
from anomalymatch_ui.session.core.jobs import Reporter, Start
from anomalymatch_ui.session.outcome.recipe import LANE, STAMP, Injection, Recipe

if TYPE_CHECKING:
    from anomalymatch_ui.pixels import NativeImage
    from anomalymatch_ui.session.work.combining import PoolScores
    from anomalymatch_ui.session.work.scoring import PoolScorer

LEAST_FIRST = 100
"""Images that count as looked at where fewer have been: a page of the dashboard."""

MOST_STAMPS = 1_000

ALL = "all"
"""Stands for all kinds together."""

BY = ("first", "signal to noise", "magnitude", "size")
"""What the recovered share is told against: the number of images looked at, and properties of the objects."""


@dataclass(frozen=True)
class Completeness:
    """Which of the objects that were painted the search would have found.

    Attributes
    ----------
    recipe
        What was painted.
    objects
        Each of it.
    hosts
        Ids of the images that they were painted into.
    places
        Place that each would have had in the order, int64 ``(n,)``; 0 where it could not be read.
    first
        How many images of the order count as looked at.
    images
        How many are in the order.
    labels
        How many images were labelled anomaly and nominal.
    source
        What made the order.
    made
        When.
    """

    recipe: Recipe
    objects: tuple[Injection, ...]
    hosts: tuple[str, ...]
    places: np.ndarray
    first: int
    images: int
    labels: tuple[int, int]
    source: str
    made: datetime

    @property
    def recovered(self) -> np.ndarray:
        """Which stand among the first, bool ``(n,)``."""
        recovered: np.ndarray = (self.places > 0) & (self.places <= self.first)
        return recovered

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds that were painted; if several, :data:`ALL` before them."""
        kinds = tuple(dict.fromkeys(one.kind for one in self.objects))
        return kinds if len(kinds) == 1 else (ALL, *kinds)

    def values(self, by: str) -> np.ndarray:
        """Return a property of the objects, float64 ``(n,)``; NaN where it is not known.

        A dust lane has no magnitude: it is drawn by its significance, and takes light away.
        """
        names = {"signal to noise": "snr", "magnitude": "magnitude", "size": "size"}
        values = np.array([getattr(one, names[by]) for one in self.objects], np.float64)
        if by == "magnitude":
            values[[one.kind == LANE for one in self.objects]] = np.nan
        return values

    def shares(self, by: str, kind: str = ALL) -> Shares:
        """Return the share that was recovered.

        Parameters
        ----------
        by
            One of :data:`BY`. By ``"first"`` the share among the first so many images, else that among
            :attr:`first` in bins of the property.
        kind
            Kind of the objects.
        """
        ours = self._of(kind)
        if by == "first":
            return shares_within(self.places[ours], self.images)
        return shares_by(self.values(by)[ours], self.recovered[ours])

    def fraction(self, kind: str = ALL) -> tuple[float, float, float]:
        """Return the share recovered among the first, and the ends of its 95 % interval."""
        ours = self._of(kind)
        found, painted = np.array([self.recovered[ours].sum()]), np.array([ours.sum()])
        (low,), (high,) = binomial_interval(found, painted)
        return float(found[0] / max(painted[0], 1)), float(low), float(high)

    def sentence(self) -> str:
        """Return what a paper says of it."""
        painted, sizes = int(self._of(ALL).sum()), self.values("size")
        told = [f"{_percent(*self.fraction(kind))} of {_plural(kind)}" for kind in self.kinds if kind != ALL]
        share = _listed(told)
        if len(told) > 1:
            share = f"{_percent(*self.fraction())}, that is {share},"
        return (
            f"Of {painted:,} simulated objects painted into images of the pool ({self._strength()} sizes of "
            f"{sizes.min():.3g} to {sizes.max():.3g} pixels), {share} would have stood among "
            f"the first {self.first:,} of {self.images:,} images, ranked by {self.labels[0]:,} anomalies and "
            f"{self.labels[1]:,} nominal images (exact binomial intervals of 95 %)."
        )

    def _strength(self) -> str:
        """Return by what the objects were drawn, and the mark that stands behind it."""
        recipe = self.recipe
        significance = "a significance of {:g} to {:g}".format(*recipe.signal_to_noise)
        if recipe.magnitudes is None or set(recipe.kinds) == {LANE}:
            return f"{significance},"
        magnitudes = "magnitudes of {:g} to {:g}".format(*recipe.magnitudes)
        return f"{magnitudes}; dust lanes: {significance};" if LANE in recipe.kinds else f"{magnitudes},"

    def _of(self, kind: str) -> np.ndarray:
        """Return which objects are of a kind and could be read."""
        ours: np.ndarray = self.places > 0
        return ours if kind == ALL else ours & np.array([one.kind == kind for one in self.objects])

    def save(self, path: Path) -> None:
        """Write it, whole or not at all. Raises ``StorageError`` if the disk refuses."""
        record = {
            "recipe": asdict(self.recipe),
            "objects": [asdict(one) for one in self.objects],
            "hosts": self.hosts,
            "places": self.places.tolist(),
            "first": self.first,
            "images": self.images,
            "labels": self.labels,
            "source": self.source,
            "made": self.made.isoformat(),
        }
        write_bytes_atomically(path, json.dumps(record).encode())

    @classmethod
    def load(cls, path: Path) -> Self | None:
        """Read what :meth:`save` wrote; ``None`` if it is missing or damaged, for it can be made again."""
        try:
            record = jsontext.parsed(path.read_text(encoding="utf-8"))
            return cls(
                Recipe(**{name: _tuple(value) for name, value in record["recipe"].items()}),
                tuple(Injection(**one) for one in record["objects"]),
                tuple(record["hosts"]),
                np.array(record["places"], np.int64),
                int(record["first"]),
                int(record["images"]),
                (int(record["labels"][0]), int(record["labels"][1])),
                str(record["source"]),
                datetime.fromisoformat(record["made"]),
            )
        except (OSError, ValueError, KeyError, TypeError, IndexError, InputError):
            return None


class InjectionRecovery:
    """Measures a session's completeness, and keeps the last measurement.

    Parameters
    ----------
    context
        What the parts of the session share.
    scorer
        Returns what scores the pool and other images.
    start
        Runs a job in the background and waits for its end.
    """

    def __init__(self, context: Context, scorer: Callable[[], PoolScorer], start: Start) -> None:
        self._folder, self._pool, self._journal = context.folder, context.pool, context.journal
        self._scorer, self._start = scorer, start

    def kept(self) -> Completeness | None:
        """Return the last measurement; ``None`` if there is none."""
        return Completeness.load(self._folder.completeness)

    def measure(
        self,
        recipe: Recipe | None = None,
        *,
        first: int | None = None,
        stamps: str | Path | None = None,
    ) -> Completeness:
        """Paint objects into images that are no anomalies, and look up where they would stand in the order.

        An image is taken the likelier the less likely it is an anomaly itself; those labelled anomaly,
        artefact or unsure are not. The images on disk stay as they are. Measured again after more labels,
        most objects and images are the same, so that the two shares compare well.

        Parameters
        ----------
        recipe
            What is painted; by default 100 each of arcs, rings, tails and dust lanes.
        first
            How many images of the order count as looked at; by default as many as have been, or 100.
        stamps
            A folder or file of images of a user's own objects, for the kind ``"stamp"``. Their light above
            their sky is painted, turned at random.

        Raises
        ------
        InputError
            If a job runs already, is stopped, or nothing can be painted.
        SessionBusyError
            If another process holds the lock.
        StorageError
            If the disk refuses.
        """
        from anomalymatch_ui.session.outcome.injection import (
            Painter,  # draws by astropy's models, a second to import
        )

        recipe = recipe or Recipe()
        if first is not None and first < 1:
            raise InputError(f"At least the first image counts as looked at, not {first}.")
        painter = Painter(self._pool, recipe, self._stamps(recipe, stamps))
        made: list[Completeness] = []

        def work(reporter: Reporter) -> None:
            labels = self._journal.view()
            scores = self._scorer().scores(lambda: labels, reporter)
            injections = painter.draw(self._weights(scores, labels))
            hosts = np.array([its.host for its in injections], np.int64)
            painted = painter.pool(injections)
            try:
                found = self._scorer().scores_of(painted, labels, reporter)
            finally:  # no other images will ever be these
                for path in self._folder.embeddings_of(painted.digest):
                    path.unlink(missing_ok=True)
            if np.isnan(found).all():
                raise InputError(
                    f"None of the {len(found):,} painted images could be read. Paint fainter objects, or "
                    f"check the images with `anomalymatch info {self._pool.path}`."
                )
            ranked = int(np.isfinite(scores.values).sum())
            looked_at = max(len(self._journal.looked_at()), LEAST_FIRST) if first is None else first
            made.append(
                Completeness(
                    recipe,
                    tuple(injections),
                    tuple(self._pool.ids[host] for host in hosts.tolist()),
                    places_among(found, scores.values, hosts),
                    min(looked_at, ranked),
                    ranked,
                    (self._count(labels, "anomaly"), self._count(labels, "nominal")),
                    scores.source,
                    datetime.now(UTC),
                )
            )

        self._start("completeness", work)
        if not made:
            raise InputError("Measuring the completeness was stopped. Ask again to measure it.")
        made[0].save(self._folder.completeness)
        return made[0]

    def _weights(self, scores: PoolScores, labels: Mapping[str, Label]) -> np.ndarray:
        """Return how likely each image is taken as a host: as likely as it is to be nominal."""
        weights = np.ones(len(self._pool)) - (scores.values if scores.calibrated else 0)
        for name, label in labels.items():
            if name in self._pool:
                weights[self._pool.index(name)] = 1.0 if label == "nominal" else 0.0
        weights[np.isnan(scores.values)] = 0
        return weights

    def _count(self, labels: Mapping[str, Label], wanted: Label) -> int:
        return sum(label == wanted and name in self._pool for name, label in labels.items())

    def _stamps(self, recipe: Recipe, path: str | Path | None) -> Sequence[NativeImage]:
        if path is None or STAMP not in recipe.kinds:
            return ()
        pool = open_pool(expanded(path), PixelsConfig())
        try:
            read = []
            for index in range(min(len(pool), MOST_STAMPS)):
                try:
                    read.append(pool.native(index))
                except UnreadableImageError:
                    continue
        finally:
            pool.close()
        if not read:
            raise InputError(
                f"None of the stamps in {path} can be read. Check them with `anomalymatch info`."
            )
        return read


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _percent(share: float, low: float, high: float) -> str:
    return f"{100 * share:.0f} % ({100 * low:.0f}–{100 * high:.0f} %)"


def _plural(kind: str) -> str:
    return f"the {kind.replace('-', ' ')}s"


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
