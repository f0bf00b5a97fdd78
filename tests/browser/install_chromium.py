"""Find a Chromium for the browser tests, or install one.

Looked for in this order: the environment variable CHROMIUM, a browser on the PATH, Playwright's own.
If there is none, it is installed by apt-get where that can be done, else by Playwright.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

NAMES = ("chromium", "google-chrome", "google-chrome-stable", "chromium-browser")
PACKAGES = ("chromium", "fonts-dejavu-core")


def find_chromium() -> str | None:
    """Return the path of a Chromium that starts, or ``None``."""
    return next((path for path in _candidates() if path and _starts(path)), None)


def _candidates() -> Iterator[str | None]:
    yield os.environ.get("CHROMIUM")
    yield from map(shutil.which, NAMES)
    yield _playwright_chromium()  # which takes a second to ask


def install_chromium() -> str | None:
    """Install a Chromium and give its path, or ``None`` if nothing helped."""
    if _may_use_apt():
        print("Installing Chromium with apt-get …", file=sys.stderr)
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["update"], ["install", "-y", "--no-install-recommends", *PACKAGES]):
            subprocess.run(["apt-get", "-qq", *command], env=environment, check=False, stdout=sys.stderr)
        if found := find_chromium():
            return found
    print("Installing Chromium with Playwright …", file=sys.stderr)
    subprocess.run(
        [sys.executable, "-m", "playwright", "install", "chromium"], check=False, stdout=sys.stderr
    )
    return find_chromium()


def main() -> int:
    """Find or install; print the path. Gives the exit code."""
    path = find_chromium() or install_chromium()
    if path is None:
        print(
            "No Chromium could be found or installed, so the browser tests cannot run. Install one "
            "(for example `apt-get install chromium`) or set CHROMIUM to the path of yours.",
            file=sys.stderr,
        )
        return 1
    print(path)
    return 0


def _playwright_chromium() -> str | None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if path and Path(path).exists() else None


def _starts(path: str) -> bool:
    # Ubuntu's chromium-browser may be a script that only tells to install a snap.
    try:
        result = subprocess.run(
            [path, "--headless", "--no-sandbox", "--version"], capture_output=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return result.returncode == 0 and b"hrom" in result.stdout


def _may_use_apt() -> bool:
    return shutil.which("apt-get") is not None and hasattr(os, "geteuid") and os.geteuid() == 0


if __name__ == "__main__":
    sys.exit(main())
