"""How fast the dashboard answers: a real Chromium on a really served demo.

Measured inside the page with its own clock: from the time stamp of the key's event to the first frame
that shows the change, and to the answer that the kernel gives after the commit on disk. Each figure is
taken while nothing runs and while FixMatch trains. ``--json`` ends with one JSON object; times are in
milliseconds, ``first_cards`` in seconds.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "browser"))

from install_chromium import find_chromium, install_chromium

LIMITS = {"key_to_visible": 50.0, "key_to_journal": 100.0, "page_turn": 300.0, "first_cards": 10.0}

# Waits for the frame in which a change is painted: a message posted from an animation frame is
# delivered after that frame.
WATCH = """
() => {
  const painted = () => new Promise((resolve) => requestAnimationFrame(() => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => resolve(performance.now());
    channel.port2.postMessage(null);
  }));
  const until = (node, ready) => new Promise((resolve) => {
    const check = () => { if (ready()) { observer.disconnect(); resolve(performance.now()); } };
    const observer = new MutationObserver(check);
    observer.observe(node, { attributes: true, subtree: true });
    check();
  });
  window.nextKey = () => new Promise((resolve) => {
    addEventListener("keydown", (event) => resolve(event.timeStamp), { capture: true, once: true });
  });
  window.measureLabel = () => {
    const card = document.querySelector(".am-active");
    window.measured = window.nextKey().then(async (start) => {
      await until(card, () => card.dataset.label);
      const visible = painted();
      const saved = until(card, () => card.dataset.saved === "saved");
      return { key_to_visible: (await visible) - start, key_to_journal: (await saved) - start };
    });
  };
  window.measureTurn = () => {
    const gallery = document.querySelector(".am-gallery");
    const before = gallery.dataset.page;
    window.measured = window.nextKey().then(async (start) => {
      await until(gallery, () => gallery.dataset.page !== before);
      return { page_turn: (await painted()) - start };
    });
  };
}
"""


@contextlib.contextmanager
def served_demo(session: Path) -> Iterator[str]:
    """Serve the demo; gives its address."""
    command = [sys.executable, "-m", "anomalymatch_ui.cli", "demo", "--session", str(session)]
    process = subprocess.Popen(
        [*command, "--port", "0", "--no-browser", "--json"], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())["address"]
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def open_page(page: Page, address: str) -> float:
    """Open the dashboard; gives the seconds until the first cards are painted."""
    page.goto(address, wait_until="commit")
    shown = page.wait_for_function(
        "() => document.querySelector('.am-card[aria-label] canvas')?.offsetWidth && performance.now()",
        polling="raf",
        timeout=120_000,
    )
    return float(shown.json_value()) / 1000


def wait_until_idle(page: Page) -> None:
    """Wait for the first ranking, so that nothing runs beside what is measured."""
    page.wait_for_function(
        "() => document.querySelector('.am-train:not([disabled])')"
        " && !document.querySelector('.am-range').textContent.includes('pool order')",
        timeout=300_000,
    )
    page.wait_for_timeout(500)


def act(page: Page, actions: int) -> dict[str, list[float]]:
    """Label and turn pages ``actions`` times each."""
    taken: dict[str, list[float]] = {name: [] for name in ("key_to_visible", "key_to_journal", "page_turn")}

    def measure(kind: str, key: str) -> None:
        page.evaluate(f"window.{kind}()")
        page.keyboard.press(key)
        for name, value in page.evaluate("window.measured").items():
            taken[name].append(value)
        page.wait_for_timeout(100)

    page.locator(".am-grid").focus()
    for number in range(actions):
        measure("measureLabel", "an"[number % 2])
    for number in range(actions):
        measure("measureTurn", "PageDown" if number % 20 < 10 else "PageUp")
    return taken


def start_training(page: Page) -> None:
    """Press Train and wait for the first step."""
    page.locator(".am-train").click()
    page.wait_for_function(
        "() => document.querySelector('.am-figures')?.textContent.includes('loss')", timeout=300_000
    )


def summary(values: list[float]) -> dict[str, float]:
    """Give median and 95th percentile."""
    p95 = statistics.quantiles(values, n=20, method="inclusive")[18]
    return {"median": round(statistics.median(values), 2), "p95": round(p95, 2), "n": len(values)}


def measure(actions: int, openings: int) -> dict[str, Any]:
    """Measure everything."""
    path = find_chromium() or install_chromium()
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="anomalymatch-interface-"))
        address = stack.enter_context(served_demo(Path(folder) / "demo.session"))
        playwright = stack.enter_context(sync_playwright())
        arguments = ["--headless", "--no-sandbox", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        stack.callback(browser.close)
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        opened = [open_page(page, address) for _ in range(openings)]
        wait_until_idle(page)
        page.evaluate(WATCH)
        results: dict[str, Any] = {"first_cards": summary(opened)}
        results["idle"] = {name: summary(values) for name, values in act(page, actions).items()}
        page.locator(".am-grid").press("PageDown")
        page.wait_for_timeout(1000)
        start_training(page)
        results["training"] = {name: summary(values) for name, values in act(page, actions).items()}
        results["trained_steps"] = page.locator(".am-figures").inner_text().split("\n")[1]
        page.locator(".am-side").get_by_role("button", name="Stop").click()
        page.goto("about:blank")
    return {**results, "machine": f"{platform.machine()}, {platform.system()}", "holds": holds(results)}


def holds(results: dict[str, Any]) -> bool:
    """Say whether the medians are within the limits, those while training within three times as much."""
    idle, training = results["idle"], results["training"]
    return (
        all(idle[name]["median"] < LIMITS[name] for name in idle)
        and all(training[name]["median"] < 3 * LIMITS[name] for name in ("key_to_visible", "key_to_journal"))
        and results["first_cards"]["median"] < LIMITS["first_cards"]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="end standard output with one JSON object")
    parser.add_argument("--actions", type=int, default=50, help="labels, and page turns, in each state")
    parser.add_argument("--openings", type=int, default=3, help="times the page is opened")
    options = parser.parse_args()
    results = measure(options.actions, options.openings)
    print(f"first cards after {results['first_cards']['median']} s", file=sys.stderr)
    for state in ("idle", "training"):
        for name, values in results[state].items():
            words = f"{name.replace('_', ' '):16} {values['median']:7.1f} ms  (95 %: {values['p95']:.1f} ms)"
            print(f"{state:9} {words}", file=sys.stderr)
    if options.json:
        print(json.dumps(results))
    sys.exit(0 if results["holds"] else 1)


if __name__ == "__main__":
    main()
