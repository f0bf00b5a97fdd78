"""Programs that take tables by SAMP, and the place of the hub that they and we meet at."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyvo.samp import SAMPHubServer, SAMPIntegratedClient, conf


def place_hub(patch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let hubs write their lock file into a folder, so that none of the machine's is met."""
    patch.setenv("SAMP_HUB", f"std-lockurl:file://{folder}/samp")


@contextlib.contextmanager
def running_hub() -> Iterator[None]:
    """Run a real hub."""
    with conf.set_temp("use_internet", False):
        hub = SAMPHubServer(addr="127.0.0.1", web_profile=False)
        hub.start()
        yield
        hub.stop()


class Program:
    """Stands where TOPCAT is: takes tables, and keeps what it was told."""

    def __init__(self, name: str, failure: str = "") -> None:
        self.messages: list[dict[str, Any]] = []
        self.failure = failure
        self.client = SAMPIntegratedClient(metadata={"samp.name": name}, addr="127.0.0.1")
        self.client.connect()
        self.client.bind_receive_call("table.load.votable", self._take)

    def _take(
        self, _key: str, _sender: str, message_id: str, _mtype: str, parameters: dict[str, Any], _extra: Any
    ) -> None:
        self.messages.append(parameters)
        if self.failure:
            self.client.ereply(message_id, "samp.error", error={"samp.errortxt": self.failure})
        else:
            self.client.ereply(message_id, "samp.ok", result={})
