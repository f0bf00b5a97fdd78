from __future__ import annotations

import os
import re
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from anomalymatch_ui.errors import StorageError
from anomalymatch_ui.score import RowTable, open_embeddings, write_table
from anomalymatch_ui.score.table_on_disk import TableOnDisk

ROWS, COLUMNS = 300, 10
VALUES = np.random.default_rng(0).normal(0, 1, (ROWS, COLUMNS)).astype(np.float16)

pytestmark = pytest.mark.skipif(not hasattr(os, "preadv"), reason="here such a table is a map as any other")


@pytest.fixture(params=["packed", "records"])
def table(request: pytest.FixtureRequest, tmp_path: Path) -> np.ndarray:
    if request.param == "packed":
        write_table(tmp_path / "table.npy", [VALUES[:100], VALUES[100:]], images=ROWS, columns=COLUMNS)
        return open_embeddings(tmp_path / "table.npy")
    with RowTable(tmp_path / "table.rows", ROWS, COLUMNS) as rows:
        rows.write(np.arange(ROWS), VALUES)
        return rows.values


@pytest.mark.parametrize(
    "key",
    [
        slice(None),
        slice(20, 40),
        slice(-5, None),
        slice(40, 20),
        slice(None, None, 7),
        slice(None, None, -1),
        np.array([3, 4, 5, 299, 0, -1]),
        np.array([], np.int64),
        np.arange(ROWS) % 3 == 0,
        (slice(None), 0),
        (slice(5, 50), slice(2, 4)),
        (np.array([8, 2]), 3),
        (slice(None), slice(2, 5)),
        (slice(None), np.array([5, 1])),
        (np.array([8, 2]), np.array([5, 1])),
        (np.array([8, 2]), [5, 1]),
        (slice(None), None),
        17,
        (17, 4),
        [1, 2],
        ...,
    ],
    ids=str,
)
def test_it_is_indexed_as_any_table_is(table: np.ndarray, key: object) -> None:
    assert isinstance(table, TableOnDisk)
    np.testing.assert_array_equal(table[key], VALUES[key])  # type: ignore[call-overload]


def test_columns_of_it_are_a_table_on_disk(table: np.ndarray) -> None:
    part = table[:, 2:5]
    for key in (slice(10, 20), np.array([7, 1]), slice(None)):
        np.testing.assert_array_equal(part[key], VALUES[:, 2:5][key])
    np.testing.assert_array_equal(part[:, 1:][4:6], VALUES[4:6, 3:5])


def test_what_is_read_of_it_is_a_copy_and_no_map(table: np.ndarray) -> None:
    for read in (table[:], table[np.array([1])], table[:, 0]):
        assert type(read) is np.ndarray


def test_a_row_that_is_not_there_is_refused(table: np.ndarray) -> None:
    for rows in ([0, ROWS], [-ROWS - 1]):
        with pytest.raises(IndexError):
            table[np.array(rows)]


def test_a_file_that_was_cut_off_is_named_instead_of_ending_the_process(tmp_path: Path) -> None:
    path = tmp_path / "table.npy"
    write_table(path, [VALUES], images=ROWS, columns=COLUMNS)
    table = open_embeddings(path)
    os.truncate(path, 1000)
    with pytest.raises(StorageError, match=r"table\.npy was cut off while it was read"):
        table[:]


AT_EXIT = """
import atexit
import sys
from pathlib import Path
atexit.register(lambda: print(table[:].shape, table[10:20].shape))
from anomalymatch_ui.score import open_embeddings
table = open_embeddings(Path(sys.argv[1]))
"""


def test_it_can_be_read_where_the_program_ends(tmp_path: Path) -> None:
    path = tmp_path / "table.npy"
    write_table(path, [VALUES], images=ROWS, columns=COLUMNS)
    script = [sys.executable, "-c", AT_EXIT, str(path)]
    ended = subprocess.run(script, capture_output=True, text=True, check=False)
    assert ended.stdout == "(300, 10) (10, 10)\n", ended.stderr


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="asks Linux what is resident")
def test_a_pass_over_it_leaves_none_of_its_pages_in_memory(tmp_path: Path) -> None:
    path, columns = tmp_path / "table.npy", 512
    block = np.zeros((4096, columns), np.float16)
    write_table(path, [block] * 16, images=16 * 4096, columns=columns)  # 67 MB
    table = open_embeddings(path)
    before = _mapped_mb()
    for start in range(0, len(table), 512):
        table[start : start + 512].sum(dtype=np.float32)
    table[np.random.default_rng(0).integers(0, len(table), 1000)]
    assert _mapped_mb() - before < 20
    tracemalloc.start()
    assert np.isnan(table[:, 0]).sum() == 0
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20 << 20


def _mapped_mb() -> float:
    found = re.search(r"RssFile:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) / 1024
