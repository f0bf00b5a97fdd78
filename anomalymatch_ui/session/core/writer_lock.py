"""Who trains a session: one process at a time holds its writer lock; labels need none."""

from __future__ import annotations

import getpass
import json
import os
import socket
import uuid
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil

from anomalymatch_ui import jsontext
from anomalymatch_ui.errors import ReadOnlyError, SessionBusyError, StorageError
from anomalymatch_ui.files import write_bytes_atomically

START_TOLERANCE = 2.0
"""Seconds by which two readings of one process's start may differ: the boot is told in whole ones."""


@dataclass(frozen=True, slots=True)
class LockHolder:
    """Who holds the writer lock: a token, and what a person needs to find the process.

    Attributes
    ----------
    process_started
        By the clock, in seconds since 1970.
    process_started_after_boot
        In seconds since the machine started: stays the same when somebody sets the clock.
    since
        When the lock was taken, UTC, ISO 8601.
    """

    token: str
    annotator: str
    user: str
    host: str
    pid: int
    process_started: float
    process_started_after_boot: float
    since: str

    @classmethod
    def this_process(cls, annotator: str) -> LockHolder:
        """Describe this process, with a new token."""
        started, started_after_boot = _started(os.getpid())
        return cls(
            token=uuid.uuid4().hex,
            annotator=annotator,
            user=user_name(),
            host=socket.gethostname(),
            pid=os.getpid(),
            process_started=started,
            process_started_after_boot=started_after_boot,
            since=datetime.now(UTC).isoformat(timespec="seconds"),
        )

    @property
    def alive(self) -> bool:
        """Whether the process still runs; of another host nothing is known, so it is taken to."""
        if self.host != socket.gethostname():
            return True
        try:
            started, started_after_boot = _started(self.pid)
        except (psutil.NoSuchProcess, ValueError):
            return False
        except psutil.AccessDenied:
            return True
        # A process number is given out again; the start time tells the new owner from the old.
        return (
            abs(started - self.process_started) < START_TOLERANCE
            or abs(started_after_boot - self.process_started_after_boot) < START_TOLERANCE
        )

    def __str__(self) -> str:
        return f"{self._name} on {self.host} (process {self.pid}, since {self.since})"

    def seen_by(self, annotator: str) -> str:
        """Return who this is in the words of a page, on which a process's number helps nobody."""
        where = "" if self.host == socket.gethostname() else f" on {self.host}"
        return f"{'another page of yours' if self.annotator == annotator else self._name}{where}"

    @property
    def _name(self) -> str:
        return self.annotator if self.annotator == self.user else f"{self.annotator} ({self.user})"


class WriterLock:
    """The right to train a session, to keep its rankings, and to change its settings.

    Labels are everybody's: the journal takes the rows of several processes. Taking the lock over from a
    living process is allowed, because a page reloaded in Voilà is a new kernel whose predecessor may still
    be ending; the former holder's job ends within a second.

    Attributes
    ----------
    refusal
        Why nobody can hold it here, a sentence, in a folder that can only be read; else empty.
    """

    def __init__(self, path: Path, holder: LockHolder, refusal: str = "") -> None:
        self._path = path
        self._holder = holder
        self.refusal = refusal

    @classmethod
    def withheld(cls, path: Path, annotator: str, refusal: str) -> WriterLock:
        """Return a lock that cannot be taken, for a sentence that says why."""
        return cls(path, LockHolder.this_process(annotator), refusal)

    @classmethod
    def take(cls, path: Path, annotator: str, *, take_over: bool = False, share: bool = False) -> WriterLock:
        """Take the lock whose holder is written down in ``path``, if it is free.

        Parameters
        ----------
        path
            The file.
        annotator
            Who takes it.
        take_over
            Take it from another living process, too; with ``share`` only from one of the same annotator.
        share
            Where it is not taken, go on without it.

        Raises
        ------
        SessionBusyError
            If another living process holds it and neither keyword allows for that.
        StorageError
            If the folder cannot be written.
        """
        lock = cls(path, LockHolder.this_process(annotator))
        other = lock.elsewhere
        if other is None or (take_over and (not share or other.annotator == annotator)):
            lock._write()
        elif not share:
            raise SessionBusyError(
                f"The session {path.parent} is open elsewhere: {other}. Close it there first, choose another "
                "session folder, or label beside them with `anomalymatch serve --annotator NAME`."
                + lock._how_to_free
            )
        return lock

    @property
    def _how_to_free(self) -> str:
        """Return what to do about a holder on another machine, which may be gone; else nothing."""
        other = _read(self._path)
        if other is None or other.host == socket.gethostname():
            return ""
        return f" If {other.host} is gone, delete {self._path}."

    @property
    def elsewhere(self) -> LockHolder | None:
        """The other living process that holds the lock; ``None`` if there is none."""
        other = _read(self._path)
        return None if other is None or other.token == self._holder.token or not other.alive else other

    @property
    def elsewhere_in_words(self) -> str | None:
        """Who else holds the lock, as this holder's annotator would say it; ``None`` if nobody does."""
        other = self.elsewhere
        return None if other is None else other.seen_by(self._holder.annotator)

    @property
    def mine(self) -> bool:
        """Whether this is written down as the holder; not so once the lock is given back, by anybody."""
        other = _read(self._path)
        return other is not None and other.token == self._holder.token

    def check(self) -> None:
        """Check that nobody else holds the lock, and that there is a folder to write to.

        Raises
        ------
        ReadOnlyError
            If the folder can only be read.
        SessionBusyError
            If another living process does.
        StorageError
            If the folder is gone, which writing would make anew.
        """
        if self.refusal:
            raise ReadOnlyError(self.refusal)
        folder = self._path.parent
        if not folder.is_dir():
            raise StorageError(
                f"Nothing can be saved: the folder {folder} was deleted, moved or renamed while its session "
                "is open. Put it back, or open the session where it lies now."
            )
        other = self.elsewhere
        if other is not None:
            me = self._holder.annotator
            raise SessionBusyError(
                f"This session is trained elsewhere, by {other.seen_by(me)}; here you can label. To train "
                f"here, close it there{' or reload this page' if other.annotator == me else ''}."
                + self._how_to_free
            )

    def claim(self) -> None:
        """Take the lock if it is free; to be done before anything is written that it rules.

        Raises
        ------
        ReadOnlyError
            If the folder can only be read.
        SessionBusyError
            If another living process holds it.
        StorageError
            If the folder cannot be written.
        """
        if not self.mine:
            self.check()
            self._write()

    def release(self) -> None:
        """Release the lock, if it is still held."""
        if self.mine:
            self._path.unlink(missing_ok=True)

    def _write(self) -> None:
        content = json.dumps(asdict(self._holder)).encode()
        write_bytes_atomically(self._path, content, root=self._path.parent)


def user_name() -> str:
    """Return the name of the user at the keyboard, or ``"unknown"`` where the system has none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without an entry in the password file
        return "unknown"


def _started(pid: int) -> tuple[float, float]:
    """When a process started, in seconds since 1970 and since the machine started."""
    started = psutil.Process(pid).create_time()
    return started, started - psutil.boot_time()


def _read(path: Path) -> LockHolder | None:
    try:
        values = jsontext.parsed(path.read_text(encoding="utf-8"))
        return LockHolder(
            token=str(values["token"]),
            annotator=str(values["annotator"]),
            user=str(values["user"]),
            host=str(values["host"]),
            pid=int(values["pid"]),
            process_started=float(values["process_started"]),
            process_started_after_boot=float(values["process_started_after_boot"]),
            since=str(values["since"]),
        )
    except OSError:  # nobody holds it, or the disk does not answer; then a write will say so
        return None
    except (ValueError, TypeError, KeyError, OverflowError):  # damaged, or of another version
        return None
