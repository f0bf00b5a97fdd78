"""Training goes on when its page is reloaded or opened a second time, and the other page is told in words."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from desk import Desk
from faults import Faults
from playwright.sync_api import Browser, Page, expect
from serving import Prepared, Serve, open_page

from anomalymatch_ui.session import Session

pytestmark = pytest.mark.browser


@pytest.fixture
def other_page(chromium: Browser, page: Page, faults: Faults) -> Iterator[Page]:
    with open_page(chromium, faults) as other:
        yield other


def test_training_goes_on_after_a_reload_and_in_a_second_tab_which_the_first_is_told_of(
    page: Page, other_page: Page, prepared_once: Prepared, serve: Serve, tmp_path: Path
) -> None:
    for name in ("images", "session"):
        shutil.copytree(getattr(prepared_once, name), tmp_path / name)
    with Session.open(tmp_path / "session", annotator="ada") as session:
        session.configure({"train.steps": 100_000})
    training = re.compile("^Training, cycle 1$")
    with serve(tmp_path / "images", tmp_path / "session", "--annotator", "ada") as served:
        first = Desk(page).open(served.address)
        first.button("Train").click()
        expect(first.phase).to_have_text(training)
        page.reload()
        first.wait()
        expect(first.phase).to_have_text(training)

        second = Desk(other_page).open(served.address)
        expect(second.phase).to_have_text(training)
        told = page.locator(".am-elsewhere")
        expect(told).to_have_text(
            "Trained elsewhere, by another page of yours. Here you can label: each page sees the other's "
            "labels."
        )
        expect(page.locator(".am-side .v-alert")).to_have_count(1)  # and no error
        expect(first.button("Train")).to_be_disabled()
        first.press("a")
        expect(second.count("anomaly")).to_have_text("5")

        second.button("Stop").click()
        expect(second.phase).to_contain_text("Cycle 1 stopped at step")
        other_page.reload()
        expect(second.button("Resume cycle")).to_be_enabled()
        expect(second.cards.first).to_be_visible()
        for left in (page, other_page):
            left.goto("about:blank")
