"""The watch over the pages of the other files notices what goes wrong, and nothing that is no fault."""

from __future__ import annotations

import pytest
from faults import A_LOST_CONNECTION, Faults
from playwright.sync_api import Browser, Page
from serving import open_page

pytestmark = pytest.mark.browser


def write(page: Page, script: str) -> None:
    page.goto("about:blank?written")
    page.add_script_tag(content=script)


def test_a_script_that_fails_and_an_error_on_the_console_are_faults(page: Page, faults: Faults):
    write(
        page, "console.error('said'); console.warn('no fault'); setTimeout(() => { throw Error('thrown') })"
    )
    page.evaluate("new Promise((done) => setTimeout(done))")
    assert faults.end() == ["said", "thrown"]


def test_an_address_elsewhere_is_a_fault(page: Page, faults: Faults):
    page.route("https://**", lambda route: route.abort())
    write(page, "fetch('https://example.org/font').catch(() => {})")
    page.evaluate("new Promise((done) => setTimeout(done))")
    assert "https://example.org/font" in faults.end()


def test_every_page_of_a_test_is_watched(chromium: Browser, page: Page, faults: Faults):
    with open_page(chromium, faults) as other:
        write(other, "console.error('by the other')")
        assert faults.end() == ["by the other"]


@pytest.mark.parametrize("leave", [Page.reload, lambda page: page.goto("about:blank")], ids=["reload", "go"])
def test_what_a_page_says_while_it_is_left_is_none(page: Page, faults: Faults, leave):
    write(page, "addEventListener('beforeunload', () => { console.error('said'); throw Error('gone') })")
    leave(page)
    page.evaluate("console.error('said by the next')")
    assert faults.end() == ["said by the next"]


def test_what_is_said_after_the_end_is_none(page: Page, faults: Faults):
    write(page, "void 0")
    assert faults.end() == []
    page.evaluate("console.error('late')")
    assert faults.end() == []


def test_what_a_test_causes_itself_is_forgiven_and_nothing_else(page: Page, faults: Faults):
    faults.forgive(A_LOST_CONNECTION)
    write(
        page, "console.error('Could not send widget sync message Error: Cannot send'); console.error('other')"
    )
    assert faults.end() == ["other"]
