"""Which folder a session is opened in, and of which images."""

from __future__ import annotations

import json
from pathlib import Path
from typing import ClassVar

import pytest

from anomalymatch_ui.config import Config
from anomalymatch_ui.errors import InputError, SessionBusyError, StorageError
from anomalymatch_ui.session import Session
from anomalymatch_ui.session.core.context import Context
from anomalymatch_ui.session.core.folder import SessionFolder
from anomalymatch_ui.session.core.writer_lock import WriterLock

ANOMALIES = ["0000.jpg", "0001.jpg", "0002.jpg"]
NOMINALS = [f"{number:04d}.jpg" for number in range(20, 30)]


@pytest.fixture
def session(pool_folder: Path, quick: Config, tmp_path: Path):
    with Session.open(tmp_path / "session", pool_folder, config=quick, annotator="ada") as opened:
        yield opened


def label_both(session: Session) -> None:
    session.label(ANOMALIES, "anomaly")
    session.label(NOMINALS, "nominal")


def test_a_session_of_other_images_is_refused(session: Session, tmp_path: Path) -> None:
    from images import make_pool

    make_pool(tmp_path / "others", images=5)
    with pytest.raises(InputError, match="belongs to the images in"):
        Session.open(session.path, tmp_path / "others")


def test_images_that_come_later_join_the_pool_and_labels_stay(session: Session, pool_folder: Path) -> None:
    label_both(session)
    session.rank(wait=True)
    session.close()
    (pool_folder / "0059.jpg").rename(pool_folder / "new.jpg")
    (pool_folder / "0020.jpg").unlink()
    with Session.open(session.path, pool_folder) as again:
        assert "come or gone" in again.status.message
        assert again.ranking().version == 0
        again.rank(wait=True)
        assert len(again.ranking().order) == 59
        assert "0020.jpg" in again.labels()


def test_a_pool_that_moved_is_the_same_pool(session: Session, pool_folder: Path, tmp_path: Path) -> None:
    label_both(session)
    session.close()
    pool_folder.rename(tmp_path / "moved")
    with Session.open(session.path, tmp_path / "moved") as again:
        assert len(again.labels()) == 13
    with Session.open(session.path) as again:
        assert again.pool.path == tmp_path / "moved"


class Unfinished(Session):
    """Fails when its last part has been made."""

    made_of: ClassVar[list[Context]] = []

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.made_of.append(context)
        raise InputError("not today")


def test_a_session_that_cannot_be_opened_leaves_journal_and_pen(
    pool_folder: Path, quick: Config, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="not today"):
        Unfinished.open(tmp_path / "session", pool_folder, config=quick)
    (context,) = Unfinished.made_of
    assert not context.writer_lock.mine
    with pytest.raises(StorageError):
        context.journal.append(["0000.jpg"], "anomaly", "ada", "api")


def test_what_fails_as_a_session_closes_leaves_nobody_the_lock(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone() -> None:
        raise OSError("the hub has gone")

    monkeypatch.setattr(session.samp, "close", gone)
    with pytest.raises(OSError, match="the hub has gone"):
        session.close()
    Session.open(session.path).close()


@pytest.mark.parametrize("kind", ["a file", "a folder of something else", "missing"])
def test_what_is_no_session_folder_is_refused(kind: str, pool_folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "target"
    if kind == "a file":
        path.write_text("x")
        images, sentence = pool_folder, "is a file"
    elif kind == "missing":
        images, sentence = None, "not a session folder"
    else:
        path.mkdir()
        (path / "thesis.tex").write_text("x")
        images, sentence = pool_folder, "holds other files"
    with pytest.raises(InputError, match=sentence):
        Session.open(path, images)


def test_a_session_that_another_process_begins_is_opened_beside_it(pool_folder: Path, tmp_path: Path) -> None:
    begun = SessionFolder(tmp_path / "session")
    begun.prepare()
    lock = WriterLock.take(begun.writer_lock, "ada")
    begun.config.with_name(".config.toml.1-0.tmp").write_text("")
    with Session.open(begun.path, pool_folder, annotator="ada", take_over=True, share=True) as session:
        assert session.keeps_settings
    lock.release()


def test_a_session_whose_images_have_moved_says_how_to_open_it(
    pool_folder: Path, quick: Config, tmp_path: Path
) -> None:
    Session.open(tmp_path / "session", pool_folder, config=quick).close()
    pool_folder.rename(tmp_path / "moved")
    with pytest.raises(InputError, match=r"If they have moved, open it once with `anomalymatch serve"):
        Session.open(tmp_path / "session")
    Session.open(tmp_path / "session", tmp_path / "moved").close()
    Session.open(tmp_path / "session").close()


def test_a_session_that_a_lost_machine_holds_says_how_to_free_it(
    pool_folder: Path, quick: Config, tmp_path: Path
) -> None:
    session = Session.open(tmp_path / "session", pool_folder, config=quick)
    lock = tmp_path / "session" / "session.lock"
    held = json.loads(lock.read_text())
    session.close()
    lock.write_text(json.dumps(held | {"host": "gone", "token": "another"}))
    with pytest.raises(SessionBusyError, match=r"If gone is gone, delete .*session.lock"):
        Session.open(tmp_path / "session")


def test_an_unreadable_image_is_counted_and_skipped(pool_folder: Path, quick: Config, tmp_path: Path) -> None:
    (pool_folder / "0033.jpg").write_bytes(b"\xff\xd8broken")
    with Session.open(tmp_path / "session", pool_folder, config=quick) as session:
        label_both(session)
        session.train(wait=True)
        assert session.status.unreadable == 1
        assert 33 not in session.ranking().order
        assert len(session.ranking().order) == 59


def test_the_folder_names_its_pool_and_keeps_its_settings(session: Session, pool_folder: Path) -> None:
    assert json.loads((session.path / "pool.json").read_text())["path"] == str(pool_folder.resolve())
    assert Config.load(session.path / "config.toml") == session.config


def test_a_session_that_does_not_say_its_images_any_more_opens_with_them_and_has_its_labels(
    session: Session, pool_folder: Path
) -> None:
    label_both(session)
    labels = session.labels()
    session.close()
    record = session.path / "pool.json"
    record.write_text("{")
    with pytest.raises(InputError, match="Delete it, then open the session with its images"):
        Session.open(session.path, pool_folder)
    record.unlink()
    with pytest.raises(InputError, match="no longer says which images it is about"):
        Session.open(session.path)
    with Session.open(session.path, pool_folder) as again:
        assert again.labels() == labels
    with Session.open(session.path) as again:
        assert again.labels() == labels


def test_a_tilde_is_the_home_folder_in_every_path(
    pool_folder: Path, swift: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "labels.csv").write_text("filename,label\n0000.jpg,anomaly\n")
    with Session.open("~/session", pool_folder, "~/labels.csv", config=swift) as session:
        assert len(session.labels()) == 1
    assert (tmp_path / "session" / "journal.sqlite").exists()
    assert not (tmp_path / "~").exists()
    with pytest.raises(InputError, match="no home folder"):
        Session.open("~nobody-of-this-name/session", pool_folder)
