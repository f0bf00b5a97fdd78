"""Whether a session's folder can be written, and the sentence where it cannot."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from anomalymatch_ui.session.core.folder import SessionFolder

_REFUSALS = (errno.EACCES, errno.EPERM, errno.EROFS)


def why_read_only(folder: SessionFolder) -> str:
    """Return why a session can only be viewed, a sentence; empty if it can be written, or is none yet."""
    if not (folder.is_session or folder.journal.exists()):
        return ""
    if not may_write(folder.path):
        return _sentence(folder, f"{folder.path} cannot be written{_by_whom(folder.path)}")
    log = folder.journal.with_name(f"{folder.journal.name}-wal")
    for path in (folder.journal, log):
        if path.exists() and not may_write(path):
            return _sentence(folder, f"{path} cannot be written{_by_whom(path)}")
    return ""


def refused(folder: SessionFolder, error: BaseException) -> str:
    """Return the same where a disk let the folder's rights promise more than it keeps, as NFS may.

    Parameters
    ----------
    folder
        The files of the session.
    error
        What writing into it has raised.
    """
    cause = error.__cause__
    if not folder.is_session or not isinstance(cause, OSError) or cause.errno not in _REFUSALS:
        return ""
    return _sentence(folder, f"{folder.path} cannot be written ({cause.strerror})")


def may_write(path: Path) -> bool:
    """Return whether this process may write to a file, or make files in a folder."""
    mode = os.W_OK | (os.X_OK if path.is_dir() else 0)
    try:
        return os.access(path, mode, effective_ids=os.access in os.supports_effective_ids)
    except OSError:  # a system that knows nothing of effective rights after all
        return os.access(path, mode)


def _by_whom(path: Path) -> str:
    try:
        is_mounted_so = bool(os.statvfs(path).f_flag & os.ST_RDONLY)
    except (OSError, AttributeError):  # Windows has none
        return ""
    return ", for its disk is mounted read-only" if is_mounted_so else ""


def _sentence(folder: SessionFolder, what: str) -> str:
    return (
        f"This session can only be viewed: {what}. To label, train or change settings, copy the folder "
        f"{folder.path.name} to a place of your own and open it there."
    )
