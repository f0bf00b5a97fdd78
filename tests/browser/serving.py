"""A session made ready, and a process that serves it."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import processes
from faults import Faults
from playwright.sync_api import Browser, Page, ViewportSize
from processes import Command

from anomalymatch_ui.config import Config
from anomalymatch_ui.labels import Journal
from anomalymatch_ui.session import Session

PATIENCE = 120_000  # ms; two cores that others want as well may start a kernel in more than a minute

CHROMIUM_ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # The popup of Chromium's own address bar is two pages beside each page, and costs a second of processor.
    # What follows it is what Playwright switches off: of two lists Chromium heeds the last one.
    "--disable-features=WebUIOmniboxPopup,WebUIOmniboxAimPopup,AvoidUnnecessaryBeforeUnloadCheckSync,"
    "DestroyProfileOnBrowserClose,HttpsUpgrades,HttpsFirstBalancedModeAutoEnable,MediaRouter,PaintHolding,"
    "ThirdPartyStoragePartitioning,AvoidCorsURLLoaderRestartOnRedirect,OptimizationHints,"
    "NetworkTimeServiceQuerying,AimEnabled,LensOverlay,PreconnectToSearch",
]

RINGS = [f"{number:04d}.jpg" for number in range(4)]
DISCS = [f"{number:04d}.jpg" for number in range(40, 50)]


SCREEN: ViewportSize = {"width": 1280, "height": 720}


@contextlib.contextmanager
def open_page(chromium: Browser, faults: Faults, screen: ViewportSize = SCREEN) -> Iterator[Page]:
    """Open a page that is watched for faults.

    It asks for little motion: what turns while a page loads is painted sixty times a second without a GPU.
    """
    page = chromium.new_page(viewport=screen, reduced_motion="reduce")
    page.set_default_timeout(PATIENCE)
    faults.watch(page)
    yield page
    page.close(run_before_unload=False)


@dataclass(frozen=True)
class Prepared:
    """A pool, a session on it, and what the journal had at the start."""

    images: Path
    session: Path

    def copied_to(self, folder: Path) -> Prepared:
        """Return a copy in another folder, for tests that change it."""
        for name in ("images", "session"):
            shutil.copytree(getattr(self, name), folder / name)
        return Prepared(folder / "images", folder / "session")

    def journal(self) -> list[tuple[str, str | None]]:
        with Journal(self.session / "journal.sqlite") as journal:
            return [(entry.image_id, entry.label) for entry in journal.entries()]


def prepare_session(folder: Path, images: Path) -> Path:
    """Make a session with labels of both classes, a first ranking, and cycles of three steps."""
    config = Config.preset("paper").with_values(
        network={"image_size": 32},
        embedding={"sizes": (32, 48), "symmetric_up_to": 32},
        train={"steps": 3, "labelled_batch": 4, "unlabelled_batch": 4},
    )
    with Session.open(folder, images, config=config, annotator="ada") as session:
        session.label(RINGS, "anomaly")
        session.label(DISCS, "nominal")
        session.rank(wait=True)
    return folder


@dataclass(frozen=True)
class Served:
    """A dashboard served by a process of its own."""

    address: str
    process: Command


Serve = Callable[..., contextlib.AbstractContextManager[Served]]


@contextlib.contextmanager
def serving(images: Path, session: Path, *options: str) -> Iterator[Served]:
    """Serve a dashboard by a process of its own, which ends with the body."""
    quietly = ("--port", 0, "--no-browser", "--json")
    with processes.started("serve", images, "--session", session, *quietly, *options) as process:
        try:
            line = process.first_line(300)
            assert line, f"`anomalymatch serve` ended with {process.finished(300)}"
            yield Served(json.loads(line)["address"], process)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(300)
