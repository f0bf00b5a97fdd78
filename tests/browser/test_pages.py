from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import pytest
from card_pixels import PIXELS
from desk import Desk
from faults import A_LOST_CONNECTION, Faults
from images import make_pool
from playwright.sync_api import Page, WebSocket, WebSocketRoute, expect
from serving import PATIENCE, Prepared, Serve, Served

pytestmark = pytest.mark.browser


@pytest.fixture
def prepared(prepared_once: Prepared, tmp_path: Path) -> Prepared:
    return prepared_once.copied_to(tmp_path)


@pytest.fixture
def served(page: Page, prepared: Prepared, serve: Serve) -> Iterator[Served]:
    with serve(prepared.images, prepared.session) as served:
        yield served
        page.goto("about:blank")


def test_the_number_of_cards_is_chosen_and_kept_in_the_browser(page: Page, served: Served):
    desk = Desk(page).open(served.address)
    ids = desk.ids()
    desk.press("PageDown")
    expect(desk.page_text).to_have_text("page 2 of 3")
    page.get_by_label("Cards").select_option("20")
    # The first image that was shown stays on the page.
    expect(desk.page_text).to_have_text("page 4 of 7")
    expect(desk.cards).to_have_count(20)
    expect(desk.grid).to_be_focused()
    page.reload()
    desk.wait()
    expect(desk.cards).to_have_count(20)
    assert desk.ids() == ids[:20]


def test_small_images_are_magnified_by_whole_numbers_without_a_new_sheet(page: Page, served: Served):
    desk = Desk(page).open(served.address)
    before = desk.serial()
    image = desk.cards.first.locator(".am-image")
    pixels = math.isqrt(len(desk.cards.first.evaluate(PIXELS)) // 4)
    sides = []
    for size in (64, 120, 200, 256):
        page.get_by_label("Size").fill(str(size))
        sides.append(image.evaluate("image => image.clientWidth"))
    assert sides == sorted(set(sides))
    assert [side % pixels for side in sides] == [0] * 4
    assert image.evaluate("image => getComputedStyle(image).imageRendering") == "pixelated"
    page.wait_for_timeout(1_000)
    assert desk.serial() == before


def test_large_images_come_anew_once_they_are_shown_larger_than_they_were_sent(
    page: Page, serve: Serve, tmp_path: Path
):
    make_pool(tmp_path / "images", images=12, size=300)
    with serve(tmp_path / "images", tmp_path / "session") as served:
        Desk(page).open(served.address)
        card = page.locator(".am-card").first
        assert len(card.evaluate(PIXELS)) == 4 * 128**2
        page.get_by_label("Size").fill("240")
        assert card.locator(".am-image").evaluate("image => image.clientWidth") == 240
        page.wait_for_function(
            f"""async () => {{
                const cards = [...document.querySelectorAll(".am-card")];
                const sizes = await Promise.all(cards.map(async (card) => (await ({PIXELS})(card)).length));
                return sizes.filter((size) => [4 * 256 ** 2, 4 * 300 ** 2].includes(size)).length === 12;
            }}"""
        )
        page.goto("about:blank")


def test_a_page_turn_takes_five_messages_at_most(page: Page, served: Served):
    frames: list[str] = []

    def listen(socket: WebSocket) -> None:
        socket.on("framesent", lambda _frame: frames.append("sent"))
        socket.on("framereceived", lambda _frame: frames.append("received"))

    page.on("websocket", listen)
    desk = Desk(page).open(served.address)
    expect(page.locator(".am-outlook")).to_be_visible()
    desk.press("ArrowRight")
    wait_until_quiet(page, frames)  # what is told once, at the first touch, is over
    counted = []
    for key, number in (("PageDown", 2), ("PageDown", 3), ("PageUp", 2), ("PageUp", 1)):
        frames.clear()
        desk.press(key)
        expect(desk.page_text).to_have_text(f"page {number} of 3")
        wait_until_quiet(page, frames)
        counted.append(len(frames))
        if 2 <= counted[-1] <= 5:
            break
    # A busy machine may count what came late of before; what costs more costs it at each turn.
    assert 2 <= counted[-1] <= 5, counted


def wait_until_quiet(page: Page, frames: list[str]) -> None:
    """Wait until a second has passed without a frame, however long a busy machine takes to send its last."""
    seen = -1
    while len(frames) > seen:
        seen = len(frames)
        page.wait_for_timeout(1_000)


def test_a_file_that_is_deleted_meanwhile_becomes_a_card_that_says_so(
    page: Page, served: Served, prepared: Prepared
):
    desk = Desk(page).open(served.address)
    desk.press("PageDown")
    expect(desk.page_text).to_have_text("page 2 of 3")
    desk.press("PageDown")
    expect(desk.page_text).to_have_text("page 3 of 3")
    gone, kept = desk.ids()[:2]
    page.reload()
    desk.wait()
    (prepared.images / gone).unlink()
    desk.press("PageDown")
    expect(desk.page_text).to_have_text("page 2 of 3")
    desk.press("PageDown")
    expect(desk.page_text).to_have_text("page 3 of 3")
    expect(desk.card(gone).get_by_text("cannot be read")).to_be_visible()
    expect(desk.card(kept).get_by_text("cannot be read")).to_be_hidden()
    desk.press(".")
    desk.expect_saved()
    assert gone not in desk.labels()
    assert desk.labels()[kept] == "nominal"


def test_labels_given_while_the_connection_is_lost_are_sent_when_it_is_back(
    page: Page, served: Served, prepared: Prepared, faults: Faults
):
    faults.forgive(A_LOST_CONNECTION)
    lines: list[WebSocketRoute] = []
    down = False

    def connect(line: WebSocketRoute) -> None:
        if down:
            line.close()
            return
        line.connect_to_server()
        lines.append(line)

    page.route_web_socket("**/api/kernels/**", connect)
    desk = Desk(page).open(served.address)
    before = prepared.journal()
    first, second = desk.ids()[:2]
    down = True
    for line in lines:
        line.close()
    desk.press("a", "n")
    assert desk.labels() == {first: "anomaly", second: "nominal"}
    expect(desk.safety).to_contain_text("2 labels are kept here and sent again")
    assert prepared.journal() == before
    down = False
    desk.expect_saved()
    assert prepared.journal() == [*before, (first, "anomaly"), (second, "nominal")]


def press_at_once(desk: Desk, *keys: str) -> None:
    """Press keys with no time between them in which a page could come."""
    desk.grid.evaluate(
        """(grid, keys) => keys.forEach((key) =>
            grid.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true })))""",
        list(keys),
    )


def test_a_key_before_the_next_page_is_there_labels_nothing_and_skips_no_page(
    page: Page, served: Served, prepared: Prepared
):
    desk = Desk(page).open(served.address)
    before, last = prepared.journal(), desk.ids()[-1]
    press_at_once(desk, "End", "a", "n", ".")
    expect(desk.page_text).to_have_text("page 2 of 3")
    expect(desk.active).to_have_count(1)
    desk.expect_saved()
    assert prepared.journal() == [*before, (last, "anomaly")]
    assert desk.labels() == {}


def test_a_key_while_the_next_page_is_being_decoded_does_not_label_the_page_before(
    page: Page, served: Served, prepared: Prepared
):
    page.add_init_script(
        """const decode = HTMLImageElement.prototype.decode;
        HTMLImageElement.prototype.decode = async function () {
            if (window.held) await new Promise((go) => { window.go = go; });
            return decode.call(this);
        };"""
    )
    desk = Desk(page).open(served.address)
    before, last = prepared.journal(), desk.ids()[-1]
    page.evaluate("window.held = true")
    desk.press("End", "a")
    page.wait_for_function("() => Boolean(window.go)")
    desk.press("n")
    page.evaluate("window.held = false; window.go()")
    expect(desk.page_text).to_have_text("page 2 of 3")
    desk.expect_saved()
    assert prepared.journal() == [*before, (last, "anomaly")]


def test_pages_asked_for_in_haste_come_in_the_end_whatever_comes_between(page: Page, served: Served):
    desk = Desk(page).open(served.address)
    press_at_once(desk, "PageDown", "PageDown")
    expect(desk.page_text).to_have_text("page 3 of 3")
    press_at_once(desk, "PageUp", "PageUp", "PageDown")
    expect(desk.page_text).to_have_text("page 2 of 3")
    # Page 2 was asked for twice: until the second one is there, no key means its cards.
    labelled = page.locator(".am-card[data-label]")
    for _ in range(PATIENCE // 500):
        desk.press("n")
        page.wait_for_timeout(500)
        if labelled.count():
            break
    expect(labelled).to_have_count(1)
    expect(desk.page_text).to_have_text("page 2 of 3")


def test_the_ring_stays_on_its_image_where_the_page_has_fewer_cards(page: Page, served: Served):
    desk = Desk(page).open(served.address)
    ids = desk.ids()
    page.get_by_label("Cards").select_option("20")
    expect(desk.cards).to_have_count(20)
    desk.press("Home", "ArrowRight", "ArrowRight")
    page.get_by_label("Cards").select_option("60")
    expect(desk.cards).to_have_count(60)
    assert desk.active_id() == ids[2]
    desk.press("End")
    page.get_by_label("Cards").select_option("20")
    expect(desk.cards).to_have_count(20)
    expect(desk.active).to_have_count(1)
    desk.press("ArrowLeft", "n")
    desk.expect_saved()
    assert len(desk.labels()) == 1


def test_a_label_that_got_lost_does_not_come_after_its_correction(
    page: Page, served: Served, prepared: Prepared
):
    lost: list[object] = []

    def connect(line: WebSocketRoute) -> None:
        server = line.connect_to_server()

        def pass_on(message: str | bytes) -> None:
            text = message if isinstance(message, str) else message.decode(errors="replace")
            if '"kind":"label"' in text and not lost:
                lost.append(message)
            else:
                server.send(message)

        line.on_message(pass_on)

    page.route_web_socket("**/api/kernels/**", connect)
    desk = Desk(page).open(served.address)
    before, first = prepared.journal(), desk.ids()[0]
    desk.press("a", "ArrowLeft", "n")
    expect(desk.card(first)).to_have_attribute("data-label", "nominal")
    desk.expect_saved()
    assert len(lost) == 1
    assert prepared.journal() == [*before, (first, "anomaly"), (first, "nominal")]
    expect(desk.card(first)).to_have_attribute("data-label", "nominal")
