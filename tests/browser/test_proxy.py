"""The dashboard behind a proxy, as JupyterHub and Binder show it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from urllib.request import Request, urlopen

import pytest
from desk import Desk
from lab import jupyter_lab
from playwright.sync_api import Page
from serving import Prepared, Serve

from anomalymatch_ui.app.serving.launcher import NAME, TIMEOUT
from anomalymatch_ui.app.serving.serve import free_port

pytestmark = pytest.mark.browser

SERVER = "/user/ada/"


@pytest.mark.parametrize("kind", ["proxy", "proxy/absolute"])
def test_behind_a_hub_s_proxy_a_label_is_kept(
    page: Page,
    serve: Serve,
    prepared_once: Prepared,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
):
    """One kind takes the path before the dashboard off its requests, the other one leaves it there."""
    shutil.copytree(prepared_once.session, tmp_path / "session")
    prepared = Prepared(prepared_once.images, tmp_path / "session")
    before = prepared.journal()
    options = []
    if kind == "proxy":
        monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", SERVER)  # as a hub does; then nothing is to be given
    else:
        port = free_port()
        options = ["--port", str(port), "--base-url", f"{SERVER}{kind}/{port}/"]
    with serve(prepared.images, prepared.session, *options) as served:
        monkeypatch.delenv("JUPYTERHUB_SERVICE_PREFIX", raising=False)
        address = urlsplit(served.address)
        with jupyter_lab(tmp_path, base_url=SERVER) as lab:
            page.goto(f"{lab.address}api/status?token={lab.token}")  # the hub's own login
            token = parse_qs(address.query)["token"][0]
            page.goto(f"{lab.address}{kind}/{address.port}/?token={token}")
            desk = Desk(page).wait()
            ids = desk.ids()
            desk.press("a")
            desk.expect_saved()
            assert prepared.journal()[len(before) :] == [(ids[0], "anomaly")]
            page.goto("about:blank")


def test_without_a_home_and_with_images_on_a_read_only_disk_twenty_labels_are_kept_behind_a_proxy(
    page: Page,
    serve: Serve,
    prepared_once: Prepared,
    tmp_path: Path,
    read_only: Callable[[Path], Path],
    monkeypatch: pytest.MonkeyPatch,
):
    shutil.copytree(prepared_once.session, tmp_path / "session")
    prepared = Prepared(read_only(prepared_once.images), tmp_path / "session")
    before = prepared.journal()
    (tmp_path / "home").write_text("")  # a file in its place, to which root cannot write, either
    with monkeypatch.context() as homeless:
        homeless.setenv("HOME", str(tmp_path / "home"))
        homeless.setenv("JUPYTERHUB_SERVICE_PREFIX", SERVER)
        serving = serve(prepared.images, prepared.session)
        served = serving.__enter__()
    try:
        with jupyter_lab(tmp_path, base_url=SERVER) as lab:
            page.goto(f"{lab.address}api/status?token={lab.token}")
            address = urlsplit(served.address)
            token = parse_qs(address.query)["token"][0]
            page.goto(f"{lab.address}proxy/{address.port}/?token={token}")
            desk = Desk(page).wait()
            ids = desk.ids()[:20]
            desk.press(*"an" * 10)
            desk.expect_saved()
            given = list(zip(ids, ["anomaly", "nominal"] * 10, strict=True))
            assert prepared.journal()[len(before) :] == given
            page.goto("about:blank")
    finally:
        serving.__exit__(None, None, None)


def test_what_the_launcher_opens_is_the_dashboard_and_asks_for_no_secret(
    prepared_once: Prepared, tmp_path: Path
):
    """The user's server starts it at the first visit, and sends the secret along with each request."""
    shutil.copytree(prepared_once.session, tmp_path / "session")
    opened = {
        "ANOMALYMATCH_IMAGES": str(prepared_once.images),
        "ANOMALYMATCH_SESSION": str(tmp_path / "session"),
    }
    with jupyter_lab(tmp_path, opened, base_url=SERVER) as lab:
        asked = Request(f"{lab.address}{NAME}/", headers={"Authorization": f"token {lab.token}"})
        with urlopen(asked, timeout=TIMEOUT) as answer:
            assert answer.url == f"{lab.address}{NAME}/"  # no login came between
            assert "<title>AnomalyMatch" in answer.read().decode()
