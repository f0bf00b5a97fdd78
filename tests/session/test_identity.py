"""What a session is known by, and what is left where opening or making one is broken off."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from anomalymatch_ui.config import Config
from anomalymatch_ui.errors import AnomalyMatchError
from anomalymatch_ui.labels import Journal
from anomalymatch_ui.pool import ImagePool, open_pool
from anomalymatch_ui.session import Session, Shortlist, make_shortlist
from anomalymatch_ui.session.core.folder import SessionFolder
from anomalymatch_ui.session.core.identity import PLACE, identity_of


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


def identity(path: Path, images: Path | None = None) -> str:
    with Session.open(path, images) as session:
        return session.identity


def test_a_copy_is_known_by_something_else_while_the_original_is_there(
    pool_folder: Path, tmp_path: Path
) -> None:
    original, copy = tmp_path / "original", tmp_path / "elsewhere" / "copy"
    known = identity(original, pool_folder)
    copy.parent.mkdir()
    shutil.copytree(original, copy)
    of_copy = identity(copy)
    assert of_copy != known
    assert identity(copy) == of_copy
    assert identity(original) == known
    shutil.rmtree(original)
    assert identity(copy) == of_copy
    shutil.copytree(copy, original)  # now that is the copy
    assert identity(original) not in (known, of_copy)
    assert identity(copy) == of_copy


def test_what_was_moved_to_another_disk_or_restored_keeps_its_identity(
    pool_folder: Path, tmp_path: Path
) -> None:
    place, other, backup = (tmp_path / name for name in ("place", "other", "backup"))
    known = identity(place, pool_folder)
    shutil.copytree(place, other)
    shutil.rmtree(place)  # as `mv` does between two disks
    assert identity(other) == known
    shutil.copytree(other, backup)
    shutil.rmtree(other)
    shutil.copytree(backup, other)
    assert identity(other) == known
    shutil.rmtree(other)
    other.mkdir()  # a folder is there again, but not the session
    assert identity(backup) == known
    assert not list(other.iterdir())


def test_a_copy_is_told_from_an_original_that_was_renamed(pool_folder: Path, tmp_path: Path) -> None:
    known = identity(tmp_path / "original", pool_folder)
    (tmp_path / "original").rename(tmp_path / "of last year")
    shutil.copytree(tmp_path / "of last year", tmp_path / "of this year")
    assert identity(tmp_path / "of this year") != known
    assert identity(tmp_path / "of last year") == known


def test_a_session_that_is_opened_by_a_link_is_no_copy(pool_folder: Path, tmp_path: Path) -> None:
    known = identity(tmp_path / "s", pool_folder)
    (tmp_path / "link").symlink_to(tmp_path / "s")
    assert identity(tmp_path / "link") == known
    assert identity(tmp_path / "s") == known


def test_those_who_open_a_copy_at_once_know_it_by_the_same(pool_folder: Path, tmp_path: Path) -> None:
    known = identity(tmp_path / "s", pool_folder)
    for number in range(10):
        copy = tmp_path / f"copy-{number}"
        shutil.copytree(tmp_path / "s", copy)
        journals = [Journal(copy / "journal.sqlite") for _ in range(4)]
        with ThreadPoolExecutor(4) as threads:
            found = set(threads.map(lambda journal, copy=copy: identity_of(journal, copy), journals))
        for journal in journals:
            journal.close()
        assert len(found) == 1
        assert known not in found


def test_an_identity_of_an_earlier_version_is_kept(pool_folder: Path, tmp_path: Path) -> None:
    known = identity(tmp_path / "s", pool_folder)
    with Journal(tmp_path / "s" / "journal.sqlite") as journal:
        journal.keep_meta({PLACE: "{}"})
    assert identity(tmp_path / "s") == known
    shutil.copytree(tmp_path / "s", tmp_path / "copy")
    assert identity(tmp_path / "copy") != known


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
