from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.rank.linear import BLOCK_ROWS
from anomalymatch_ui.rank.similarity import most_similar, unit_vectors

FAN = np.array([[np.cos(angle), np.sin(angle)] for angle in np.radians([0, 10, 25, 45, 90, 180])], np.float32)
"""Six directions, ever further from the first."""


def test_neighbours_come_by_their_angle_with_the_query_left_out() -> None:
    similar = most_similar(FAN, np.array([0]), 3)
    assert similar.indices.tolist() == [1, 2, 3]
    np.testing.assert_allclose(similar.similarities, np.cos(np.radians([10, 25, 45])), atol=1e-6)
    assert similar.indices.dtype == np.int64
    assert similar.similarities.dtype == np.float32


def test_the_length_of_a_vector_does_not_matter() -> None:
    scaled = FAN * np.array([[3], [0.01], [50], [1], [7], [0.2]], np.float32)
    assert most_similar(scaled, np.array([0]), 5).indices.tolist() == [1, 2, 3, 4, 5]


def test_several_queries_have_the_same_say_however_long_they_are() -> None:
    embeddings = np.array([[100, 0], [0, 1], [1, 1], [1, 0.1], [-1, 0]], np.float32)
    similar = most_similar(embeddings, np.array([0, 1]), 2)
    assert similar.indices.tolist() == [2, 3]
    assert similar.similarities[0] == pytest.approx(np.cos(np.pi / 4))  # to each of the two


def test_excluded_and_unreadable_rows_are_left_out() -> None:
    embeddings = FAN.copy()
    embeddings[1] = np.nan
    exclude = np.array([False, False, True, False, False, False])
    assert most_similar(embeddings, np.array([0]), 9, exclude=exclude).indices.tolist() == [3, 4, 5]
    assert exclude.tolist() == [False, False, True, False, False, False]


def test_asking_for_more_than_there_is_gives_all_and_for_none_gives_none() -> None:
    assert len(most_similar(FAN, np.array([2, 4]), 100).indices) == 4
    assert len(most_similar(FAN, np.array([2]), 0).indices) == 0
    assert len(most_similar(FAN[:1], np.array([0]), 5).indices) == 0


def test_a_row_of_zeros_is_like_nothing() -> None:
    embeddings = np.array([[1, 0], [0, 0], [-1, 0], [1, 1]], np.float16)
    similar = most_similar(embeddings, np.array([0]), 3)
    assert similar.indices.tolist() == [3, 1, 2]
    assert similar.similarities[1] == 0


def test_unreadable_queries_are_passed_over_while_one_can_be_read() -> None:
    embeddings = FAN.copy()
    embeddings[5] = np.nan
    both = most_similar(embeddings, np.array([0, 5]), 2)
    assert both.indices.tolist() == [1, 2]


@pytest.mark.parametrize("queries", [[], [5]])
def test_without_a_readable_query_the_error_says_so(queries: list[int]) -> None:
    embeddings = FAN.copy()
    embeddings[5] = np.nan
    with pytest.raises(InputError, match="none of the chosen images could be read"):
        most_similar(embeddings, np.array(queries, dtype=np.int64), 3)


def test_a_table_on_disk_of_several_blocks_is_searched_to_its_end(tmp_path: Path) -> None:
    rows = 2 * BLOCK_ROWS + 100
    table = np.random.default_rng(0).normal(size=(rows, 16)).astype(np.float16)
    planted = [5, BLOCK_ROWS - 1, BLOCK_ROWS, rows - 1]
    table[planted] = table[7] * np.array([[4], [3], [2], [1]], np.float16)
    table[planted] += np.array([[0], [0.1], [0.2], [0.3]], np.float16)
    np.save(tmp_path / "embeddings.npy", table)
    mapped = np.load(tmp_path / "embeddings.npy", mmap_mode="r")
    assert most_similar(mapped, np.array([7]), 4).indices.tolist() == planted


def test_rows_equally_similar_keep_the_order_of_the_table() -> None:
    embeddings = np.tile(np.array([[2, 0]], np.float16), (50, 1))
    assert most_similar(embeddings, np.array([3]), 5).indices.tolist() == [0, 1, 2, 4, 5]


@given(
    embeddings=st_numpy.arrays(
        np.float16,
        st.tuples(st.integers(1, 30), st.integers(1, 5)),
        elements=st.floats(-8, 8, width=16) | st.just(float("nan")),
    ),
    data=st.data(),
    count=st.integers(1, 40),
)
def test_the_best_of_all_cosines_are_found(embeddings: np.ndarray, data: st.DataObject, count: int) -> None:
    readable = np.flatnonzero(~np.isnan(embeddings).any(axis=1))
    if len(readable) == 0:
        return
    queries = np.array(data.draw(st.lists(st.sampled_from(list(readable)), min_size=1, max_size=3)))
    similar = most_similar(embeddings, queries, count)
    direction = unit_vectors(embeddings[queries]).astype(float).mean(axis=0)
    cosines = unit_vectors(embeddings).astype(float) @ direction
    others = np.setdiff1d(readable, queries)
    assert set(similar.indices) <= set(others)
    assert len(set(similar.indices)) == len(similar.indices) == min(count, len(others))
    best = np.sort(cosines[others])[::-1][:count]
    np.testing.assert_allclose(similar.similarities, best, atol=1e-5)
    np.testing.assert_allclose(cosines[similar.indices], best, atol=1e-5)
