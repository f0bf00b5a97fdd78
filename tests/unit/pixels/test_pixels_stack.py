"""Many images are rendered at one time as each is by itself."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from PIL import Image

from anomalymatch_ui.pixels import Bands, NativeImage, Rendering
from anomalymatch_ui.pixels.spec import GREY, RGB
from anomalymatch_ui.pixels.stack import rendered_in_runs, rendered_stack
from anomalymatch_ui.pixels.stretches import Stretch

GRZ, FIVE = Bands.named("g", "r", "z"), Bands.numbered(5)


def images_of(bands: Bands, dtype: str) -> np.ndarray:
    """Return seven images: noise, one of a single bright pixel, and of floats some with no numbers."""
    values = np.random.default_rng(0).normal(80, 40, (7, len(bands), 9, 11)).clip(0, 250)
    values[1] = 0
    values[1, :, 4, 5] = 9
    if dtype.startswith("f"):
        values[2, :, :2] = np.nan
        values[3, 0, 1, 1], values[4, -1, 2, 2] = np.inf, -np.inf
        values[5, 0] = np.nan
    return values.astype(dtype)


@pytest.mark.parametrize("dtype", ["u1", "i2", "f4", "f8"])
@pytest.mark.parametrize("bands", [GREY, RGB, GRZ, FIVE], ids=["grey", "colour", "three", "five"])
@pytest.mark.parametrize("stretch", get_args(Stretch))
def test_many_images_are_rendered_as_each_is_by_itself(stretch: Stretch, bands: Bands, dtype: str) -> None:
    stack = images_of(bands, dtype)
    own = stretch in ("percentile", "zscale") or stretch.startswith("fitsbolt")
    for limits in ("percentile",) if own else ("percentile", "minmax", "zscale", (10.0, 90.0)):
        rendering = Rendering(stretch=stretch, limits=limits).bound(bands)
        for view in ("picture", "network"):
            expected = np.stack([rendering.rendered(NativeImage(one, None, bands), view) for one in stack])
            np.testing.assert_array_equal(rendered_stack(rendering, stack, bands, view), expected)


@pytest.mark.parametrize(
    "rendering",
    [
        Rendering(joint=True),
        Rendering(bands=("z", "g")),
        Rendering(bands=("r",)),
        Rendering(bands=("r", "z", "g"), limits=((0, 9), (0, 90), (50, 200))),
        Rendering(bands=("g", "r"), rgb=((1, 0), (0.5, 0.5), (0, 1))),
        Rendering(network="bands"),
    ],
)
def test_bands_are_mixed_and_chosen_as_in_each_by_itself(rendering: Rendering) -> None:
    stack, bound = images_of(GRZ, "f4"), rendering.bound(GRZ)
    last = np.ascontiguousarray(stack.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    for view in ("picture", "network"):
        expected = np.stack([bound.rendered(NativeImage(one, None, GRZ), view) for one in stack])
        for given in (stack, last):
            np.testing.assert_array_equal(rendered_stack(bound, given, GRZ, view), expected)


def test_images_that_come_one_by_one_keep_their_order_whatever_they_are() -> None:
    stack, bound = images_of(GRZ, "f4"), Rendering().bound(GRZ)
    images = [NativeImage(one, None, GRZ) for one in stack]
    picture = Image.new("RGB", (3, 3))
    lacking = NativeImage(stack[0, :2], None, Bands.named("g", "r"))
    turned = NativeImage(stack[0, ::-1], None, Bands.named("z", "r", "g"))
    masked = NativeImage(stack[0], stack[0] > 90, GRZ)
    mixed = [*images, picture, *images[:2], lacking, lacking, turned, masked, masked, images[0]]
    found = list(rendered_in_runs(bound, enumerate(mixed), "picture"))
    assert [place for place, _ in found] == list(range(len(mixed)))
    for image, (_, shown) in zip(mixed, found, strict=True):
        if image is picture:
            assert shown is picture
        elif image is lacking:
            assert str(shown) == "it has no band 'z', only 'g', 'r'"
        else:
            np.testing.assert_array_equal(shown, bound.picture(image))


def test_no_images_are_none() -> None:
    assert rendered_stack(Rendering().bound(GRZ), images_of(GRZ, "f4")[:0], GRZ, "picture").shape == (
        0,
        9,
        11,
        3,
    )
