"""Who may write to a session folder: one process at a time holds the pen."""

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

from anomalymatch_ui.errors import SessionBusyError
from anomalymatch_ui.files import write_bytes_atomically


@dataclass(frozen=True, slots=True)
class PenHolder:
    """Who holds the pen: a token, and what a person needs to find the process."""

    token: str
    user: str
    host: str
    pid: int
    process_started: float
    since: str

    @classmethod
    def this_process(cls) -> PenHolder:
        """Describe this process, with a new token."""
        return cls(
            token=uuid.uuid4().hex,
            user=user_name(),
            host=socket.gethostname(),
            pid=os.getpid(),
            process_started=psutil.Process().create_time(),
            since=datetime.now(UTC).isoformat(timespec="seconds"),
        )

    @property
    def alive(self) -> bool:
        """Whether the process still runs; of another host nothing is known, so it is taken to."""
        if self.host != socket.gethostname():
            return True
        try:
            # A process number is given out again; the start time tells the new owner from the old.
            return abs(psutil.Process(self.pid).create_time() - self.process_started) < 1
        except (psutil.NoSuchProcess, ValueError):
            return False
        except psutil.AccessDenied:
            return True

    def __str__(self) -> str:
        return f"{self.user} on {self.host} (process {self.pid}, since {self.since})"


class Pen:
    """The right to write to a session folder.

    Taking over from a living process is allowed, because a page reloaded in Voilà is a new kernel whose
    predecessor may still be ending. The former holder learns of it at its next write, which is refused.
    """

    def __init__(self, path: Path, holder: PenHolder) -> None:
        self._path = path
        self._holder = holder

    @classmethod
    def take(cls, path: Path, *, take_over: bool) -> Pen:
        """Take the pen whose holder is written down in ``path``.

        Raises
        ------
        SessionBusyError
            If another living process holds it and ``take_over`` is false.
        StorageError
            If the folder cannot be written.
        """
        other = _read(path)
        if other is not None and other.alive and not take_over:
            raise SessionBusyError(
                f"The session {path.parent} is open elsewhere: {other}. Close it there first, "
                "or choose another session folder."
            )
        holder = PenHolder.this_process()
        write_bytes_atomically(path, json.dumps(asdict(holder)).encode())
        return cls(path, holder)

    @property
    def held(self) -> bool:
        """Whether this is still the holder."""
        other = _read(self._path)
        return other is None or other.token == self._holder.token

    @property
    def mine(self) -> bool:
        """Whether this is written down as the holder; not so once the pen is given back, by anybody."""
        other = _read(self._path)
        return other is not None and other.token == self._holder.token

    def check(self) -> None:
        """Check that this is still the holder.

        Raises
        ------
        SessionBusyError
            If another process has taken over.
        """
        other = _read(self._path)
        if other is not None and other.token != self._holder.token:
            raise SessionBusyError(
                f"This session was opened elsewhere by {other}, so nothing more is written here. "
                "Reload the page to take it back."
            )

    def release(self) -> None:
        """Give the pen back, if it is still held."""
        if self.held:
            self._path.unlink(missing_ok=True)


def user_name() -> str:
    """Give the name of the user at the keyboard, or ``"unknown"`` where the system has none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without an entry in the password file
        return "unknown"


def _read(path: Path) -> PenHolder | None:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        return PenHolder(
            token=str(values["token"]),
            user=str(values["user"]),
            host=str(values["host"]),
            pid=int(values["pid"]),
            process_started=float(values["process_started"]),
            since=str(values["since"]),
        )
    except OSError:  # nobody holds it, or the disk does not answer; then a write will say so
        return None
    except (ValueError, TypeError, KeyError):  # damaged, or of another version
        return None
