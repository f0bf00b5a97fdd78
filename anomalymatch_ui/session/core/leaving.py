"""Sessions that a program leaves open are closed when it ends."""

from __future__ import annotations

import atexit
import logging
import os
import weakref
from typing import Protocol

from anomalymatch_ui.errors import AnomalyMatchError

logger = logging.getLogger(__name__)


class Closable(Protocol):
    """What can be closed; closing twice does no harm."""

    def close(self) -> None:
        """Close it."""


_open: weakref.WeakKeyDictionary[Closable, int] = weakref.WeakKeyDictionary()


def close_at_exit(session: Closable) -> None:
    """Close a session when the program ends, if it is still in use by then.

    A script that ends, or fails, without closing its session would lose the order that followed the last
    labels, and a thread that computes while Python shuts down can abort the process.
    """
    _open[session] = os.getpid()


@atexit.register
def _close_all() -> None:
    for session, process in list(_open.items()):
        if process != os.getpid():  # a fork of the program that opened it, which goes on
            continue
        try:
            session.close()
        except AnomalyMatchError as error:  # nothing that a person gave is lost by it
            logger.warning("%s", error)
        except Exception:  # or those behind it would stay open
            logger.exception("A session could not be closed")
