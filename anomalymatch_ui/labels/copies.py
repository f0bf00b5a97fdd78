"""The second copy of a journal: a text file beside it, which gets a line for whatever the journal gets."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from anomalymatch_ui import jsontext
from anomalymatch_ui.files import write_bytes_atomically
from anomalymatch_ui.labels.rows import checksum_of

logger = logging.getLogger(__name__)

Kind = Literal["row", "extras", "meta"]

SUFFIX = ".copy"
"""Of the copy's name, instead of the journal's."""


def line_of(kind: Kind, text: str) -> str:
    """Return the line of a copy that holds a row, the extras of an image, or a fact, as JSON."""
    return f"{checksum_of(text):08x} {kind} {text}\n"


Key = tuple[Kind, int | str]
"""What a line is about: a row by its number, the extras of an image by its id, or a fact by its name."""


@dataclass(frozen=True)
class Held:
    """What can be trusted of a copy or of a journal, as lines of JSON; of two about one thing the later.

    Attributes
    ----------
    texts
        The JSON, by what it is about.
    damaged
        How many lines of a copy do not fit their checksums.
    """

    texts: dict[Key, str] = field(default_factory=dict)
    damaged: int = 0

    @property
    def rows(self) -> dict[int, str]:
        """The rows alone, by number."""
        return {key: text for (_, key), text in self.texts.items() if isinstance(key, int)}

    def lines(self) -> Iterator[str]:
        """Return all of it as lines, as a copy holds them."""
        return (line_of(kind, text) for (kind, _), text in self.texts.items())

    def lines_missing_in(self, other: Held) -> list[str]:
        """Return the lines of what another one lacks, or has otherwise."""
        return [line_of(key[0], text) for key, text in self.texts.items() if other.texts.get(key) != text]


class JournalCopy:
    """The copy of one journal. It is added to after each commit, by whoever made it, and never rewritten.

    A line that is damaged stays, and what it held is added again when the journal is next opened. No line is
    synced by itself: the journal is, and the copy is for what befalls a file later.

    Parameters
    ----------
    journal
        File of the journal.
    """

    def __init__(self, journal: Path) -> None:
        self.path = journal.with_suffix(SUFFIX)
        self._torn = False

    def read(self) -> Held:
        """Return what can be trusted of it; nothing if there is no copy, or it cannot be read."""
        texts: dict[Key, str] = {}
        damaged = 0
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return Held()
        except OSError as error:
            logger.warning("The copy %s of the labels cannot be read: %s", self.path, error)
            return Held()
        self._torn = bool(content) and not content.endswith(b"\n")
        for line in content.split(b"\n"):
            found = _parsed(line)
            if found is None:
                damaged += bool(line)
            else:
                key, text = found
                texts[key] = text
        return Held(texts, damaged)

    def add(self, lines: Iterable[str]) -> None:
        """Add lines. Where the disk refuses they are added when the journal is next opened: it has them."""
        content = "".join(lines).encode("ascii")
        if not content:
            return
        try:
            # Opened each time, and without its folder being made: both may have been moved meanwhile.
            descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                content = b"\n" + content if self._torn else content
                # One call, so that the lines of two processes do not mix.
                self._torn = os.write(descriptor, content) < len(content)
            finally:
                os.close(descriptor)
        except OSError as error:
            self._torn = True
            logger.warning("The copy %s of the labels could not be added to: %s", self.path, error)

    def replace(self, held: Held) -> None:
        """Write the copy anew; only while nobody else has the journal open.

        Raises
        ------
        StorageError
            If the disk refuses.
        """
        write_bytes_atomically(self.path, "".join(held.lines()).encode("ascii"))
        self._torn = False

    def sync(self) -> None:
        """Make what was added outlive a power cut, where the disk allows."""
        try:
            descriptor = os.open(self.path, os.O_RDONLY)
        except OSError:  # there is none yet, or its folder is gone
            return
        try:
            os.fsync(descriptor)
        except OSError as error:
            logger.warning("The copy %s of the labels could not be synced: %s", self.path, error)
        finally:
            os.close(descriptor)


def _parsed(line: bytes) -> tuple[Key, str] | None:
    """Return what a line is about, and its JSON; ``None`` if it is damaged."""
    try:
        checksum, kind, text = line.decode("ascii").split(" ", 2)
        if int(checksum, 16) != checksum_of(text):
            return None
        if kind == "row":
            return ("row", int(text[1:].split(",", 1)[0])), text
        key, _ = jsontext.parsed(text)
    except (ValueError, TypeError):
        return None
    if not isinstance(key, str) or kind not in ("extras", "meta"):
        return None
    return ("extras" if kind == "extras" else "meta", key), text
