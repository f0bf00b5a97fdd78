"""Every place that names the version names this one, and the changelog keeps its form."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from anomalymatch_ui import __version__

ROOT = Path(__file__).resolve().parents[2]
KINDS = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"]


def changelog() -> dict[str, list[str]]:
    """Return the kinds of changes of each version, the newest first."""
    versions: dict[str, list[str]] = {}
    for line in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            versions[line[3:]] = []
        elif line.startswith("### "):
            versions[next(reversed(versions))].append(line[4:])
    return versions


def test_the_version_is_a_semantic_one():
    assert re.fullmatch(r"\d+\.\d+\.\d+", __version__)


@pytest.mark.parametrize(
    ("path", "pattern"),
    [
        ("CITATION.cff", r"^version: (.+)$"),
        ("docs/hubs.md", r'^ *tag: "(.+)"$'),
        ("docs/clusters/kubernetes.yaml", r"image: .*/anomalymatch-ui:(.+)$"),
    ],
)
def test_citation_and_examples_name_this_version(path: str, pattern: str):
    named = re.findall(pattern, (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE)
    assert set(named) == {__version__}


def test_the_changelog_says_what_becomes_of_this_version():
    unreleased, *released = changelog()
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert unreleased == "[Unreleased]"
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d{2}-\d{2}", version) for version in released)
    newest = released[0].partition("]")[0] if released else ""
    assert newest == f"[{__version__}" or f"To be released as {__version__}" in text


def test_the_changelog_sorts_changes_by_kind():
    for version, kinds in changelog().items():
        assert kinds == [kind for kind in KINDS if kind in kinds], version
