"""What a newcomer copies from README and the documentation is a command as the package has it today.

The commands are run by the tests of `tests/cli`, `tests/app` and others, and those of README and the first
page, as they are written, by `test_wheel.py`; here each line is read by the command line's own parser, which
refuses what it does not know.
"""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import typer
from documented import FENCE, PAGES, ROOT, blocks, commands_of

from anomalymatch_ui.cli.main import application

NAMES = [page.relative_to(ROOT).as_posix() for page in PAGES]


@pytest.mark.parametrize(
    ("page", "words"), commands_of("anomalymatch"), ids=lambda value: " ".join(value)[:60]
)
def test_the_command_line_knows_a_command_as_it_is_written(page: str, words: list[str]) -> None:
    group = typer.main.get_command(application)
    given = [word.replace("…", "") for word in words[1:]]
    if given in (["--version"], ["--help"]):
        return
    command = group.commands[given[0]]  # type: ignore[attr-defined]
    command.make_context(given[0], given[1:])


@pytest.mark.parametrize(("page", "words"), commands_of("make"), ids=lambda value: " ".join(value)[:60])
def test_the_makefile_has_the_target(page: str, words: list[str]) -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(word for word in words[1:] if "=" not in word) <= set(targets)


def test_make_installs_torch_without_what_a_gpu_needs_where_that_is_asked_for(tmp_path: Path) -> None:
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)

    def installed(*arguments: str) -> list[str]:
        command = ["make", "--dry-run", "install", *arguments]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
        return re.findall(r"pip install --quiet (.*?)(?: && .*)?$", done.stdout, re.MULTILINE)

    assert installed() == ["--editable ."]
    torch, package = installed("CPU=1")
    assert torch.startswith("torch torchvision --index-url ")
    assert torch.endswith("/cpu")
    assert package == "--editable ."


@pytest.mark.parametrize("fits", [True, False])
def test_make_takes_torch_from_pypi_where_its_build_for_cpus_comes_without_its_torchvision(
    tmp_path: Path, fits: bool
) -> None:
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    asked = tmp_path / "asked.txt"
    python.write_text(f'#!/bin/sh\necho "$*" >> {asked}\ntest "$1" != -c || exit {int(not fits)}\n')
    python.chmod(0o755)
    subprocess.run(["make", "install", "CPU=1"], cwd=tmp_path, capture_output=True, check=True)
    steps = [
        "install --quiet torch",
        "import torch",
        "uninstall --quiet --yes torch",
        "install --quiet --edit",
    ]
    told = asked.read_text().splitlines()
    assert len(told) == (3 if fits else 4)
    for line, step in zip(told, [step for step in steps if not (fits and "unins" in step)], strict=True):
        assert step in line


@pytest.mark.parametrize(("page", "words"), commands_of("pip"), ids=lambda value: " ".join(value)[:60])
def test_the_extras_that_are_to_be_installed_exist(page: str, words: list[str]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for extras in re.findall(r"(?:^|\s)(?:\.|anomalymatch-ui)\[([\w,]+)\]", " ".join(words)):
        assert set(extras.split(",")) <= set(project["optional-dependencies"])


def test_every_extra_is_listed_where_a_newcomer_installs() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    rows = re.findall(
        r"^\| (`.+`) \|", (ROOT / "docs" / "start.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    listed = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert listed == set(project["optional-dependencies"]) - {"test", "lint"}


@pytest.mark.parametrize("name", NAMES)
def test_its_python_is_python(name: str) -> None:
    for block in blocks(ROOT / name, "python"):
        ast.parse(block)


@pytest.mark.parametrize("name", NAMES)
def test_every_link_to_a_file_leads_to_one(name: str) -> None:
    page = ROOT / name
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    links = [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
    missing = [
        link for link in links if link[0] != "#" and not (page.parent / link.partition("#")[0]).exists()
    ]
    assert missing == []


def test_there_is_something_to_check() -> None:
    assert len(commands_of("anomalymatch")) > 20
    assert len(commands_of("make")) > 3
