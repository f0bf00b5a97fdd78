"""Where cutouts lie on a tile, and how they are cut."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.nddata import extract_array
from hypothesis import assume, example, given
from hypothesis import strategies as st

from anomalymatch_ui.pixels import GREY, NativeImage
from anomalymatch_ui.pool.cutting import cut, first_pixels, in_one, lie_within, resampled

HEIGHT, WIDTH = 23, 31
TILE = np.arange(HEIGHT * WIDTH, dtype=np.float32).reshape(1, HEIGHT, WIDTH)


def section(top: int, bottom: int, left: int, right: int) -> NativeImage:
    assert 0 <= top < bottom <= HEIGHT
    assert 0 <= left < right <= WIDTH
    return NativeImage(TILE[:, top:bottom, left:right], None, GREY)


@example(x=-0.5, y=-0.5, side=2)
@given(
    x=st.floats(-0.5, WIDTH - 0.5, exclude_max=True),
    y=st.floats(-0.5, HEIGHT - 0.5, exclude_max=True),
    side=st.integers(1, 60),
)
def test_any_cutout_is_that_of_astropy_with_what_is_off_the_tile_flagged(
    x: float, y: float, side: int
) -> None:
    assume(side > 1 or min(x, y) - 0.5 > -1.0)  # astropy finds no overlap there
    left, top = first_pixels(np.array([x, y]), side).tolist()
    image = cut(section, HEIGHT, WIDTH, left, top, side)
    expected = extract_array(TILE[0], (side, side), (y, x), mode="partial", fill_value=np.nan)
    assert np.array_equal(image.values[0], expected, equal_nan=True)
    bad = np.zeros((1, side, side), bool) if image.bad is None else image.bad
    assert np.array_equal(bad[0], np.isnan(expected))
    # The middle is as near as whole pixels allow.
    assert abs(left + (side - 1) / 2 - x) <= 0.5 + 1e-9


@pytest.mark.parametrize("edge", [-0.5, float(np.nextafter(-0.5, 0))])
def test_a_single_pixel_at_the_outer_edge_of_a_tile_is_its_first(edge: float) -> None:
    left, top = first_pixels(np.array([edge, 3.0]), 1).tolist()
    assert (left, top) == (0, 3)
    assert cut(section, HEIGHT, WIDTH, left, top, 1).values.item() == TILE[0, 3, 0]


def test_a_tile_reaches_to_the_outer_edges_of_its_pixels() -> None:
    x = np.array([-0.5, -0.51, 9.49, 9.5, np.nan, 3.0, np.inf])
    assert lie_within(x, np.full(7, 2.0), 10, 5).tolist() == [True, False, True, False, False, True, False]
    assert lie_within(np.full(3, 2.0), np.array([4.49, 4.5, -0.5]), 10, 5).tolist() == [True, False, True]


def test_the_same_field_in_finer_pixels_has_its_values_where_they_were() -> None:
    image = resampled(section, HEIGHT, WIDTH, 4.5, 6.5, 8, 24)
    assert image.values.shape == (1, 24, 24)
    assert image.values.dtype == np.float32
    # A plane in x and y stays one: the middle pixel of each three is a pixel of the tile.
    assert image.values[0, 1::3, 1::3] == pytest.approx(TILE[0, 7:15, 5:13], rel=1e-5)
    assert image.bad is None
    moved = resampled(section, HEIGHT, WIDTH, 4.75, 6.5, 8, 24)
    assert moved.values[0, 1::3, 1::3] == pytest.approx(TILE[0, 7:15, 5:13] + 0.25, rel=1e-5)


def test_bad_pixels_stay_bad_in_finer_pixels_and_spoil_no_others() -> None:
    def with_holes(*place: int) -> NativeImage:
        part = section(*place)
        values = np.full_like(part.values, 7)
        values[:, 2] = np.nan
        return NativeImage(values, None, GREY)

    image = resampled(with_holes, HEIGHT, WIDTH, -1.5, 4.5, 6, 12)
    assert image.bad is not None
    assert image.bad[0, :, :2].all()  # off the tile
    good = image.values[~image.bad]
    assert np.isfinite(good).all()
    assert good == pytest.approx(7, rel=1e-6)


def test_bands_of_one_size_are_one_image() -> None:
    from dataclasses import replace

    from anomalymatch_ui.pixels import Bands

    red = NativeImage(np.ones((1, 4, 4), np.int16), None, Bands.named("r"))
    blue = replace(red, bands=Bands.named("g"), bad=np.eye(4, dtype=bool)[np.newaxis])
    image = in_one([red, blue])
    assert image.bands.names == ("r", "g")
    assert image.bad is not None
    assert not image.bad[0].any()
    assert np.array_equal(image.bad[1], np.eye(4, dtype=bool))
