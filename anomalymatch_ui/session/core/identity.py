"""What a session is known by, wherever its folder lies and whatever it is called, and a copy of it not."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from anomalymatch_ui import jsontext
from anomalymatch_ui.errors import ReadOnlyError, StorageError
from anomalymatch_ui.labels import Journal, read_fact
from anomalymatch_ui.session.core.folder import SessionFolder

IDENTITY = "identity"
"""Fact kept with the labels: it moves with them, and is repaired with them."""

PLACE = "identity lies in"
"""Fact kept beside it: the folder that last had the identity, by which a copy is told from what was moved."""


@dataclass(frozen=True, slots=True)
class _Place:
    """A folder, by its path without links, and by the numbers that the disk knows it by."""

    path: str
    device: int
    inode: int

    @classmethod
    def of(cls, folder: Path) -> _Place:
        status = folder.stat()
        return cls(os.path.realpath(folder), status.st_dev, status.st_ino)

    @classmethod
    def read(cls, text: str | None) -> _Place | None:
        try:
            values = jsontext.parsed(text or "")
            return cls(str(values["path"]), int(values["device"]), int(values["inode"]))
        except (KeyError, OverflowError, TypeError, ValueError):  # of an earlier version, or damaged
            return None

    def text(self) -> str:
        return json.dumps(asdict(self))


def identity_of(journal: Journal, path: Path) -> str:
    """Return what a session is known by; given to it when it is first opened, and anew to a copy.

    A folder is a copy if the one that last had the identity is still there, where it was or under another
    name beside it or beside the copy. If that is gone, the folder was moved, or restored, and keeps the
    identity: what waits in a browser for it would else be given to nobody.

    Parameters
    ----------
    journal
        The labels of the session.
    path
        Its folder, by which it is known where nothing can be written.

    Raises
    ------
    StorageError
        If the disk refuses to keep the first one.
    """
    facts = journal.meta()
    known, kept = facts.get(IDENTITY), facts.get(PLACE)
    try:
        here = _Place.of(path)
    except OSError:  # the folder has gone since its journal was opened, which the next label says
        return known or str(path.absolute())
    settled = known or uuid.uuid4().hex
    before = _Place.read(kept)
    if known is not None and before is not None and before != here:
        if _is_elsewhere(before, here, path, known):
            settled = uuid.uuid4().hex
        elif _is_same(before, here, path):
            return known  # by another name, such as that of another mount
    if (settled, before) == (known, here):
        return settled
    try:
        # Of several that open it at once, the first decides.
        journal.keep_meta({IDENTITY: settled, PLACE: here.text()}, seen={IDENTITY: known, PLACE: kept})
    except ReadOnlyError:
        return known or str(path.absolute())
    except StorageError:
        if known is None:
            raise
        return known  # a full disk is said by the next label
    return journal.meta()[IDENTITY]


def _is_same(before: _Place, here: _Place, path: Path) -> bool:
    """Whether two paths lead to one folder now."""
    with suppress(OSError):
        there = os.stat(before.path)
        if there.st_ino == here.inode:
            # Mounted twice, a disk may have another number each time; so the journal has to be the same, too.
            journals = [os.stat(SessionFolder(folder).journal) for folder in (Path(before.path), path)]
            return there.st_dev == here.device or journals[0].st_ino == journals[1].st_ino
    return False


def _is_elsewhere(before: _Place, here: _Place, path: Path, known: str) -> bool:
    """Whether the folder that last had an identity is there, and is another one than this."""
    if before.path == here.path:  # restored in its place, or the disk has another number now
        return False
    if _identity_in(Path(before.path)) == known:
        return not _is_same(before, here, path)
    if (before.device, before.inode) == (here.device, here.inode):
        return False
    return any(_identity_in(folder) == known for folder in _renamed(before, here))


def _identity_in(folder: Path) -> str | None:
    return read_fact(SessionFolder(folder).journal, IDENTITY)


def _renamed(before: _Place, here: _Place) -> Iterator[Path]:
    """Return the folder of a number beside the place where it was, and beside this one."""
    for parent in {os.path.dirname(before.path), os.path.dirname(here.path)}:
        with suppress(OSError), os.scandir(parent) as entries:
            for entry in entries:
                if entry.inode() == before.inode and entry.stat().st_dev == before.device:
                    yield Path(entry.path)
