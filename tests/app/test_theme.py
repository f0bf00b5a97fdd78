from __future__ import annotations

import re
from pathlib import Path

import pytest

import anomalymatch_ui.app
from anomalymatch_ui.app import Dashboard, ErrorPage
from anomalymatch_ui.app.theme.theme import CSS, Theme
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.labels import LABELS
from anomalymatch_ui.session import Session

TEXT = ("text", "quiet", "problem", *LABELS)
GROUNDS = ("page", "surface", "selected")


def palettes() -> dict[str, dict[str, str]]:
    """Return the colours of each theme by name, as CSS has them."""
    found = {}
    for block in re.findall(r"\{\s*color-scheme: (\w+);(.*?)\}", CSS, re.DOTALL):
        found[block[0]] = dict(re.findall(r"--([\w-]+): ([^;]+);", block[1]))
    return found


def luminance(colour: str) -> float:
    channels = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Of two colours, 1 to 21, as WCAG 2.2 defines it."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_both_themes_name_every_colour():
    dark, light = palettes()["dark"], palettes()["light"]
    assert dark.keys() == light.keys()
    assert not set(dark.items()) & set(light.items())


def test_no_style_asks_what_an_element_contains():
    # With `body:has(…)` every label had Chromium go through the whole page.
    app = Path(anomalymatch_ui.app.__file__).parent
    styles = {
        path.name: re.sub(r"/\*.*?\*/", "", path.read_text("utf-8"), flags=re.DOTALL)
        for path in app.rglob("*.css")
    }
    assert len(styles) > 4
    assert [name for name, style in styles.items() if ":has(" in style] == []


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_text_and_labels_are_read_on_every_ground(theme: str):
    colours = palettes()[theme]
    worst = {
        (name, ground): round(contrast(colours[name], colours[ground]), 2)
        for name in TEXT
        for ground in GROUNDS
    }
    assert {pair: value for pair, value in worst.items() if value < 4.5} == {}
    for label in LABELS:
        assert contrast(colours["on-label"], colours[label]) >= 4.5
    assert contrast(colours["ring"], colours["surface"]) >= 3


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_the_map_s_ramp_leads_away_from_its_ground(theme: str):
    colours = palettes()[theme]
    steps = [contrast(colours[name], colours["map-ground"]) for name in ("map-low", "map-middle", "map-high")]
    assert steps == sorted(steps)
    assert steps[0] > 1.8


def test_a_theme_that_there_is_none_of_is_refused():
    theme = Theme()
    theme.choice = "light"
    with pytest.raises(InputError, match="no theme 'sepia'. Choose one of: auto, dark, light"):
        theme.choice = "sepia"
    assert theme.choice == "light"


def test_a_dashboard_s_theme_is_auto_until_it_is_set(session: Session):
    dashboard = Dashboard(session)
    assert dashboard.theme == "auto"
    dashboard.theme = "light"
    assert dashboard.theme == "light"
    dashboard.close()


def test_an_error_page_has_the_colours_of_both_themes():
    page = ErrorPage("The folder <images> is gone.")
    assert "&lt;images&gt;" in page.widget.value
    assert 'class="am-error-page"' in page.widget.value
    assert palettes()["light"]["page"] in page.widget.value
