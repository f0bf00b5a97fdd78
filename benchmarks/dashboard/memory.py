"""What the kernel, the script and the document hold, and whether it grows while somebody looks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psutil
from playwright.sync_api import CDPSession, Page

MEGABYTE = 1e6
WARM_UP = 40  # page turns after which caches are full; two rounds, so that it ends where it began


@dataclass(frozen=True)
class Held:
    """What is held at one moment, after the browser's garbage was collected.

    Attributes
    ----------
    kernel
        Resident memory of the kernel, in MB.
    heap
        JavaScript objects and the buffers they hold, in MB.
    nodes, listeners
        Of the document.
    """

    kernel: float
    heap: float
    nodes: int
    listeners: int

    def since(self, former: Held) -> dict[str, float]:
        """Return by how much it has grown."""
        return {
            "kernel_growth_mb": round(self.kernel - former.kernel, 1),
            "heap_growth_mb": round(self.heap - former.heap, 2),
            "node_growth": self.nodes - former.nodes,
            "listener_growth": self.listeners - former.listeners,
        }


class Scales:
    """Weighs a page and its kernel."""

    def __init__(self, page: Page, kernel: psutil.Process) -> None:
        self._page = page
        self._kernel = kernel
        self._inspector: CDPSession = page.context.new_cdp_session(page)

    def weigh(self) -> Held:
        """Collect the garbage and weigh what is left."""
        for _ in range(3):  # what ends with another object goes one round later
            self._inspector.send("HeapProfiler.collectGarbage")
        usage = self._inspector.send("Runtime.getHeapUsage")
        heap = usage["usedSize"] + usage.get("backingStorageSize", 0) + usage.get("embedderHeapUsedSize", 0)
        counters = self._inspector.send("Memory.getDOMCounters")
        return Held(self.kernel(), heap / MEGABYTE, counters["nodes"], counters["jsEventListeners"])

    def kernel(self) -> float:
        """Return the kernel's resident memory, in MB."""
        return float(self._kernel.memory_info().rss) / MEGABYTE


def turn(page: Page, key: str) -> None:
    """Turn a page and wait until it is drawn."""
    before = page.locator(".am-gallery").get_attribute("data-page")
    page.keyboard.press(key)
    page.wait_for_function(
        "before => document.querySelector('.am-gallery').dataset.page !== before", arg=before, polling="raf"
    )


def scroll_to_the_end(page: Page, scales: Scales) -> dict[str, Any]:
    """Look at every image: scroll each page down, and turn to the next."""
    page.locator(".am-grid").focus()
    pages = int(page.locator(".am-page").inner_text().split()[-1].replace(",", ""))
    start, most = scales.weigh(), 0.0
    seconds = page.evaluate("performance.now()")
    for number in range(pages):
        page.locator(".am-grid").evaluate("grid => grid.scrollTo(0, grid.scrollHeight)")
        if number + 1 < pages:
            turn(page, "PageDown")
        most = max(most, scales.kernel())
    seconds = (page.evaluate("performance.now()") - seconds) / 1000
    grown = scales.weigh().since(start)
    return {
        "images": int(page.locator(".am-range").inner_text().split()[2].replace(",", "")),
        "pages": pages,
        "seconds": round(seconds, 1),
        "kernel_growth_at_most_mb": round(most - start.kernel, 1),
        **grown,
    }


def turn_again_and_again(page: Page, scales: Scales, turns: int) -> dict[str, Any]:
    """Turn pages, ten back from the last and ten forward, and tell what grows once caches are full."""
    page.locator(".am-grid").focus()

    def go(number: int) -> None:
        for step in range(number):
            turn(page, "PageUp" if step % 20 < 10 else "PageDown")

    go(WARM_UP)
    start = scales.weigh()
    go(turns)
    return {"turns": turns, **scales.weigh().since(start)}
