"""What somebody needs who cannot see the page, or uses no mouse."""

from __future__ import annotations

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from desk import Desk
from playwright.sync_api import Page, expect
from serving import Serve
from states import close_settings, open_settings, served_survey, walk

pytestmark = pytest.mark.browser

GRAVE = ("serious", "critical")

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


def grave_faults(page: Page) -> list[str]:
    """Say what axe-core calls serious or critical in what is shown now."""
    found = Axe().run(page).response["violations"]
    return [
        f"{fault['id']}: {node['target'][-1]}: {node['failureSummary'].splitlines()[-1].strip()}"
        for fault in found
        if fault["impact"] in GRAVE
        for node in fault["nodes"][:5]
    ]


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


@pytest.mark.timeout(1500)
def test_axe_finds_no_serious_fault_in_any_state_dark_or_light(page: Page, serve: Serve, tmp_path: Path):
    found: dict[str, list[str]] = {}
    with served_survey(serve, tmp_path) as (served, images):
        for state, theme in walk(page, served, images):
            if faults := grave_faults(page):
                found[f"{state.name}, {theme}"] = faults
        page.goto("about:blank")
    assert found == {}


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
