"""What a session tells the calibration: margins that no label has shaped, and which images they stand for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anomalymatch_ui.config import Config
from anomalymatch_ui.rank import fit_calibration
from anomalymatch_ui.session import Session, scoring

ANOMALIES = ["0000.jpg", "0001.jpg", "0002.jpg"]
NOMINALS = [f"{number:04d}.jpg" for number in range(20, 30)]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the calibration was given, each time."""
    calls: list[dict[str, Any]] = []

    def listen(pool: np.ndarray, labelled: np.ndarray, is_anomaly: np.ndarray, **others: Any) -> Any:
        calls.append({"pool": pool, "labelled": labelled, "is_anomaly": is_anomaly, **others})
        return fit_calibration(pool, labelled, is_anomaly, **others)

    monkeypatch.setattr(scoring, "fit_calibration", listen)
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
    assert given["prevalence"] == 0.1
    assert given["unlabelled"] is None
    assert len(given["pool"]) == 60 - 13
    assert given["is_anomaly"].tolist() == [True] * 3 + [False] * 9
    # On images that it has seen, a head of 13 labels is never wrong and never unsure.
    assert np.abs(given["labelled"]).min() < 1


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
        margins = head._fit(embedding, session.labels()).model.margins(embedding)
        session.train(wait=True)
    fused = told[-1]
    expected = (alone["labelled"] - margins.mean()) / margins.std()
    np.testing.assert_allclose(fused["labelled"], expected, rtol=1e-4)
    assert not np.allclose(fused["pool"], (alone["pool"] - margins.mean()) / margins.std(), rtol=0.01)
