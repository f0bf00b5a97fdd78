"""How much of the sky positions and images take up."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anomalymatch_ui.sky.footprint import covered, occupied, smallest_range

SKY = 4 * np.pi * np.degrees(1) ** 2


def scattered(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return positions drawn uniformly from the whole sky, degrees."""
    random = np.random.default_rng(seed)
    return 360 * random.random(count), np.degrees(np.arcsin(2 * random.random(count) - 1))


@pytest.mark.parametrize("cell", [5.0, 7.3, 30.0])
def test_positions_all_over_the_sky_occupy_all_of_it(cell: float):
    cells, area = occupied(*scattered(200_000), cell)
    assert area == pytest.approx(SKY)
    assert cells == pytest.approx(SKY / cell**2, rel=0.3)


def test_a_cell_has_about_the_area_of_its_side_wherever_it_is():
    for dec in (-89.99, -60.1, 0.2, 45.0, 90.0):
        cells, area = occupied(np.array([10.0]), np.array([dec]), 1.0)
        assert cells == 1
        assert 0.5 < area < 1.5


def test_images_that_do_not_meet_cover_what_each_has_and_twins_that_of_one():
    ra, dec = np.array([10.0, 20.0, 359.9999]), np.array([80.0, -45.0, 0.0])
    area, overlapping = covered(ra, dec, 10.0)
    assert area == pytest.approx(3 * (10 / 3600) ** 2)
    assert overlapping == 0
    area, overlapping = covered(np.append(ra, ra), np.append(dec, dec), 10.0)
    assert area == pytest.approx(3 * (10 / 3600) ** 2)
    assert overlapping == 6


def test_of_images_that_overlap_in_part_the_shared_part_counts_once():
    """Two discs a radius apart share 2 arccos(1/2) - sqrt(3)/2 of a radius squared."""
    radius = 10 / np.sqrt(np.pi)
    ra, dec = np.zeros(1000), np.repeat([30.0, 30.0 + radius / 3600], 500)
    ra = ra + np.tile(np.arange(500) * 0.1, 2)
    area, overlapping = covered(ra, dec, 10.0)
    shared = (2 * np.pi / 3 - np.sqrt(3) / 2) / np.pi
    # 16,000 places of which each is in one or two: the mean of 1 and 1/2 is known to 0.002.
    assert area == pytest.approx(500 * (2 - shared) * (10 / 3600) ** 2, rel=0.01)
    assert overlapping == 1000


@settings(max_examples=50)
@given(ra=st.lists(st.floats(0, 359.99), min_size=1, max_size=20))
def test_the_shortest_arc_holds_all(ra: list[float]):
    values = np.array(ra)
    west, east = smallest_range(values)
    length = (east - west) % 360
    assert (((values - west) % 360) <= length + 1e-9).all()
    gaps = np.diff(np.append(np.sort(values), values.min() + 360))
    assert length == pytest.approx(360 - gaps.max() if len(np.unique(values)) > 1 else 0, abs=1e-9)
