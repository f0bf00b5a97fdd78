"""What docs/dashboard.md lists for scripts is what there is."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from anomalymatch_ui.app import Dashboard
from anomalymatch_ui.app.gallery.gallery import Gallery
from anomalymatch_ui.app.gallery.pages import Pages
from anomalymatch_ui.session import Session

DASHBOARD = (Path(__file__).parents[2] / "docs" / "dashboard.md").read_text("utf-8")
SCRIPTING = DASHBOARD.partition("## Scripting")[2]
LEFT_ALONE = {"heed", "close"}  # what the dashboard itself tells its gallery


def listed(heading: str) -> set[str]:
    """Return the names in the first column of a table."""
    rows = SCRIPTING.partition(heading)[2].strip().partition("\n\n")[0].splitlines()
    cells = [row.split(" | ")[0] for row in rows if row.startswith("| `")]
    return {re.match(r"\w+", code)[0] for cell in cells for code in re.findall(r"`([^`]+)`", cell)}  # type: ignore[index]


def public(*classes: type) -> set[str]:
    """Return the public methods and properties that classes of this package define themselves."""
    return {
        name
        for owner in classes
        for name, member in vars(owner).items()
        if not name.startswith("_") and (inspect.isfunction(member) or isinstance(member, property))
    }


@pytest.mark.parametrize(
    ("heading", "classes", "left"),
    [
        ("| method of `dashboard` | what it does |", [Dashboard], set()),
        ("| method | what it does |", [Gallery, Pages], LEFT_ALONE),
    ],
)
def test_every_method_that_a_script_may_call_is_listed(heading: str, classes: list[type], left: set[str]):
    missing = public(*classes) - listed(heading) - left
    assert missing == set()


def test_every_name_that_is_listed_is_there(session: Session):
    dashboard = Dashboard(session)
    for name in listed("| method of `dashboard` | what it does |"):
        assert hasattr(dashboard, name), name
    for name in listed("| method | what it does |"):
        assert hasattr(dashboard.gallery, name), name
    dashboard.close()


def described(docstring: str) -> set[str]:
    """Return the names in the section Parameters of a docstring."""
    section = re.search(r"^Parameters\n-+\n(.*?)(?=^\w[\w ]*\n-+\n|\Z)", docstring, re.DOTALL | re.MULTILINE)
    entries = re.findall(r"^\S.*", section[1], re.MULTILINE) if section else []
    return {name.strip() for entry in entries for name in entry.split(",")}


@pytest.mark.parametrize("owner", [Session, Dashboard, Gallery, Pages])
def test_every_argument_of_a_public_method_is_described(owner: type):
    for name in public(owner) - LEFT_ALONE:
        method = vars(owner)[name]
        if not isinstance(method, property):
            taken = set(inspect.signature(method).parameters) - {"self"}
            assert described(inspect.getdoc(method) or "") == taken, name
    assert described(inspect.getdoc(Session.open) or "") == set(inspect.signature(Session.open).parameters)
