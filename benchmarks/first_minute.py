"""What a newcomer waits for: the import, the wheel, the demo's address and cards, a reload while it trains.

    python benchmarks/first_minute.py --json FILE
    python benchmarks/first_minute.py --environment .venv    # and how large that is, with CUDA and without

The demo is started twice in a cache of its own: the first start draws its survey and looks at it, the
second finds both. Nothing else should run beside it. The exit code is 1 where something takes longer than
is promised.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dashboard.serving import CARDS_ARE_SHOWN, chromium, new_page, open_page, start_training, wait_until_idle
from playwright.sync_api import Browser, Page

from anomalymatch_ui.app.serving.waiting import REST

ROOT = Path(__file__).parents[1]
CARDS = 60
IMPORTS = 7

PROMISED = {
    "import": 0.5,
    "wheel_mb": 5.0,
    "address_first": 10.0,
    "address_second": 10.0,
    "cards_first": 45.0,
    "cards_second": 15.0,
    "goes_on": 5.0,
    "without_cuda_gb": 2.0,
}
"""The most of each, in seconds unless it is said."""

CUDA = ("nvidia", "triton", "cuda")
"""Beginnings of the names of packages that only a GPU needs."""

CUDA_LIBRARIES = ("cuda", "nvshmem", "nvrtc")
"""In the names of what torch itself has of it."""


def import_seconds() -> float:
    """Return how much longer Python takes to start with the package, the median of some tries."""

    def start(code: str) -> float:
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
        return time.perf_counter() - begun

    pairs = [(start("pass"), start("import anomalymatch_ui")) for _ in range(IMPORTS)]
    return statistics.median(with_it - without for without, with_it in pairs)


def wheel_megabytes() -> float:
    """Build the wheel, and return its size."""
    with tempfile.TemporaryDirectory() as folder:
        build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder]
        subprocess.run(build, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
        (wheel,) = Path(folder).glob("*.whl")
        return wheel.stat().st_size / 1e6


def environment_gigabytes(environment: Path) -> tuple[float, float]:
    """Return the size of an environment, and that of what no GPU needs."""
    whole = without = 0
    for path in environment.rglob("*"):
        if path.is_symlink() or not path.is_file():
            continue
        size = path.stat().st_size
        whole += size
        parts = path.relative_to(environment).parts
        package = parts[parts.index("site-packages") + 1] if "site-packages" in parts[:-1] else ""
        in_torch = package == "torch" and any(name in path.name for name in CUDA_LIBRARIES)
        if not package.startswith(CUDA) and not (in_torch and "lib" in parts):
            without += size
    return whole / 1e9, without / 1e9


@dataclass(frozen=True)
class Demo:
    """A demo that was started."""

    address: str
    begun: float
    told: float


@contextlib.contextmanager
def demo(cache: Path) -> Iterator[Demo]:
    """Start the demo, and end it."""
    command = [sys.executable, "-m", "anomalymatch_ui.cli", "demo", "--port", "0", "--no-browser", "--json"]
    begun = time.perf_counter()
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "XDG_CACHE_HOME": str(cache)}
    )
    assert process.stdout is not None
    try:
        address = json.loads(process.stdout.readline())["address"]
        yield Demo(address, begun, time.perf_counter() - begun)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def first_cards(page: Page, started: Demo) -> float:
    """Open the page, as the browser does that the demo opens; return the seconds since its start."""
    open_page(page, started.address)
    return time.perf_counter() - started.begun


def going_on(page: Page) -> dict[str, float]:
    """Train and reload the page.

    Returns
    -------
    dict
        Seconds: ``reload`` until there are cards, and after these ``goes_on`` until the panel says so, and
        ``trains`` until the first step.
    """
    time.sleep(REST + 5)  # a kernel waits by then, as for whoever has looked at a page for a while
    start_training(page)
    begun = time.perf_counter()
    page.reload(wait_until="commit")
    page.wait_for_function(CARDS_ARE_SHOWN, polling="raf")
    shown = time.perf_counter()
    after = {"reload": shown - begun}
    for name, phase in (("goes_on", "Going on with|Training,"), ("trains", "Training,")):
        said = f"() => /^({phase}) cycle/.test(document.querySelector('.am-phase')?.textContent)"
        page.wait_for_function(said, polling="raf")
        after[name] = time.perf_counter() - shown
    return after


def measure(browser: Browser, environment: Path | None) -> dict[str, Any]:
    """Measure all of it."""
    results: dict[str, Any] = {"import": import_seconds(), "wheel_mb": wheel_megabytes()}
    with tempfile.TemporaryDirectory(prefix="anomalymatch-first-minute-") as folder:
        with demo(Path(folder)) as started, new_page(browser, CARDS) as page:
            results["address_first"] = started.told
            results["cards_first"] = first_cards(page, started)
            wait_until_idle(page)
            results["order_first"] = time.perf_counter() - started.begun
        with demo(Path(folder)) as started, new_page(browser, CARDS) as page:
            results["address_second"] = started.told
            results["cards_second"] = first_cards(page, started)
            wait_until_idle(page)
            results |= going_on(page)
            page.locator(".am-side").get_by_role("button", name="Stop").click()
    if environment is not None:
        results["environment_gb"], results["without_cuda_gb"] = environment_gigabytes(environment)
    results = {name: round(value, 2) for name, value in results.items()}
    failed = [name for name, most in PROMISED.items() if results.get(name, 0) > most]
    machine = f"{platform.machine()}, {platform.system()}, {os.cpu_count()} cores"
    return {**results, "machine": machine, "failed": failed, "holds": not failed}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the results here")
    parser.add_argument("--environment", type=Path, metavar="DIR", help="an environment to measure as well")
    options = parser.parse_args()
    with chromium() as browser:
        results = measure(browser, options.environment)
    text = json.dumps(results, indent=1)
    print(text)
    if options.json is not None:
        options.json.write_text(text + "\n", encoding="utf-8")
    sys.exit(0 if results["holds"] else 1)


if __name__ == "__main__":
    main()
