from __future__ import annotations

import subprocess
import sys
import threading

import numpy as np
import pytest

from anomalymatch_ui.rank import LinearHead
from anomalymatch_ui.rank.blas import one_blas_thread
from anomalymatch_ui.rank.rows import of_each_row, widen

EVERY_HALF = np.arange(1 << 16, dtype=np.uint16).view(np.float16).reshape(-1, 64)


def test_every_number_that_a_half_can_hold_is_widened_as_numpy_does_it() -> None:
    wide = np.empty(EVERY_HALF.shape, np.float32)
    widen(EVERY_HALF, wide)
    np.testing.assert_array_equal(wide, EVERY_HALF.astype(np.float32))
    np.testing.assert_array_equal(np.signbit(wide), np.signbit(EVERY_HALF))


@pytest.mark.parametrize("rows", [1, 3, 255, 319, 70_001])
@pytest.mark.parametrize("columns", [1, 40, 512])
def test_margins_are_those_of_the_widened_table_to_the_last_bit(rows: int, columns: int) -> None:
    random = np.random.default_rng(rows)
    table = random.normal(0, columns**-0.5, (rows, columns)).astype(np.float16)
    table[::7, 0] = 3e-6  # smaller than what a half holds with all its digits
    table[rows // 2] = np.nan
    head = LinearHead(random.normal(0, 1, columns).astype(np.float32), 0.5)
    whole = table.astype(np.float32)
    with one_blas_thread():  # two threads share the rows in parts of any number
        expected = whole @ head.weights + np.float32(0.5)
    known = np.arange(rows) != rows // 2
    found = head.margins(table)
    assert found.dtype == np.float32
    assert np.isnan(found[~known]).all()
    # Matrices of any size are summed alike, but for their last rows, where they are no multiple of four.
    whole_blocks = known & (np.arange(rows) < rows // 4 * 4)
    np.testing.assert_array_equal(found[whole_blocks], expected[whole_blocks])
    np.testing.assert_allclose(found[known], expected[known], rtol=1e-5, atol=1e-5)


def test_rows_are_measured_once_each_whatever_the_threads() -> None:
    table = np.arange(150_001, dtype=np.float32)[:, None]
    threads = set()

    def measure(block: np.ndarray) -> np.ndarray:
        threads.add(threading.get_ident())
        assert len(block) * block.shape[1] <= (1 << 17) + 64
        return block[:, 0]

    np.testing.assert_array_equal(of_each_row(table, measure), table[:, 0])
    assert threads


@pytest.mark.parametrize("shares", [1, 2, 4])
@pytest.mark.parametrize("more", [-1, 0, 1, 63, 64, 65])
def test_no_row_is_left_out_where_the_threads_shares_meet(shares: int, more: int) -> None:
    table = np.arange(1.0, shares * (1 << 14) + more + 1, dtype=np.float32)[:, None]
    measured = []

    def measure(block: np.ndarray) -> np.ndarray:
        measured.append(len(block))
        return block[:, 0]

    np.testing.assert_array_equal(of_each_row(table, measure), table[:, 0])
    assert sum(measured) == len(table)


def test_what_a_measure_raises_is_raised() -> None:
    def refuse(block: np.ndarray) -> np.ndarray:
        raise OSError("the disk is gone")

    for rows in (10, 100_000):
        with pytest.raises(OSError, match="the disk is gone"):
            of_each_row(np.zeros((rows, 2), np.float16), refuse)


AT_EXIT = """
import atexit
import numpy as np
from anomalymatch_ui.rank.rows import of_each_row
ones = np.ones((70_000, 2), np.float16)
atexit.register(lambda: print(of_each_row(ones, lambda block: block[:, 0]).sum()))
"""


def test_rows_are_measured_where_the_program_ends_and_no_thread_begins() -> None:
    ended = subprocess.run([sys.executable, "-c", AT_EXIT], capture_output=True, text=True, check=False)
    assert ended.stdout == "70000.0\n", ended.stderr


def test_a_table_without_rows_has_no_numbers() -> None:
    assert of_each_row(np.zeros((0, 3), np.float16), lambda block: block[:, 0]).shape == (0,)
