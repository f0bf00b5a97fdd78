"""Every state of the page looks as its picture in docs/images does, and axe-core finds no serious fault.

`make screenshots` takes the pictures anew.

How far two pictures may be apart was measured (DejaVu fonts, Chromium 1280 x 720). A second run on the
same machine gives the same bytes. Pictures are kept in 256 colours, which alone makes a difference of up
to 2.1 levels of 256 in the worst tile; letters 1 % further apart make one of up to 4. A missing bar,
toolbar, row of filters, panel or column of facts makes one of 6.2 to 92 in its worst tile, and a wrong
theme 170 in most; two cards that have changed places 7.2. So 5 is the limit of every tile. Every
order follows from an embedding that is kept beside this file (`states.py`), so that it is the same on all
processors; how many cards move where the network computes in another number format is in docs/benchmark.md.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from faults import Faults
from PIL import Image
from playwright.sync_api import Browser, Page
from screenshots import REFERENCES, Box, boxes, differences, keep, take
from serving import Serve, open_page
from states import served_survey, walk

pytestmark = pytest.mark.browser

LIMIT = 5.0
GRAVE = ("serious", "critical")

FONT = ".anomalymatch, .am-settings, .am-error-page { font-family: 'DejaVu Sans' !important; }"


def complaint(picture: Image.Image, reference: Image.Image, changing: list[Box]) -> str:
    """Say how two pictures are too far apart; empty if they are not."""
    tiles = differences(picture, reference, changing)
    if tiles.max() <= LIMIT:
        return ""
    down, across = divmod(int(tiles.argmax()), tiles.shape[1])
    return f"{tiles.max():.1f} levels apart around ({80 * across + 40}, {80 * down + 40})"


@dataclass
class Walked:
    """What was seen in all states, each dark and light: what is wrong, by the name of the picture."""

    folder: Path
    unlike: dict[str, str] = field(default_factory=dict)
    grave: dict[str, list[str]] = field(default_factory=dict)
    on_the_page: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def walked(chromium: Browser, serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> Walked:
    renew = os.environ.get("RENEW_SCREENSHOTS") == "1"
    walked = Walked(tmp_path_factory.mktemp("walked"))
    faults = Faults()
    with (
        open_page(chromium, faults) as page,
        served_survey(serve, walked.folder) as (served, images),
    ):
        for state, theme in walk(page, served, images, style=FONT):
            name = f"{state.name}-{theme}.png"
            if state.pictured:
                picture = take(page)
                if renew:
                    keep(picture, REFERENCES / name)
                said = complaint(picture, Image.open(REFERENCES / name), boxes(page, state.changing))
                if said:
                    walked.unlike[name] = said
                    picture.save(walked.folder / name)
            if grave := grave_faults(page):
                walked.grave[name] = grave
        walked.on_the_page += faults.end()
        page.goto("about:blank")
    return walked


def grave_faults(page: Page) -> list[str]:
    """Return what axe-core calls serious or critical in what is shown now."""
    found = Axe().run(page).response["violations"]
    return [
        f"{fault['id']}: {node['target'][-1]}: {node['failureSummary'].splitlines()[-1].strip()}"
        for fault in found
        if fault["impact"] in GRAVE
        for node in fault["nodes"][:5]
    ]


@pytest.mark.timeout(1500)
def test_every_state_looks_as_its_picture_does_dark_and_light(walked: Walked):
    assert walked.unlike == {}, f"what was seen instead lies in {walked.folder}"


def test_axe_finds_no_serious_fault_in_any_state_dark_or_light(walked: Walked):
    assert walked.grave == {}


def test_no_script_fails_and_nothing_is_fetched_from_elsewhere_in_any_state(walked: Walked):
    assert walked.on_the_page == []


@pytest.mark.parametrize("name", ["first-page", "empty", "training", "error"])
def test_a_wrong_theme_is_not_taken_for_the_right_one(name: str):
    dark, light = (
        Image.open(REFERENCES / f"{name}-{theme}.png").convert("RGB") for theme in ("dark", "light")
    )
    assert "levels apart" in complaint(dark, light, [])


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("first-page", (0, 0, 244, 720)),
        ("first-page", (244, 685, 1280, 720)),
        ("empty", (244, 75, 1280, 104)),
        ("charts", (897, 0, 1280, 720)),
        ("zoom", (1008, 54, 1268, 240)),
    ],
)
def test_a_part_that_is_missing_is_noticed(name: str, part: Box):
    reference = Image.open(REFERENCES / f"{name}-dark.png").convert("RGB")
    picture = reference.copy()
    picture.paste(reference.getpixel((part[0] + 4, part[3] - 3)), part)
    assert "levels apart" in complaint(picture, reference, [])


def test_two_cards_that_have_changed_places_are_noticed():
    reference = Image.open(REFERENCES / "first-page-dark.png").convert("RGB")
    picture = reference.copy()
    first, second = (257, 113, 393, 313), (401, 113, 537, 313)
    for box, other in ((first, second), (second, first)):
        picture.paste(reference.crop(other), box)
    assert "levels apart" in complaint(picture, reference, [])
