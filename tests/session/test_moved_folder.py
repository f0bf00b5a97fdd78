"""A session whose folder is deleted or renamed while it is open says so, and makes no folder in its place."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from anomalymatch_ui.config import Config
from anomalymatch_ui.errors import AnomalyMatchError, StorageError
from anomalymatch_ui.session import Session
from anomalymatch_ui.session.work.watcher import INTERVAL

ACTIONS: dict[str, Callable[[Session], object]] = {
    "label": lambda session: session.label(["0005.jpg"], "anomaly"),
    "undo": lambda session: session.undo(),
    "rank": lambda session: session.rank(wait=True),
    "train": lambda session: session.train(wait=True),
    "configure": lambda session: session.configure({"seed": 7}),
    "automatic": lambda session: setattr(session, "train_every", 5),
    "shown": lambda session: session.showing.choose(None),
    "metadata": lambda session: session.finding.metadata.keep(session.pool.path / "table.csv"),
    "pin": lambda session: session.pin(1),
    "adapt": lambda session: session.adapt(wait=True),
}


@pytest.mark.parametrize("how", ["deleted", "renamed"])
def test_nothing_is_kept_in_a_folder_that_is_gone_and_none_is_made(
    how: str, pool_folder: Path, swift: Config, tmp_path: Path
) -> None:
    folder, elsewhere = tmp_path / "session", tmp_path / "elsewhere"
    with Session.open(folder, pool_folder, config=swift) as session:
        session.label(["0000.jpg", "0001.jpg"], "anomaly")
        session.label(["0030.jpg"], "nominal")
        session.rank(wait=True)
        (pool_folder / "table.csv").write_text("filename,mag\n0000.jpg,3\n")
        folder.rename(elsewhere)
        if how == "deleted":
            shutil.rmtree(elsewhere)
        for name in ("label", "undo", "rank"):
            with pytest.raises(StorageError, match="deleted, moved or renamed"):
                ACTIONS[name](session)
        for action in ACTIONS.values():
            with contextlib.suppress(AnomalyMatchError):
                action(session)
        session._watcher._closed.wait(3 * INTERVAL)
        assert "deleted, moved or renamed" in session.status.error
        assert len(session.labels()) == 3
    assert not folder.exists()
    if how == "renamed":
        with Session.open(elsewhere, take_over=True) as session:
            assert len(session.labels()) == 3


def test_labels_go_on_when_the_folder_is_put_back(pool_folder: Path, swift: Config, tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "session", tmp_path / "elsewhere"
    with Session.open(folder, pool_folder, config=swift) as session:
        folder.rename(elsewhere)
        with pytest.raises(StorageError):
            session.label(["0000.jpg"], "anomaly")
        elsewhere.rename(folder)
        session.label(["0000.jpg"], "anomaly")
        session._watcher._closed.wait(3 * INTERVAL)
        assert session.status.error is None
    with Session.open(folder) as session:
        assert session.labels() == {"0000.jpg": "anomaly"}
