"""A page that the tests of a file share, as long as each of them leaves it as it was."""

from __future__ import annotations

import contextlib

from desk import Desk
from faults import Faults
from playwright.sync_api import Browser, Error, Page, ViewportSize
from serving import Prepared, Served, open_page

# All that a person could tell a page by which has just been opened: words, cards, choices, what the browser
# keeps, and what lies before the cards. Clocks and forecasts go on by themselves, and the page notes in the
# browser every second that it is there.
LOOK = """() => {
    const root = document.querySelector(".anomalymatch");
    const words = (place) => [...root.querySelectorAll(place)].map((element) => element.innerText).join();
    const moving = [".am-safety", ".am-outlook", ".am-sentence"].map(words).filter((text) => text);
    return JSON.stringify([
        moving.reduce((text, part) => text.replace(part, ""), root.innerText),
        [...root.querySelectorAll(".am-card")].map((card) => [
            card.querySelector(".am-name").title, card.className, card.dataset.label, card.ariaSelected,
        ]),
        [...root.querySelectorAll("input, select")].map((field) => [field.value, field.checked]),
        Object.entries(localStorage).filter(([name]) => !/\\.there\\./.test(name)).sort(),
        document.querySelectorAll("[role=dialog], [role=note]").length,
        root.querySelector("[role=grid]").scrollTop,
    ]);
}"""

BACK = ("Escape", "Escape", "0", "Home")
"""What closes dialogs, drops a selection, resets the look and goes to the first card."""

FORGET = """() => {
    localStorage.removeItem("anomalymatch.look");
    document.querySelector("[role=grid]").scrollTop = 0;
}"""
"""What lets the browser keep no look, as before a first one was chosen (the page's has been reset), and shows
the margin above the first card."""


class Kept:
    """The page, which is opened anew for a test where the one before has changed it, or failed."""

    def __init__(self, chromium: Browser, served: Served, prepared: Prepared, screen: ViewportSize) -> None:
        self._chromium, self._served, self._prepared, self._screen = chromium, served, prepared, screen
        self._opened = contextlib.ExitStack()
        self._page: Page | None = None
        self._look, self._actions = "", 0
        self._faults = Faults()

    def desk(self, faults: Faults) -> Desk:
        """Return the page as it is when it has just been opened, watched by a test's own watch."""
        former, self._faults = self._faults, faults  # of a page that does not open, it has not passed
        if self._page is not None and former.passed and self._is_as_before(self._page):
            faults.watch(self._page)
        else:
            self.close()
            self._page = self._opened.enter_context(open_page(self._chromium, faults, self._screen))
            self._look = Desk(self._page).open(self._served.address).page.evaluate(LOOK)
            self._actions = len(self._prepared.journal())
        return Desk(self._page)

    def _is_as_before(self, page: Page) -> bool:
        if len(self._prepared.journal()) != self._actions:  # of which undo and new orders would remain
            return False
        try:
            page.mouse.move(0, 0)
            for key in BACK:
                page.keyboard.press(key)
            page.evaluate(FORGET)
            return bool(page.evaluate(LOOK) == self._look)
        except Error:  # it shows something else altogether
            return False

    def close(self) -> None:
        """Leave the page."""
        if self._page is not None:
            with contextlib.suppress(Error):  # one that has crashed is left already
                self._page.goto("about:blank")
        self._page = None
        self._opened.close()
