from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
import venv
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from documented import commands_of
from images import make_pool

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


@pytest.fixture(scope="module")
def elsewhere(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A folder, and what a shell there knows: an environment with the wheel, and nothing of this checkout.

    What the wheel depends on is borrowed from the environment of the tests, for torch alone is a gigabyte.
    """
    folder = tmp_path_factory.mktemp("elsewhere")
    venv.create(folder / "env", symlinks=True, with_pip=False)
    programs = folder / "env" / ("Scripts" if sys.platform == "win32" else "bin")
    quiet = ("--quiet", "--no-deps", "--no-index", "--disable-pip-version-check")
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", programs / "python", "install", *quiet, wheel], check=True
    )
    (site,) = (folder / "env").rglob("site-packages")
    # A path in such a file is searched after the folder itself, and its own such files are not read: so
    # the editable checkout, which the tests run in, is not found there.
    (site / "borrowed.pth").write_text(f"{Path(np.__file__).parents[1]}\n")
    ours = ("PYTHON", "ANOMALYMATCH")
    shell = {
        **{name: text for name, text in os.environ.items() if not name.startswith(ours)},
        "JUPYTER_PATH": str(Path(sys.prefix) / "share" / "jupyter"),  # Voilà's templates, borrowed as well
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "XDG_CACHE_HOME": str(folder / "cache"),
        "HOME": str(folder),
    }
    work = folder / "work"
    make_pool(work / "path" / "to" / "images", images=20, rings=6)
    labels = ("0000.jpg,anomaly", "0001.jpg,anomaly", "0010.jpg,nominal")
    (work / "labels.csv").write_text("\n".join(("filename,label", *labels)))
    # The demo's survey, of 60 images instead of 2,000: a demo takes what an earlier one has made.
    small = """
import anomalymatch_ui
from anomalymatch_ui.demo import build, survey

build.FIELDS, build.CUTOUTS_PER_FIELD, build.ODD_PER_KIND = 2, 30, 2
survey()
print(anomalymatch_ui.__file__)
"""
    made = subprocess.run(
        [programs / "python", "-c", small], cwd=work, env=shell, capture_output=True, text=True, check=True
    )
    assert Path(made.stdout.strip()).is_relative_to(site)
    return work, shell


@pytest.mark.timeout(1200)  # seven programs that import torch or Jupyter, one after the other
def test_what_a_newcomer_is_told_to_type_runs_in_an_empty_environment(
    elsewhere: tuple[Path, dict[str, str]],
) -> None:
    work, shell = elsewhere
    pages = [ROOT / "README.md", ROOT / "docs" / "start.md"]
    typed = [words for _, words in commands_of("anomalymatch", pages)]
    assert {"demo", "serve", "info", "doctor", "export"} <= {words[1] for words in typed}
    for words in dict.fromkeys(map(tuple, typed)):
        if any(longer[: len(words)] == list(words) != longer for longer in typed):
            continue  # the same with an option more is typed, too
        if words[1] in ("serve", "demo"):
            serves([*words, "--port", "0", "--no-browser", "--json"], work, shell, read=words[1] == "demo")
        else:
            done = subprocess.run(words, cwd=work, env=shell, capture_output=True, text=True, check=False)
            # The doctor may find fault with a machine that lends its packages; it says so, and ends with 1.
            assert done.returncode in ((0, 1) if words[1] == "doctor" else (0,)), done.stderr
            assert "Traceback" not in done.stderr
    assert "0000.jpg" in (work / "finds.vot").read_text()


def serves(words: list[str], work: Path, shell: Mapping[str, str], *, read: bool) -> None:
    """Run a command that serves the dashboard, read its page if that is wanted, and end it by Ctrl+C."""
    with subprocess.Popen(
        words, cwd=work, env=shell, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        line = process.stdout.readline()
        assert line, process.stderr.read()
        try:
            if read:
                with urllib.request.urlopen(json.loads(line)["address"], timeout=300) as page:
                    assert "AnomalyMatch" in page.read().decode()
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(300) == 0, process.stderr.read()
