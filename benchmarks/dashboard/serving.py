"""A dashboard served by a process of its own, and a page of headless Chromium that shows it."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
from playwright.sync_api import Browser, Page, sync_playwright

from anomalymatch_ui.app.serving.waiting import REST

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "browser"))

from install_chromium import find_chromium, install_chromium

ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu"]
CARDS_ARE_SHOWN = "() => document.querySelector('.am-card[aria-label] .am-image')?.offsetWidth"
PATIENCE = 600_000  # ms; a page that takes longer than that has failed


@dataclass(frozen=True)
class Served:
    """A dashboard that is served."""

    address: str
    process: subprocess.Popen[str]

    def wait_for_a_kernel(self) -> None:
        """Wait until a kernel waits, as it does for whoever does not open page after page."""
        time.sleep(REST + 5)

    def kernel(self) -> psutil.Process:
        """Return the one kernel that the page has started."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        # Beside it one may wait for another page; that one listens to nobody yet.
        (kernel,) = (child for child in children if child.net_connections())
        return kernel


@contextlib.contextmanager
def served(images: Path, session: Path) -> Iterator[Served]:
    """Serve a session; gives its address and its process."""
    command = [sys.executable, "-m", "anomalymatch_ui.cli", "serve", str(images), "--session", str(session)]
    process = subprocess.Popen(
        [*command, "--port", "0", "--no-browser", "--json"], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        yield Served(json.loads(process.stdout.readline())["address"], process)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """Start a headless Chromium, fetching one where there is none."""
    path = find_chromium() or install_chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@contextlib.contextmanager
def new_page(browser: Browser, cards: int) -> Iterator[Page]:
    """Return a page of 1280 x 720 whose galleries show that many cards; it is left before it is closed."""
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    page.set_default_timeout(PATIENCE)
    page.add_init_script(f"localStorage.setItem('anomalymatch.page_size', '{cards}')")
    page.on("dialog", lambda dialog: dialog.accept())
    try:
        yield page
    finally:
        page.goto("about:blank")
        page.close()


def open_page(page: Page, address: str) -> float:
    """Open the dashboard; gives the seconds until the first cards are painted."""
    page.goto(address, wait_until="commit")
    shown = page.wait_for_function(f"{CARDS_ARE_SHOWN} && performance.now()", polling="raf")
    return float(shown.json_value()) / 1000


def wait_until_idle(page: Page) -> None:
    """Wait for the first ranking, so that nothing runs beside what is measured."""
    page.wait_for_function(
        "() => document.querySelector('.am-train:not([disabled])')"
        " && !document.querySelector('.am-range').textContent.includes('not ranked yet')"
    )
    page.wait_for_timeout(500)


def start_training(page: Page) -> None:
    """Press Train and wait for the first step."""
    page.locator(".am-train").click()
    page.wait_for_function(
        "() => /step *[1-9]/.test(document.querySelector('.am-phase ~ .am-figures')?.textContent)"
    )


def trains(page: Page) -> bool:
    """Return whether training runs."""
    return page.locator(".am-phase").inner_text().startswith("Training, cycle")
