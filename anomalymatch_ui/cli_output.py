"""What every command promises a script: with ``--json`` standard output ends with one JSON object."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

Json = Annotated[bool, typer.Option("--json", help="End standard output with one JSON object.")]


def finish(as_json: bool, **result: Any) -> None:
    """Print the result of a command as JSON, if it was asked for."""
    if as_json:
        print(json.dumps(result))
