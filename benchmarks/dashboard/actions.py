"""What a person does on the page, and how long each takes until it is seen."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, WebSocket

MEASURES = (Path(__file__).with_name("actions.js")).read_text("utf-8")
CALM = 150  # ms between two actions, in which the answers to the one before have come

Taken = dict[str, list[float]]


def summary(values: list[float]) -> dict[str, float]:
    """Return median and 95th percentile."""
    p95 = statistics.quantiles(values, n=20, method="inclusive")[18] if len(values) > 1 else values[0]
    return {"median": round(statistics.median(values), 2), "p95": round(p95, 2), "n": len(values)}


class Messages:
    """Counts what travels over a page's websockets, in both directions; made before the page is opened."""

    def __init__(self, page: Page) -> None:
        self.count = 0
        page.on("websocket", self._listen)

    def _listen(self, socket: WebSocket) -> None:
        for event in ("framesent", "framereceived"):
            socket.on(event, self._note)

    def _note(self, _frame: Any) -> None:
        self.count += 1


def measure(page: Page, kind: str, key: str, taken: Taken) -> None:
    """Press a key and keep how long what follows takes."""
    page.evaluate(f"window.{kind}()")
    page.keyboard.press(key)
    for name, value in page.evaluate("window.measured").items():
        taken[name].append(value)
    page.wait_for_timeout(CALM)


def show_another_list(page: Page, do: Callable[[], object]) -> None:
    """Do something that shows another page of cards, and wait for it."""
    before = page.locator(".am-gallery").get_attribute("data-page")
    do()
    page.wait_for_function(
        "before => document.querySelector('.am-gallery').dataset.page !== before", arg=before
    )
    page.wait_for_timeout(CALM)


def press_and_wait(page: Page, key: str) -> None:
    """Press a key that shows another page of cards."""
    show_another_list(page, lambda: page.keyboard.press(key))


def act(page: Page, messages: Messages, actions: int) -> Taken:
    """Label and turn pages.

    Parameters
    ----------
    page
        With the first page of cards, and a ranking.
    messages
        Of this page.
    actions
        Labels, and page turns.
    """
    taken: Taken = defaultdict(list)
    page.evaluate(MEASURES)
    page.locator(".am-grid").focus()
    for number in range(actions):
        if page.locator(".am-offer").is_visible():
            press_and_wait(page, "r")
        measure(page, "measureLabel", "an"[number % 2], taken)
    press_and_wait(page, "r")
    for number in range(actions):
        before = messages.count
        measure(page, "measureTurn", "PageDown" if number % 20 < 10 else "PageUp", taken)
        taken["messages"].append(messages.count - before)
    return taken


def label_in_bulk(page: Page, text: str, repetitions: int) -> tuple[Taken, int]:
    """Call all images with ``text`` in their names unsure, and take it back, again and again.

    Returns
    -------
    tuple of Taken, int
        The times, and how many images that is.
    """
    taken: Taken = defaultdict(list)
    page.evaluate(MEASURES)
    page.get_by_role("searchbox").fill(text)
    press_and_wait(page, "Enter")
    show_another_list(page, lambda: page.get_by_role("button", name="only unlabelled").click())
    matching = int(page.locator(".am-tally").inner_text().split()[0].replace(",", ""))
    for _ in range(repetitions):
        page.locator(".am-grid").focus()
        page.keyboard.press("l")
        page.locator(".am-dialog").wait_for()
        measure(page, "measureBulk", "u", taken)
        page.keyboard.press("z")
        page.wait_for_function("() => !document.querySelector('.am-card[data-label=unsure]')")
        page.wait_for_timeout(5 * CALM)
    show_another_list(page, lambda: page.get_by_label("view", exact=True).select_option("to label"))
    return taken, matching
