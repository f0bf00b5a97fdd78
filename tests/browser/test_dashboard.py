from __future__ import annotations

import contextlib
import os
import re
import signal
import sqlite3
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import psutil
import pytest
from astropy.table import Table
from desk import Desk
from faults import A_LOST_CONNECTION, Faults
from images import make_pool
from playwright.sync_api import Page, expect
from samp_programs import Program, place_hub, running_hub
from serving import RINGS, Prepared, Serve, Served

pytestmark = pytest.mark.browser


@pytest.fixture
def prepared(prepared_once: Prepared, tmp_path: Path) -> Prepared:
    return prepared_once.copied_to(tmp_path)


@pytest.fixture
def served(page: Page, prepared: Prepared, serve: Serve):
    with serve(prepared.images, prepared.session) as served:
        yield served
        page.goto("about:blank")


def kernels(served: Served) -> list[psutil.Process]:
    """Return the pages' kernels; the one that waits for a page has no connection yet."""
    found = []
    for child in children(served):
        with contextlib.suppress(psutil.NoSuchProcess):  # one that ended while it was asked
            if child.net_connections():
                found.append(child)
    return found


def children(served: Served) -> list[psutil.Process]:
    return psutil.Process(served.process.pid).children(recursive=True)


def test_labels_training_a_new_ranking_and_a_reload(page: Page, served: Served, prepared: Prepared):
    before = prepared.journal()
    desk = Desk(page).open(served.address)
    expect(page).to_have_title("AnomalyMatch")
    expect(page.locator(".am-outlook")).to_contain_text("found")
    shown = desk.ids()
    assert len(shown) == 60

    desk.press("a", "a", "n", "u", "n")
    given = dict(zip(shown, ["anomaly", "anomaly", "nominal", "unsure", "nominal"], strict=False))
    assert desk.labels() == given
    desk.expect_saved()
    assert prepared.journal()[len(before) :] == list(given.items())
    expect(desk.count("anomaly")).to_have_text("6")

    desk.button("Train").click()
    expect(desk.button("Train")).to_be_disabled()
    desk.grid.focus()
    desk.press("n", "a")
    given |= {shown[5]: "nominal", shown[6]: "anomaly"}
    desk.expect_saved()
    assert prepared.journal()[len(before) :] == list(given.items())

    expect(desk.offer).to_have_text("New ranking, cycle 1: R")
    assert desk.ids() == shown
    desk.press("r")
    expect(page.locator(".am-range")).to_contain_text("cycle 1")
    expect(desk.offer).to_be_hidden()
    ranked = desk.ids()
    assert not set(ranked) & set(given)
    assert desk.labels() == {}
    expect(desk.phase).to_have_text("Idle after cycle 1")

    (former,) = kernels(served)
    page.reload()
    desk.wait()
    assert psutil.wait_procs([former], timeout=300)[1] == []
    assert desk.ids() == ranked
    expect(page.locator(".am-range")).to_contain_text("cycle 1")
    expect(desk.count("anomaly")).to_have_text("7")
    assert prepared.journal()[len(before) :] == list(given.items())


def test_every_key_does_what_the_legend_says(page: Page, served: Served, prepared: Prepared):
    desk = Desk(page).open(served.address)
    ids = desk.ids()
    columns = len(page.locator(".am-row").first.get_by_role("gridcell").all())

    def active() -> str | None:
        return desk.active.locator(".am-name").get_attribute("title")

    desk.press("a")
    assert active() == ids[1]
    desk.press("ArrowLeft", "Backspace")
    assert active() == ids[0]
    assert desk.labels() == {}
    desk.press("z")
    expect(desk.card(ids[0])).to_have_attribute("data-label", "anomaly")
    desk.press("Shift+Z")
    expect(desk.card(ids[0])).not_to_have_attribute("data-label", re.compile(".+"))

    desk.press("ArrowDown", "ArrowRight")
    assert active() == ids[columns + 1]
    desk.press("ArrowUp")
    assert active() == ids[1]
    desk.press("End")
    assert active() == ids[-1]
    desk.press("Home")
    assert active() == ids[0]

    desk.press("PageDown")
    expect(page.locator(".am-page")).to_have_text("page 2 of 3")
    second = desk.ids()
    assert not set(second) & set(ids)
    desk.press("ArrowLeft")
    expect(page.locator(".am-page")).to_have_text("page 1 of 3")
    assert active() == ids[-1]
    desk.press("ArrowRight")
    expect(page.locator(".am-page")).to_have_text("page 2 of 3")
    assert (active(), desk.ids()) == (second[0], second)

    desk.press("a", "R")
    expect(page.locator(".am-page")).to_have_text("page 1 of 3")
    assert second[0] not in desk.ids()


def test_after_the_last_card_of_a_page_labelling_goes_on_on_the_next(page: Page, served: Served):
    desk = Desk(page).open(served.address)
    last = desk.ids()[-1]
    desk.press("End", "n")
    expect(page.locator(".am-page")).to_have_text("page 2 of 3")
    first = desk.ids()[0]
    desk.press("a")
    expect(desk.card(first)).to_have_attribute("data-label", "anomaly")
    desk.press("PageUp")
    expect(page.locator(".am-page")).to_have_text("page 1 of 3")
    expect(desk.card(last)).to_have_attribute("data-label", "nominal")


def test_an_undo_goes_to_the_image_it_changes_or_names_it(page: Page, served: Served):
    desk = Desk(page).open(served.address)
    first, second = desk.ids()[:2]
    desk.press("a")
    expect(desk.active.locator(".am-name")).to_have_attribute("title", second)
    desk.press("z")
    expect(desk.active.locator(".am-name")).to_have_attribute("title", first)
    desk.press("n", "PageDown")
    expect(page.locator(".am-page")).to_have_text("page 2 of 3")
    desk.press("z")
    expect(page.locator(".am-sentence")).to_have_text(f"undo: {first}, now without a label")


def test_a_late_answer_to_an_undo_does_not_take_the_frame_back(page: Page, served: Served):
    desk = Desk(page).open(served.address)
    first, _, third = desk.ids()[:3]
    desk.press("a")
    desk.expect_saved()
    (kernel,) = kernels(served)
    kernel.suspend()
    desk.press("z", "ArrowRight")
    kernel.resume()
    expect(desk.card(first)).not_to_have_attribute("data-label", re.compile(".+"))
    desk.expect_saved()
    assert desk.active.locator(".am-name").get_attribute("title") == third


def test_a_key_held_down_labels_one_image_only(page: Page, served: Served, prepared: Prepared):
    desk = Desk(page).open(served.address)
    before = len(prepared.journal())
    for _ in range(4):
        page.keyboard.down("a")
    page.keyboard.up("a")
    expect(page.locator(".am-safety")).to_contain_text("saved")
    assert len(prepared.journal()) - before == 1
    assert list(desk.labels().values()) == ["anomaly"]


def test_after_a_click_on_a_button_of_the_panel_the_keys_go_on_labelling(
    page: Page, served: Served, prepared: Prepared
):
    desk = Desk(page).open(served.address)
    first = desk.ids()[0]
    desk.press("ArrowRight", "ArrowLeft")
    page.get_by_role("button", name="Export").click()
    expect(page.get_by_role("button", name="Download")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("a")
    expect(desk.card(first)).to_have_attribute("data-label", "anomaly")


@pytest.mark.parametrize("size", [16, 90, 300])
def test_no_card_is_cut_off_whatever_the_size_of_the_images(
    page: Page, serve: Serve, tmp_path: Path, size: int
):
    make_pool(tmp_path / "images", images=20, size=size)
    with serve(tmp_path / "images", tmp_path / "session") as served:
        Desk(page).open(served.address)
        inside = page.evaluate(
            """() => {
                const grid = document.querySelector(".am-grid").getBoundingClientRect();
                return [...document.querySelectorAll(".am-card")].map((card) => {
                    const { left, right } = card.getBoundingClientRect();
                    return left >= grid.left && right <= grid.right;
                });
            }"""
        )
        assert inside == [True] * 20
        page.goto("about:blank")


def test_a_click_labels_without_taking_the_keys_away(page: Page, served: Served, prepared: Prepared):
    desk = Desk(page).open(served.address)
    ids = desk.ids()
    desk.card(ids[2]).get_by_role("button", name="anomaly").click()
    assert desk.labels() == {ids[2]: "anomaly"}
    desk.card(ids[4]).click(position={"x": 40, "y": 40})
    desk.press("n")
    assert desk.labels() == {ids[2]: "anomaly", ids[4]: "nominal"}
    desk.expect_saved()
    assert prepared.journal()[-2:] == [(ids[2], "anomaly"), (ids[4], "nominal")]


def test_a_label_that_gets_no_answer_is_shown_as_not_saved_and_written_once(
    page: Page, served: Served, prepared: Prepared
):
    desk = Desk(page).open(served.address)
    before = prepared.journal()
    first = desk.ids()[0]
    (kernel,) = kernels(served)
    os.kill(kernel.pid, signal.SIGSTOP)
    try:
        desk.press("a")
        expect(desk.card(first)).to_have_attribute("data-label", "anomaly")
        expect(desk.card(first)).to_contain_text("not saved")
        expect(desk.safety).to_contain_text("1 label is kept here and sent again")
        page.wait_for_timeout(2_500)
        assert prepared.journal() == before
    finally:
        os.kill(kernel.pid, signal.SIGCONT)
    desk.expect_saved()
    page.wait_for_timeout(500)
    assert prepared.journal() == [*before, (first, "anomaly")]


def test_a_lost_connection_is_said(page: Page, served: Served, faults: Faults):
    faults.forgive(A_LOST_CONNECTION)
    desk = Desk(page).open(served.address)
    page.context.on("page", lambda popup: popup.close())
    (kernel,) = kernels(served)
    desk.press("n")
    desk.expect_saved()
    os.kill(kernel.pid, signal.SIGKILL)
    desk.press("a")
    expect(desk.safety).to_have_text(re.compile("1 label is kept here"))
    expect(desk.active).to_be_visible()


def test_labels_that_a_killed_kernel_did_not_save_go_to_the_next_one_once_and_in_order(
    page: Page, served: Served, prepared: Prepared, faults: Faults
):
    faults.forgive(A_LOST_CONNECTION)
    desk = Desk(page).open(served.address)
    page.context.on("page", lambda popup: popup.close())
    before = prepared.journal()
    first, second, third = desk.ids()[:3]
    (kernel,) = kernels(served)
    os.kill(kernel.pid, signal.SIGSTOP)  # so that none of them is saved before it is killed
    desk.press("a", "n", "a")
    desk.press("z")
    os.kill(kernel.pid, signal.SIGKILL)
    expect(desk.safety).to_contain_text("The kernel has ended")
    expect(desk.safety).to_contain_text("4 labels are kept here")
    assert prepared.journal() == before
    page.reload()
    desk.wait()
    desk.expect_saved()
    expect(desk.sentence).to_contain_text("2 labels or marks were not saved when the last kernel ended")
    assert prepared.journal() == [*before, (first, "anomaly"), (second, "nominal")]
    page.reload()
    desk.wait()
    expect(desk.sentence).to_have_text("")
    assert prepared.journal() == [*before, (first, "anomaly"), (second, "nominal")]
    assert third not in dict(prepared.journal())


def test_a_label_that_the_disk_refuses_stays_in_the_page_with_the_reason_and_is_kept_once_it_can_be(
    page: Page, served: Served, prepared: Prepared
):
    desk = Desk(page).open(served.address)
    name, before = desk.active_id(), prepared.journal()
    holder = sqlite3.connect(prepared.session / "journal.sqlite", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")  # for longer than the journal waits
    desk.press("a")
    expect(page.locator('.am-sentence[data-tone="error"]')).to_contain_text("Close the other program")
    expect(desk.card(name)).to_have_attribute("data-saved", "late")
    assert desk.labels() == {name: "anomaly"}
    holder.close()
    desk.expect_saved()
    assert prepared.journal() == [*before, (name, "anomaly")]
    desk.press("z")  # for the tests that follow
    desk.expect_saved()


def test_the_secret_leaves_the_address_and_a_reload_needs_it_no_more(page: Page, served: Served):
    desk = Desk(page).open(served.address)
    assert "token" not in page.url
    page.reload()
    desk.wait()
    assert "token" not in page.url


def test_without_the_secret_of_the_address_nothing_is_shown(page: Page, served: Served):
    page.goto(served.address.split("?")[0])
    expect(page.get_by_role("textbox", name="Password or token:")).to_be_visible()
    assert kernels(served) == []
    assert len(psutil.Process(served.process.pid).children()) <= 1  # what waits for a page


def test_the_server_takes_its_kernels_along(page: Page, served: Served, faults: Faults):
    faults.forgive(A_LOST_CONNECTION)
    Desk(page).open(served.address)
    left = children(served)
    assert left
    served.process.send_signal(signal.SIGTERM)
    served.process.wait(300)
    assert psutil.wait_procs(left, timeout=300)[1] == []


@pytest.fixture
def place_of_hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let the server, which is started after this, find a hub of the test alone."""
    place_hub(monkeypatch, tmp_path)


@pytest.mark.usefixtures("place_of_hub")
def test_finds_are_downloaded_as_a_votable_and_sent_to_another_program(
    page: Page, served: Served, tmp_path: Path
):
    Desk(page).open(served.address)
    page.get_by_role("button", name="Export").click()
    dialog = page.get_by_role("dialog", name="Export")
    dialog.get_by_label("Format").select_option("votable")
    with page.expect_download() as download:
        dialog.get_by_role("button", name="Download").click()
    download.value.save_as(tmp_path / "found.vot")
    assert download.value.suggested_filename == "images-found.vot"
    table = Table.read(tmp_path / "found.vot", format="votable")
    assert set(RINGS) <= set(table["id"])
    assert set(table["label"]) == {"anomaly"}
    expect(dialog).to_contain_text(f"{len(table)} images.")
    with running_hub():
        topcat = Program("TOPCAT")
        dialog.get_by_role("button", name="Send to TOPCAT …").click()
        expect(dialog).to_contain_text(f"found ({len(table)} images) sent to TOPCAT.")
        (told,) = topcat.messages
        topcat.client.disconnect()
    sent = Table.read(url2pathname(urlsplit(told["url"]).path), format="votable")
    assert list(sent["id"]) == list(table["id"])
