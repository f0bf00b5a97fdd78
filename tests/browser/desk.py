"""What a person does at the dashboard, in Playwright's words."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect


class Desk:
    """The dashboard on a page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.gallery = page.locator(".am-gallery")
        self.grid = page.get_by_role("grid")
        self.cards = page.get_by_role("gridcell")
        self.active = page.locator(".am-active")
        self.safety = page.locator(".am-safety")
        self.offer = page.locator(".am-offer")
        self.bar = page.get_by_role("toolbar", name="what to do")
        self.overlay = page.get_by_role("dialog")
        self.sentence = page.locator(".am-sentence")
        self.page_text = page.locator(".am-page")
        self.phase = page.locator(".am-phase")

    def open(self, address: str) -> Desk:
        """Go to an address and wait for the cards and the panel."""
        self.page.goto(address)
        return self.wait()

    def wait(self) -> Desk:
        """Wait for the cards and the panel."""
        expect(self.cards.first).to_be_visible()
        expect(self.button("Train")).to_be_visible()
        return self

    def press(self, *keys: str) -> None:
        """Press keys, wherever the focus is."""
        for key in keys:
            self.page.keyboard.press(key)

    def ids(self) -> list[str]:
        """Return the ids of the cards, in order."""
        return self.page.locator(".am-name").evaluate_all("names => names.map((name) => name.title)")

    def labels(self) -> dict[str, str]:
        """Return the labels of the cards that have one."""
        labelled = self.page.locator(".am-card[data-label]").evaluate_all(
            "cards => cards.map((card) => [card.querySelector('.am-name').title, card.dataset.label])"
        )
        return dict(labelled)

    def selected(self) -> list[str]:
        """Return the ids of the cards that are selected, in order."""
        return self.page.locator('.am-card[aria-selected="true"] .am-name').evaluate_all(
            "names => names.map((name) => name.title)"
        )

    def active_id(self) -> str | None:
        """Return the id of the card with the ring."""
        return self.active.locator(".am-name").get_attribute("title")

    def serial(self) -> str | None:
        """Return what counts up each time that the kernel has sent a page."""
        return self.gallery.get_attribute("data-page")

    def card(self, image_id: str) -> Locator:
        """Find the card of an image."""
        return self.cards.filter(has=self.page.locator(f'.am-name[title="{image_id}"]'))

    def button(self, name: str) -> Locator:
        """Find a button of the panel."""
        return self.page.locator(".am-side").get_by_role("button", name=name)

    def count(self, name: str) -> Locator:
        """Find a number of the panel."""
        return self.page.locator(f".am-count.am-{name} dd")

    def expect_saved(self) -> None:
        """Wait until everything is on disk."""
        expect(self.safety).to_contain_text("saved ")
        # A card tells of itself alone; what waits for the disk may belong to an image of another page.
        expect(self.safety).to_have_attribute("data-waiting", "0")
        expect(self.page.locator('.am-card:is([data-saved="sending"], [data-saved="late"])')).to_have_count(0)
