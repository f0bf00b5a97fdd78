"""Labels of a damaged session brought back, and labels missed that something else remembers."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from anomalymatch_ui.labels import Repaired, repair_journal
from anomalymatch_ui.session.core.folder import SessionFolder
from anomalymatch_ui.session.core.writer_lock import WriterLock, user_name


def repair_session(path: Path) -> Repaired:
    """Make the journal of a session anew of all that still holds of it, unless all of it does.

    Raises
    ------
    InputError
        If there are no labels to be found; nothing is changed then.
    SessionBusyError
        If another process has the session open.
    StorageError
        If the disk refuses; nothing is changed then.
    """
    folder = SessionFolder(path)
    if not path.is_dir():
        return repair_journal(folder.journal)  # says that there is none
    lock = WriterLock.take(folder.writer_lock, user_name())
    try:
        return repair_journal(folder.journal)
    finally:
        lock.release()


def missing_labels(last_seq: int, remembered: Iterable[int | None]) -> str | None:
    """Return a sentence where something was made of more rows than the journal has; else ``None``.

    Parameters
    ----------
    last_seq
        Number of the journal's last row.
    remembered
        Numbers of the last row that a ranking and the cycles were made with.
    """
    most = max((number for number in remembered if number is not None), default=0)
    if most <= last_seq:
        return None
    return (
        f"The journal ends with row {last_seq:,}, but the order or a cycle was made with {most:,}: labels "
        "are missing, as where an older journal was put back. If you did not do that, close the session and "
        "run `anomalymatch repair` on its folder before you go on."
    )
