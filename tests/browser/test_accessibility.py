"""What somebody needs who uses no mouse. What axe-core says of every state: `test_screenshots.py`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from desk import Desk
from jinja2 import Environment, FileSystemLoader
from jupyter_core.paths import jupyter_path
from playwright.sync_api import Page, expect
from serving import Serve
from states import close_settings, open_settings, served_survey

from anomalymatch_ui.app.serving.serve import TEMPLATES

pytestmark = pytest.mark.browser

# Reached by other keys than Tab: labels by A and N, the other tab by arrows.
BY_OTHER_KEYS = ".am-card *, [role='tab'][aria-selected='false']"

CONTROLS = f"""
() => [...document.querySelectorAll("button, select, input, summary, a[href], [tabindex]")]
  .filter((node) => node.checkVisibility() && !node.disabled && node.closest(".anomalymatch"))
  .filter((node) => !node.closest("[inert]") && !node.matches("{BY_OTHER_KEYS}"))
  .map((node, place) => (node.dataset.place ??= String(place)))
"""

FORGET = "() => document.querySelectorAll('[data-place]').forEach((node) => delete node.dataset.place)"
LEAVE_ONLY_THE_DIALOG = """
() => document.querySelectorAll('.am-panel, .am-host, .am-pictures').forEach((node) => { node.inert = true; })
"""


def unreached(page: Page) -> list[str]:
    """Press Tab until it has gone round, and tell which controls never had the focus."""
    controls = set(page.evaluate(CONTROLS))
    assert len(controls) > 5
    reached: set[str] = set()
    for _ in range(2 * len(controls) + 10):
        page.keyboard.press("Tab")
        place = page.evaluate("() => document.activeElement?.dataset.place ?? null")
        if place is not None:
            reached.add(place)
        if reached >= controls:
            return []
    return [
        page.evaluate(
            "place => document.querySelector(`[data-place='${place}']`).outerHTML.slice(0, 120)", place
        )
        for place in sorted(controls - reached)
    ]


def test_tab_reaches_every_control_of_page_drawer_and_dialog(page: Page, serve: Serve, tmp_path: Path):
    with served_survey(serve, tmp_path) as (served, _images):
        desk = Desk(page).open(served.address)
        expect(page.locator(".am-outlook")).to_be_visible()
        desk.press("p")
        expect(page.get_by_role("region", name="Anomalies found")).to_contain_text("looked at")
        assert unreached(page) == []
        desk.grid.focus()
        open_settings(desk)
        page.evaluate(FORGET)
        page.evaluate(LEAVE_ONLY_THE_DIALOG)
        assert unreached(page) == []
        close_settings(desk)
        page.goto("about:blank")


def test_nothing_turns_while_the_page_opens_where_little_motion_is_asked_for(page: Page):
    voila = Environment(loader=FileSystemLoader(jupyter_path("voila", "templates", "base")), autoescape=True)
    (ours,) = re.findall("<style>.*</style>", (TEMPLATES / "index.html.j2").read_text(), re.DOTALL)
    spinner = voila.get_template("spinner.macro.html.j2").module.css()
    page.set_content(f"{spinner}{ours}<div class='spinner'></div>")
    turning = "() => getComputedStyle(document.querySelector('.spinner')).animationName"
    for motion, name in (("no-preference", "rotation"), ("reduce", "none")):
        page.emulate_media(reduced_motion=motion)
        assert page.evaluate(turning) == name
