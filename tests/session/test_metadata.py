from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from anomalymatch_ui.config import Config
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.session import Query, Session
from anomalymatch_ui.session.catalogue.column import Column
from anomalymatch_ui.session.catalogue.metadata_table import read_metadata


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_names_and_columns_are_read_as_the_text_they_are(tmp_path: Path, separator: str) -> None:
    rows = [[" Filename", "mag", "note"], ["0001", "17.0", "NA"], ["b.jpg", "", "x y"]]
    table = read_metadata(write(tmp_path / "t.csv", "\n".join(separator.join(row) for row in rows)))
    assert table.names == ("0001", "b.jpg")
    assert table.columns == {"mag": ("17.0", ""), "note": ("NA", "x y")}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("mag,z\n1,2\n", "needs a column filename or id, or ra and dec in degrees, but has: mag, z"),
        ("", "empty, or is not text"),
        (b"\x89PNG\0\0", "empty, or is not text"),
        ("id,mag\na.jpg,1\nb.jpg,1,2,3\n", "cannot be read as a table"),
        ("id,mag\na.jpg,1,2\n", "cannot be read as a table"),
        ('id,mag\n"a.jpg,1\n', "cannot be read as a table"),
        (None, "There is no table of metadata"),
    ],
)
def test_a_table_that_cannot_be_used_is_a_sentence(tmp_path: Path, content, sentence: str) -> None:
    path = tmp_path / "t.csv"
    if content is not None:
        write(path, content)
    with pytest.raises(InputError, match=sentence):
        read_metadata(path)


def test_a_written_index_and_labels_are_no_columns(tmp_path: Path) -> None:
    table = read_metadata(write(tmp_path / "t.csv", ",id,label,mag\n0,a.jpg,anomaly,3\n"))
    assert list(table.columns) == ["mag"]


def test_names_that_are_not_utf_8_are_kept(tmp_path: Path) -> None:
    table = read_metadata(write(tmp_path / "t.csv", b"\xef\xbb\xbfid,mag\ncaf\xe9.jpg,1\n"))
    assert table.names == ("caf\udce9.jpg",)


def test_a_column_is_numbers_only_if_all_of_it_is() -> None:
    numbers = Column.of_texts("z", ["1e3", " -2 ", "", "nan"]).numbers
    assert numbers is not None
    np.testing.assert_array_equal(numbers, [1000, -2, np.nan, np.nan])
    assert Column.of_texts("z", ["1", "two"]).numbers is None
    assert Column.of_texts("night", ["2024_01", "2024_02"]).numbers is None
    assert Column.of_texts("empty", ["", " "]).numbers is None


def test_columns_of_imported_labels_and_of_the_table_are_both_there(
    pool_folder: Path, tmp_path: Path
) -> None:
    labels = write(tmp_path / "labels.csv", "filename,label,ra\n0001.jpg,nominal,10.5\n0002.jpg,,11\n")
    table = write(tmp_path / "survey.csv", "id,mag\nelsewhere/0003.jpg,20\nnobody.jpg,1\n")
    with Session.open(tmp_path / "s", pool_folder, labels, metadata=table) as session:
        assert session.status.message == "Metadata from survey.csv: 1 of 60 images; 1 name fits none."
        assert list(session.finding.metadata.columns()) == ["ra", "mag"]
        found = session.find(Query(columns={"ra": (10, 11)}))
        assert [session.pool.ids[row] for row in found.order] == ["0001.jpg", "0002.jpg"]
    table.unlink()
    with Session.open(tmp_path / "s") as again:
        assert [again.pool.ids[row] for row in again.find(Query(columns={"mag": (20, None)})).order] == [
            "0003.jpg"
        ]


def test_a_table_that_fits_no_image_is_refused_and_nothing_is_kept(pool_folder: Path, tmp_path: Path) -> None:
    table = write(tmp_path / "survey.csv", "id,mag\nnobody.jpg,1\n")
    with pytest.raises(InputError, match=r"No row of .*survey\.csv fits an image"):
        Session.open(tmp_path / "s", pool_folder, metadata=table)
    assert not (tmp_path / "s" / "metadata.csv").exists()
    assert not (tmp_path / "s" / "session.lock").exists()


def test_a_table_that_is_refused_leaves_nothing_at_work(
    pool_folder: Path, swift: Config, tmp_path: Path
) -> None:
    labels = write(tmp_path / "labels.csv", "filename,label\n0000.jpg,anomaly\n0020.jpg,nominal\n")
    table = write(tmp_path / "t.csv", "name,mag\n0000.jpg,1\n")
    config = swift.with_values(train={"every": 2})
    before = set(threading.enumerate())
    with pytest.raises(InputError, match="filename"):
        Session.open(tmp_path / "s", pool_folder, labels, config=config, metadata=table)
    assert set(threading.enumerate()) <= before
    with Session.open(tmp_path / "s", pool_folder, labels, config=config) as session:
        assert session.status.counts.labelled == 2
