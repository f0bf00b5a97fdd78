"""Whether a journal still lies where it was opened: an open file can be written to after it was deleted."""

from __future__ import annotations

import os
from pathlib import Path

from anomalymatch_ui.errors import StorageError


class Place:
    """The files of an open journal, as their names lead to them.

    Parameters
    ----------
    path
        The journal, just opened.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._log = path.with_name(f"{path.name}-wal")
        self._file_id = _identity(path)
        self._log_id = _identity(self._log)

    def check(self) -> None:
        """Check that what is written now will be found there.

        Raises
        ------
        StorageError
            If the file has been deleted, moved or replaced since it was opened.
        """
        folder = self._path.parent
        if _identity(self._path) == self._file_id:
            if self._log_id is None:
                self._log_id = _identity(self._log)
            if _identity(self._log) == self._log_id:
                return
            raise StorageError(
                f"Labels cannot be saved: {self._log}, which holds the last labels, was deleted or replaced "
                "while this session is open, as where another machine sees its disk without locks and has "
                "opened it. All who label in one session have to see its disk alike: close it there, then "
                "open it here again."
            )
        if folder.is_dir():
            what = f"{self._path} was deleted, moved or replaced"
        else:
            what = f"the folder {folder} was deleted, moved or renamed"
        raise StorageError(
            f"Labels cannot be saved: {what} while this session is open. Put it back, or open the session "
            "where it lies now."
        )


def _identity(path: Path) -> tuple[int, int] | None:
    """Return device and number of the file that a name leads to; ``None`` if there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino
