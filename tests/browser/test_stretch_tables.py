"""The pure functions behind a look, against astropy's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from astropy.visualization import (
    AsinhStretch,
    BaseStretch,
    ContrastBiasStretch,
    LinearStretch,
    LogStretch,
    SqrtStretch,
    ZScaleInterval,
)
from playwright.sync_api import Page

from anomalymatch_ui.app.looking.look import Look
from anomalymatch_ui.app.scripts import APP, joined

pytestmark = pytest.mark.browser

Evaluate = Callable[..., Any]


@pytest.fixture
def evaluate(page: Page) -> Evaluate:
    """Evaluate an expression in which the scripts' functions and one argument, ``given``, are known."""
    script = joined(APP / "looking" / "paint.js")
    return lambda expression, given=None: page.evaluate(
        f"(given) => {{ {script}\nreturn ({expression}); }}", given
    )


def table(evaluate: Evaluate, limits: tuple[float, float] = (0, 255), **settings: Any) -> np.ndarray:
    given = {"settings": settings, "limits": limits}
    return np.array(evaluate("[...lookup({...ORIGINAL_LOOK, ...given.settings}, given.limits)]", given))


def limits_of(evaluate: Evaluate, limits: str, values: np.ndarray) -> list[float]:
    histogram = np.bincount(values.ravel(), minlength=256).tolist()
    return evaluate("limitsOf(given[0], Uint32Array.from(given[1]))", [limits, histogram])


def test_the_original_look_changes_no_value(evaluate: Evaluate):
    assert table(evaluate).tolist() == list(range(256))
    assert evaluate("isOriginal(ORIGINAL_LOOK)")


def test_python_and_the_browser_begin_with_the_same_look(evaluate: Evaluate):
    from dataclasses import asdict

    assert evaluate("ORIGINAL_LOOK") == asdict(Look())


@pytest.mark.parametrize(
    ("name", "curve"),
    [
        ("linear", LinearStretch()),
        ("asinh", AsinhStretch()),
        ("log", LogStretch()),
        ("sqrt", SqrtStretch()),
    ],
)
def test_stretches_are_astropy_s(evaluate: Evaluate, name: str, curve: BaseStretch):
    expected = 255 * curve((np.arange(256) - 30) / 150, clip=True)
    np.testing.assert_allclose(table(evaluate, (30, 180), stretch=name), expected, atol=0.51)


@pytest.mark.parametrize(("brightness", "contrast"), [(0.5, 2), (0.3, 1), (0.9, 4), (0.1, 0.3)])
def test_brightness_and_contrast_are_ds9_s_bias_and_contrast(
    evaluate: Evaluate, brightness: float, contrast: float
):
    expected = 255 * ContrastBiasStretch(contrast, 1 - brightness)(np.arange(256) / 255, clip=True)
    np.testing.assert_allclose(table(evaluate, brightness=brightness, contrast=contrast), expected, atol=0.51)


def test_inverted_is_the_negative(evaluate: Evaluate):
    assert table(evaluate, invert=True).tolist() == list(range(255, -1, -1))


@pytest.mark.parametrize("seed", range(4))
def test_zscale_is_astropy_s_on_an_image_of_which_every_pixel_is_sampled(evaluate: Evaluate, seed: int):
    random = np.random.default_rng(seed)
    sky = random.normal(40, 6, (30, 30))
    y, x = np.mgrid[:30, :30] - 15
    source = (40 * seed + 60) * np.exp(-(x**2 + y**2) / 12)
    values = (sky + source).clip(0, 255).astype(np.uint8)
    np.testing.assert_allclose(
        limits_of(evaluate, "zscale", values), ZScaleInterval().get_limits(values.astype(float)), atol=1e-6
    )


@pytest.mark.parametrize("share", ["99.5", "99", "95"])
def test_percentiles_are_values_that_hold_the_share(evaluate: Evaluate, share: str):
    values = np.random.default_rng(1).gamma(2, 20, 5000).clip(0, 255).astype(np.uint8)
    tail = (100 - float(share)) / 2
    expected = [
        np.percentile(values, tail, method="lower"),
        np.percentile(values, 100 - tail, method="higher"),
    ]
    assert limits_of(evaluate, share, values) == expected


@pytest.mark.parametrize("limits", ["99.5", "95", "zscale"])
def test_an_image_with_nothing_to_tell_apart_keeps_the_full_range(evaluate: Evaluate, limits: str):
    assert limits_of(evaluate, limits, np.full(100, 7, np.uint8)) == [0, 255]
    assert limits_of(evaluate, limits, np.empty(0, np.int64)) == [0, 255]


def test_one_small_source_on_an_empty_sky_is_not_lost_by_its_limits(evaluate: Evaluate):
    values = np.zeros(10_000, np.uint8)
    values[:3] = 90
    assert limits_of(evaluate, "95", values) == [0, 90]


def test_colour_maps_begin_dark_and_end_bright(evaluate: Evaluate):
    def ends(name: str) -> list[str]:
        return evaluate("[0, 255].map((at) => (palette(given)[at] >>> 0).toString(16))", name)

    assert ends("grey") == ["ff000000", "ffffffff"]
    assert ends("viridis") == ["ff540144", "ff25e7fd"]  # alpha, blue, green, red
    assert ends("magma") == ["ff040000", "ffbffdfc"]
    assert ends("cubehelix") == ["ff000000", "ffffffff"]


def test_a_band_that_is_off_is_black_and_the_others_stay(evaluate: Evaluate):
    painted = evaluate(
        """(() => {
            const source = Uint32Array.of(0xff302010, 0xffffffff);
            const target = new Uint32Array(2);
            const look = { ...ORIGINAL_LOOK, bands: "RB", invert: true };
            paint(source, 2, { x: 0, y: 0, width: 2, height: 1 }, target, tablesOf(look, [0, 255]));
            return [...target].map((pixel) => pixel.toString(16));
        })()"""
    )
    assert painted == ["ffcf00ef", "ff000000"]


def test_with_one_band_a_colour_map_shows_just_this_band(evaluate: Evaluate):
    painted = evaluate(
        """(() => {
            const target = new Uint32Array(1);
            const look = { ...ORIGINAL_LOOK, bands: "G", colour_map: "grey" };
            const all = { x: 0, y: 0, width: 1, height: 1 };
            paint(Uint32Array.of(0xff302010), 1, all, target, tablesOf(look, [0, 255]));
            return target[0].toString(16);
        })()"""
    )
    assert painted == "ff202020"


def test_a_look_that_somebody_wrote_down_wrongly_becomes_one_that_works(evaluate: Evaluate):
    strange = {"stretch": "toString", "limits": "100", "brightness": "x", "contrast": 99, "bands": "BGR"}
    assert evaluate("isOriginal(asLook(given))", strange)
    assert evaluate("isOriginal(asLook(null))")
    kept = {"stretch": "log", "limits": "zscale", "brightness": 0, "contrast": 10, "invert": True}
    kept |= {"bands": "G", "colour_map": "magma"}
    assert evaluate("asLook(given)", kept) == kept
