"""Docstrings of methods that hand on to a part: what an argument means is written once, at the part."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

Method = TypeVar("Method", bound=Callable[..., Any])

_HEADING = re.compile(r"^(\w[\w ]*)\n-+$", re.MULTILINE)


def as_in(source: Callable[..., Any]) -> Callable[[Method], Method]:
    """Add what another function's docstring says, below its first paragraph, to that of the decorated one.

    Of the parameters, those are taken that the decorated function has, too.

    Parameters
    ----------
    source
        The function that does the work.

    Examples
    --------
    >>> def score(pool, size):
    ...     '''Score a pool.
    ...
    ...     Returns
    ...     -------
    ...     The scores.
    ...     '''
    >>> @as_in(score)
    ... def scored(size):
    ...     "Score the images."
    >>> inspect.getdoc(scored).splitlines()
    ['Score the images.', '', 'Returns', '-------', 'The scores.']
    """

    def described(method: Method) -> Method:
        said, more = inspect.getdoc(method), inspect.getdoc(source)
        if said is not None and more is not None:  # else Python runs without docstrings (-OO)
            parts = [said, *_rest(more, list(inspect.signature(method).parameters))]
            method.__doc__ = "\n\n".join(part for part in parts if part)
        return method

    return described


def _rest(docstring: str, parameters: Sequence[str]) -> list[str]:
    """Return what follows the first paragraph of a docstring, section by section."""
    _, _, rest = docstring.partition("\n\n")
    start, *sections = _HEADING.split(rest)
    found = [start.strip()]
    for heading, body in zip(sections[::2], sections[1::2], strict=True):
        text = _known(body, parameters) if heading == "Parameters" else body.strip("\n")
        if text:
            found.append(f"{heading}\n{'-' * len(heading)}\n{text}")
    return found


def _known(body: str, parameters: Sequence[str]) -> str:
    """Return the entries of a section that are about some of these parameters."""
    entries = re.split(r"\n(?=\S)", body.strip("\n"))
    return "\n".join(entry for entry in entries if set(_names(entry)) & set(parameters))


def _names(entry: str) -> list[str]:
    return [name.strip().lstrip("*") for name in entry.partition("\n")[0].partition(":")[0].split(",")]
