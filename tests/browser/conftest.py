"""A real Chromium and really served dashboards."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from images import make_pool
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

sys.path.insert(0, str(Path(__file__).parent))

from desk import Desk
from faults import Faults
from install_chromium import find_chromium
from kept import Kept
from serving import (
    CHROMIUM_ARGUMENTS,
    PATIENCE,
    SCREEN,
    Prepared,
    Serve,
    Served,
    open_page,
    prepare_session,
    serving,
)

expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """Where a Chromium lies that starts."""
    path = find_chromium()
    if path is None:
        reason = "no Chromium on this machine; `python tests/browser/install_chromium.py` gets one"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return path


@pytest.fixture(
    scope="module"
)  # Playwright keeps an event loop running, which tests of other files start themselves
def chromium(chromium_path: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def faults() -> Faults:
    """Return what watches the pages of a test, from their opening to the end of the test's own part."""
    return Faults()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Try a browser test that failed once more, and no other one: pyproject.toml says why."""
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Let no test pass on whose pages a script failed, before its fixtures leave them."""
    result = yield
    if isinstance(item, pytest.Function) and "faults" in item.funcargs:
        assert item.funcargs["faults"].end() == []
    return result


@pytest.fixture
def page(chromium: Browser, faults: Faults) -> Iterator[Page]:
    """A page of 1280 x 720 on which no script fails and nothing is fetched from elsewhere."""
    with open_page(chromium, faults) as page:
        yield page


@pytest.fixture(scope="session")
def prepared_once(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    folder = tmp_path_factory.mktemp("prepared")
    make_pool(folder / "images", images=150, rings=12)
    return Prepared(folder / "images", prepare_session(folder / "session", folder / "images"))


@pytest.fixture(scope="session")
def serve() -> Serve:
    """Return a way to serve a dashboard: ``with serve(images, session) as served``."""
    return serving


@pytest.fixture(scope="module")
def served(prepared: Prepared, serve: Serve) -> Iterator[Served]:
    """A dashboard that the tests of a file share, on what its own fixture ``prepared`` gives."""
    with serve(prepared.images, prepared.session) as served:
        yield served


@pytest.fixture
def desk(page: Page, served: Served) -> Iterator[Desk]:
    """The page of :func:`served`, opened anew."""
    yield Desk(page).open(served.address)
    page.goto("about:blank")


@pytest.fixture(scope="module")
def screen() -> ViewportSize:
    """The size of the page of :func:`kept_desk`."""
    return SCREEN


@pytest.fixture(scope="module")
def kept(chromium: Browser, prepared: Prepared, served: Served, screen: ViewportSize) -> Iterator[Kept]:
    """What opens the page of :func:`kept_desk`."""
    kept = Kept(chromium, served, prepared, screen)
    yield kept
    kept.close()


@pytest.fixture
def kept_desk(kept: Kept, faults: Faults) -> Desk:
    """The page of :func:`served` as it is when it has just been opened.

    To open one costs ten seconds of a processor; it is opened anew only after a test that has changed it.
    """
    return kept.desk(faults)
