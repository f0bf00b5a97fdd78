"""What a session is known by, and what is left where opening or making one is broken off."""

from __future__ import annotations

from pathlib import Path

import pytest

from anomalymatch_ui.config import Config
from anomalymatch_ui.errors import AnomalyMatchError
from anomalymatch_ui.pool import ImagePool, open_pool
from anomalymatch_ui.session import Session, Shortlist, make_shortlist
from anomalymatch_ui.session.core.folder import SessionFolder


class Killed(BaseException):
    """Stands where a process ends."""


def killed(*given: object, **named: object) -> None:
    raise Killed


def test_a_session_is_known_by_the_same_wherever_its_folder_lies(pool_folder: Path, tmp_path: Path) -> None:
    with Session.open(tmp_path / "one", pool_folder) as session:
        known = session.identity
    (tmp_path / "one").rename(tmp_path / "renamed")
    with Session.open(tmp_path / "renamed") as session:
        assert session.identity == known
    with Session.open(tmp_path / "one", pool_folder) as another:
        assert another.identity != known


def test_two_processes_that_open_a_session_know_it_by_the_same(pool_folder: Path, tmp_path: Path) -> None:
    with (
        Session.open(tmp_path / "s", pool_folder, annotator="ada") as ada,
        Session.open(tmp_path / "s", annotator="bob", share=True) as bob,
    ):
        assert ada.identity == bob.identity


@pytest.mark.parametrize("refusal", ["labels", "lock"])
def test_images_are_closed_where_the_session_cannot_be_opened(
    refusal: str, pool_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[ImagePool] = []

    def opened(*given: object) -> ImagePool:
        pool = open_pool(pool_folder)
        monkeypatch.setattr(pool, "close", lambda: closed.append(pool))
        return pool

    with Session.open(tmp_path / "s", pool_folder):
        monkeypatch.setattr("anomalymatch_ui.session.opening.open_pool", opened)
        labels = tmp_path / "missing.csv" if refusal == "labels" else None
        with pytest.raises(AnomalyMatchError, match=r"missing\.csv" if labels else "open elsewhere"):
            Session.open(tmp_path / "s", pool_folder, labels, annotator="bob", share=labels is not None)
    assert len(closed) == 1


@pytest.mark.parametrize("moment", ["before the list", "behind it"])
def test_a_shortlist_that_was_broken_off_never_leaves_a_session_on_the_whole_archive(
    moment: str, pool_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = tmp_path / "labels.csv"
    table.write_text("filename,label\n0001.jpg,anomaly\n")
    config = Config().with_values(working_set=20)
    where = (Shortlist, "save") if moment == "before the list" else (SessionFolder, "keep_pool")
    archive = open_pool(pool_folder)
    with monkeypatch.context() as patched:
        patched.setattr(*where, killed)
        with pytest.raises(Killed):
            make_shortlist(tmp_path / "s", archive, drawn=20, labels=table, chosen_by="random")
    archive.close()
    with Session.open(tmp_path / "s", pool_folder, table, config=config) as session:
        assert 20 <= len(session.pool) <= 21
        assert dict(session.labels()) == {"0001.jpg": "anomaly"}
