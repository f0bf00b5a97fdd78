from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomalymatch_ui.errors import StorageError
from anomalymatch_ui.score import RowTable

COLUMNS = 6


def features(rows: np.ndarray) -> np.ndarray:
    return (rows[:, None] + np.arange(COLUMNS) / 8).astype(np.float16)


@given(st.lists(st.sets(st.integers(0, 19), min_size=1), max_size=4))
def test_rows_written_in_any_order_are_there_when_the_table_is_opened_again(
    tmp_path_factory: pytest.TempPathFactory, writes: list[set[int]]
) -> None:
    path = tmp_path_factory.mktemp("table") / "features.rows"
    for rows in (np.array(sorted(write), np.int64) for write in writes):
        with RowTable(path, 20, COLUMNS) as table:
            table.write(rows, features(rows))
    with RowTable(path, 20, COLUMNS) as table:
        expected = sorted({row for write in writes for row in write})
        assert np.flatnonzero(table.written).tolist() == expected
        np.testing.assert_array_equal(table.values[expected], features(np.array(expected, np.int64)))


def test_an_image_that_cannot_be_read_counts_as_written(tmp_path: Path) -> None:
    path = tmp_path / "features.rows"
    with RowTable(path, 3, COLUMNS) as table:
        table.write(np.array([1]), np.full((1, COLUMNS), np.nan, np.float16))
    with RowTable(path, 3, COLUMNS) as table:
        assert table.written.tolist() == [False, True, False]
        assert np.isnan(table.values[1]).all()


@pytest.mark.parametrize("damage", ["a bit", "the end", "another place"])
def test_a_damaged_row_is_missing_and_the_others_are_not(tmp_path: Path, damage: str) -> None:
    path, rows = tmp_path / "features.rows", np.arange(8)
    with RowTable(path, 8, COLUMNS) as table:
        table.write(rows, features(rows))
    content = bytearray(path.read_bytes())
    record = 4 + 2 * COLUMNS
    if damage == "a bit":
        content[-1] ^= 1
    elif damage == "the end":
        del content[-record // 2 :]
    else:
        content[-record:] = content[-2 * record : -record]
    path.write_bytes(content)
    with RowTable(path, 8, COLUMNS) as table:
        assert np.flatnonzero(~table.written).tolist() == [7]


def test_a_table_that_was_begun_for_another_shape_is_begun_anew(tmp_path: Path) -> None:
    path, rows = tmp_path / "features.rows", np.arange(8)
    with RowTable(path, 8, COLUMNS) as table:
        table.write(rows, features(rows))
    with RowTable(path, 9, COLUMNS) as table:
        assert not table.written.any()
    path.write_bytes(b"not a table")
    with RowTable(path, 9, COLUMNS) as table:
        assert not table.written.any()


def test_a_full_disk_is_a_sentence_and_what_was_written_stays(full_disk: Path) -> None:
    path, columns = full_disk / "features.rows", 1280

    def fill(table: RowTable) -> None:
        for row in range(540):
            table.write(np.array([row]), np.ones((1, columns), np.float16))

    with RowTable(path, 540, columns) as table, pytest.raises(StorageError, match="Free some space"):
        fill(table)
    with RowTable(path, 540, columns) as table:
        assert 0 < table.written.sum() < 540
        assert table.written[: table.written.sum()].all()
