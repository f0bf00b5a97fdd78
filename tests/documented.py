"""What README and the documentation tell a newcomer to type."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(page: Path, language: str) -> list[str]:
    """Return the blocks of a page that are of a language."""
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


def commands_of(program: str, pages: list[Path] = PAGES) -> list[tuple[str, list[str]]]:
    """Return the page and the words of each command of a program."""
    return [
        (page.name, words)
        for page in pages
        for words in commands(page)
        if words[0].rpartition("/")[2] == program
    ]
