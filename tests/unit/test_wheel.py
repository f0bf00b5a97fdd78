from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from images import make_pool

from anomalymatch_ui import __version__

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    arguments = [
        "wheel",
        "--no-deps",
        "--no-build-isolation",
        "--quiet",
        "--wheel-dir",
        str(folder),
        str(ROOT),
    ]
    subprocess.run([sys.executable, "-m", "pip", *arguments], check=True, cwd=folder)
    return next(folder.glob("*.whl"))


def test_the_citation_names_this_version() -> None:
    assert f"version: {__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")


def test_the_wheel_holds_every_file_of_the_package_and_the_notebook(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    expected = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "anomalymatch_ui").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert expected <= names
    assert "anomalymatch_ui/app/serving/dashboard.ipynb" in names
    assert wheel.stat().st_size < 5e6


def test_unpacked_elsewhere_it_reads_images_and_serves_its_own_notebook(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    make_pool(tmp_path / "images", images=3)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}

    def python(code: str, *arguments: str) -> str:
        run = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == 0, run.stderr
        return run.stdout

    where = python("from anomalymatch_ui.app.serving.serve import notebook_path; print(notebook_path())")
    assert (
        Path(where.strip()) == tmp_path / "site" / "anomalymatch_ui" / "app" / "serving" / "dashboard.ipynb"
    )
    told = python("from anomalymatch_ui.cli import main; main()", "info", str(tmp_path / "images"))
    assert "3 images" in told
