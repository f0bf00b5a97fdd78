"""How much memory this process may use: of its machine, or of the control groups that it is in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil

_GROUPS = Path("/proc/self/cgroup")
_MOUNTED = Path("/sys/fs/cgroup")


def memory_limit(groups: Path = _GROUPS, mounted: Path = _MOUNTED) -> int:
    """Return how much memory this process may use at the most, in bytes.

    A container or a batch system ends a process that takes more than its control group may have (cgroups of
    version 1 and 2, and each group above it), however much the machine has.

    Parameters
    ----------
    groups, mounted
        Where Linux tells of the groups: the list of this process's, and the folder of all.
    """
    limits = (limit for limit, _ in _limits(groups, mounted))
    return min([int(psutil.virtual_memory().total), *limits])


def free_memory(groups: Path = _GROUPS, mounted: Path = _MOUNTED) -> int:
    """Return how much memory this process can still take, in bytes; see :func:`memory_limit`."""
    room = (limit - used for limit, used in _limits(groups, mounted))
    return max(0, min([int(psutil.virtual_memory().available), *room]))


def _limits(groups: Path, mounted: Path) -> Iterator[tuple[int, int]]:
    """Yield the limit of each group that has one, and what is used of it, in bytes.

    Files that were read a while ago do not count: the system lets go of them when it is asked for more.
    """
    for folder, most, used, reclaimable in _memory_groups(groups, mounted):
        limit = _number(folder / most)
        if limit is None:  # "max", or a file that is not there
            continue
        taken = (_number(folder / used) or 0) - _statistic(folder / "memory.stat", reclaimable)
        yield limit, max(0, taken)


def _memory_groups(groups: Path, mounted: Path) -> Iterator[tuple[Path, str, str, str]]:
    """Yield the folders of the groups, and of those above them, with the names of what tells their memory."""
    try:
        lines = groups.read_text().splitlines()
    except OSError:  # not Linux
        return
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers == "":
            names = "memory.max", "memory.current", "inactive_file"
            roots = [mounted, mounted / "unified"]
        elif "memory" in controllers.split(","):
            names = "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"
            roots = [mounted / "memory", mounted / controllers]
        else:
            continue
        parts = [part for part in path.split("/") if part not in ("", "..")]
        for root in roots:
            # In a container the root is its own group, and the path may be that of the machine outside it.
            for depth in range(len(parts) + 1):
                yield root.joinpath(*parts[:depth]), *names


def _number(path: Path) -> int | None:
    try:
        told = path.read_text().strip()
    except OSError:
        return None
    return int(told) if told.isdecimal() else None


def _statistic(path: Path, name: str) -> int:
    try:
        rows = (row.split() for row in path.read_text().splitlines())
    except OSError:
        return 0
    return next((int(row[1]) for row in rows if len(row) == 2 and row[0] == name and row[1].isdecimal()), 0)
