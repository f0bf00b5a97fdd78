"""Cards are seen where there is little room, and the dashboard takes the whole screen when it is asked to."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from desk import Desk
from playwright.sync_api import Page, expect
from serving import Prepared, Serve

pytestmark = pytest.mark.browser

WHOLE_CARDS = """() => {
    const box = (node) => node.getBoundingClientRect();
    const grid = box(document.querySelector(".am-grid"));
    const isInside = ({ left, right, top, bottom }) =>
        left >= grid.left - 1 && right <= grid.right + 1 && top >= grid.top - 1 && bottom <= grid.bottom + 1;
    return [...document.querySelectorAll(".am-card")].filter((card) => isInside(box(card))).length;
}"""

STICKS_OUT = """() => {
    const right = (node) => node.getBoundingClientRect().right;
    const [panel, sheet] = [".am-panel", ".am-help"].map((name) => document.querySelector(name));
    const found = [...document.querySelectorAll(".am-side *")]
        .filter((node) => node.checkVisibility() && right(node) > right(panel) + 1);
    const cut = [...document.querySelectorAll(".am-side button, .am-zoom-bottom > button, .am-zoom-name")]
        .filter((node) => node.checkVisibility() && node.scrollWidth > node.clientWidth + 1);
    if (sheet && sheet.scrollWidth > sheet.clientWidth + 1) cut.push(sheet);
    return [...found, ...cut].map((node) => node.outerHTML.slice(0, 80));
}"""
"""What of the panel, the close-up's name and buttons, and the list of keys is beside its place."""

IS_FULL = "() => document.fullscreenElement?.classList.contains('anomalymatch') ?? false"


def test_cards_are_seen_in_little_room_and_on_the_whole_screen(
    page: Page, prepared_once: Prepared, serve: Serve, tmp_path: Path
):
    for name in ("images", "session"):
        shutil.copytree(getattr(prepared_once, name), tmp_path / name)
    page.set_viewport_size({"width": 1280, "height": 800})
    with serve(tmp_path / "images", tmp_path / "session") as served:
        desk = Desk(page).open(served.address)
        desk.grid.focus()

        desk.press("Shift+F")
        page.wait_for_function(IS_FULL)
        desk.press("Space")  # the close-up, the list of keys and the dialogs are in it
        inside = page.locator(".anomalymatch")
        expect(inside.get_by_role("dialog")).to_be_visible()
        desk.press("Shift+F")
        page.wait_for_function("() => !document.fullscreenElement")
        desk.press("Space")
        expect(desk.overlay).to_have_count(0)
        page.get_by_role("button", name="full screen, and back").click()
        page.wait_for_function(IS_FULL)
        desk.button("Settings").click()
        expect(inside.locator("dialog.am-settings[open]")).to_be_visible()
        inside.get_by_role("button", name="Cancel").click()
        expect(inside.locator("dialog.am-settings[open]")).to_have_count(0)
        page.evaluate("() => document.fullscreenElement && document.exitFullscreen()")
        page.wait_for_function("() => !document.fullscreenElement")

        desk.grid.focus()
        desk.press("p")
        expect(page.locator(".am-drawer")).to_be_visible()
        for width, height, least in ((1280, 800, 6), (900, 560, 3), (640, 460, 1)):
            page.set_viewport_size({"width": width, "height": height})
            page.wait_for_function(f"() => ({WHOLE_CARDS})() >= {least}")
        desk.grid.focus()
        desk.press("p")
        expect(page.locator(".am-drawer")).to_be_hidden()
        page.wait_for_function(f"() => ({WHOLE_CARDS})() >= 2")

        for width in (900, 700):
            page.set_viewport_size({"width": width, "height": 600})
            expect(desk.bar.get_by_role("button", name="list of keys")).to_be_in_viewport(ratio=1)
            for key in ("Space", "?"):
                desk.press(key)
                expect(desk.overlay).to_be_visible()
                assert page.evaluate(STICKS_OUT) == []
                desk.press("Escape")
                expect(desk.overlay).to_have_count(0)
        page.goto("about:blank")
