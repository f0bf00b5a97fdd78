"""Pictures of the page, and how much two of them differ."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Page, expect

REFERENCES = Path(__file__).resolve().parents[2] / "docs" / "images"

BLOCK = 8  # pixels: 1280 x 720 becomes 160 x 90
TILES = (9, 16)  # down and across, of 10 x 10 blocks each

Box = tuple[int, int, int, int]


def take(page: Page) -> Image.Image:
    """Take a picture of what is seen, without what moves."""
    page.mouse.move(0, 0)
    # The circle that a click leaves on a button is drawn by a script, and stays for half a second.
    expect(page.locator(".v-ripple__container")).to_have_count(0)
    picture = page.screenshot(animations="disabled", caret="hide")
    return Image.open(io.BytesIO(picture)).convert("RGB")


def boxes(page: Page, selectors: Iterable[str]) -> list[Box]:
    """Find where on the page these are: left, top, right, bottom."""
    found = []
    for selector in selectors:
        for node in page.locator(selector).all():
            box = node.bounding_box()
            if box is not None:
                left, top = int(box["x"]), int(box["y"])
                found.append((left, top, left + int(box["width"]) + 1, top + int(box["height"]) + 1))
    return found


def keep(picture: Image.Image, path: Path) -> None:
    """Write a picture small: 256 colours are enough for the eye and for the comparison."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not to a palette given: Pillow then takes a white page for one 6 levels darker. A close-up, in which
    # one median cut spends its colours on the noise, would be 6.5 levels off.
    methods = (Image.Quantize.MEDIANCUT, Image.Quantize.MAXCOVERAGE)
    kept = [picture.quantize(256, method=method) for method in methods]
    min(kept, key=lambda small: differences(picture, small).max()).save(path, optimize=True)


def differences(picture: Image.Image, reference: Image.Image, without: Iterable[Box] = ()) -> np.ndarray:
    """Compare two pictures where they are not masked.

    Parameters
    ----------
    picture, reference
        Of the same size, 1280 x 720.
    without
        What is left out.

    Returns
    -------
    numpy.ndarray
        Mean absolute difference of the tiles, float ``(9, 16)``, in levels of 256. It is taken between means
        over 8 x 8 pixels, so that a letter drawn a little differently hardly counts.
    """
    small = []
    for image in (picture, reference.convert("RGB")):
        pixels = np.asarray(image, dtype=np.float32).copy()
        for left, top, right, bottom in without:
            pixels[top:bottom, left:right] = 0
        height, width, _ = pixels.shape
        small.append(pixels.reshape(height // BLOCK, BLOCK, width // BLOCK, BLOCK, 3).mean((1, 3)))
    apart = np.abs(small[0] - small[1]).mean(2)
    down, across = TILES
    return apart.reshape(down, apart.shape[0] // down, across, apart.shape[1] // across).mean((1, 3))
