"""Tags, notes, favourites and interest of a session's images: undone like labels, found and exported.

Beside them a line on what is sought.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from anomalymatch_ui import jsontext
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.labels import Journal, LabelEvent
from anomalymatch_ui.labels.marks import (
    Marks,
    checked_tag,
    favourite_mark,
    interest_mark,
    note_mark,
    tag_mark,
)
from anomalymatch_ui.pool import ImagePool, index_in
from anomalymatch_ui.session.catalogue.column import Column
from anomalymatch_ui.session.core.status import Receipt

TAG_KEYS = 9
"""How many tags have a key."""

COLUMNS = ("tags", "note", "favourite", "interest")
"""Columns by which images can be found, and which are exported."""

_META = "tags"  # key of the names in the journal
_AIM = "aim"
_AIM_LENGTH = 300  # characters: a line or two, not a diary


class Marking:
    """Tags, notes, favourites, and how interesting images are.

    Parameters
    ----------
    pool, journal
        The images of the session and its labels.
    annotator
        Returns who marks.
    receipt
        Tells the session of what was written.
    tell
        Given changes of the session's status: ``aim``.
    """

    def __init__(
        self,
        pool: ImagePool,
        journal: Journal,
        annotator: Callable[[], str],
        receipt: Callable[[LabelEvent], Receipt],
        tell: Callable[..., None],
    ) -> None:
        self._pool = pool
        self._journal = journal
        self._annotator = annotator
        self._receipt = receipt
        self._tell = tell

    @property
    def names(self) -> tuple[str, ...]:
        """The tags with a key, in the order of the keys 1 to 9."""
        told = _told(self._journal, _META)
        names = told if isinstance(told, list) else []
        return tuple(name for name in names if isinstance(name, str))[:TAG_KEYS]

    @property
    def aim(self) -> str:
        """What is sought, in the words of whoever wrote it last; empty if nobody did."""
        return aim_of(self._journal)

    def write_aim(self, text: str) -> None:
        """Write what is sought, for those who label the session, and for oneself in a year.

        Parameters
        ----------
        text
            A line; an empty one takes it away.

        Raises
        ------
        InputError
            If it is longer than 300 characters.
        StorageError
            If the disk refuses.
        """
        line = _line(text)
        if len(line) > _AIM_LENGTH:
            raise InputError(
                f"What you are looking for has {len(line)} characters, and at most {_AIM_LENGTH} are kept. "
                "Shorten it."
            )
        self._journal.keep_meta({_AIM: json.dumps(line)})
        self._tell(aim=line)

    def define(self, names: Iterable[str]) -> None:
        """Assign tags to the keys 1 to 9; those that images have stay on them.

        Raises
        ------
        InputError
            If a name cannot be that of a tag, comes twice, or there are too many.
        StorageError
            If the disk refuses.
        """
        checked = [checked_tag(name) for name in ([names] if isinstance(names, str) else names)]
        if len(set(checked)) < len(checked):
            raise InputError("Two tags have the same name. Give each its own.")
        if len(checked) > TAG_KEYS:
            raise InputError(f"There are keys for {TAG_KEYS} tags, and {len(checked)} are given.")
        self._journal.keep_meta({_META: json.dumps(checked)})

    def tag(self, ids: Iterable[str], name: str, on: bool = True, origin: str = "api") -> Receipt:
        """Tag images, or remove the tag, as one event that can be undone; durable when this returns.

        A new tag gets the next free key.

        Raises
        ------
        InputError
            If an id is not in the pool, there is none, or the name cannot be that of a tag.
        StorageError
            If the disk refuses; then nothing is written.
        """
        receipt = self._mark(ids, tag_mark(name, on), origin)
        name, names = checked_tag(name), self.names
        if on and name not in names and len(names) < TAG_KEYS:
            self.define([*names, name])
        return receipt

    def note(self, image_id: str, text: str, origin: str = "api") -> Receipt:
        """Write a note on an image; an empty one takes it away. Raises as :meth:`tag`."""
        mark, value = note_mark(text)
        return self._write({(image_id, mark): value}, origin)

    def favourite(self, ids: Iterable[str], on: bool = True, origin: str = "api") -> Receipt:
        """Make images favourites, or no longer, as one event. Raises as :meth:`tag`."""
        return self._mark(ids, favourite_mark(on), origin)

    def interest(self, ids: Iterable[str], interest: int | None, origin: str = "api") -> Receipt:
        """Say how interesting images are, 0 to 5, or ``None``, as one event. Raises as :meth:`tag`."""
        return self._mark(ids, interest_mark(interest), origin)

    def all(self) -> dict[str, Marks]:
        """Return what is said of images beside their labels by image id, of the images that have any."""
        return marks_of(self._journal)

    @property
    def version(self) -> object:
        """Something that is another one once an image has been marked, by whomever."""
        return self._journal.marks()

    def of(self, image_id: str) -> Marks:
        """Return what is said of an image beside its label."""
        return Marks.of(self._journal.marks().get(image_id, {}))

    def _mark(self, ids: Iterable[str], marked: tuple[str, str | None], origin: str) -> Receipt:
        mark, value = marked
        names = [ids] if isinstance(ids, str) else list(ids)
        return self._write(dict.fromkeys(((image_id, mark) for image_id in names), value), origin)

    def _write(self, changes: Mapping[tuple[str, str], str | None], origin: str) -> Receipt:
        for image_id, _ in changes:
            index_in(self._pool, image_id)
        return self._receipt(self._journal.mark(changes, self._annotator(), origin))


def aim_of(journal: Journal) -> str:
    """Return what is sought, in the words of whoever wrote it last; empty if nobody did."""
    told = _told(journal, _AIM)
    return _line(told)[:_AIM_LENGTH] if isinstance(told, str) else ""


def marks_of(journal: Journal) -> dict[str, Marks]:
    """Return what is said of images beside their labels by image id, of those of which anything is."""
    return {image_id: Marks.of(values) for image_id, values in journal.marks().items()}


def mark_texts(journal: Journal) -> dict[str, dict[str, str]]:
    """Return the text of each of :data:`COLUMNS` by image id; a column that no image has is left out."""
    marked = marks_of(journal)
    texts = {
        "tags": {name: its.text for name, its in marked.items() if its.tags},
        "note": {name: its.note for name, its in marked.items() if its.note},
        "favourite": {name: "yes" for name, its in marked.items() if its.favourite},
        "interest": {name: str(its.interest) for name, its in marked.items() if its.interest is not None},
    }
    return {column: by_id for column, by_id in texts.items() if by_id}


def mark_columns(pool: ImagePool, journal: Journal) -> dict[str, Column]:
    """Return :func:`mark_texts` as columns by pool index, to find images by."""
    return {
        column: (Column.of_texts if column == "interest" else _of_words)(
            column, [by_id.get(name, "") for name in pool.ids]
        )
        for column, by_id in mark_texts(journal).items()
    }


def _told(journal: Journal, key: str) -> Any:
    """Return a fact of a journal; ``None`` without it, or where a stranger's journal has no JSON there."""
    try:
        return jsontext.parsed(journal.meta().get(key, "null"))
    except ValueError:
        return None


def _line(text: str) -> str:
    """Return a text as one line, without what a table cannot hold: control characters and half characters."""
    spaced = " ".join(text.split())
    return "".join(letter for letter in spaced if unicodedata.category(letter) not in ("Cc", "Cs"))


def _of_words(name: str, texts: Sequence[str]) -> Column:
    return Column(name, None, texts)  # a tag or a note may look like a number
