from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from anomalymatch_ui.config import Config
from anomalymatch_ui.labels import Label
from anomalymatch_ui.pool import open_pool
from anomalymatch_ui.session import Session
from anomalymatch_ui.session.work import rankings as rankings_module
from anomalymatch_ui.session.work.advice import advice

ANOMALIES = [f"{number:04d}.jpg" for number in range(30)]
NOMINALS = [f"{number:04d}.jpg" for number in range(30, 60)]
VIEW: dict[str, Label] = {**dict.fromkeys(ANOMALIES, "anomaly"), **dict.fromkeys(NOMINALS, "nominal")}


def embedding(distance: float) -> np.ndarray:
    """Of 60 images, half of them so far from the others along one of forty directions."""
    table = np.random.default_rng(0).normal(size=(60, 40))
    table[:30, 0] += distance
    return (table / np.sqrt(40)).astype(np.float32)


def test_labels_are_advised_where_cross_validation_gains_more_by_them_than_a_cycle_adds(
    pool_folder: Path, swift: Config
) -> None:
    pool = open_pool(pool_folder)
    sentence = advice(pool, embedding(2.0), VIEW, swift)
    assert sentence.startswith(
        "More labels will help more than training: in cross-validation, twice as many "
    )
    assert advice(pool, embedding(30.0), VIEW, swift) == ""
    few = {name: label for name, label in VIEW.items() if name < "0005.jpg"}
    assert advice(pool, embedding(2.0), few, swift) == ""


def test_an_image_that_cannot_be_read_is_left_out(pool_folder: Path, swift: Config) -> None:
    table = embedding(2.0)
    table[3] = np.nan
    assert "More labels" in advice(open_pool(pool_folder), table, VIEW, swift)


def test_a_cycle_says_it_as_it_begins_and_when_it_is_done(
    pool_folder: Path, swift: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    messages: list[tuple[str, str]] = []
    with Session.open(tmp_path / "session", pool_folder, config=swift) as session:
        session.label(ANOMALIES[:4], "anomaly")
        session.label(NOMINALS[:4], "nominal")
        session.rank(wait=True)
        session.train(wait=True)
        assert session.status.message == ""
        monkeypatch.setattr(rankings_module.Rankings, "advice", lambda self, view: f"Label on, {len(view)}.")
        session.subscribe(lambda status: messages.append((status.phase, status.message)))
        session.train(wait=True)
        assert session.status.message == "Label on, 8."
    assert ("training", "Label on, 8.") in messages
