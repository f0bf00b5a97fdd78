"""What Binder opens is made while its image is built."""

from __future__ import annotations

import os
import runpy
import subprocess
from pathlib import Path
from typing import Any

import pytest
from archives import publish, write_archives
from images import make_pool

from anomalymatch_ui import demo
from anomalymatch_ui.app.serving.environment import Wanted
from anomalymatch_ui.demo import DemoSurvey
from anomalymatch_ui.session import Session

BINDER = Path(__file__).resolve().parents[2] / "binder"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")  # no test reaches beyond this machine
    return tmp_path / "cache" / "anomalymatch-ui" / "galaxy-mnist"


def script() -> dict[str, Any]:
    return runpy.run_path(str(BINDER / "prepare.py"))


def test_galaxy_mnist_is_opened_where_it_can_be_had(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_archives(cache)
    publish(cache, "http://127.0.0.1:1", monkeypatch)
    wanted = script()["survey_to_open"]()
    assert wanted.images == cache / "galaxy_mnist.hdf5"
    assert wanted.labels == cache / "edge_on_disk.csv"


def test_the_simulated_survey_is_opened_where_the_download_fails(
    cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    simulated = DemoSurvey(*(tmp_path / name for name in ("images", "truth.csv", "labels.csv", "s.session")))
    monkeypatch.setattr(demo, "survey", lambda: simulated)
    assert script()["survey_to_open"]().images == tmp_path / "images"
    assert "Cannot download" in capsys.readouterr().err


def test_the_first_page_has_an_order_and_the_server_is_told_what_to_open(tmp_path: Path) -> None:
    make_pool(tmp_path / "two words", images=12, rings=2)
    wanted = Wanted(tmp_path / "two words", None, tmp_path / "s.session")
    variables = tmp_path / ".anomalymatch-binder"
    script()["prepare"](wanted, variables)
    with Session.open(tmp_path / "s.session") as session:
        assert session.ranking().version > 0
    told = subprocess.run(
        [str(BINDER / "start"), "printenv", "ANOMALYMATCH_IMAGES"],
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        check=True,
        capture_output=True,
        text=True,
    )
    assert told.stdout.strip() == str(tmp_path / "two words")
