"""A table of labels, taken into a session when it is opened."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from anomalymatch_ui.config import Config
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.session import Query, Session


def test_a_table_of_labels_is_imported_once_and_never_overrides_what_came_later(
    pool_folder: Path, quick: Config, tmp_path: Path
) -> None:
    table = tmp_path / "labels.csv"
    table.write_text("filename,label,note\n0000.jpg,anomaly,ring\n0030.jpg,normal,\nabsent.jpg,anomaly,\n")
    with Session.open(tmp_path / "session", pool_folder, table, config=quick) as session:
        assert session.labels() == {"0000.jpg": "anomaly", "0030.jpg": "nominal"}
        assert "absent.jpg" in session.status.message
        session.label(["0000.jpg"], "nominal")
    with Session.open(tmp_path / "session", pool_folder, table) as session:
        assert session.labels()["0000.jpg"] == "nominal"
        session.export_labels(tmp_path / "out.csv")
    text = (tmp_path / "out.csv").read_text()
    assert "0000.jpg,nominal,ring" in text


def test_an_export_holds_what_the_card_said_before_the_look(
    pool_folder: Path, quick: Config, tmp_path: Path
) -> None:
    with Session.open(tmp_path / "session", pool_folder, config=quick) as session:
        session.label(["0000.jpg"], "anomaly")
        session.label(["0030.jpg"], "nominal")
        session.rank(wait=True)
        ranking = session.ranking()
        session.label(["0001.jpg"], "anomaly", ranking=ranking)
        session.export_labels(tmp_path / "out.csv")
        said = ranking.scores[session.pool.index("0001.jpg")]
    assert (tmp_path / "out.csv").read_text().splitlines() == [
        "filename,label,probability",
        "0000.jpg,anomaly,",
        f"0001.jpg,anomaly,{said:.4g}",
        "0030.jpg,nominal,",
    ]


def test_a_table_that_was_edited_or_exported_never_overrides_what_somebody_said(
    pool_folder: Path, quick: Config, tmp_path: Path
) -> None:
    table = tmp_path / "labels.csv"
    table.write_text("filename,label\n0000.jpg,anomaly\n0001.jpg,anomaly\n0030.jpg,nominal\n")
    with Session.open(tmp_path / "session", pool_folder, table, config=quick) as session:
        session.label(["0000.jpg"], "nominal")
        session.label(["0001.jpg"], None)
    table.write_text(table.read_text() + "0031.jpg,nominal\n")
    with Session.open(tmp_path / "session", pool_folder, table) as session:
        assert session.labels() == {"0000.jpg": "nominal", "0030.jpg": "nominal", "0031.jpg": "nominal"}
        assert session.import_report.kept == ("0000.jpg", "0001.jpg")
        assert "2 images labelled otherwise by somebody, which stays (0000.jpg, 0001.jpg)" in (
            session.status.message
        )
    # What nobody has touched follows the table.
    table.write_text("filename,label\n0030.jpg,unsure\n")
    with Session.open(tmp_path / "session", pool_folder, table) as session:
        assert session.labels()["0030.jpg"] == "unsure"


def test_tables_that_come_through_a_pipe_are_read_once_and_told_apart(
    pool_folder: Path, quick: Config, tmp_path: Path
) -> None:
    for text in ("0000.jpg,anomaly", "0000.jpg,nominal\n0030.jpg,nominal"):
        end, other = os.pipe()
        os.write(other, f"filename,label\n{text}\n".encode())
        os.close(other)
        with Session.open(tmp_path / "session", pool_folder, f"/dev/fd/{end}", config=quick) as session:
            labels = session.labels()
        os.close(end)
    assert labels == {"0000.jpg": "nominal", "0030.jpg": "nominal"}


def test_columns_of_a_table_are_kept_though_it_brings_no_label_or_another_came_before(
    pool_folder: Path, swift: Config, tmp_path: Path
) -> None:
    first, second, third = (tmp_path / f"{name}.csv" for name in ("first", "second", "third"))
    first.write_text("filename,label,ra\n0000.jpg,anomaly,10.5\n")
    second.write_text("filename,label,comment\n0000.jpg,anomaly,nice\n0001.jpg,nominal,dull\n")
    third.write_text("filename,label,z\n0002.jpg,,0.3\n")
    for table in (first, second, third):
        Session.open(tmp_path / "session", pool_folder, table, config=swift).close()
    with Session.open(tmp_path / "session", pool_folder) as session:
        assert session._journal.extras() == {
            "0000.jpg": {"ra": "10.5", "comment": "nice"},
            "0001.jpg": {"comment": "dull"},
            "0002.jpg": {"z": "0.3"},
        }


def test_a_corrected_table_that_is_put_back_counts_again(
    pool_folder: Path, swift: Config, tmp_path: Path
) -> None:
    table = tmp_path / "labels.csv"
    for label in ("anomaly", "nominal", "anomaly"):
        table.write_text(f"filename,label\n0000.jpg,{label}\n0001.jpg,nominal\n")
        with Session.open(tmp_path / "session", pool_folder, table, config=swift) as session:
            assert session.labels() == {"0000.jpg": label, "0001.jpg": "nominal"}


def test_a_row_that_is_deleted_or_blanked_takes_its_label_along_but_nobody_elses(
    pool_folder: Path, swift: Config, tmp_path: Path
) -> None:
    table, other = tmp_path / "labels.csv", tmp_path / "other" / "labels.csv"
    other.parent.mkdir()
    other.write_text("filename,label\n0004.jpg,nominal\n")
    rows = [f"000{n}.jpg,anomaly" for n in range(4)]
    table.write_text("\n".join(["filename,label", *rows]))
    with Session.open(tmp_path / "session", pool_folder, table, config=swift) as session:
        session.label(["0003.jpg"], "anomaly")
    Session.open(tmp_path / "session", pool_folder, other).close()
    table.write_text("filename,label\n0000.jpg,anomaly\n0001.jpg,\n")
    with Session.open(tmp_path / "session", pool_folder, table) as session:
        assert session.labels() == {"0000.jpg": "anomaly", "0003.jpg": "anomaly", "0004.jpg": "nominal"}
        assert session.import_report.withdrawn == ("0001.jpg", "0002.jpg")
        assert "2 labels withdrawn, which an earlier version of this table gave" in session.status.message


def test_a_table_that_fits_no_image_withdraws_nothing_and_shows_both_sides(
    pool_folder: Path, swift: Config, tmp_path: Path
) -> None:
    table = tmp_path / "labels.csv"
    table.write_text("filename,label\n0000.jpg,anomaly\n")
    Session.open(tmp_path / "session", pool_folder, table, config=swift).close()
    table.write_text("filename,label\nNGC 1.jpg,anomaly\n")
    with Session.open(tmp_path / "session", pool_folder, table) as session:
        assert session.labels() == {"0000.jpg": "anomaly"}
        assert session.import_report.sentence() == (
            "Labels from labels.csv: the name fits no image (NGC 1.jpg); the images are named like 0000.jpg."
        )


def test_a_table_says_what_became_of_it_where_another_one_stands(
    pool_folder: Path, swift: Config, tmp_path: Path
) -> None:
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    first.write_text("filename,label\n0000.jpg,anomaly\n0001.jpg,anomaly\n")
    second.write_text("filename,label\n0000.jpg,nominal\n")
    for table in (first, second, first):
        with Session.open(tmp_path / "session", pool_folder, table, config=swift) as session:
            labels, report = session.labels(), session.import_report
    assert labels == {"0000.jpg": "nominal", "0001.jpg": "anomaly"}
    assert report.counts["anomaly"] == 1
    assert report.kept == ("0000.jpg",)


def test_what_classes_stand_for_is_asked_for_once_and_kept(
    pool_folder: Path, swift: Config, tmp_path: Path
) -> None:
    table, folder = tmp_path / "classes.csv", tmp_path / "session"
    table.write_text("filename,class\n0000.jpg,ring\n0030.jpg,spiral\n")
    with pytest.raises(InputError, match="Say once"):
        Session.open(folder, pool_folder, table, config=swift)
    assert not folder.exists()
    with Session.open(folder, pool_folder, table, config=swift, classes="ring=anomaly,*=nominal") as session:
        assert session.labels() == {"0000.jpg": "anomaly", "0030.jpg": "nominal"}
    table.write_text(table.read_text() + "0031.jpg,ring\n")
    with Session.open(folder, labels=table) as session:
        assert session.labels()["0031.jpg"] == "anomaly"
    # Said otherwise, it counts anew.
    with Session.open(folder, labels=table, classes="ring=unsure,*=nominal") as session:
        assert session.labels()["0031.jpg"] == "unsure"


def test_scores_of_a_session_of_anomalymatch_can_be_filtered(
    pool_folder: Path, swift: Config, tmp_path: Path
) -> None:
    peer = tmp_path / "peer"
    peer.mkdir()
    (peer / "labeled_data.csv").write_text(
        "filename,label,iteration\n0000.jpg,anomaly,0\n0030.jpg,normal,1\n"
    )
    with sqlite3.connect(peer / "predictions.db") as predictions:
        predictions.executescript(
            "CREATE TABLE results (id INTEGER PRIMARY KEY, filename TEXT, score INTEGER);"
            "CREATE TABLE run_metadata (key TEXT, value TEXT);"
            "INSERT INTO run_metadata VALUES ('schema_version', '4');"
            "INSERT INTO results VALUES (1, '0001.jpg', 1056964608), (2, '0002.jpg', 1065353216);"
        )
    predictions.close()
    with Session.open(tmp_path / "session", pool_folder, peer, config=swift) as session:
        assert session.labels() == {"0000.jpg": "anomaly", "0030.jpg": "nominal"}
        assert "2 scores of that search" in session.status.message
        found = session.find(Query(sort="name", columns={"anomalymatch_score": (0.75, None)}))
        assert [session.pool.ids[index] for index in found.order] == ["0002.jpg"]
