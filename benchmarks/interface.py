"""How fast the dashboard answers, and what it holds: a real Chromium on really served sessions.

    python benchmarks/interface.py --json                   # a survey is made for scrolling
    python benchmarks/interface.py --json --survey DIR      # the images of a folder are scrolled
    python benchmarks/interface.py --table RESULTS.json     # the tables of docs/benchmark.md, of a kept JSON

Every action is taken while nothing runs and while FixMatch trains on the same processor. ``--json`` ends with
one JSON object: times of actions in milliseconds, of openings in seconds, memory in megabytes. Nothing else
should run beside it. The exit code is 1 where something does not hold that must.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dashboard import sessions
from dashboard.actions import Messages, act, label_in_bulk, press_and_wait, show_another_list, summary
from dashboard.figures import STATES, failed, table
from dashboard.memory import Scales, scroll_to_the_end, turn_again_and_again
from dashboard.serving import chromium, new_page, open_page, served, start_training, trains, wait_until_idle
from playwright.sync_api import Browser

from anomalymatch_ui.demo import survey

PARTS = ("actions", "survey", "million")
CARDS = 100
BULK = "field-0"  # in the names of 1,000 of the demo's images
SURVEY_LABELS, MILLION_LABELS = 200, 10_000


def tell(sentence: str) -> None:
    """Return where it is."""
    print(sentence, file=sys.stderr, flush=True)


def measure_actions(browser: Browser, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Label, turn and label in bulk on the demo, idle and while it trains."""
    demo = survey()
    session = sessions.trainable(folder / "demo.session", demo)
    by_state: dict[str, dict[str, Any]] = {}
    with served(demo.images, session) as server, new_page(browser, CARDS) as page:
        messages = Messages(page)
        opened = []
        for _ in range(options.openings):
            server.wait_for_a_kernel()
            opened.append(open_page(page, server.address))
            wait_until_idle(page)
        for state in STATES:
            tell(f"{options.actions} labels and page turns, {state} …")
            if state == "training":
                start_training(page)
            taken = act(page, messages, options.actions)
            bulk, images = label_in_bulk(page, BULK, max(2, options.actions // 5))
            by_state[state] = {name: summary(values) for name, values in {**taken, **bulk}.items()}
            if trains(page) != (state == "training"):
                raise SystemExit(f"This was not measured {state}: the training began or ended meanwhile.")
        steps = page.locator(".am-phase ~ .am-figures dd").first.inner_text()
        page.locator(".am-side").get_by_role("button", name="Stop").click()
        press_and_wait(page, "PageDown")
    actions = {name: {state: by_state[state][name] for state in STATES} for name in by_state["idle"]}
    actions["messages_a_page"] = actions.pop("messages")
    # By state as well, as scripts have read it from the first.
    kept = ("key_to_visible", "key_to_journal", "page_turn")
    return {
        "first_cards": summary(opened),
        **actions,
        "bulk_images": images,
        "trained_steps": steps,
        **{state: {name: by_state[state][name] for name in kept} for state in STATES},
    }


def measure_survey(browser: Browser, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Scroll a survey from its first to its last image, and turn pages for long."""
    tell("A session on a survey …")
    images = options.survey or sessions.synthetic_survey(folder / "survey", options.images)
    session = sessions.ranked(folder / "survey.session", images, SURVEY_LABELS)
    with served(images, session) as server, new_page(browser, CARDS) as page:
        open_page(page, server.address)
        wait_until_idle(page)
        # All of them, with a label or without.
        show_another_list(page, lambda: page.get_by_role("button", name="only unlabelled").click())
        scales = Scales(page, server.kernel())
        scrolled = scroll_to_the_end(page, scales)
        tell(f"scrolled {scrolled['pages']} pages; {options.turns} page turns …")
        return {"scroll": scrolled, "turns": turn_again_and_again(page, scales, options.turns)}


def measure_million(browser: Browser, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Open a session on a million images."""
    tell(f"A session on {options.rows:,} images …")
    pool = sessions.large_pool(folder / "large.h5", options.rows)
    session = sessions.ranked(folder / "large.session", pool, min(MILLION_LABELS, options.rows // 10))
    with served(pool, session) as server:
        opened = []
        for _ in range(options.openings):
            server.wait_for_a_kernel()
            with new_page(browser, CARDS) as page:
                opened.append(open_page(page, server.address))
                wait_until_idle(page)
    return {"million": {"images": options.rows, "first_cards": summary(opened)}}


MEASURES: dict[str, Callable[[Browser, Path, argparse.Namespace], dict[str, Any]]] = {
    "actions": measure_actions,
    "survey": measure_survey,
    "million": measure_million,
}


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Measure what is asked for."""
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="anomalymatch-interface-") as folder, chromium() as browser:
        results["chromium"] = browser.version
        for part in options.only:
            results |= MEASURES[part](browser, Path(folder), options)
    failures = failed(results)
    machine = f"{platform.machine()}, {platform.system()}"
    return {**results, "machine": machine, "failed": failures, "holds": not failures}


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--json", action="store_true", help="end standard output with one JSON object")
    add("--table", type=Path, metavar="JSON", help="print the tables of kept results, and end")
    add("--only", nargs="+", choices=PARTS, default=PARTS, help="parts to measure")
    add("--actions", type=int, default=50, help="labels, and page turns, in each state")
    add("--openings", type=int, default=3, help="times a page is opened")
    add("--turns", type=int, default=500, help="page turns in which nothing may grow")
    add("--survey", type=Path, metavar="DIR", help="images to scroll; else a survey is made")
    add("--images", type=int, default=sessions.SURVEY_IMAGES, help="of the survey that is made")
    add("--rows", type=int, default=1_000_000, help="images of the large session")
    return parser.parse_args()


def main() -> None:
    options = arguments()
    if options.table:
        print(table(json.loads(options.table.read_text("utf-8"))))
        return
    results = measure(options)
    tell(table(results))
    for failure in results["failed"]:
        tell(f"does not hold: {failure}")
    if options.json:
        print(json.dumps(results))
    sys.exit(0 if results["holds"] else 1)


if __name__ == "__main__":
    main()
