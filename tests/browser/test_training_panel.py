from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from desk import Desk
from playwright.sync_api import Locator, Page, expect
from serving import Prepared, Serve

from anomalymatch_ui.config import Config

pytestmark = pytest.mark.browser


@pytest.fixture
def session(prepared_once: Prepared, tmp_path: Path) -> Path:
    for name in ("images", "session"):
        shutil.copytree(getattr(prepared_once, name), tmp_path / name)
    return tmp_path / "session"


@pytest.fixture
def desk(page: Page, session: Path, serve: Serve):
    with serve(session.with_name("images"), session) as served:
        yield Desk(page).open(served.address)
        page.goto("about:blank")


def setting(desk: Desk, title: str) -> Locator:
    return desk.page.get_by_role("dialog").get_by_label(title, exact=True)


def change(desk: Desk, **values: str) -> None:
    desk.button("Settings").click()
    for title, value in values.items():
        setting(desk, title.replace("_", " ")).fill(value)
    desk.page.get_by_role("button", name="Save").click()


def test_curves_grow_a_cycle_stops_and_goes_on_and_an_earlier_one_is_gone_back_to(desk: Desk) -> None:
    side = desk.page.locator(".am-side")
    points = side.locator(".am-curve polyline").first
    desk.button("Train").click()
    expect(desk.phase).to_have_text("Idle after cycle 1")
    expect(points).to_have_attribute("points", re.compile(r"^0\.0,\S+ 100\.0,\S+ 200\.0,\S+$"))
    expect(side.locator(".am-curve svg").first).to_have_attribute(
        "aria-label", re.compile("^Training loss of")
    )

    change(desk, Steps="1000")
    expect(desk.page.get_by_role("dialog")).to_be_hidden()
    desk.button("Train").click()
    expect(desk.phase).to_have_text("Training, cycle 2")
    expect(side).to_contain_text("memory")
    # Its curve has more points than the three of the cycle before.
    expect(points).to_have_attribute("points", re.compile(r"^(\S+ ){4,}\S+$"))
    desk.button("Pause").click()
    expect(desk.phase).to_contain_text("paused")
    desk.button("Resume").click()
    expect(desk.phase).to_have_text("Training, cycle 2")
    desk.button("Stop").click()
    expect(desk.phase).to_contain_text("Cycle 2 stopped at step")
    expect(desk.button("Resume cycle")).to_be_enabled()

    rows = side.locator(".am-cycles tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("in use")
    desk.button("use the labels alone").click()
    # As published, cycle 2 began with the weights of cycle 1, which are no longer wanted.
    expect(desk.phase).to_have_text("Idle after cycle 1, using the labels alone")
    expect(side).to_contain_text("Cycle 2, which was stopped, began with the weights of cycle 1")
    expect(rows.nth(1)).to_contain_text("in use")
    expect(desk.offer).to_contain_text("R")
    desk.button("use cycle 1").click()
    expect(rows.first).to_contain_text("in use")


def test_settings_are_reached_by_keyboard_and_what_cannot_be_used_is_said_beside_it(
    desk: Desk, session: Path
) -> None:
    page = desk.page
    desk.button("Settings").focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    expect(setting(desk, "Prevalence")).to_be_focused()
    expect(setting(desk, "Steps")).to_have_value("3")

    setting(desk, "Steps").fill("many")
    setting(desk, "Prevalence").fill("3")
    page.keyboard.press("Enter")
    expect(dialog).to_contain_text(
        "Steps must be a whole number of at least 1 and at most 1000000, not many."
    )
    expect(dialog).to_contain_text("The prevalence must be a share above 0 and below 100 %")
    expect(dialog).to_contain_text("For 3 in a hundred, write 3 %.")
    expect(setting(desk, "Prevalence")).to_be_focused()
    expect(setting(desk, "Steps")).to_have_attribute("aria-invalid", "true")
    box = dialog.bounding_box()
    assert box is not None
    assert box["y"] >= 0
    assert box["y"] + box["height"] <= 720
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(desk.grid).to_be_focused()
    assert Config.load(session / "config.toml").train.steps == 3

    change(desk, Steps="4", Prevalence="0.1")
    expect(dialog).to_be_hidden()
    expect(desk.grid).to_be_focused()
    expect(page.locator(".am-side")).to_contain_text("The next cycle uses the new settings.")
    saved = Config.load(session / "config.toml")
    assert (saved.train.steps, saved.prevalence) == (4, 0.1)


def test_a_preset_is_one_click_away(desk: Desk, session: Path) -> None:
    page = desk.page
    desk.button("Settings").click()
    expect(setting(desk, "Order by")).to_have_value("network")
    page.get_by_role("button", name="Default").click()
    expect(setting(desk, "Order by")).to_have_value("fused")
    expect(setting(desk, "Steps")).to_have_value("60")
    page.get_by_role("button", name="As published").click()
    expect(setting(desk, "Steps")).to_have_value("100")
    expect(page.get_by_role("button", name="As published")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    saved = Config.load(session / "config.toml")
    assert saved == Config.preset("paper")


def test_training_starts_by_itself_after_as_many_labels_as_were_typed(desk: Desk) -> None:
    often = desk.page.get_by_label("Train automatically every")
    expect(often).to_have_value("off")
    often.fill("-3")
    often.press("Enter")
    expect(desk.page.get_by_role("alert")).to_contain_text(
        "Train automatically must be a whole number of at least 0, not -3."
    )
    expect(often).to_have_value("off")
    often.fill("16")
    often.press("Enter")
    expect(often).to_have_value("16")
    expect(desk.grid).to_be_focused()
    desk.press("n", "n")
    expect(desk.phase).to_have_text("Idle after cycle 1")


def test_nothing_of_the_panel_is_cut_off_on_a_small_screen(desk: Desk) -> None:
    for cycle in (1, 2):
        desk.button("Train").click()
        expect(desk.phase).to_have_text(f"Idle after cycle {cycle}")
    panel = desk.page.locator(".am-panel")
    widths = panel.evaluate("panel => [panel.scrollWidth, panel.clientWidth]")
    assert widths[0] <= widths[1]
    desk.button("keep cycle 1").click()
    expect(desk.button("keep cycle 1")).to_have_attribute("aria-pressed", "true")
    for name in ("Train", "Pause", "Stop", "Settings", "use the labels alone"):
        button = desk.button(name)
        button.scroll_into_view_if_needed()
        expect(button).to_be_in_viewport(ratio=1)
