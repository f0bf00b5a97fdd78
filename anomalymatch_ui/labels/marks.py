"""What a person says of an image beside its label: tags of their own, and a note.

Each is a row of the journal whose ``mark`` says which: ``note``, or ``tag:`` and the tag's name.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from anomalymatch_ui.errors import InputError

NOTE = "note"
"""The mark of a note, whose value is its text."""

_TAG = "tag:"
_SET = "1"
_NO_LETTERS = ("Cc", "Cs", "Cn")  # control characters, halves of letters, and what is not assigned

LONGEST_TAG, LONGEST_NOTE = 40, 2_000
"""Letters of a tag and of a note at most."""

BETWEEN_TAGS = "; "
"""Stands between the tags of an image where they are one text."""


@dataclass(frozen=True, slots=True)
class Marks:
    """Tags and note of one image.

    Attributes
    ----------
    tags
        In the order in which they were given.
    note
        Empty without one.
    """

    tags: tuple[str, ...] = ()
    note: str = ""

    @classmethod
    def of(cls, values: Mapping[str, str]) -> Self:
        """Take the values of an image's marks, by mark."""
        tags = tuple(mark.removeprefix(_TAG) for mark in values if mark.startswith(_TAG))
        return cls(tags, values.get(NOTE, ""))

    @property
    def text(self) -> str:
        """The tags as one text."""
        return BETWEEN_TAGS.join(self.tags)


def tag_mark(name: str, on: bool) -> tuple[str, str | None]:
    """Return mark and value of a tag that is given or taken away.

    Raises
    ------
    InputError
        If the name cannot be that of a tag.
    """
    return _TAG + checked_tag(name), _SET if on else None


def note_mark(text: str) -> tuple[str, str | None]:
    """Return mark and value of a note; an empty one is taken away.

    Raises
    ------
    InputError
        If it is too long.
    """
    text = _storable(text).strip()
    if len(text) > LONGEST_NOTE:
        raise InputError(
            f"A note has at most {LONGEST_NOTE:,} letters, and this one has {len(text):,}. Shorten it."
        )
    return NOTE, text or None


def checked_tag(name: str) -> str:
    """Return the name of a tag, without spaces around it.

    Raises
    ------
    InputError
        If it is empty, longer than a line on a card, or holds a semicolon, which stands between tags.
    """
    name = " ".join(_storable(name).split())
    if not name or len(name) > LONGEST_TAG or BETWEEN_TAGS.strip() in name:
        raise InputError(
            f"A tag is a word or two of at most {LONGEST_TAG} letters, without a semicolon; {name[:60]!r} is "
            "none."
        )
    return name


def _storable(text: str) -> str:
    """Return a text without what no file can hold: halves of letters, and control characters."""
    text = str(text).encode("utf-8", "replace").decode()
    kept = (letter for letter in text if letter in "\n\t" or unicodedata.category(letter) not in _NO_LETTERS)
    return "".join(kept)
