"""A table of labels, taken into a session when it is opened."""

from __future__ import annotations

import os
from pathlib import Path

from anomalymatch_ui.config import Config
from anomalymatch_ui.session import Session


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
