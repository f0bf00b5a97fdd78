"""Conda's lists of what the package needs say the same as pip's."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# What a channel calls otherwise.
OTHER_NAMES = {"torch": ("pytorch", "pytorch-cpu"), "duckdb": ("python-duckdb",)}


def bounds(text: str) -> dict[str, str]:
    found = (re.match(r"\s*-? *([A-Za-z0-9_-]+) *((?:[<>=].*)?)$", line) for line in text.splitlines())
    return {match[1]: match[2] for match in found if match}


@pytest.mark.parametrize("path", ["environment.yml", "binder/environment.yml"])
def test_every_dependency_is_named_with_the_same_bounds(path: str):
    text = (ROOT / path).read_text()
    named = bounds(text)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = (line.partition(";")[0] for line in project["dependencies"])  # without the platforms it is for
    needed = bounds("\n".join(asked))
    editable = "--editable ." in text  # then pip brings what has no conda package
    for name, bound in needed.items():
        found = [named[other] for other in (name, *OTHER_NAMES.get(name, ())) if other in named]
        assert found == [bound] or (editable and not found), name
