"""Tags, notes, favourites and interest in the gallery: what the browser asks for, and what its cards show."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from anomalymatch_ui.app.finding.listed import on_card
from anomalymatch_ui.app.inbox import Inbox, Message
from anomalymatch_ui.labels.marks import Marks
from anomalymatch_ui.session import Receipt, Session


class MarkedGallery(Protocol):
    """What is needed of a gallery."""

    page: dict[str, Any]
    tags: list[str]

    def send(self, content: Message, /) -> None:
        """Send a message to the browser."""


class GalleryMarks:
    """Marks images, and tells the browser.

    Parameters
    ----------
    session
        Session of the dashboard.
    gallery
        What is marked is written into the cards of its page, and the names of tags into its trait ``tags``.
    origin
        Kept in the journal.
    """

    def __init__(
        self,
        session: Session,
        gallery: MarkedGallery,
        origin: str,
    ) -> None:
        self._marking = session.marking
        self._gallery = gallery
        self._origin = origin
        self._followed: object = None

    def take_messages(self, inbox: Inbox) -> None:
        """Answer what the browser asks for."""
        inbox.commits |= {
            "tag": lambda message: self.tag(message["ids"], message["tag"], bool(message["on"])),
            "note": lambda message: self.note(str(message["ids"][0]), str(message["text"])),
            "favourite": lambda message: self.favourite(message["ids"], bool(message["on"])),
            "interest": lambda message: self.interest(message["ids"], message["value"]),
        }
        inbox.answers["name tags"] = self._name_as_asked

    def tag(self, ids: Iterable[str], name: str, on: bool = True) -> Receipt:
        """Tag images, or remove the tag; raises as :meth:`Marking.tag`."""
        return self.shown(self._marking.tag(ids, name, on, self._origin))

    def note(self, image_id: str, text: str) -> Receipt:
        """Write a note on an image; raises as :meth:`Marking.note`."""
        return self.shown(self._marking.note(image_id, text, self._origin))

    def favourite(self, ids: Iterable[str], on: bool = True) -> Receipt:
        """Make images favourites, or no longer; raises as :meth:`Marking.favourite`."""
        return self.shown(self._marking.favourite(ids, on, self._origin))

    def interest(self, ids: Iterable[str], interest: int | None) -> Receipt:
        """Say how interesting images are, 0 to 5; raises as :meth:`Marking.interest`."""
        return self.shown(self._marking.interest(ids, interest, self._origin))

    def define(self, names: Iterable[str]) -> None:
        """Assign tags to the keys 1 to 9; raises as :meth:`Marking.define`."""
        self._marking.define(names)
        self._gallery.tags = list(self._marking.names)

    def shown(self, receipt: Receipt) -> Receipt:
        """Show what an event has marked, and give it back."""
        if receipt.marked:
            self.follow()
        return receipt

    def follow(self) -> None:
        """Show on the cards what is said of their images now, whoever said it."""
        version = self._marking.version
        if version is self._followed:
            return
        self._followed = version
        marked = self._marking.all()
        changed = {}
        for card in self._gallery.page["cards"]:
            fields = on_card(marked.get(card["id"], Marks()))
            if fields != {name: card.get(name, default) for name, default in on_card(Marks()).items()}:
                # In place: a view that is opened later reads it, and nothing is sent twice.
                card.update(fields)
                changed[card["id"]] = fields
        if changed:
            self._gallery.send({"kind": "marks", "marks": changed})
        self._gallery.tags = list(self._marking.names)

    def _name_as_asked(self, message: Message) -> tuple[Message, list[bytes]]:
        self.define(message["names"])
        return {}, []
