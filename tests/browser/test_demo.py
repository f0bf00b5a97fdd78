"""The demo opens its address at once, and its first page makes the survey."""

from __future__ import annotations

import json
import re
import signal
import time
from pathlib import Path

import processes
import pytest
from axe_playwright_python.sync_playwright import Axe
from desk import Desk
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser


def test_the_first_page_makes_the_survey_and_becomes_the_dashboard(
    page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    begun = time.monotonic()
    with processes.started("demo", "--no-browser", "--port", 0, "--json", cwd=tmp_path) as command:
        address = json.loads(command.first_line(300))["address"]
        told = time.monotonic() - begun
        assert not (tmp_path / "cache").exists()  # nothing is made before there is an address
        page.goto(address)
        bar = page.get_by_role("progressbar", name="images made")
        expect(bar).to_be_visible()
        expect(page.locator(".am-making-page")).to_contain_text(re.compile(r"[1-9][\d,]* of 2,000 images"))
        found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]})
        assert found.response["violations"] == []
        desk = Desk(page).wait()
        shown = time.monotonic() - begun
        expect(bar).to_have_count(0)
        expect(desk.count("anomaly")).to_have_text("5")
        expect(page.get_by_role("textbox", name="What are you looking for?")).to_have_value(
            "rings, mergers, arcs and dust lanes"
        )
        page.goto("about:blank")
        command.send_signal(signal.SIGINT)
        command.wait(300)
    print(f"address after {told:.1f} s, first cards after {shown:.1f} s")
