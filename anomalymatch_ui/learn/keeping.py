"""Frozen backbones without torch: from the user's cache, or by another process that has torch.

Where torch is loaded already it tells at once, and nothing is kept; so it does where the other process
cannot. A file of the cache that is damaged is made again.
"""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

from anomalymatch_ui import jsontext
from anomalymatch_ui.cachefolder import cache_folder
from anomalymatch_ui.errors import DamagedStoreError, StorageError
from anomalymatch_ui.files import write_bytes_atomically
from anomalymatch_ui.learn.frozen import FORMAT, FrozenBackbone, load_frozen
from anomalymatch_ui.learn.wanted import WantedBackbone

logger = logging.getLogger(__name__)

KEPT = 12
"""Files that are kept, of 4 to 25 MB each: a session needs up to four."""


def frozen_backbone(wanted: WantedBackbone) -> FrozenBackbone:
    """Return a backbone as arrays.

    Raises
    ------
    InputError
        If there is none, its weights are not here, or it has no such layer.
    Refusal
        If it cannot be told as arrays; torch then computes it.
    """
    if not torch_is_loaded():
        with suppress(_NoAnswerError, OSError, ModuleNotFoundError):
            return _kept(wanted)
    from anomalymatch_ui.learn.freezing import freeze

    return freeze(wanted)


def backbone_name(wanted: WantedBackbone) -> str:
    """Return a name for what a backbone computes.

    Raises
    ------
    InputError
        If there is none, or its weights are not here.
    """
    if not torch_is_loaded():
        with suppress(_NoAnswerError, OSError, ModuleNotFoundError):
            return _kept_name(wanted)
    from anomalymatch_ui.learn.freezing import name_of

    return name_of(wanted)


def torch_is_loaded() -> bool:
    """Return whether this process has torch, so that another one would save nothing."""
    return "torch" in sys.modules


def end_the_other_process() -> None:
    """End the process that has torch, if it runs: its memory is not needed any more."""
    _OTHER.end()


def _kept(wanted: WantedBackbone) -> FrozenBackbone:
    folder = _folder()
    path = folder / f"{wanted.digest()}-{FORMAT.rpartition('/')[2]}.safetensors"
    try:
        frozen = load_frozen(path)
    except (FileNotFoundError, DamagedStoreError) as error:
        if isinstance(error, DamagedStoreError):
            logger.warning("%s It is made again.", error)
        _OTHER.ask(path, wanted)
        try:
            frozen = load_frozen(path)
        except DamagedStoreError as damage:
            raise _NoAnswerError from damage
        _tidy(folder)
    with suppress(OSError):  # another user's, or a disk that may only be read
        path.touch()
    return frozen


def _kept_name(wanted: WantedBackbone) -> str:
    path = _folder() / f"{wanted.digest()}.json"
    with suppress(OSError, ValueError, KeyError, TypeError):
        known = jsontext.parsed(path.read_text(encoding="utf-8"))["name"]
        if isinstance(known, str) and re.fullmatch(r"[0-9a-f]{16}", known):  # it becomes part of a path
            return known
    name = _OTHER.ask(None, wanted)
    with suppress(StorageError):
        write_bytes_atomically(path, json.dumps({"name": name}).encode())
    return name


def _folder() -> Path:
    try:
        return cache_folder("backbones")
    except RuntimeError as error:  # a user without a home, as a container's may be
        raise _NoAnswerError from error


def _tidy(folder: Path) -> None:
    """Delete what was not used for the longest time."""
    with suppress(OSError):  # another process tidies, too
        files = sorted(folder.glob("*.safetensors"), key=lambda path: path.stat().st_mtime)
        for path in files[:-KEPT]:
            path.unlink(missing_ok=True)


class _NoAnswerError(Exception):
    """The other process has not made what was wanted; here the reason shows."""


class _OtherProcess:
    """The process of :mod:`~anomalymatch_ui.learn.freezing_process`, started when it is asked first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._child: subprocess.Popen[str] | None = None

    def ask(self, path: Path | None, wanted: WantedBackbone) -> str:
        """Let it make a backbone, or tell the name of one.

        Raises
        ------
        _NoAnswerError
            If it does not.
        OSError
            If no process can be started.
        """
        line = json.dumps([None if path is None else str(path), wanted.told()])
        with self._lock:
            answer = self._answer(line) or self._answer(line)  # it may have ended while it was asked
        if answer is None or "name" not in answer:
            logger.info("No backbone by another process: %s", answer)
            raise _NoAnswerError
        return answer["name"]

    def end(self) -> None:
        """End it, and wait for that."""
        with self._lock:
            self._end()

    def _end(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            with suppress(OSError):  # a line that it did not read any more
                child.communicate()

    def _answer(self, line: str) -> dict[str, str] | None:
        if self._child is None or self._child.poll() is not None:
            self._end()
            self._child = subprocess.Popen(
                [sys.executable, "-P", "-m", "anomalymatch_ui.learn.freezing_process"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
        child = self._child
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            child.stdin.write(line + "\n")
            child.stdin.flush()
        except OSError:
            self._end()
            return None
        for told in child.stdout:
            with suppress(ValueError):  # a library may print what is no answer
                answer = json.loads(told)
                if isinstance(answer, dict):
                    return answer
        self._end()
        return None


_OTHER = _OtherProcess()
