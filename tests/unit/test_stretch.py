from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from anomalymatch_ui.stretch import to_uint8

REAL_DTYPES = st.one_of(
    hnp.floating_dtypes(), hnp.integer_dtypes(), hnp.unsigned_integer_dtypes(), hnp.boolean_dtypes()
)
SHAPES = hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=12)


def test_uint8_is_given_back_untouched() -> None:
    image = np.array([[3, 4], [5, 250]], np.uint8)
    assert to_uint8(image) is image


def test_a_ramp_keeps_its_shades_and_fills_the_range() -> None:
    ramp = np.linspace(-7.5, 1200, 256).reshape(16, 16)
    assert np.array_equal(to_uint8(ramp, 0, 100).ravel(), np.arange(256))


def test_a_hot_pixel_does_not_darken_the_rest() -> None:
    image = np.random.default_rng(0).normal(100, 5, (64, 64))
    image[10, 10] = 1e9
    assert to_uint8(image).std() > 20


def test_missing_pixels_come_out_black_and_saturated_ones_white() -> None:
    image = np.array([np.nan, -np.inf, np.inf, 1.0, 2.0, 3.0])
    assert to_uint8(image).tolist() == [0, 0, 255, 0, 128, 255]


@pytest.mark.filterwarnings("error")
def test_a_signalling_nan_gives_no_warning() -> None:
    assert to_uint8(np.array([0x7F800001], np.uint32).view(np.float32)).tolist() == [0]


@pytest.mark.parametrize("value", [0.0, 17.0, -3e300, np.nan])
def test_an_image_of_one_value_comes_out_black(value: float) -> None:
    assert not to_uint8(np.full((8, 8), value)).any()


def test_a_small_source_on_an_empty_sky_is_not_lost() -> None:
    image = np.zeros((64, 64), np.float32)
    image[32, 32] = 40
    assert to_uint8(image)[32, 32] == 255


def test_big_endian_pixels_mean_the_same() -> None:
    image = np.arange(4096, dtype=np.uint16).reshape(64, 64)
    assert np.array_equal(to_uint8(image), to_uint8(image.astype(">u2")))


@pytest.mark.parametrize(("low", "high"), [(50, 50), (-1, 99), (1, 101), (90, 10)])
def test_percentiles_out_of_order_are_refused(low: float, high: float) -> None:
    with pytest.raises(ValueError, match="percentiles"):
        to_uint8(np.zeros(4), low, high)


def test_complex_pixels_are_refused() -> None:
    with pytest.raises(TypeError, match="real numbers"):
        to_uint8(np.zeros(4, np.complex64))


@given(hnp.arrays(REAL_DTYPES, SHAPES))
def test_any_real_array_becomes_uint8_of_its_shape_without_a_warning(array: np.ndarray) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        shown = to_uint8(array)
    assert shown.dtype == np.uint8
    assert shown.shape == array.shape


@given(
    hnp.arrays(np.float64, st.integers(1, 60), elements=st.floats(allow_nan=False)),
    st.floats(0, 40),
    st.floats(60, 100),
)
def test_a_brighter_pixel_never_comes_out_darker(array: np.ndarray, low: float, high: float) -> None:
    shown = to_uint8(np.sort(array), low, high).astype(int)
    assert (np.diff(shown) >= 0).all()
