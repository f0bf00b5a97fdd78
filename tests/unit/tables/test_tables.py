"""What is exported is read back with the same values, by the libraries and tools that astronomers use."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest
from astropy.io import fits
from astropy.table import Table
from hypothesis import given, settings
from hypothesis import strategies as st

from anomalymatch_ui.errors import InputError, StorageError
from anomalymatch_ui.tables import FORMATS, Column, ResultTable, format_of, plain, typed, write_table
from anomalymatch_ui.tables.formats import SUFFIXES

SUFFIX = {"csv": ".csv", "ecsv": ".ecsv", "votable": ".vot", "fits": ".fits", "parquet": ".parquet"}

KINDS: dict[str, pa.Array] = {
    "source_id": pa.array([2739161834506210321, 2739161834506210322, -(2**63) + 1], pa.int64()),
    "some_id": pa.array([2739161834506210321, None, 999999], pa.int64()),
    "unsigned": pa.array([2**64 - 1, 0, 1], pa.uint64()),
    "few_unsigned": pa.array([2**63 - 1, None, 1], pa.uint64()),
    "u16": pa.array([65535, None, 1], pa.uint16()),
    "u32": pa.array([2**32 - 1, 2, 3], pa.uint32()),
    "flag": pa.array([-1, 0, 1], pa.int8()),
    "byte": pa.array([255, 0, None], pa.uint8()),
    "good": pa.array([True, False, True]),
    "known": pa.array([True, None, False]),
    "magnitude": pa.array([21.25, None, float("inf")], pa.float64()),
    "small": pa.array([0.1, float("nan"), -float("inf")], pa.float32()),
    "half": pa.array(np.array([0.5, 1, 2], np.float16)),
    "name": pa.array(["NA", "", 'Mrk 1 — naïve, “x” <a> & "b"']),
    "note": pa.array([None, "nan", "=1+1"]),
    "2nd column": pa.array(["007", "+5", "1_000"]),
}
FLOATS = {"magnitude", "small", "half"}


@pytest.fixture
def kinds() -> ResultTable:
    columns = tuple(Column(name, values) for name, values in KINDS.items())
    provenance = {"software": "anomalymatch-ui 0.1", "settings": '{"seed": 42, "é": "x"}' + " long" * 40}
    return ResultTable(columns, provenance)


def written(table: ResultTable, folder: Path, form: str) -> Path:
    path = folder / f"table{SUFFIX[form]}"
    write_table(path, table, form)  # type: ignore[arg-type]
    return path


def expected(name: str) -> list[Any]:
    """What a reader shall find, ``None`` where nothing is; of floats NaN is nothing."""
    values = KINDS[name].to_pylist()
    return [None if value is None or value != value else value for value in values]


def found(column: Any) -> list[Any]:
    """The values of a column of astropy, as Python has them."""
    mask = np.asarray(getattr(column, "mask", np.zeros(len(column), bool)))
    values = [None if hidden else value for value, hidden in zip(column.tolist(), mask, strict=True)]
    values = [value.decode() if isinstance(value, bytes) else value for value in values]
    return [None if isinstance(value, float) and value != value else value for value in values]


def check_numbers(name: str, values: list[Any]) -> None:
    wanted = expected(name)
    if name in FLOATS:
        single = [None if value is None else np.float32(value) for value in values]
        assert single == [None if value is None else np.float32(value) for value in wanted]
    elif name == "unsigned":  # no format but Parquet and CSV has them: all digits as text
        assert [int(value) for value in values] == wanted
    else:
        assert values == wanted


@pytest.mark.parametrize("name", [name for name in KINDS if name not in ("name", "note", "2nd column")])
@pytest.mark.parametrize("form", ["ecsv", "votable", "fits"])
def test_astropy_reads_back_the_same_numbers(kinds: ResultTable, tmp_path: Path, form: str, name: str):
    path = written(kinds, tmp_path, form)
    table = Table.read(path, format=None if form != "ecsv" else "ascii.ecsv")
    values = found(table[name])
    if name == "known" and form == "fits":  # FITS as astropy writes it has no missing boolean
        values = [None if value is None else bool(value) for value in values]
    check_numbers(name, values)


@pytest.mark.parametrize("form", ["ecsv", "votable", "fits"])
def test_astropy_reads_back_the_same_texts(kinds: ResultTable, tmp_path: Path, form: str):
    path = written(kinds, tmp_path, form)
    table = Table.read(path, format=None if form != "ecsv" else "ascii.ecsv")
    for name in ("name", "note", "2nd column"):
        column = next(table[known] for known in table.colnames if known.strip("_").endswith(name.split()[-1]))
        assert [value or "" for value in found(column)] == [value or "" for value in expected(name)]


def test_pandas_reads_back_the_same_from_csv(kinds: ResultTable, tmp_path: Path):
    frame = pd.read_csv(written(kinds, tmp_path, "csv"), dtype=str, keep_default_na=False)
    assert list(frame) == list(KINDS)
    for name in KINDS:
        values = [value or None for value in frame[name]]
        if name in FLOATS:
            check_numbers(name, [None if value is None else float(value) for value in values])
        else:
            spelled = {True: "true", False: "false"}
            wanted = [
                spelled[v] if isinstance(v, bool) else v if v is None else str(v) for v in expected(name)
            ]
            assert values == [value or None for value in wanted]


def test_arrow_reads_back_the_same_types_and_values(kinds: ResultTable, tmp_path: Path):
    table = pyarrow.parquet.read_table(written(kinds, tmp_path, "parquet"))
    assert [field.type for field in table.schema] == [values.type for values in KINDS.values()]
    for name in KINDS:
        assert table[name].to_pylist() == expected(name)
    assert table.schema.metadata[b"software"] == b"anomalymatch-ui 0.1"


@pytest.mark.skipif(shutil.which("stilts") is None, reason="STILTS is not installed")
@pytest.mark.parametrize("form", ["votable", "fits"])
def test_stilts_reads_back_the_same_values(kinds: ResultTable, tmp_path: Path, form: str):
    path = written(kinds, tmp_path, form)
    if form == "votable":
        lint = subprocess.run(["stilts", "votlint", path], capture_output=True, text=True, check=True)
        assert lint.stdout == ""
    out = tmp_path / "again.csv"
    subprocess.run(
        ["stilts", "tcopy", f"in={path}", f"out={out}", "ofmt=csv"], check=True, capture_output=True
    )
    frame = pd.read_csv(out, dtype=str, keep_default_na=False)
    for name in (
        "source_id",
        "some_id",
        "unsigned",
        "few_unsigned",
        "u16",
        "u32",
        "flag",
        "byte",
        "name",
        "note",
    ):
        wanted = ["" if value is None else str(value) for value in expected(name)]
        read = frame[name].tolist()
        if form == "fits":  # whose texts are ASCII by its standard: STILTS reads no others
            read, wanted = ([text for text in texts if text.isascii()] for texts in (read, wanted))
        assert read == wanted, name
    assert frame["good"].tolist() == ["true", "false", "true"]
    assert frame["magnitude"].tolist() == ["21.25", "", "Infinity"]


@pytest.mark.parametrize("form", FORMATS)
def test_units_ucds_and_provenance_are_in_the_file(form: str, tmp_path: Path):
    position = Column("ra", pa.array([150.1]), "deg", "pos.eq.ra;meta.main", "Right ascension (ICRS)")
    path = written(ResultTable((position,), {"order": "cycle 3"}), tmp_path, form)
    if form == "csv":  # has no place for any of it
        return
    content = path.read_bytes()
    if form == "parquet":
        schema = pyarrow.parquet.read_schema(path)
        content = repr((schema.field("ra").metadata, schema.metadata)).encode()
    for text in (b"deg", b"pos.eq.ra;meta.main", b"Right ascension (ICRS)", b"order", b"cycle 3"):
        assert text in content
    if form in ("ecsv", "votable", "fits"):
        assert str(Table.read(path, format="ascii.ecsv" if form == "ecsv" else None)["ra"].unit) == "deg"


@pytest.mark.parametrize("form", FORMATS)
def test_a_table_without_rows_is_one(form: str, tmp_path: Path):
    empty = ResultTable(tuple(Column(name, values.slice(0, 0)) for name, values in KINDS.items()))
    assert written(empty, tmp_path, form).stat().st_size > 0


@pytest.mark.parametrize("form", FORMATS)
def test_what_fails_leaves_the_former_file(form: str, full_disk: Path):
    path = full_disk / f"table{SUFFIX[form]}"
    path.write_text("the former one")
    many = ResultTable((Column("n", pa.array(np.random.default_rng(0).normal(size=300_000))),))
    with pytest.raises(StorageError, match="Cannot write"):
        write_table(path, many, form)  # type: ignore[arg-type]
    assert path.read_text() == "the former one"
    assert list(full_disk.iterdir()) == [path]


@settings(max_examples=60)
@given(
    numbers=st.lists(st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)), min_size=1, max_size=8),
    form=st.sampled_from(["ecsv", "votable", "fits"]),
)
def test_whole_numbers_survive_whatever_is_missing(
    tmp_path_factory: pytest.TempPathFactory, numbers: list[int | None], form: str
):
    folder = tmp_path_factory.mktemp("numbers")
    path = written(ResultTable((Column("n", pa.array(numbers, pa.int64())),)), folder, form)
    assert found(Table.read(path, format="ascii.ecsv" if form == "ecsv" else None)["n"]) == numbers


def test_columns_whose_names_are_taken_are_renamed_and_it_is_said():
    table = ResultTable((Column("label", pa.array(["anomaly"])),))
    joined = table.joined(
        [Column("Label", pa.array([1])), Column("label", pa.array([2])), Column(" ", pa.array([3]))]
    )
    assert joined.names == ("label", "Label_given", "label_given_2", "column")
    assert joined.remarks[0] == "The column 'Label' of the images is written as 'Label_given'."


@pytest.mark.parametrize(
    ("texts", "kind"),
    [
        (["2739161834506210321", ""], pa.int64()),
        (["18446744073709551615", "1"], pa.uint64()),
        (["18446744073709551616", "1"], pa.string()),
        (["007", "8"], pa.string()),
        (["1.5", "2", "nan"], pa.float64()),
        (["01.5", "2"], pa.string()),
        (["1_000", "2"], pa.string()),
        (["", ""], pa.string()),
        (["+5", "x"], pa.string()),
        (["1234567890123456789", "0.5"], pa.string()),
        (["0.12345678901234567", "0.5"], pa.float64()),
        (["1e999", "1"], pa.string()),
        (["inf", "1.5"], pa.float64()),
        (["-0", "1"], pa.float64()),
    ],
)
def test_texts_are_numbers_where_no_digit_is_lost(texts: list[str], kind: pa.DataType):
    assert typed(texts).type == kind


def test_what_no_cell_can_hold_is_left_out_and_the_rest_becomes_text():
    assert plain(pa.array([[1.0], [2.0]])) is None
    assert plain(pa.array([b"\xff\xfe"])) is None
    assert plain(pa.array([b"ok"])).to_pylist() == ["ok"]
    assert plain(pa.array(["a", "b", "a"]).dictionary_encode()).to_pylist() == ["a", "b", "a"]
    assert plain(pa.array(["bell\x07", None])).to_pylist() == ["bell\ufffd", None]
    assert plain(pa.chunked_array([], pa.int64())).to_pylist() == []


def test_the_format_is_the_one_asked_for_or_the_one_of_the_name():
    for suffix, form in SUFFIXES.items():
        assert format_of(Path(f"finds{suffix.upper()}")) == form
    assert format_of(Path("finds.dat"), "fits") == "fits"
    with pytest.raises(InputError, match="does not say in which format"):
        format_of(Path("finds.dat"))
    with pytest.raises(InputError, match="There is no format 'xlsx'"):
        format_of(Path("finds.fits"), "xlsx")


def test_fits_has_every_column_whatever_its_name_and_unit(tmp_path: Path):
    names = ["a" * 80, "a" * 81, "é", "\\xe9", "\u00c9toile" * 12, "with\ta tab"]
    columns = tuple(Column(name, pa.array([n]), "foo µJy") for n, name in enumerate(names))
    path = written(ResultTable(columns, {"images": "in a\tb"}), tmp_path, "fits")
    with fits.open(path) as opened:
        assert [opened[1].data.field(n)[0] for n in range(len(names))] == list(range(len(names)))
        assert opened[1].columns.names[:2] == ["a" * 60, "a" * 60 + "_2"]


def test_more_columns_than_fits_can_number_are_refused(tmp_path: Path):
    many = ResultTable(tuple(Column(f"c{n}", pa.array([n])) for n in range(1000)))
    with pytest.raises(InputError, match="at most 999 columns, and this one has 1,000"):
        written(many, tmp_path, "fits")
    assert list(tmp_path.iterdir()) == []


def test_a_text_that_is_no_utf_8_is_marked_where_it_is_not() -> None:
    offsets = pa.py_buffer(np.array([0, 3, 5], np.int32))
    texts = pa.Array.from_buffers(pa.string(), 2, [None, offsets, pa.py_buffer(b"ab\xe1cd")])
    assert plain(texts).to_pylist() == ["ab\ufffd", "cd"]
