"""Tags and notes: kept, undone, found and exported as labels are."""

from __future__ import annotations

from pathlib import Path

import pytest
from astropy.table import Table
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anomalymatch_ui.config import Config
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.labels import Journal
from anomalymatch_ui.labels.marks import Marks, checked_tag, note_mark
from anomalymatch_ui.session import Query, Session
from anomalymatch_ui.session.labelling.marking import marks_of


def found(session: Session, **columns: str | tuple[float, float]) -> list[str]:
    return [session.pool.ids[row] for row in session.find(Query(sort="name", columns=columns)).order]


def test_what_is_sought_is_kept_with_the_labels(pool_folder: Path, swift: Config, tmp_path: Path) -> None:
    with Session.open(tmp_path / "session", pool_folder, config=swift) as session:
        assert session.marking.aim == ""
        session.marking.write_aim(" edge-on discs,\n warped ")
        with pytest.raises(InputError, match="301 characters, and at most 300"):
            session.marking.write_aim("x" * 301)
    with Session.open(tmp_path / "session") as session:
        assert session.marking.aim == "edge-on discs, warped"
        session.marking.write_aim("")
        assert session.marking.aim == ""


@pytest.mark.parametrize(
    ("told", "aim"),
    [("{", ""), ("[1]", ""), ("1e999", ""), (r'"\ud800\u0000rings"', "rings"), (f'"{"x" * 999}"', "x" * 300)],
)
def test_what_a_journal_of_somebody_else_says_is_sought_keeps_no_session_closed(
    told: str, aim: str, pool_folder: Path, swift: Config, tmp_path: Path
) -> None:
    with Session.open(tmp_path / "session", pool_folder, config=swift) as session:
        session._journal.keep_meta({"aim": told, "tags": told})
    with Session.open(tmp_path / "session") as session:
        assert session.status.aim == aim
        assert session.marking.names == ()


def test_tags_and_notes_are_kept_found_and_exported(pool_folder: Path, swift: Config, tmp_path: Path) -> None:
    with Session.open(tmp_path / "session", pool_folder, config=swift) as session:
        session.marking.tag(["0000.jpg", "0001.jpg"], " tidal  tail ")
        session.marking.tag(["0000.jpg"], "ring")
        session.marking.note("0000.jpg", "two cores?\nask Ada")
        session.label(["0000.jpg"], "anomaly")
        assert session.marking.names == ("tidal tail", "ring")
        assert found(session, tags="tail") == ["0000.jpg", "0001.jpg"]
        assert found(session, note="ada") == ["0000.jpg"]
        table = session.results.table("labels")
        assert table["tags"].values.to_pylist() == ["tidal tail; ring"]
        assert table["note"].values.to_pylist() == ["two cores?\nask Ada"]
        session.export_labels(tmp_path / "labels.csv")
        # Neither is a label, nor a look.
        assert session.status.counts.labelled == 1
        assert session.report().looked_at == 1
    assert (
        (tmp_path / "labels.csv").read_text().startswith("filename,label,tags,note\n0000.jpg,anomaly,tidal")
    )
    with Session.open(tmp_path / "session") as again:
        assert again.marking.of("0000.jpg") == Marks(("tidal tail", "ring"), "two cores?\nask Ada")
        assert again.labels() == {"0000.jpg": "anomaly"}


def test_a_column_of_the_imported_table_is_not_mixed_with_one_of_ours(
    pool_folder: Path, swift: Config, tmp_path: Path
) -> None:
    table = tmp_path / "given.csv"
    table.write_text("filename,label,interest\n0000.jpg,anomaly,high\n0001.jpg,nominal,low\n")
    with Session.open(tmp_path / "session", pool_folder, labels=table, config=swift) as session:
        session.marking.interest("0001.jpg", 4)
        session.export_labels(tmp_path / "labels.csv")
    read = Table.read(tmp_path / "labels.csv", format="ascii.csv")
    assert read["interest_given"].tolist() == ["high", "low"]
    assert read["interest"].filled(-1).tolist() == [-1, 4]


def test_a_column_of_the_metadata_named_like_one_of_ours_is_found_under_a_name_that_says_whose_it_is(
    pool_folder: Path, swift: Config, tmp_path: Path
) -> None:
    table = tmp_path / "given.csv"
    table.write_text("filename,interest,note,note_given\n0000.jpg,high,blue,a\n0001.jpg,low,red,b\n")
    with Session.open(tmp_path / "session", pool_folder, config=swift) as session:
        said = session.finding.keep(table)
        assert said is not None
        assert "'interest' is called 'interest_given', 'note' is called 'note_given_2', for" in said
        assert found(session, interest="high") == ["0000.jpg"]  # while nobody has said how interesting one is
        session.marking.interest("0001.jpg", 4)
        session.marking.note("0001.jpg", "ours")
        assert found(session, interest=(4, 4)) == ["0001.jpg"]
        assert found(session, interest_given="high") == ["0000.jpg"]
        assert found(session, note_given="b") == ["0001.jpg"]
        assert found(session, note_given_2="blue") == ["0000.jpg"]
        assert {"interest", "interest_given", "note", "note_given", "note_given_2"} <= set(
            session.finding.columns()
        )
        with pytest.raises(InputError, match="There is no column 'tags_given'"):
            found(session, tags_given="x")


def test_marks_are_undone_and_redone_among_the_labels(
    pool_folder: Path, swift: Config, tmp_path: Path
) -> None:
    with Session.open(tmp_path / "session", pool_folder, config=swift) as session:
        session.marking.tag(["0000.jpg", "0001.jpg"], "ring")
        session.label(["0000.jpg"], "nominal")
        session.marking.note("0001.jpg", "first")
        session.marking.note("0001.jpg", "second")
        assert session.undo().marked == ("0001.jpg",)
        assert session.marking.of("0001.jpg").note == "first"
        session.undo()
        assert session.undo().labels == {"0000.jpg": None}
        assert session.undo().marked == ("0000.jpg", "0001.jpg")
        assert session.marking.all() == {}
        assert session.undo() is None
        for _ in range(4):
            session.redo()
        assert session.marking.of("0001.jpg") == Marks(("ring",), "second")
        assert session.labels() == {"0000.jpg": "nominal"}


def test_favourites_and_interest_are_kept_found_exported_and_undone(
    pool_folder: Path, swift: Config, tmp_path: Path
) -> None:
    with Session.open(tmp_path / "session", pool_folder, config=swift) as session:
        session.marking.favourite(["0000.jpg", "0001.jpg"])
        session.marking.interest(["0000.jpg"], 5)
        session.marking.interest(["0001.jpg", "0002.jpg"], 0)
        session.marking.favourite("0001.jpg", on=False)
        session.label(["0000.jpg", "0001.jpg", "0003.jpg"], "anomaly")
        assert found(session, favourite="yes") == ["0000.jpg"]
        assert found(session, interest=(0, 4)) == ["0001.jpg", "0002.jpg"]
        table = session.results.table("labels")
        assert table["favourite"].values.to_pylist() == [True, False, False]
        assert table["interest"].values.to_pylist() == [5, 0, None]
        for form in ("csv", "ecsv", "votable", "fits", "parquet"):
            session.results.write(tmp_path / f"labels.{form}", "labels", form)
        with pytest.raises(InputError, match="from 0 to 5, not 6"):
            session.marking.interest("0000.jpg", 6)
        assert session.status.counts.labelled == 3
    read = Table.read(tmp_path / "labels.fits")
    assert read["favourite"].tolist() == [True, False, False]
    assert read["interest"].filled(-1).tolist() == [5, 0, -1]
    with Session.open(tmp_path / "session") as again:
        assert again.marking.of("0000.jpg") == Marks(favourite=True, interest=5)
        again.undo()
        assert again.undo().marked == ("0001.jpg",)
        assert again.marking.of("0001.jpg") == Marks(favourite=True, interest=0)


def test_two_writers_see_each_others_stars_and_each_takes_back_their_own(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with Journal(path) as ada, Journal(path) as bob:
        ada.mark({("a", "interest"): "3"}, "ada", "key")
        bob.mark({("a", "interest"): "5", ("a", "favourite"): "1"}, "bob", "key")
        assert marks_of(ada) == {"a": Marks(favourite=True, interest=5)}
        ada.undo("ada", "key")  # what bob has said since stays
        assert marks_of(bob) == {"a": Marks(favourite=True, interest=5)}
        bob.undo("bob", "key")
        assert marks_of(ada)["a"].favourite is False


def test_a_mark_of_a_later_version_is_kept_undone_and_hides_nothing(tmp_path: Path) -> None:
    # As a version before favourites reads a journal that has some: schema 4 holds any mark.
    with Journal(tmp_path / "journal.sqlite") as journal:
        journal.mark({("a", "note"): "mine", ("a", "colour"): "red", ("a", "interest"): "6"}, "ada", "key")
    with Journal(tmp_path / "journal.sqlite") as again:
        assert marks_of(again) == {"a": Marks(note="mine")}
        assert dict(again.undo("ada", "key").marks)[("a", "colour")] is None


def test_what_another_person_has_tagged_since_stays(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with Journal(path) as ada, Journal(path) as bob:
        ada.mark({("a", "note"): "mine", ("b", "note"): "mine"}, "ada", "key")
        bob.mark({("a", "note"): "ours"}, "bob", "key")
        event = ada.undo("ada", "key")
        assert event is not None
        assert dict(event.marks) == {("b", "note"): None}
        assert marks_of(bob) == {"a": Marks(note="ours")}
        assert ada.entries() == []
        assert len(ada.entries(marks=True)) == 4


@pytest.mark.parametrize("name", ["", "  ", "a;b", "x" * 41, "\x00"])
def test_a_name_that_is_no_tag_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="A tag is a word or two"):
        checked_tag(name)


def test_too_many_tags_and_images_that_are_not_there_are_told(
    pool_folder: Path, swift: Config, tmp_path: Path
) -> None:
    with Session.open(tmp_path / "session", pool_folder, config=swift) as session:
        with pytest.raises(InputError, match="keys for 9 tags"):
            session.marking.define([f"tag {n}" for n in range(10)])
        with pytest.raises(InputError, match="same name"):
            session.marking.define(["a", " a"])
        with pytest.raises(InputError, match="no image 'gone'"):
            session.marking.note("gone", "x")
        with pytest.raises(InputError, match="at most 2,000"):
            session.marking.note("0000.jpg", "x" * 2001)
        session.marking.define(["ring", "tail"])
        session.marking.tag("0000.jpg", "arc")
        assert session.marking.names == ("ring", "tail", "arc")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters(), max_size=50))
def test_any_note_is_read_back(tmp_path: Path, text: str) -> None:
    mark, value = note_mark(text)
    with Journal(tmp_path / "journal.sqlite") as journal:
        journal.mark({("a", mark): value}, "ada", "key")
    with Journal(tmp_path / "journal.sqlite") as again:
        assert again.marks().get("a", {}).get("note") == value
