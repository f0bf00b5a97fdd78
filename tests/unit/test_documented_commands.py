"""What a newcomer copies from README and the documentation is a command as the package has it today.

The commands themselves are run by the tests of `tests/cli`, `tests/app` and others; here each line, as it
is written, is read by the command line's own parser, which refuses what it does not know.
"""

from __future__ import annotations

import ast
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from anomalymatch_ui.cli.main import application

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
NAMES = [page.relative_to(ROOT).as_posix() for page in PAGES]


def blocks(page: Path, language: str) -> list[str]:
    return [text for kind, text in FENCE.findall(page.read_text(encoding="utf-8")) if kind == language]


def commands(page: Path) -> Iterator[list[str]]:
    """Iterate over the words of each command of a page, without what is set or piped around it."""
    for block in blocks(page, "sh"):
        for line in block.replace("\\\n", " ").splitlines():
            for part in re.split(r"\s(?:&&|\||;|&)\s", line):
                words = shlex.split(part.rpartition(" > ")[0] or part, comments=True)
                while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
                    words = words[1:]
                if words:
                    yield words


def of(program: str) -> list[tuple[str, list[str]]]:
    return [
        (page.name, words)
        for page in PAGES
        for words in commands(page)
        if words[0].rpartition("/")[2] == program
    ]


@pytest.mark.parametrize(("page", "words"), of("anomalymatch"), ids=lambda value: " ".join(value)[:60])
def test_the_command_line_knows_a_command_as_it_is_written(page: str, words: list[str]) -> None:
    group = typer.main.get_command(application)
    given = [word.replace("…", "") for word in words[1:]]
    if given in (["--version"], ["--help"]):
        return
    command = group.commands[given[0]]  # type: ignore[attr-defined]
    command.make_context(given[0], given[1:])


@pytest.mark.parametrize(("page", "words"), of("make"), ids=lambda value: " ".join(value)[:60])
def test_the_makefile_has_the_target(page: str, words: list[str]) -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(word for word in words[1:] if "=" not in word) <= set(targets)


@pytest.mark.parametrize(("page", "words"), of("pip"), ids=lambda value: " ".join(value)[:60])
def test_the_extras_that_are_to_be_installed_exist(page: str, words: list[str]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for extras in re.findall(r"(?:^|\s)(?:\.|anomalymatch-ui)\[([\w,]+)\]", " ".join(words)):
        assert set(extras.split(",")) <= set(project["optional-dependencies"])


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
    assert len(of("anomalymatch")) > 20
    assert len(of("make")) > 3
