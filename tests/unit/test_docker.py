"""The image for hubs is as its file promises; it is built where Docker runs, and read where it does not."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "docker" / "Dockerfile"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def steps() -> list[tuple[str, str]]:
    """Return each instruction and what it says, in order, lines that go on joined and comments left out."""
    lines = [line for line in FILE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    text = "\n".join(lines).replace("\\\n", " ")
    return [
        (line.split(maxsplit=1)[0], " ".join(line.split()[1:])) for line in text.splitlines() if line.strip()
    ]


def runs() -> str:
    return "\n".join(said for name, said in steps() if name == "RUN")


def test_every_instruction_is_one_that_docker_knows() -> None:
    known = {"ARG", "FROM", "LABEL", "USER", "RUN", "COPY", "ENV", "WORKDIR", "EXPOSE", "HEALTHCHECK"}
    assert {name for name, _ in steps()} <= known
    assert FILE.read_text(encoding="utf-8").startswith("# syntax=docker/dockerfile:1\n")  # bind mounts


def test_the_base_is_pinned_and_can_be_chosen() -> None:
    (base,) = [said for name, said in steps() if name == "ARG" and said.startswith("BASE=")]
    assert re.fullmatch(r"BASE=[\w./-]+:(?!latest)[\w.-]+", base)
    assert ("FROM", "${BASE}") in steps()


def test_the_server_of_a_user_does_not_run_as_root() -> None:
    users = [said for name, said in steps() if name == "USER"]
    assert users[-1] == "${NB_UID}"
    assert "sudo" not in runs()


def test_nothing_that_pip_fetched_stays_in_a_layer() -> None:
    installs = re.findall(r"pip install[^&\n]*", runs())
    assert installs
    assert all("--no-cache-dir" in install for install in installs)
    assert not any(name in ("ADD", "COPY") for name, _ in steps())  # the source is mounted


def test_it_asks_for_the_torch_that_the_package_asks_for() -> None:
    for name in ("torch", "torchvision"):
        (bound,) = [line for line in PROJECT["dependencies"] if re.match(rf"{name}\W", line)]
        assert f'"{bound}"' in runs()
    first = next(said for name, said in steps() if name == "RUN")
    assert "--index-url" in first  # before the package, or pip has fetched the CUDA wheels already


def test_its_extras_exist_and_bring_the_launcher() -> None:
    (extras,) = re.findall(r"anomalymatch-ui\[([\w,-]+)\]", runs())
    assert set(extras.split(",")) <= set(PROJECT["optional-dependencies"])
    assert any("jupyter-server-proxy" in line for line in PROJECT["optional-dependencies"]["hub"])


def test_what_the_package_is_built_of_is_not_kept_from_docker() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    assert not {"anomalymatch_ui", "notebooks", "README.md", "LICENSE", "pyproject.toml"} & set(ignored)
    assert {".git", ".venv"} <= set(ignored)


@pytest.mark.slow
def test_the_image_can_be_built() -> None:
    if not shutil.which("docker") or subprocess.run(["docker", "info"], capture_output=True).returncode:
        pytest.skip("no Docker daemon answers here")
    arguments = ["build", "--file", str(FILE), "--tag", "anomalymatch-ui:test", str(ROOT)]
    subprocess.run(["docker", *arguments], check=True)
