"""Artefacts in a session: nominal for the search, and out of the way by novelty."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from anomalymatch_ui.app.panel.panel import described, removed
from anomalymatch_ui.config import Config
from anomalymatch_ui.labels import Journal
from anomalymatch_ui.pool import open_pool
from anomalymatch_ui.session import Counts, Query, Session, Status


def test_an_artefact_is_kept_undone_filtered_and_exported(
    pool_folder: Path, swift: Config, tmp_path: Path
) -> None:
    with Session.open(tmp_path / "session", pool_folder, config=swift) as session:
        session.label(["0000.jpg", "0001.jpg"], "artefact")
        session.undo()
        assert session.labels() == {}
        session.redo()
        session.label(["0030.jpg"], "anomaly")
        assert session.status.counts == Counts(60, anomaly=1, artefact=2)
        found = session.find(Query(labels=("artefact",), sort="name"))
        assert [session.pool.ids[row] for row in found.order] == ["0000.jpg", "0001.jpg"]
        session.export_labels(tmp_path / "labels.csv")
        assert session.results.table("labels")["label"].values.to_pylist() == ["artefact"] * 2 + ["anomaly"]
        assert session.report().counts.not_sought == 2
    assert "0000.jpg,artefact" in (tmp_path / "labels.csv").read_text()
    with Session.open(tmp_path / "other", pool_folder, tmp_path / "labels.csv", config=swift) as other:
        assert other.labels()["0001.jpg"] == "artefact"
    with Journal(tmp_path / "session" / "journal.sqlite") as journal:
        assert [entry.label for entry in journal.entries()][:2] == ["artefact", "artefact"]


def test_artefacts_step_back_by_novelty_and_it_is_said_how_many(
    pool_folder: Path, swift: Config, tmp_path: Path
) -> None:
    with Session.open(tmp_path / "session", pool_folder, config=swift) as session:
        session.rank(wait=True)
        assert session.ranking().removed is None
        novelty = session.insight.novelty()
        named = [session.pool.ids[row] for row in np.argsort(-novelty)[:4]]
        session.label(named, "artefact")
        assert session._rankings.settle(60)
        assert session.ranking().source == "novelty"
        assert session.ranking().removed is not None
        rows = [session.pool.index(name) for name in named]
        assert (session.insight.novelty()[rows] < novelty[rows]).all()
        # An artefact is not what is looked for: with an anomaly there are both classes.
        session.label(["0000.jpg"], "anomaly")
        assert session._rankings.settle(60)
        assert session.ranking().calibrated
        version = session.ranking().version
    with Session.open(tmp_path / "session") as again:
        assert again.ranking().version <= version
        assert again.status.removed is not None


def test_other_images_like_the_artefacts_step_back_as_those_of_the_pool_do(
    pool_folder: Path, swift: Config, tmp_path: Path
) -> None:
    shutil.copytree(pool_folder, tmp_path / "others")
    others = open_pool(tmp_path / "others")
    with Session.open(tmp_path / "session", pool_folder, config=swift) as session:
        session.rank(wait=True)
        before = session.score_images(others)
        rows = np.argsort(-before)[:10]
        session.label([session.pool.ids[row] for row in rows], "artefact")
        after = session.score_images(others)
        pool = session.insight.novelty()
    others.close()
    rest = np.setdiff1d(np.arange(len(after)), rows)
    np.testing.assert_allclose(after[rest], pool[rest], atol=0.035)  # two of sixty places


def test_the_panel_says_what_the_artefacts_took_away() -> None:
    status = Status(counts=Counts(60, anomaly=1, artefact=3), removed=0.34)
    assert removed(status) == "Artefacts: 34 of the first 100 images made way."
    assert ("artefact", "3") in [(row["name"], row["number"]) for row in described(status)["counts"]]
    assert described(status)["hint"] == ""
    assert removed(Status(counts=Counts(60), removed=0.34)) == ""
