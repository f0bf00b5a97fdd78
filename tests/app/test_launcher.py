"""The button in JupyterLab's launcher; `tests/browser/test_proxy.py` presses it."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from jupyter_server_proxy.config import ServerProcess

from anomalymatch_ui.app.serving import variables
from anomalymatch_ui.app.serving.launcher import NAME, TOKEN, launcher

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("IMAGES", "LABELS", "SESSION", "ANNOTATOR"):
        monkeypatch.delenv(getattr(variables, name), raising=False)


def test_jupyter_server_proxy_takes_it_and_finds_its_icon() -> None:
    process = ServerProcess(name=NAME, **launcher())
    assert process.launcher_entry.title == "AnomalyMatch"
    assert process.launcher_entry.path_info == f"{NAME}/"
    assert Path(process.launcher_entry.icon_path).read_text(encoding="utf-8").startswith("<svg")


def test_the_package_says_where_it_is() -> None:
    points = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["entry-points"]
    assert points["jupyter_serverproxy_servers"] == {NAME: f"{launcher.__module__}:{launcher.__name__}"}


def test_a_jupyter_server_that_asks_for_it_loads_no_session() -> None:
    ask = f"import sys; from {launcher.__module__} import launcher; launcher(); print(*sys.modules)"
    told = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    assert not {"anomalymatch_ui.session", "pyarrow", "scipy", "voila"} & set(told.stdout.split())


def test_it_opens_the_demo_or_what_the_hub_names(monkeypatch: pytest.MonkeyPatch) -> None:
    assert launcher()["command"][:4] == [sys.executable, "-m", "anomalymatch_ui.cli", "demo"]
    monkeypatch.setenv(variables.IMAGES, "/data/euclid {deep}")
    monkeypatch.setenv(variables.SESSION, "/home/ada/deep.session")
    command = launcher()["command"]
    served = ["serve", "/data/euclid {deep}", "--session", "/home/ada/deep.session"]
    assert [part.format(port=1, base_url="/user/ada/") for part in command[3:]] == [
        *served,
        *("--no-browser", "--port", "1", "--base-url", f"/user/ada/{NAME}/"),
    ]


def test_the_secret_goes_with_each_request_and_is_in_no_address() -> None:
    first, second = launcher(), launcher()
    token = first["environment"][TOKEN]
    assert first["request_headers_override"] == {"Authorization": f"token {token}"}
    assert len(token) >= 32
    assert token != second["environment"][TOKEN]
    assert token not in " ".join(first["command"])
