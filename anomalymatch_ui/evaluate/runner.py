"""A simulated astronomer at the real product: draw labels, train, measure, label what is shown first.

The search runs through :class:`~anomalymatch_ui.session.Session`, as a person's does; only the answers come
from a table. The images it is measured on are never trained on and never shown.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from anomalymatch_ui.config import Config
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.evaluate.forecasts import ForecastResult, measure_forecast
from anomalymatch_ui.evaluate.metrics import DetectionMetrics, measure_detection
from anomalymatch_ui.evaluate.task import Task
from anomalymatch_ui.labels import KNOWN
from anomalymatch_ui.pool import ImagePool, SubsetPool
from anomalymatch_ui.session import Session
from anomalymatch_ui.stream.memory import peak_megabytes

Queries = Literal["shown", "balanced"]
Measured = Literal["test", "searched"]


@dataclass(frozen=True)
class Protocol:
    """How the astronomer works.

    Attributes
    ----------
    cycles
        Rounds of training after the first; 0 measures the start only.
    start_anomalies, start_nominals
        Labels drawn at the start.
    per_cycle
        Images labelled after each round.
    queries
        Which these are. ``"shown"``: those shown first, whatever they turn out to be, as a person meets them.
        ``"balanced"``: half of them the anomalies that come first, half the nominal images that come first,
        as in the published figures (Gómez & O'Ryan 2025, arXiv:2505.03509); nobody can look like this,
        because it takes the answers to choose, and ``found`` then counts labels instead of discoveries.
    measured
        Which images the measures are of. ``"test"``: those of the test split, which are never shown.
        ``"searched"``: the images of the pool that have no label yet, as in the published figures.
    """

    cycles: int = 3
    start_anomalies: int = 5
    start_nominals: int = 50
    per_cycle: int = 10
    queries: Queries = "shown"
    measured: Measured = "test"

    def with_values(self, **values: Any) -> Protocol:
        """Return a copy with other values; ``None`` leaves one as it is."""
        return replace(self, **{name: value for name, value in values.items() if value is not None})

    def check(self, task: Task) -> None:
        """Make sure that a task's pool has an image for every look.

        Raises
        ------
        InputError
            If it has not.
        """
        start, rounds = self.start_anomalies + self.start_nominals, self.cycles + 1
        if start + rounds * self.per_cycle > len(task.pool):
            raise InputError(
                f"The pool of {task.name} has {len(task.pool):,} images, too few for {start:,} labels at the "
                f"start and {rounds} times {self.per_cycle:,} looks. Choose a smaller --per-cycle."
            )


@dataclass
class CycleResult:
    """One round: the measures of its order, then what was found by looking at its first images.

    Attributes
    ----------
    cycle
        Counted from 0.
    metrics
        After training, on the images that :attr:`Protocol.measured` names.
    found, viewed
        Anomalies met and images looked at so far, this round's among them.
    forecast
        What was expected of the unlabelled images of the pool, and the truth.
    train_seconds, score_seconds
        Of training, and of scoring the pool and what is measured.
    peak_memory_mb
        Largest resident memory of the process so far, in MB of 2^20 bytes.
    """

    cycle: int
    metrics: DetectionMetrics
    found: int
    viewed: int
    forecast: ForecastResult
    train_seconds: float
    score_seconds: float
    peak_memory_mb: float

    def as_dict(self) -> dict[str, float]:
        """Return it flat, for JSON."""
        values = asdict(self)
        return {"cycle": values.pop("cycle"), **values.pop("metrics"), **values.pop("forecast"), **values}


@dataclass
class SeedResult:
    """A whole search from one seed.

    Attributes
    ----------
    discoveries
        For each image looked at, in order, whether it was an anomaly.
    """

    seed: int
    cycles: list[CycleResult] = field(default_factory=list)
    discoveries: list[bool] = field(default_factory=list)

    @property
    def discovery_area(self) -> float:
        """Area under anomalies found against images looked at, 1 where every look is a find."""
        found = np.cumsum(self.discoveries)
        best = np.arange(1, len(found) + 1)
        return float(found.sum() / best.sum()) if len(found) else 0.0

    def as_dict(self) -> dict[str, object]:
        """Return it for JSON."""
        return {
            "seed": self.seed,
            "cycles": [cycle.as_dict() for cycle in self.cycles],
            "discovery_area": self.discovery_area,
            "discoveries": self.discoveries,
        }


def run_seed(
    task: Task,
    images: ImagePool,
    config: Config,
    protocol: Protocol,
    seed: int,
    on_cycle: Callable[[CycleResult], None] = lambda _: None,
    embeddings: Path | None = None,
) -> SeedResult:
    """Run one search.

    Parameters
    ----------
    task
        Says what is true.
    images
        Holds the images of the task.
    config
        Settings of the product; ``seed`` takes the place of theirs.
    protocol
        How the astronomer works.
    seed
        Seed of the start and of the learner.
    on_cycle
        Told of each round.
    embeddings
        A folder for the embeddings, which do not depend on the seed, to share between searches.
    """
    # Nobody looks between the labels of a round, so the instant clock would only take time from training.
    config = config.with_values(seed=seed, instant=False)
    pool = SubsetPool(images, task.pool)
    test = SubsetPool(images, task.test) if protocol.measured == "test" else None
    result = SeedResult(seed)
    with (
        tempfile.TemporaryDirectory(prefix="anomalymatch-benchmark-") as folder,
        Session.open(Path(folder) / "s", pool, config=config, embeddings=embeddings) as session,
    ):
        for name, label in task.start(seed, protocol.start_anomalies, protocol.start_nominals).items():
            session.label([name], label, origin=KNOWN)
        for cycle in range(protocol.cycles + 1):
            train_seconds, score_seconds, truth, scores = _train_and_score(session, task, test)
            forecast = measure_forecast(session, task.pool)
            looked_at = _look(session, task, protocol)
            result.discoveries.extend(looked_at)
            round_result = CycleResult(
                cycle=cycle,
                metrics=measure_detection(truth, scores),
                found=sum(result.discoveries),
                viewed=len(result.discoveries),
                forecast=forecast,
                train_seconds=train_seconds,
                score_seconds=score_seconds,
                peak_memory_mb=peak_megabytes(),
            )
            result.cycles.append(round_result)
            on_cycle(round_result)
    return result


def _train_and_score(
    session: Session, task: Task, test: ImagePool | None
) -> tuple[float, float, np.ndarray, np.ndarray]:
    """Train a cycle where the settings do, order the pool, and score what is measured.

    Returns
    -------
    train_seconds, score_seconds, truth, scores
        Truth is bool ``(n,)``, scores are float ``(n,)``: of ``test``, or of the pool without its labels.
    """
    started = time.perf_counter()
    trained = started
    if session.config.order == "labels":
        session.rank(wait=True)
    else:
        session.train(wait=True, rank=False)
        trained = time.perf_counter()
        session.rank(wait=True)
    if test is None:
        labels, ids = session.labels(), session.pool.ids
        rows = np.array([row for row, name in enumerate(ids) if name not in labels], np.int64)
        truth = np.array([task.pool[ids[row]] == "anomaly" for row in rows.tolist()])
        scores = session.ranking().scores[rows]
    else:
        truth = np.array([task.test[name] == "anomaly" for name in test.ids])
        scores = session.score_images(test)
    return trained - started, time.perf_counter() - trained, truth, scores


def _look(session: Session, task: Task, protocol: Protocol) -> list[bool]:
    """Label some of the unlabelled images, as the table says; gives which were anomalies, in their order."""
    ranking = session.ranking()
    shown = [session.pool.ids[index] for index in session.insight.listing(ranking=ranking).order]
    chosen = _choose(shown, task, protocol)
    # A balanced choice takes the answers to make, so it tests no forecast.
    looked_at = ranking if protocol.queries == "shown" else None
    for name in chosen:
        session.label([name], task.pool[name], origin="benchmark", ranking=looked_at)
    return [task.pool[name] == "anomaly" for name in chosen]


def _choose(shown: list[str], task: Task, protocol: Protocol) -> list[str]:
    """Return the images to label next, in the order shown."""
    if protocol.queries == "shown":
        return shown[: protocol.per_cycle]
    anomalies = [name for name in shown if task.pool[name] == "anomaly"][: protocol.per_cycle // 2]
    nominals = [name for name in shown if task.pool[name] == "nominal"]
    wanted = {*anomalies, *nominals[: protocol.per_cycle - protocol.per_cycle // 2]}
    return [name for name in shown if name in wanted]
