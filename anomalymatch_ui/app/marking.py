"""Tags and notes in the gallery: what the browser asks for, and what its cards show of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from anomalymatch_ui.app.inbox import Inbox, Message
from anomalymatch_ui.labels.marks import Marks
from anomalymatch_ui.session import Receipt, Session


class GalleryMarks:
    """Marks images, and tells the browser.

    Parameters
    ----------
    session
        Of the dashboard.
    cards
        Returns the cards of the page shown; what is marked is written into them.
    send
        Sends a message to the browser.
    named
        Told of the tags that have a key.
    origin
        Kept in the journal.
    """

    def __init__(
        self,
        session: Session,
        cards: Callable[[], list[dict[str, Any]]],
        send: Callable[[Message], object],
        named: Callable[[list[str]], object],
        origin: str,
    ) -> None:
        self._marking = session.marking
        self._cards = cards
        self._send = send
        self._named = named
        self._origin = origin
        self._followed: object = None

    def take_messages(self, inbox: Inbox) -> None:
        """Answer what the browser asks for."""
        inbox.commits |= {
            "tag": lambda message: self.tag(message["ids"], message["tag"], bool(message["on"])),
            "note": lambda message: self.note(str(message["ids"][0]), str(message["text"])),
        }
        inbox.answers["name tags"] = self._name_as_asked

    def tag(self, ids: Iterable[str], name: str, on: bool = True) -> Receipt:
        """Give images a tag, or take it away; raises as :meth:`Marking.tag`."""
        return self.shown(self._marking.tag(ids, name, on, self._origin))

    def note(self, image_id: str, text: str) -> Receipt:
        """Write a note on an image; raises as :meth:`Marking.note`."""
        return self.shown(self._marking.note(image_id, text, self._origin))

    def define(self, names: Iterable[str]) -> None:
        """Give tags the keys 1 to 9; raises as :meth:`Marking.define`."""
        self._marking.define(names)
        self._named(list(self._marking.names))

    def shown(self, receipt: Receipt) -> Receipt:
        """Show what an event has marked, and give it back."""
        if receipt.marked:
            self.follow()
        return receipt

    def follow(self) -> None:
        """Show the tags and notes of now on the cards, whoever gave them."""
        version = self._marking.version
        if version is self._followed:
            return
        self._followed = version
        marked = self._marking.all()
        changed = {}
        for card in self._cards():
            fields = on_card(marked.get(card["id"], Marks()))
            if fields != {name: card.get(name, default) for name, default in on_card(Marks()).items()}:
                # In place: a view that is opened later reads it, and nothing is sent twice.
                card.update(fields)
                changed[card["id"]] = fields
        if changed:
            self._send({"kind": "marks", "marks": changed})
        self._named(list(self._marking.names))

    def _name_as_asked(self, message: Message) -> tuple[Message, list[bytes]]:
        self.define(message["names"])
        return {}, []


def on_card(marks: Marks) -> dict[str, Any]:
    """Return what the browser gets of an image's tags and note."""
    return {"tags": list(marks.tags), "note": marks.note}
