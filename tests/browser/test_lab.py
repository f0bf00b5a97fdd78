from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from desk import Desk
from playwright.sync_api import Page, expect
from serving import Prepared

from anomalymatch_ui.app.environment import Wanted
from anomalymatch_ui.app.serve import free_port, notebook_path

pytestmark = pytest.mark.browser


@contextlib.contextmanager
def jupyter_lab(folder: Path, environment: dict[str, str]) -> Iterator[str]:
    port, token = free_port(0), secrets.token_urlsafe(16)
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1"),
            *(f"--port={port}", f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={folder}"),
            *("--LabApp.news_url=None", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"),
        ],
        env={**os.environ, **environment, "JUPYTER_CONFIG_DIR": str(folder / ".jupyter")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 180
        answered = False
        while not answered:
            assert process.poll() is None, "JupyterLab has ended"
            assert time.monotonic() < deadline, "JupyterLab does not answer"
            with contextlib.suppress(OSError):  # a refusal, or an answer that took too long
                urllib.request.urlopen(f"http://127.0.0.1:{port}/api", timeout=5).close()
                answered = True
            time.sleep(0.25)
        yield f"http://127.0.0.1:{port}/lab/tree/dashboard.ipynb?token={token}"
    finally:
        process.terminate()
        process.wait(30)


def test_in_jupyterlab_keys_label_and_lab_s_own_shortcuts_rest(
    page: Page, prepared_once: Prepared, tmp_path: Path
):
    for name in ("images", "session"):
        shutil.copytree(getattr(prepared_once, name), tmp_path / name)
    prepared = Prepared(tmp_path / "images", tmp_path / "session")
    shutil.copy(notebook_path(), tmp_path / "dashboard.ipynb")
    before = prepared.journal()
    with jupyter_lab(tmp_path, Wanted(prepared.images, None, prepared.session).environment()) as address:
        page.goto(address)
        page.locator(".jp-CodeCell").first.click()
        expect(page.locator(".jp-Notebook-ExecutionIndicator")).to_have_attribute("data-status", "idle")
        page.keyboard.press("Shift+Enter")
        desk = Desk(page).wait()
        cells = page.locator(".jp-Cell").count()
        ids = desk.ids()

        desk.card(ids[0]).click(position={"x": 40, "y": 40})
        # In command mode Lab inserts cells at A and B, deletes at D D, changes the type at M, undoes at Z.
        desk.press("a", "b", "d", "d", "n", "m", "z", "Enter")
        desk.expect_saved()
        expect(desk.card(ids[1])).not_to_have_attribute("data-label", "nominal")
        assert prepared.journal()[len(before) :] == [(ids[0], "anomaly"), (ids[1], "nominal"), (ids[1], None)]
        assert page.locator(".jp-Cell").count() == cells
        assert page.locator(".jp-MarkdownCell").count() == 0

        # Lab's keys are Lab's again outside the gallery.
        page.locator(".jp-CodeCell .cm-content").first.click()
        page.keyboard.press("Escape")
        page.keyboard.press("m")
        expect(page.locator(".jp-MarkdownCell")).to_have_count(1)
        page.goto("about:blank")
