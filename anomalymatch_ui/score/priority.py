"""A full pass of an archive beside a person's session."""

from __future__ import annotations

import sys

import psutil


def be_patient() -> None:
    """Set the lowest priority for this process and those it starts: it runs when nobody else wants to."""
    if sys.platform == "win32":
        psutil.Process().nice(psutil.IDLE_PRIORITY_CLASS)
    else:
        psutil.Process().nice(19)
