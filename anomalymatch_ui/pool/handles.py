"""How many files may be open at one time."""

from __future__ import annotations

import sys

_OTHERS = 256
"""Files that a process has open beside those of a pool: a notebook's kernel, its sockets, the session."""


def allow_open_files(count: int) -> None:
    """Ask the system to let this process have as many files open beside what it has open already.

    Most systems let a program open 1,024 until it asks for more, and a survey in parts has thousands. Where
    more than the system's own limit are asked for, that limit is set, and files beyond it fail when they are
    opened, which is said of each of them.
    """
    if sys.platform == "win32":  # its limit is of another kind, and higher
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + _OTHERS
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    resource.setrlimit(
        resource.RLIMIT_NOFILE, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard)
    )
