"""Columns of texts and numbers, searched as a whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from anomalymatch_ui.session.catalogue.column import Column, Texts, _parsed, with_text
from anomalymatch_ui.session.catalogue.column_cache import read_columns, write_columns

NUMBERS = st.one_of(
    st.integers(-(10**20), 10**20).map(str),
    st.floats().map(str),
    st.sampled_from(["", " ", "1.", ".5", "+1", "1e400", "1e5", "-0", "007", "1_0", "inf", "nan", "9" * 20]),
)


@given(st.lists(st.one_of(NUMBERS, st.text(max_size=3)), max_size=6))
def test_arrow_reads_numbers_as_python_does(texts: list[str]):
    quick, slow = Column.of_texts("x", texts).numbers, _parsed([text.strip() for text in texts])
    assert (quick is None) == (slow is None)
    if quick is not None and slow is not None:
        np.testing.assert_array_equal(quick, slow)


@given(st.lists(st.text(), min_size=1, max_size=5), st.text(max_size=2))
def test_texts_are_searched_as_python_searches(texts: list[str], wanted: str):
    held = Texts.of(texts)
    assert list(held) == texts
    expected = [wanted.casefold() in text.casefold() for text in texts]
    assert with_text(held, wanted).tolist() == expected


def test_columns_come_back_from_disk_one_by_one(tmp_path: Path):
    rows = 70_000  # more than one group
    columns = {
        "n.b": Column.of_texts("n.b", [str(n / 2) if n % 3 else "" for n in range(rows)]),
        "name": Column.of_texts("name", [f"Ä{n}" for n in range(rows)]),
    }
    write_columns(tmp_path / "c.parquet", columns, "a")
    assert read_columns(tmp_path / "c.parquet", "b", rows) is None
    assert read_columns(tmp_path / "c.parquet", "a", rows - 1) is None
    kept = read_columns(tmp_path / "c.parquet", "a", rows)
    assert kept is not None
    assert kept["name"].text_at(69_999) == "Ä69999"
    assert (kept["n.b"].is_number, kept["name"].is_number) == (True, False)
    np.testing.assert_array_equal(kept["n.b"].numbers, columns["n.b"].numbers)
    assert kept["name"].texts == columns["name"].texts
    assert kept["name"].numbers is None


def test_a_name_that_is_not_utf_8_is_searched_too(tmp_path: Path):
    column = Column.of_texts("x", ["a\udcff", "B"])
    assert with_text(column.texts, "b").tolist() == [False, True]
    write_columns(tmp_path / "c.parquet", {"x": column}, "a")
    assert not (tmp_path / "c.parquet").exists()
