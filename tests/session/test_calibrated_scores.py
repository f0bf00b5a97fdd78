"""What a session tells the forecast: margins that no label has shaped, and which images they stand for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anomalymatch_ui.config import Config
from anomalymatch_ui.rank import Forecast, fit_forecast
from anomalymatch_ui.session import Session
from anomalymatch_ui.session.work import combining

ANOMALIES = ["0000.jpg", "0001.jpg", "0002.jpg"]
NOMINALS = [f"{number:04d}.jpg" for number in range(20, 30)]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the forecast was given, each time."""
    calls: list[dict[str, Any]] = []

    def listen(margins: np.ndarray, **others: Any) -> Forecast:
        calls.append({"margins": margins, **others})
        return fit_forecast(margins, **others)

    monkeypatch.setattr(combining, "fit_forecast", listen)
    return calls


@pytest.fixture
def config(quick: Config) -> Config:
    return quick.with_values(order="fused", prevalence=0.1, instant=False)


def test_labelled_images_are_no_part_of_the_pool_that_is_counted_and_their_margins_are_held_out(
    pool_folder: Path, config: Config, tmp_path: Path, told: list[dict[str, Any]]
) -> None:
    (pool_folder / "0029.jpg").write_bytes(b"not an image")  # labelled, and cannot be read
    with Session.open(tmp_path / "session", pool_folder, config=config) as session:
        session.label(ANOMALIES, "anomaly")
        session.label(NOMINALS, "nominal")
        session.rank(wait=True)
    given = told[-1]
    assert (given["prevalence"], given["found"], given["images"]) == (0.1, 3, 59)
    assert given["multiplicities"] is None
    assert len(given["margins"]) == 60 - 13
    held_out = given["held_out"]
    assert held_out.is_anomaly.tolist() == [True] * 3 + [False] * 9
    assert not held_out.is_look.any()
    # On images that it has seen, a head of 13 labels is never wrong and never unsure.
    assert np.abs(held_out.margins).min() < 1
    assert len(given["looks"].heights) == 0


def test_what_was_looked_at_is_a_look_and_no_example(
    pool_folder: Path, config: Config, tmp_path: Path, told: list[dict[str, Any]]
) -> None:
    config = config.with_values(acquisition={"random_every": 0})
    with Session.open(tmp_path / "session", pool_folder, config=config) as session:
        session.label(ANOMALIES, "anomaly")
        session.label(NOMINALS, "nominal")
        session.rank(wait=True)
        ranking = session.ranking()
        first = [session.pool.ids[row] for row in session.insight.listing().order[:3]]
        session.label(first[:2], "anomaly", ranking=ranking)
        session.label(first[2:], "unsure", ranking=ranking)
        session.rank(wait=True)
    given = told[-1]
    assert given["looks"].is_anomaly.tolist() == [True, True]
    assert ranking.forecast is not None
    assert ranking.margins is not None
    rows = [session.pool.index(name) for name in first[:2]]
    np.testing.assert_allclose(
        given["looks"].heights, ranking.forecast.scale.heights(ranking.margins[rows]), rtol=1e-6
    )
    held_out = given["held_out"]
    assert held_out.is_look.sum() == 2
    assert (~held_out.is_look).sum() == 13
    assert given["found"] == 5


def test_beside_a_network_that_has_seen_all_labels_they_count_as_sure_as_the_head_is(
    pool_folder: Path, config: Config, tmp_path: Path, told: list[dict[str, Any]]
) -> None:
    with Session.open(tmp_path / "session", pool_folder, config=config) as session:
        session.label(ANOMALIES, "anomaly")
        session.label(NOMINALS, "nominal")
        session.rank(wait=True)
        alone = told[-1]
        head = session._rankings.scorer
        embedding = head.embedder.if_made()
        assert embedding is not None
        margins = head._combiner.fit(embedding, session.labels()).model.margins(embedding)
        session.train(wait=True)
    fused = told[-1]
    expected = (alone["held_out"].margins - margins.mean()) / margins.std()
    np.testing.assert_allclose(fused["held_out"].margins, expected, rtol=1e-4)
    assert not np.allclose(fused["margins"], (alone["margins"] - margins.mean()) / margins.std(), rtol=0.01)
