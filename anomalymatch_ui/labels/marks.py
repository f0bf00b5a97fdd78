"""What a person says of an image beside its label: tags, a note, whether it is a favourite, how interesting.

Each is a row of the journal whose ``mark`` says which: ``note``, ``favourite``, ``interest``, or ``tag:`` and
the tag's name. A version that does not know a mark keeps, copies and undoes its rows as it does others, and
shows nothing of them, so that a new mark needs no new version of the journal's schema.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from anomalymatch_ui.errors import InputError

NOTE = "note"
"""The mark of a note, whose value is its text."""

FAVOURITE = "favourite"
"""The mark of a favourite."""

INTEREST = "interest"
"""The mark of how interesting an image is, whose value is a digit from 0 to :data:`MOST_INTEREST`."""

MOST_INTEREST = 5

_TAG = "tag:"
_SET = "1"
_NO_LETTERS = ("Cc", "Cs", "Cn")  # control characters, halves of letters, and what is not assigned

LONGEST_TAG, LONGEST_NOTE = 40, 2_000
"""Letters of a tag and of a note at most."""

BETWEEN_TAGS = "; "
"""Stands between the tags of an image where they are one text."""


@dataclass(frozen=True, slots=True)
class Marks:
    """What is said of one image beside its label.

    Attributes
    ----------
    tags
        In the order in which they were given.
    note
        Empty without one.
    favourite
        Whether it is one.
    interest
        From 0, of none, to 5; ``None`` where nobody has said so.
    """

    tags: tuple[str, ...] = ()
    note: str = ""
    favourite: bool = False
    interest: int | None = None

    @classmethod
    def of(cls, values: Mapping[str, str]) -> Self:
        """Take the values of an image's marks, by mark."""
        tags = tuple(mark.removeprefix(_TAG) for mark in values if mark.startswith(_TAG))
        interest = values.get(INTEREST, "")
        known = len(interest) == 1 and interest in "012345"  # what a later version may say is not shown
        return cls(tags, values.get(NOTE, ""), FAVOURITE in values, int(interest) if known else None)

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


def favourite_mark(on: bool) -> tuple[str, str | None]:
    """Return mark and value of a favourite that is made or unmade."""
    return FAVOURITE, _SET if on else None


def interest_mark(interest: int | None) -> tuple[str, str | None]:
    """Return mark and value of an interest; ``None`` takes it away.

    Raises
    ------
    InputError
        If it is no whole number from 0 to 5.
    """
    if interest is None:
        return INTEREST, None
    if type(interest) is not int or not 0 <= interest <= MOST_INTEREST:
        raise InputError(f"Interest is a whole number from 0 to {MOST_INTEREST}, not {interest!r}.")
    return INTEREST, str(interest)


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
