from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from anomalymatch_ui.pool import open_pool
from anomalymatch_ui.rank import measure_centring
from anomalymatch_ui.rank.centring import light_at_centre


def galaxies(count: int, side: int, spread: float) -> np.ndarray:
    """Round sources on noise, up to ``spread`` half-widths off the centre."""
    random = np.random.default_rng(0)
    axis = (np.arange(side) + 0.5) * 2 / side - 1
    at = random.uniform(-spread, spread, (count, 2))
    distance = np.hypot(axis[:, None] - at[:, 0, None, None], axis - at[:, 1, None, None])
    grey = 20 + 200 * np.exp(-np.square(distance) / 0.04) + random.normal(0, 2, distance.shape)
    return np.repeat(np.clip(grey, 0, 255).astype(np.uint8)[:, None], 3, axis=1)


@pytest.mark.parametrize("side", [16, 64, 96])
def test_objects_in_the_middle_are_told_from_those_all_over_the_frame(side: int) -> None:
    assert measure_centring(galaxies(100, side, spread=0.1))
    assert not measure_centring(galaxies(100, side, spread=0.9))


def test_even_light_has_the_share_of_the_area() -> None:
    random = np.random.default_rng(0)
    share = light_at_centre(random.integers(0, 256, (20, 3, 64, 64), dtype=np.uint8))
    assert share.mean() == pytest.approx(np.pi / 16, abs=0.02)


def test_frames_without_light_do_not_count() -> None:
    dark = np.zeros((50, 3, 32, 32), np.uint8)
    assert np.isnan(light_at_centre(dark)).all()
    assert not measure_centring(dark)
    assert measure_centring(np.concatenate([dark, galaxies(20, 32, spread=0.1)]))
    assert not measure_centring(np.empty((0, 3, 32, 32), np.uint8))


def test_pixels_that_are_not_numbers_count_as_dark() -> None:
    images = galaxies(20, 32, spread=0.1).astype(np.float32)
    images[:, :, :3] = np.nan
    assert measure_centring(images)


@pytest.mark.shared_data
@pytest.mark.parametrize("folder", ["galaxies", "survey"])
def test_cutouts_of_surveys_are_centred(folder: str, shared_data: Path) -> None:
    pool = open_pool(shared_data / folder)
    rows = np.linspace(0, len(pool) - 1, 100).astype(int)
    assert measure_centring(pool.read(rows, 64).pixels)


def test_many_images_are_measured_one_by_one_in_little_memory() -> None:
    images = np.random.default_rng(0).integers(0, 256, (320, 3, 32, 32), dtype=np.uint8)
    tracemalloc.start()
    found = light_at_centre(images)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * images.nbytes  # as float64 they would take eight times as much, and a copy again
    np.testing.assert_allclose(found, [light_at_centre(image[None])[0] for image in images], rtol=1e-12)
