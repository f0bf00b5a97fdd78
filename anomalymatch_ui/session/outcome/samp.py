"""Tables sent to TOPCAT, Aladin or DS9 by SAMP, the messages of the Virtual Observatory (IVOA, SAMP 1.3)."""

from __future__ import annotations

import contextlib
import logging
import tempfile
import threading
import unicodedata
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anomalymatch_ui.session.core.writable import may_write
from anomalymatch_ui.session.outcome.results import What, counted
from anomalymatch_ui.tables import ResultTable, write_table

MTYPE = "table.load.votable"
"""The message that all of these programs understand."""

ADDRESS = "127.0.0.1"
"""Hub and programs are on one machine: none of them has to be reached from another."""

PATIENCE = 30
"""Seconds in which a program has to say that it has the table."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Sent:
    """What became of a table that was sent.

    Attributes
    ----------
    what
        Which table, and how large it is, such as ``"found (12 images)"``.
    path
        The file that the programs read.
    received
        Names of the programs that have it.
    failed
        Name of a program -> why it does not.
    hub
        Whether a hub was running (``"found"``), was started by this session (``"started"``), or is missing
        (``"none"``).
    """

    what: str
    path: Path
    received: tuple[str, ...]
    failed: dict[str, str]
    hub: str

    def sentence(self) -> str:
        """Return what to tell a person."""
        start = "Start TOPCAT, Aladin or DS9 on the machine where the session runs, then send again."
        if self.hub == "none":
            return f"No SAMP hub is running, so nobody could take {self.what}. {start}"
        said = []
        if self.received:
            said.append(f"{self.what} sent to {_listed(self.received)}.")
        said += [f"{name} did not take {self.what}: {reason}." for name, reason in self.failed.items()]
        if not said:
            hub = " No SAMP hub was running; this session has started one." * (self.hub == "started")
            said.append(f"No program that takes tables is connected by SAMP.{hub} {start}")
        return " ".join(said)


class Samp:
    """Sends tables of results to other programs of the same machine.

    Parameters
    ----------
    table
        Returns a table of the session.
    folder
        Where the files are written that the programs read.
    """

    def __init__(self, table: Callable[[What], ResultTable], folder: Path) -> None:
        self._table, self._folder = table, folder
        self._sending = threading.Lock()
        self._lock = threading.Lock()  # of the hub; not held while programs answer, or closing would wait
        self._hub: Any = None

    def send(self, what: What = "found", top: int | None = None, *, start_hub: bool = True) -> Sent:
        """Send a table to every connected program that takes tables, and wait until they have it.

        Parameters
        ----------
        what
            Which table; see :data:`~anomalymatch_ui.session.outcome.results.WHAT`.
        top
            How many of its first rows; ``None`` for all.
        start_hub
            Start a hub where none is running, which ends with the session: programs that are started later
            find it.

        Raises
        ------
        InputError
            If there is no such table.
        StorageError
            If the disk refuses.
        """
        table = self._table(what)
        if top is not None:
            table = table.first(top)
        folder = self._folder
        if not may_write(folder.parent):  # of a session that can only be viewed
            folder = Path(tempfile.mkdtemp(prefix="anomalymatch-"))
        path = folder / f"{what}.vot"
        write_table(path, table, "votable")
        named = f"{what} ({counted(table, what)})"
        with self._sending, _quietly():
            with self._lock:
                hub, client = self._connected(start_hub)
            if client is None:
                return Sent(named, path, (), {}, hub)
            try:
                answers = _told(client, path.resolve(), f"{self._folder.parent.name} {what}")
            finally:
                _leave(client)
        received = tuple(name for name, failure in answers if not failure)
        return Sent(named, path, received, {name: failure for name, failure in answers if failure}, hub)

    def close(self) -> None:
        """End the hub, if this session has started one."""
        with self._lock:
            if self._hub is None:  # and pyvo, which takes a second or two to import, is not needed
                return
            with _quietly():
                self._hub.stop()
            self._hub = None

    def _connected(self, start_hub: bool) -> tuple[str, Any]:
        """Return where the hub comes from, and a client connected to it; ``None`` without one."""
        from pyvo.samp import SAMPHubError, SAMPHubServer, SAMPIntegratedClient

        # pyvo raises KeyError where only hubs of another kind run, and RuntimeError without a home folder.
        failures = SAMPHubError, OSError, KeyError, RuntimeError
        about = {"samp.name": "AnomalyMatch", "samp.description.text": "Search for rare objects in images"}
        client = SAMPIntegratedClient(metadata=about, addr=ADDRESS)
        try:
            client.connect()
        except failures as error:
            logger.debug("There is no SAMP hub: %s", error)
            if not start_hub:
                return "none", None
            # Without the web profile no web page of the machine can ask for the tables.
            hub = SAMPHubServer(addr=ADDRESS, web_profile=False)
            client = SAMPIntegratedClient(metadata=about, addr=ADDRESS)
            try:
                hub.start()
                client.connect()
            except failures as why:  # such as a home folder where no lock file can be written
                logger.warning("A SAMP hub cannot be started: %s", why)
                hub.stop()
                return "none", None
            self._hub = hub
        return "found" if self._hub is None else "started", client


def _leave(client: Any) -> None:
    """Disconnect; the hub may have ended meanwhile, as it does with the session that started it."""
    from pyvo.samp import SAMPProxyError

    try:
        client.disconnect()
    except (SAMPProxyError, OSError) as error:
        logger.debug("The SAMP hub has ended: %s", error)


def _told(client: Any, path: Path, name: str) -> list[tuple[str, str]]:
    """Tell every program that takes tables about a file; return their names, and why one has not taken it."""
    from pyvo.samp import SAMPProxyError

    # All of it is ASCII text: JSAMP, which is in TOPCAT and Aladin, refuses numbers.
    parameters = {"url": path.as_uri(), "table-id": _ascii(str(path)), "name": _ascii(name)}
    message = {"samp.mtype": MTYPE, "samp.params": parameters}

    def tell(recipient: str) -> tuple[str, str]:
        called = recipient
        try:
            called = str(client.get_metadata(recipient).get("samp.name", recipient))
            answer = client.call_and_wait(recipient, message, str(PATIENCE))
        except (SAMPProxyError, OSError) as error:
            return called, " ".join(str(error).split())[:200] or "it has not answered"
        if answer.get("samp.status") in ("samp.ok", "samp.warning"):
            return called, ""
        failure = answer.get("samp.error", {}).get("samp.errortxt", "it gave no reason")
        return called, " ".join(str(failure).split())[:200].rstrip(".")

    recipients = [one for one in client.get_subscribed_clients(MTYPE) if one != client.get_public_id()]
    if not recipients:
        return []
    with ThreadPoolExecutor(len(recipients), "samp") as threads:
        return sorted(threads.map(tell, recipients))


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Ask no page of the Internet whether there is one, and pass over warnings of lock files left behind."""
    from pyvo.samp import conf

    with warnings.catch_warnings(), conf.set_temp("use_internet", False):
        warnings.simplefilter("ignore")
        yield


def _ascii(text: str) -> str:
    return unicodedata.normalize("NFKD", text).encode("ascii", "replace").decode()


def _listed(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
