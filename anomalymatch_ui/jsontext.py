"""JSON as files have it, with one kind of error for all that can be wrong with it."""

from __future__ import annotations

import json
from typing import Any


def parsed(text: str | bytes) -> Any:
    """Return what a text in JSON says.

    Raises
    ------
    ValueError
        If it is no JSON, is nested more deeply than anybody writes by hand or program, or has a number of
        thousands of digits.
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
