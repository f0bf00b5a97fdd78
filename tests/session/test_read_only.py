"""A session whose folder cannot be written is viewed; what would change it is refused in a sentence."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from images import make_pool
from rights import only_readable
from sessions import ANOMALIES, NOMINALS, make_trained

from anomalymatch_ui.errors import AnomalyMatchError, ReadOnlyError
from anomalymatch_ui.session import Query, Session
from anomalymatch_ui.session.core.folder import SessionFolder
from anomalymatch_ui.session.core.writable import may_write, refused

CHANGES: dict[str, Callable[[Session], object]] = {
    "label": lambda session: session.label(["0005.jpg"], "anomaly"),
    "undo": lambda session: session.undo(),
    "note": lambda session: session.marking.write_aim("rings"),
    "rank": lambda session: session.rank(wait=True),
    "train": lambda session: session.train(wait=True),
    "adapt": lambda session: session.adapt(wait=True),
    "configure": lambda session: session.configure({"seed": 7}),
    "go back": lambda session: session.go_back(0, wait=True),
    "completeness": lambda session: session.completeness.measure(),
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    make_trained(folder)
    return folder


@pytest.fixture
def kept(trained: Path, tmp_path: Path) -> Iterator[Path]:
    """The folder of a session that nobody may write, and its images beside it."""
    for name in ("images", "session"):
        shutil.copytree(trained / name, tmp_path / name)
    with only_readable(tmp_path / "session"), only_readable(tmp_path / "images"):
        yield tmp_path / "session"


def state_of(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {
        path.relative_to(folder).as_posix(): (path.stat().st_mtime_ns, path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_read_only_session_is_viewed_searched_exported_and_reported(kept: Path, tmp_path: Path) -> None:
    before = state_of(kept)
    out = tmp_path / "out"
    out.mkdir()
    with Session.open(kept, share=True) as session:
        assert f"{kept} cannot be written" in session.status.read_only
        assert set(session.labels()) == {*ANOMALIES, *NOMINALS}
        assert len(session.ranking().order) == 60
        found = session.find(Query(labels=("anomaly",)))
        assert {session.pool.ids[row] for row in found.order.tolist()} == set(ANOMALIES)
        assert session.cycles.all()[-1].number == 1
        assert session.results.write(out / "ranking.csv", "ranking", sheet=out / "sheet.png") is not None
        session.write_report(out / "report.html")
        assert session.export_labels(out / "labels.csv") == 5
        assert session.pictures.discovery() is not None
        assert session.replays.replay().same
    assert {path.name for path in out.iterdir()} == {"ranking.csv", "sheet.png", "report.html", "labels.csv"}
    assert state_of(kept) == before


@pytest.mark.parametrize("name", CHANGES)
def test_what_would_change_a_read_only_session_says_why_not_and_what_to_do(name: str, kept: Path) -> None:
    before = state_of(kept)
    with Session.open(kept, share=True) as session:
        with pytest.raises(ReadOnlyError, match="can only be viewed: .* cannot be written.* copy the folder"):
            CHANGES[name](session)
        assert set(session.labels()) == {*ANOMALIES, *NOMINALS}
    assert state_of(kept) == before


def test_labels_that_lie_in_the_log_alone_are_seen(trained: Path, tmp_path: Path) -> None:
    """As where a machine stopped while somebody labelled, or labels on while the folder is viewed."""
    make_pool(tmp_path / "images")
    with Session.open(tmp_path / "writing", tmp_path / "images") as writing:
        writing.label(["0003.jpg"], "anomaly")
        writing.label([f"{number:04d}.jpg" for number in range(10, 40)], "nominal")
        shutil.copytree(tmp_path / "writing", tmp_path / "viewed")
    assert (tmp_path / "viewed" / "journal.sqlite-wal").stat().st_size > 0
    with only_readable(tmp_path / "viewed"), Session.open(tmp_path / "viewed", share=True) as viewed:
        assert len(viewed.labels()) == 31
        assert viewed.labels()["0003.jpg"] == "anomaly"


def test_labels_of_somebody_who_may_write_are_followed(kept: Path) -> None:
    """Their process has the rights that this one gave up; here its place is taken by giving them back."""
    with Session.open(kept, share=True) as viewed:
        assert "0007.jpg" not in viewed.labels()
        shutil.copytree(kept, kept.parent / "working")
        for path in (kept.parent / "working").rglob("*"):
            path.chmod(0o755)
        (kept.parent / "working").chmod(0o755)
        with Session.open(kept.parent / "working", annotator="bob") as working:
            working.label(["0007.jpg"], "anomaly")
        kept.chmod(0o755)
        (kept.parent / "working" / "journal.sqlite").replace(kept / "journal.sqlite")
        kept.chmod(0o555)
        assert viewed.labels()["0007.jpg"] == "anomaly"


def test_a_folder_that_only_says_it_can_be_written_is_viewed_too(
    kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As NFS may, where the server knows another user."""
    monkeypatch.setattr("anomalymatch_ui.session.core.writable.may_write", lambda path: True)
    with Session.open(kept, share=True) as session:
        assert "(Permission denied)" in session.status.read_only
        with pytest.raises(ReadOnlyError):
            session.label(["0005.jpg"], "anomaly")


def test_a_session_whose_journal_alone_is_somebody_elses_is_viewed(trained: Path, tmp_path: Path) -> None:
    for name in ("images", "session"):
        shutil.copytree(trained / name, tmp_path / name)
    journal = tmp_path / "session" / "journal.sqlite"
    with only_readable(journal), Session.open(tmp_path / "session", share=True) as session:
        assert f"{journal} cannot be written" in session.status.read_only
        assert len(session.labels()) == 5


def test_where_there_is_no_session_and_none_can_be_made_it_says_so(tmp_path: Path) -> None:
    make_pool(tmp_path / "images")
    (tmp_path / "home").mkdir()
    with only_readable(tmp_path / "home"), pytest.raises(AnomalyMatchError, match="Cannot write .*new"):
        Session.open(tmp_path / "home" / "new", tmp_path / "images")


def test_other_failures_of_a_disk_are_no_reason_to_view(kept: Path) -> None:
    assert not may_write(kept)
    full = AnomalyMatchError("full")
    full.__cause__ = OSError(28, os.strerror(28))
    assert refused(SessionFolder(kept), full) == ""


def test_the_order_is_the_one_that_was_kept(kept: Path, trained: Path) -> None:
    with Session.open(trained / "session", share=True) as usual:
        expected = usual.ranking().order
    with Session.open(kept, share=True) as session:
        np.testing.assert_array_equal(session.ranking().order, expected)
