"""Tables of positions: whatever is written, it is read as it was meant, or said in a sentence."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from astropy import units
from astropy.coordinates import Angle
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.pool.catalogue_rows import (
    find_ids,
    find_positions,
    find_sizes,
    is_wanted_as_text,
    parse_size,
)
from anomalymatch_ui.pool.catalogue_table import Table, read_table
from anomalymatch_ui.pool.tile_names import find_tiles

in_one_folder = settings(
    max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)

paths = st.lists(
    st.text(
        st.characters(codec="utf-8", exclude_characters="\0\r\n;", exclude_categories=["C", "Z"]), min_size=1
    )
    .map(lambda name: f"{name}.fits")
    .filter(lambda name: name == name.strip()),
    min_size=1,
    max_size=4,
)


def table(**columns: object) -> Table:
    return Table({name: pa.chunked_array([pa.array(values)]) for name, values in columns.items()})


@example(rows=[("a", 1.0000495910649105, 0.0, ["0.fits"])], separator=",")  # pandas 2 loses its last bit
@given(
    rows=st.lists(
        st.tuples(
            st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1).map(str.strip),
            st.floats(0, 359.999),
            st.floats(-90, 90),
            paths,
        ),
        min_size=1,
        max_size=8,
    ),
    separator=st.sampled_from([",", ";", "\t"]),
)
@in_one_folder
def test_what_is_written_as_csv_is_read(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, float, float, list[str]]], separator: str
) -> None:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator)
    writer.writerow(["SourceID", "RA", "Dec", "fits_file_paths"])
    writer.writerows([(name, repr(ra), repr(dec), str(files)) for name, ra, dec, files in rows])
    path = tmp_path_factory.mktemp("tables") / "catalogue.csv"
    path.write_text(text.getvalue(), encoding="utf-8", newline="")
    read = read_table(path, is_wanted_as_text)
    _, ra, dec, failed = find_positions(read, "it")
    assert not failed
    assert ra.tolist() == [row[1] for row in rows]
    assert dec.tolist() == [row[2] for row in rows]
    named = find_tiles(read)
    assert named is not None
    assert [list(named.names[code]) for code in named.code] == [row[3] for row in rows]
    _, ids, repeated = find_ids(read, "SourceID", "it")
    assert [name for name, row in zip(ids, rows, strict=True) if row[0]] == [row[0] for row in rows if row[0]]
    assert len(repeated) == len(ids) - len(set(ids))


@given(
    content=st.binary(max_size=400) | st.text("ra,dec\n#\"'01.:; ", max_size=200).map(str.encode),
    suffix=st.sampled_from(["csv", "parquet", "fits", "vot", "ecsv"]),
)
@example(content=b"# %ECSV 1.0\n", suffix="ecsv")
@example(content=b"ra,dec\n1,2,3\n", suffix="csv")
@in_one_folder
def test_whatever_bytes_a_file_has_it_is_a_table_or_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, suffix: str
) -> None:
    path = tmp_path_factory.mktemp("tables") / f"catalogue.{suffix}"
    path.write_bytes(content)
    told = None
    try:
        read = read_table(path, is_wanted_as_text)
    except InputError as error:
        told = str(error)
    if told is None:
        assert all(len(column) == read.rows for column in read.columns.values())
    else:
        assert str(path) in told
        assert "\n" not in told


@given(ra=st.floats(0, 359.99), dec=st.floats(-89.99, 89.99))
@settings(deadline=None, max_examples=60)
@example(ra=0.0, dec=-0.001)
def test_sexagesimal_positions_are_those_of_astropy(ra: float, dec: float) -> None:
    for separator in (":", "fromunit", " "):
        written = (
            Angle(ra, units.deg).to_string("hour", sep=separator, precision=7),
            Angle(dec, units.deg).to_string("deg", sep=separator, precision=6, alwayssign=True),
        )
        _, found_ra, found_dec, failed = find_positions(table(ra=[written[0]], dec=[written[1]]), "it")
        assert not failed
        assert found_dec[0] == pytest.approx(dec, abs=1e-9)
        assert (found_ra[0] - ra + 180) % 360 - 180 == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("text", ["12:61:00", "12h", "north", "1:2", "12:30:99", "--3", ""])
def test_positions_that_cannot_be_read_are_told_by_row(text: str) -> None:
    _, ra, _, failed = find_positions(table(ra=["10.5", text], dec=["-3", "4"]), "it")
    assert list(failed) == [1]
    assert ra[0] == 10.5
    assert ("no position" in failed[1]) is (text == "")


def test_hours_are_hours_where_name_or_unit_says_so() -> None:
    for columns, named in (
        (table(ra_hours=[10.0], dec=[1.0]), "ra_hours"),
        (Table(table(RA=[10.0], Dec=[1.0]).columns, {"RA": "hourangle"}), "RA"),
        (Table(table(RA=[10.0], Dec=[1.0]).columns, {"RA": "h"}), "RA"),
    ):
        (name, _), ra, _, _ = find_positions(columns, "it")
        assert name == named
        assert ra[0] == pytest.approx(150)
    assert find_positions(table(ra=[10.0], dec=[1.0]), "it")[1][0] == 10


@pytest.mark.parametrize(
    ("name", "unit", "expected", "angular"),
    [
        ("diameter_pixel", "", 12, False),
        ("diameter_arcsec", "", 12, True),
        ("size_arcmin", "", 720, True),
        ("size", "", 12, False),
        ("size", "pix", 12, False),
        ("size", "arcmin", 720, True),
        ("Diameter", "deg", 43200, True),
    ],
)
def test_sizes_follow_their_unit(name: str, unit: str, expected: float, angular: bool) -> None:
    size = find_sizes(Table(table(**{name: [12, None]}).columns, {name: unit} if unit else {}), None, "it")
    assert size.values[0] == pytest.approx(expected)
    assert np.isnan(size.values[1])
    assert size.angular is angular


def test_a_size_of_all_is_read() -> None:
    assert parse_size("64px") == (64, False)
    assert parse_size("1.5arcmin") == (90, True)
    assert parse_size('8"') == (8, True)


@pytest.mark.parametrize(
    "head",
    [
        "# a comment\n\nid,ra,dec\n",
        "# id,ra,dec\n",
        "#id,ra,dec\n",
        "\ufeffid,ra,dec\n",
        "# made by us\n# id,ra,dec\n",
    ],
)
def test_the_line_of_names_is_found(tmp_path: Path, head: str) -> None:
    (tmp_path / "catalogue.csv").write_text(head + "0012,1.5,2\n0013,1.25,2\n", encoding="utf-8")
    read = read_table(tmp_path / "catalogue.csv", is_wanted_as_text)
    assert list(read.columns) == ["id", "ra", "dec"]
    assert find_ids(read, None, "it")[1] == ["0012", "0013"]
    assert find_positions(read, "it")[1].tolist() == [1.5, 1.25]


def test_lines_of_another_length_are_passed_over_and_told(tmp_path: Path) -> None:
    (tmp_path / "catalogue.csv").write_text("id,ra,dec\na,1,2\nb,1,2,3\nc,1\nd,1,2\n")
    read = read_table(tmp_path / "catalogue.csv", is_wanted_as_text)
    assert read.columns["id"].to_pylist() == ["a", "d"]
    assert list(read.skipped) == ["2 of the table's rows"]
    assert "row" in read.skipped["2 of the table's rows"]


def test_names_that_repeat_are_told_and_those_of_few_rows_are_no_names() -> None:
    name, ids, repeated = find_ids(table(id=["a", "b", "a", None], ra=[1, 2, 3, 4]), None, "it")
    assert (name, ids) == ("id", ["a", "b", "a", "row 3"])
    assert repeated == {2: "its id a is that of row 0"}
    assert find_ids(table(id=["a", "a", "a", "b"], number=[4, 5, 6, 7]), None, "it")[:2] == (
        "number",
        ["4", "5", "6", "7"],
    )
    assert find_ids(table(id=["a", "a", "a", "b"]), None, "it")[0] is None
    with pytest.raises(InputError, match="no column 'x'"):
        find_ids(table(id=["a"]), "x", "it")


def test_paths_in_every_way_of_writing_them() -> None:
    written = [
        "['a.fits', 'b.fits']",
        '["a.fits", "b.fits"]',
        "a.fits;b.fits",
        "(a.fits, b.fits)",
        "",
        "[]",
        None,
    ]
    named = find_tiles(table(fits_file_paths=written))
    assert named is not None
    assert [named.names[code] if code >= 0 else None for code in named.code] == [("a.fits", "b.fits")] * 4 + [
        None
    ] * 3
    lists = find_tiles(table(fits_file_paths=[["a.fits", "b.fits"], None, ["c.fits.fz"]]))
    assert lists is not None
    assert lists.code.tolist()[1] == -1
    assert lists.names[lists.code[2]] == ("c.fits.fz",)
    assert find_tiles(table(path=["a.png"])) is None
    keywords = table(fits_file_paths=["['a.fits', 'b.fits']"], fits_file_keywords=["['VIS', 'NIR-H']"])
    assert find_tiles(keywords).bands == (("VIS", "NIR-H"),)  # type: ignore[union-attr]
