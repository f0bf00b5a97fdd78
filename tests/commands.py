"""Commands as a person gives them, and what becomes of those that are refused."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

Run = Callable[..., subprocess.CompletedProcess[str]]


def refused(finished: subprocess.CompletedProcess[str], sentence: str) -> None:
    """Exit code 2, one line that says this, and no traceback."""
    assert finished.returncode == 2, finished
    lines = [line for line in finished.stderr.splitlines() if "━" not in line and line.strip()]
    assert len(lines) == 1, finished.stderr
    assert lines[0].startswith("anomalymatch: ")
    assert sentence in lines[0]
