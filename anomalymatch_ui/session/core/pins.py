"""Which networks of a session stay on disk, agreed between the process that tidies and those that pin.

A pin is an empty file beside a checkpoint. Who pins writes it and then looks whether the checkpoint is there;
who tidies renames the checkpoint and then looks for a pin. So one of the two notices the other, at whatever
moment.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from anomalymatch_ui.files import storage_errors, write_bytes_atomically

DOOMED = ".doomed-"
"""Begins the names of what is about to be removed, so that nobody meets a part of it."""


def doomed(path: Path) -> Path:
    """Return the name under which something is removed."""
    return path.with_name(f"{DOOMED}{path.name}")


def pin_of(checkpoint: Path) -> Path:
    """Return the file that tells that a checkpoint is pinned."""
    return checkpoint.with_suffix(".pinned")


def keep(checkpoint: Path) -> bool:
    """Pin a checkpoint, unless it is gone; tell whether it is there to stay.

    Raises
    ------
    StorageError
        If the disk refuses.
    """
    pin = pin_of(checkpoint)
    write_bytes_atomically(pin, b"")
    if checkpoint.exists():
        return True
    with storage_errors(pin):
        pin.unlink(missing_ok=True)
    return False


def remove(checkpoint: Path) -> bool:
    """Remove a checkpoint, unless it is pinned, if only in this moment; tell whether it is gone.

    Raises
    ------
    StorageError
        If the disk refuses.
    """
    with storage_errors(checkpoint), suppress(FileNotFoundError):
        checkpoint.replace(doomed(checkpoint))
    settle(doomed(checkpoint))
    return not checkpoint.exists()


def settle(path: Path) -> None:
    """Remove a checkpoint that was about to be, or give it back because it is pinned.

    Parameters
    ----------
    path
        As :func:`doomed` names it; nothing is done where it is not there.

    Raises
    ------
    StorageError
        If the disk refuses.
    """
    checkpoint = path.with_name(path.name.removeprefix(DOOMED))
    with storage_errors(checkpoint), suppress(FileNotFoundError):
        if pin_of(checkpoint).exists():
            path.replace(checkpoint)
        else:
            path.unlink()
