"""Separations, groups, links and positions in words."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from astropy import units
from astropy.coordinates import Angle, SkyCoord
from hypothesis import given
from hypothesis import strategies as st

from anomalymatch_ui.sky import group_numbers, groups_within, links_at, separations, sexagesimal, within_cone

RA = st.floats(0, 360, exclude_max=True)
DEC = st.floats(-90, 90)


@given(RA, DEC, RA, DEC)
def test_a_separation_is_that_of_astropy(ra: float, dec: float, ra0: float, dec0: float):
    (apart,) = separations(np.array([ra]), np.array([dec]), (ra0, dec0))
    expected = SkyCoord(ra, dec, unit="deg").separation(SkyCoord(ra0, dec0, unit="deg")).arcsec
    # Near the antipode an arcsine loses half of its digits: 1e-8 radians are 2 milliseconds of arc.
    assert apart == pytest.approx(expected, abs=1e-6 if expected < 3e5 else 1e-2)


def test_a_cone_reaches_over_0_h_and_over_the_pole_and_leaves_out_what_is_missing():
    ra = np.array([359.9999, 0.0001, 180.0, np.nan])
    dec = np.array([0.0, 0.0, 0.0, 0.0])
    assert within_cone(ra, dec, (0.0, 0.0), 1.0).tolist() == [True, True, False, False]
    near_pole = within_cone(np.array([0.0, 180.0]), np.array([89.9999, 89.9999]), (0.0, 89.9999), 1.0)
    assert near_pole.tolist() == [True, True]


@given(st.lists(st.tuples(st.floats(0, 0.002), st.floats(-0.001, 0.001)), max_size=25), st.floats(0.1, 3))
def test_groups_are_chains_of_near_ones_and_hold_each_row_once(
    places: list[tuple[float, float]], radius: float
):
    ra, dec = np.array(places).reshape(-1, 2).T
    groups = groups_within(ra, dec, radius)
    rows = np.concatenate([*groups, np.empty(0, np.int64)])
    assert len(np.unique(rows)) == len(rows)
    apart = np.array([separations(ra, dec, (x, y)) for x, y in places]).reshape(len(ra), len(ra))
    near = apart <= radius - 1e-7
    of = dict.fromkeys(range(len(ra)), -1) | {int(row): n for n, rows in enumerate(groups) for row in rows}
    for one, other in zip(*np.nonzero(near), strict=True):
        assert one == other or (of[int(one)] == of[int(other)] != -1)
    for group in groups:
        assert len(group) > 1
        assert all((apart[row, np.setdiff1d(group, [row])] <= radius + 1e-7).any() for row in group)


def test_many_rows_at_one_place_or_near_it_need_no_more_memory_than_a_list_of_pairs():
    random = np.random.default_rng(0)
    rows = 60_000  # of which 1.8 billion pairs would take 29 GB
    ra = np.concatenate([np.zeros(rows), 10 + random.normal(0, 1e-5, 1500), [200.0]])
    groups = groups_within(ra, np.zeros(len(ra)), 1.0)
    assert [len(group) for group in groups] == [rows, 1500]


@pytest.mark.parametrize("pairs", [1, 7, 10_000])
def test_groups_do_not_depend_on_how_many_pairs_are_held_at_once(pairs: int, monkeypatch: pytest.MonkeyPatch):
    random = np.random.default_rng(1)
    ra, dec = random.uniform(0, 360, 300), random.uniform(89.995, 90, 300)
    expected = group_numbers(ra, dec, 1.0)
    assert 10 < expected.max() < 150
    monkeypatch.setattr("anomalymatch_ui.sky.separation._PAIRS", pairs)
    np.testing.assert_array_equal(group_numbers(ra, dec, 1.0), expected)


def test_one_place_under_three_rows_is_one_group_and_missing_positions_are_in_none():
    ra = np.array([10.0, 50.0, 10.0001, np.nan, 10.0002, np.nan])
    assert [group.tolist() for group in groups_within(ra, np.zeros(6), 0.5)] == [[0, 2, 4]]
    assert groups_within(ra, np.zeros(6), 0.1) == []
    assert groups_within(np.full(3, np.nan), np.zeros(3), 1.0) == []


@given(RA, DEC)
def test_a_position_in_words_is_read_back_as_the_same(ra: float, dec: float):
    longitude, latitude = sexagesimal(ra, dec).split()
    back = SkyCoord(Angle(longitude, "hourangle"), Angle(latitude, "deg"))
    assert abs(back.dec.deg - dec) * 3600 <= 0.0501
    assert abs((back.ra - Angle(ra, "deg")).wrap_at(180 * units.deg).arcsec) <= 0.0751


@pytest.mark.parametrize("dec", [2.205832, -2.205832])
def test_every_link_leads_to_the_position(dec: float):
    links = links_at(150.116209, dec, 7200)
    assert [link.name for link in links] == ["ESASky", "Aladin Lite", "Legacy Survey", "SIMBAD", "NED"]
    said = [parse_qs(urlsplit(link.address).query) for link in links]
    assert all(urlsplit(link.address).scheme == "https" for link in links)
    at = f"150.116209 {dec:+.6f}"
    assert [said[0]["target"], said[1]["target"], said[3]["Coord"]] == [[at]] * 3
    assert (said[2]["ra"], said[2]["dec"]) == (["150.116209"], [str(dec)])
    assert said[4]["coordinates"] == [f"150.116209d {dec:+.6f}d"]
    assert float(said[0]["fov"][0]) == 2
