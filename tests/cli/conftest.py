from __future__ import annotations

import functools
from pathlib import Path

import processes
import pytest
from commands import Run

from anomalymatch_ui.config import Config
from anomalymatch_ui.session import Session


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return functools.partial(processes.run, cwd=tmp_path)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "labels.csv"
    rows = [f"{n:04d}.jpg,anomaly" for n in range(3)] + [f"{n:04d}.jpg,normal" for n in range(20, 26)]
    path.write_text("filename,label\n" + "\n".join(rows) + "\n")
    return path


@pytest.fixture
def session(tmp_path: Path, pool_folder: Path, quick: Config) -> Path:
    Session.open(tmp_path / "session", pool_folder, config=quick).close()
    return tmp_path / "session"
