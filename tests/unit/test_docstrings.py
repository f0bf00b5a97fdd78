"""A method that hands on says what each of its arguments means."""

from __future__ import annotations

import inspect

import pytest

from anomalymatch_ui.docstrings import as_in


def work(pool: object, size: int, wait: bool) -> int:
    """Read images.

    Once each.

    Parameters
    ----------
    pool
        The images.
    size, wait
        Pixels; and whether
        to wait.

    Returns
    -------
    int
        How many.
    """
    raise NotImplementedError


def test_it_has_the_sections_of_what_does_the_work_for_the_arguments_that_it_takes() -> None:
    @as_in(work)
    def read(size: int) -> int:
        """Read the pool."""
        raise NotImplementedError

    assert inspect.getdoc(read) == (
        "Read the pool.\n\nOnce each.\n\nParameters\n----------\nsize, wait\n    Pixels; and whether\n"
        "    to wait.\n\nReturns\n-------\nint\n    How many."
    )


def test_no_section_is_left_empty() -> None:
    @as_in(work)
    def count() -> int:
        """Count."""
        raise NotImplementedError

    assert "Parameters" not in (inspect.getdoc(count) or "")


def test_where_python_drops_docstrings_nothing_is_added(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "__doc__", None)

    @as_in(work)
    def read(size: int) -> int:
        """Read the pool."""
        raise NotImplementedError

    assert read.__doc__ == "Read the pool."
