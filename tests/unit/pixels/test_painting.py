"""Objects painted into native images keep their light, their noise and the image's number format."""

from __future__ import annotations

import numpy as np
import pytest

from anomalymatch_ui.pixels import Band, Bands, NativeImage
from anomalymatch_ui.pixels.painting import (
    flux_of,
    grid,
    magnitude,
    major_axis,
    noise_of,
    on_pixels,
    shadow,
    signal_to_noise,
    sky_of,
    smooth_light,
    with_light,
)
from anomalymatch_ui.pixels.profiles import Shape, ring, sersic

BANDS = Bands((Band("g", 475, zero_point=27.0), Band("r", 640, zero_point=26.0)))


def field(side: int = 48, sky: float = 100.0, noise: float = 5.0, dtype: str = "float32") -> NativeImage:
    values = np.random.default_rng(3).normal(sky, noise, (2, side, side))
    return NativeImage(values.astype(dtype), None, BANDS)


def a_ring(side: int = 48, seeing: float = 2.5) -> np.ndarray:
    return on_pixels(ring(grid(side, side), Shape(), side / 5, 1.5), side, side, seeing)


def test_seeing_spreads_light_and_loses_none():
    sharp, blurred = a_ring(seeing=0), a_ring(seeing=4)
    assert sharp.sum() == pytest.approx(1)
    assert 0.97 < blurred.sum() <= 1  # some of the wings leave the image
    assert blurred.max() < 0.7 * sharp.max()


def test_noise_and_sky_are_those_of_the_frame_whatever_stands_in_its_middle():
    image = field()
    galaxy = 40_000 * on_pixels(sersic(grid(48, 48), Shape(), 4, 1), 48, 48, 2.5)
    busy = NativeImage((image.values + galaxy).astype(np.float32), None, BANDS)
    assert noise_of(image) == pytest.approx([5, 5], rel=0.1)
    assert noise_of(busy) == pytest.approx([5, 5], rel=0.2)
    assert sky_of(busy) == pytest.approx([100, 100], abs=1.5)


def test_bad_pixels_stay_bad_and_count_nowhere():
    image = field()
    bad = np.zeros(image.values.shape, bool)
    bad[:, :, :10] = True
    values = image.values.copy()
    values[:, :, :10], values[0, 20, 20] = 1e6, np.nan
    masked = NativeImage(values, bad, BANDS)
    assert noise_of(masked) == pytest.approx([5, 5], rel=0.1)
    assert sky_of(masked) == pytest.approx([100, 100], abs=1.5)
    painted = with_light(masked, np.ones(values.shape), np.random.default_rng(0))
    assert painted.bad is bad
    assert np.isnan(painted.values[0, 20, 20])


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "float64"])
def test_light_fainter_than_a_step_of_the_numbers_is_not_lost(dtype: str):
    image = field(dtype=dtype)
    light = np.full(image.values.shape, 0.25)
    painted = with_light(image, light, np.random.default_rng(0))
    assert painted.values.dtype == dtype
    added = painted.values.astype(float).mean() - image.values.astype(float).mean()
    assert added == pytest.approx(0.25, abs=0.03)


def test_whole_numbers_end_at_their_bounds():
    image = field(dtype="uint8")
    painted = with_light(image, np.full(image.values.shape, 500.0), np.random.default_rng(0))
    assert (painted.values == 255).all()


def test_light_with_a_gain_has_the_noise_of_its_photons():
    image = NativeImage(np.zeros((1, 200, 200), np.float32), None, Bands.numbered(1))
    painted = with_light(image, np.full((1, 200, 200), 50.0), np.random.default_rng(0), gain=4.0)
    assert painted.values.mean() == pytest.approx(50, rel=0.01)
    assert painted.values.std() == pytest.approx(np.sqrt(50 / 4), rel=0.03)


def test_an_object_s_significance_and_magnitude_follow_from_its_light():
    image = field()
    light = np.array([1000.0, 500.0])[:, None, None] * a_ring()
    assert flux_of(light) == pytest.approx([1000, 500], rel=0.01)
    value, band = magnitude(image, flux_of(light))
    assert (value, band) == (pytest.approx(27 - 7.5, abs=0.02), "g")
    assert magnitude(image, flux_of(light), ["r"]) == (pytest.approx(26 - 6.747, abs=0.02), "r")
    assert signal_to_noise(2 * light, noise_of(image)) == pytest.approx(
        2 * signal_to_noise(light, noise_of(image))
    )
    nameless = NativeImage(image.values, None, Bands.numbered(2))
    assert magnitude(nameless, flux_of(light))[1] == ""


def test_dust_takes_light_from_an_object_and_none_from_the_sky():
    galaxy = 40_000 * on_pixels(sersic(grid(48, 48), Shape(0, 0, 0.5, 0.4), 5, 1), 48, 48, 2.5)
    image = NativeImage((field().values + galaxy).astype(np.float32), None, BANDS)
    assert major_axis(smooth_light(image)) == pytest.approx(0.5, abs=0.05)
    dark = with_light(image, shadow(image, np.zeros(image.values.shape)), np.random.default_rng(0))
    assert dark.values[:, 20:28, 20:28].mean() == pytest.approx(100, abs=3)
    clear = with_light(image, shadow(image, np.ones(image.values.shape)), np.random.default_rng(0))
    assert (clear.values == image.values).all()
