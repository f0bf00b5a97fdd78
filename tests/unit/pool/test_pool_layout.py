from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomalymatch_ui.pool.layout import MOST_BANDS, LayoutError, find_layout

SIDES = st.integers(MOST_BANDS + 1, 300)
BANDS = st.integers(1, MOST_BANDS)


@given(st.integers(0, 10**9), SIDES, SIDES, BANDS)
def test_images_are_found_with_bands_first_last_or_none(
    rows: int, height: int, width: int, bands: int
) -> None:
    last = find_layout((rows, height, width, bands), np.dtype("f4"))
    first = find_layout((rows, bands, height, width), np.dtype("f4"))
    none = find_layout((rows, height, width), np.dtype("u2"))
    assert (last.axes, first.axes, none.axes) == ("nhwc", "nchw", "nhw")
    assert {(layout.height, layout.width) for layout in (last, first, none)} == {(height, width)}
    assert (last.bands, first.bands, none.bands) == (bands, bands, 1)


@given(st.integers(1, 4), SIDES, SIDES, BANDS)
def test_every_layout_gives_the_same_planes(rows: int, height: int, width: int, bands: int) -> None:
    height, width = height % 40 + 20, width % 40 + 20
    images = np.arange(rows * height * width * bands).reshape(rows, height, width, bands)
    last = find_layout(images.shape, images.dtype)
    moved = images.transpose(0, 3, 1, 2)
    first = find_layout(moved.shape, moved.dtype)
    assert np.array_equal(first.bands_last(moved), images)
    assert np.array_equal(last.bands_first(images), moved)
    assert np.array_equal(first.bands_first(moved), moved)
    assert np.array_equal(last.bands_last(images), images)


@given(
    st.lists(st.integers(0, 400), max_size=6), st.sampled_from(["u1", "f4", ">f8", "S5", "c8", "O", "M8[s]"])
)
def test_any_array_has_a_layout_or_a_reason(shape: list[int], dtype: str) -> None:
    try:
        layout = find_layout(shape, np.dtype(dtype))
    except LayoutError as error:
        reason = str(error)
    else:
        reason = ""
    if reason:
        return
    assert np.dtype(dtype).kind in "uif"
    assert {layout.height, layout.width} <= set(shape[1:])
    assert 0 < layout.bands <= MOST_BANDS


@pytest.mark.parametrize(
    ("names", "axes"),
    [
        ((None, "y", "x", "band"), "nhwc"),
        (("n", "Channel", "y", "x"), "nchw"),
        (("n", "channel", "y", "band"), "nhwc"),  # says two things, so that lengths decide
        ((), "nhwc"),
    ],
)
def test_names_of_axes_count_more_than_their_lengths(names: tuple[str | None, ...], axes: str) -> None:
    assert find_layout((9, 8, 8, 8), np.dtype("f4"), names).axes == axes
