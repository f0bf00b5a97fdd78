"""The gallery: images, best first, and the labels given on them."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

import numpy as np
import traitlets

from anomalymatch_ui.app.closeup.closeup import Closeup
from anomalymatch_ui.app.finding.finding import GalleryFinds
from anomalymatch_ui.app.gallery.marking import GalleryMarks
from anomalymatch_ui.app.gallery.pages import Pages
from anomalymatch_ui.app.inbox import Inbox, Message
from anomalymatch_ui.app.looking.choosing import GalleryStretch
from anomalymatch_ui.app.looking.look import Look, look_from_json, look_to_json
from anomalymatch_ui.app.scripts import APP, joined
from anomalymatch_ui.app.words import in_words
from anomalymatch_ui.docstrings import as_in
from anomalymatch_ui.labels import Label
from anomalymatch_ui.pixels import Rendering
from anomalymatch_ui.session import SORTS, Counts, Query, Ranking, Receipt, Session, Status

ORIGIN = "dashboard"

STYLES = ("gallery/gallery", "finding/finding", "closeup/closeup", "gallery/large", "gallery/room")


class Gallery(Pages):
    """A page of cards, drawn by one component in the browser from one contact sheet.

    Everything a key does is a method here.

    Parameters
    ----------
    session
        Where labels go and rankings come from.
    loop
        The kernel's loop, on which pages made in threads are shown; ``None`` in a script.
    page_size
        Cards on a page; ``None`` takes what the person chose last in this browser, at first 60.

    Attributes
    ----------
    answers, commits, commands
        What becomes of messages from the browser; see :class:`~anomalymatch_ui.app.inbox.Inbox`.
    finds
        What can be found, and the way back: :class:`~anomalymatch_ui.app.finding.finding.GalleryFinds`.
    finding, orders
        What it tells the toolbar, and the orders in the menu, for the browser.
    look
        How the images are shown, a :class:`~anomalymatch_ui.app.looking.look.Look`, set by a script; what a
        person changes stays in the browser. ``None`` leaves it to them.
    fields
        How many times as wide the fields are that the close-up can show around an image; none where a pool
        has the images alone.
    native
        What can be chosen of stretch and bands where the images hold native values, for the browser; see
        :class:`~anomalymatch_ui.app.looking.stretching.Stretching`. :meth:`show_as` changes it.
    marks
        Tags and notes: :class:`~anomalymatch_ui.app.gallery.marking.GalleryMarks`.
    tags
        Those with the keys 1 to 9, for the browser; ``marks.define`` names them.
    kept_as
        Of which session and person the labels are that wait in the browser, should the kernel end; empty in
        a session that can only be viewed, which leaves them to one that can be written.
    """

    _esm = joined(APP / "gallery" / "main.js")
    _css = "\n".join((APP / f"{style}.css").read_text("utf-8") for style in STYLES)

    finding: traitlets.Dict[str, Any] = traitlets.Dict().tag(sync=True)
    offer = traitlets.Dict().tag(sync=True)
    look = traitlets.Instance(Look, allow_none=True).tag(
        sync=True, to_json=look_to_json, from_json=look_from_json
    )
    native: traitlets.Dict[str, Any] = traitlets.Dict().tag(sync=True)
    fields: traitlets.List[int] = traitlets.List().tag(sync=True)
    tags: traitlets.List[str] = traitlets.List().tag(sync=True)
    kept_as = traitlets.Unicode().tag(sync=True)
    orders: traitlets.List[str] = traitlets.List(default_value=list(SORTS), read_only=True).tag(sync=True)

    def __init__(
        self,
        session: Session,
        *,
        loop: asyncio.AbstractEventLoop | None = None,
        page_size: int | None = None,
    ) -> None:
        super().__init__(session, loop)
        kept = f"{session.identity}\0{session.annotator}"
        if not session.status.read_only:  # else what waits would be refused, and be gone
            self.kept_as = hashlib.sha256(kept.encode(errors="surrogatepass")).hexdigest()[:16]
        self.finds = GalleryFinds(session, self, loop)
        self._list_again: Callable[..., None] = self.show_unlabelled
        self._touched = False
        self._asked = False
        self._size_given = page_size is not None
        if page_size is not None:
            self.page_size = page_size
        inbox = Inbox(
            lambda message, buffers: self.send(message, buffers),
            lambda sentence: self.say(sentence, "error"),
            loop,
        )
        self.answers, self.commits, self.commands = inbox.answers, inbox.commits, inbox.commands
        self._stretch = GalleryStretch(session, self, self._lay_out)
        self._stretch.take_messages(inbox)
        self._closeup = Closeup(session, lambda: self._ranking, self._natives, values=self._stretch.offered)
        self.answers |= self._closeup.answers
        self.fields = list(self._closeup.fields)
        self.marks = GalleryMarks(session, self, ORIGIN)
        self.marks.take_messages(inbox)
        self.tags = list(session.marking.names)
        self._take_messages(inbox)
        self.finds.take_messages(inbox, self._by_hand)
        self.observe(lambda _change: self.finds.note_page(), "page")
        self.add_class("am-host")
        self.show_unlabelled()

    # Labels

    @as_in(Session.label)
    def label(self, ids: Iterable[str], label: Label | None, *, origin: str = ORIGIN) -> Receipt:
        """Label images, as one event, on disk when this returns."""
        receipt = self._session.label(ids, label, origin=origin, ranking=self._ranking)
        self._show_labels(receipt.labels)
        return receipt

    def undo(self) -> Receipt | None:
        """Take the last action back; ``None`` if there is none."""
        return self._step(self._session.undo)

    def redo(self) -> Receipt | None:
        """Do again what was undone; ``None`` if there is nothing."""
        return self._step(self._session.redo)

    def label_page_rest(self, label: Label = "nominal") -> Receipt | None:
        """Label the readable images of this page that have no label, as one event; ``None`` if there is none.

        Parameters
        ----------
        label
            What they are labelled, as for :meth:`label`.

        Raises
        ------
        AnomalyMatchError
            If the session cannot take the labels, with the reason.
        """
        rest = [card["id"] for card in self.page["cards"] if card["readable"] and not card["label"]]
        return self.label(rest, label) if rest else None

    def _step(self, step: Callable[..., Receipt | None]) -> Receipt | None:
        receipt = step(origin=ORIGIN)
        if receipt is not None:
            self._show_labels(receipt.labels)
            self.marks.shown(receipt)
        return receipt

    def _show_labels(self, labels: Mapping[str, str | None]) -> None:
        shown = {card["id"]: card for card in self.page["cards"]}
        changed = {name: label for name, label in labels.items() if name in shown}
        for name, label in changed.items():
            # In place: a view that is opened later reads it, and nothing is sent twice.
            shown[name]["label"] = label
        if changed:
            self.send({"kind": "labels", "labels": changed})

    # Stretch and bands

    @as_in(GalleryStretch.show_as)
    def show_as(self, rendering: Rendering | None, *, keep: bool = True, wait: bool = True) -> None:
        """Show the images in another rendering of their native values; scores and order stay."""
        self._stretch.show_as(rendering, keep=keep, wait=wait)

    # What is listed

    @as_in(GalleryFinds.find)
    def find(self, query: Query | None = None, *, wait: bool = True, **values: Any) -> None:
        """Find images and show the first page of them."""
        self.finds.find(query, wait=wait, **values)

    @as_in(GalleryFinds.show_unlabelled)
    def show_unlabelled(self, *, wait: bool = True) -> None:
        """List the images without a label by the newest ranking, what to look at next first."""
        self.finds.show_unlabelled(wait=wait)

    @as_in(GalleryFinds.show_labelled)
    def show_labelled(self, *, wait: bool = True) -> None:
        """List the images that have a label."""
        self.finds.show_labelled(wait=wait)

    @as_in(GalleryFinds.show_disagreements)
    def show_disagreements(self, *, wait: bool = True) -> None:
        """List the images on which annotators disagree, with what each says."""
        self.finds.show_disagreements(wait=wait)

    @as_in(GalleryFinds.show_unreadable)
    def show_unreadable(self, *, wait: bool = True) -> None:
        """List the images that cannot be read."""
        self.finds.show_unreadable(wait=wait)

    @as_in(GalleryFinds.show_audit)
    def show_audit(self, *, wait: bool = True) -> None:
        """List the labels, those first that the others contest most."""
        self.finds.show_audit(wait=wait)

    @as_in(GalleryFinds.show_similar)
    def show_similar(self, ids: str | Iterable[str], count: int = 60, *, wait: bool = True) -> None:
        """List the images most like one or several others."""
        self.finds.show_similar(ids, count, wait=wait)

    @as_in(GalleryFinds.show_same_place)
    def show_same_place(self, radius: float | None = None, of: str = "", *, wait: bool = True) -> None:
        """List images of one place on the sky."""
        self.finds.show_same_place(radius, of, wait=wait)

    @as_in(GalleryFinds.back)
    def back(self, *, wait: bool = True) -> None:
        """Go back to the list, and its page, from which one came; nothing if there is none."""
        self.finds.back(wait=wait)

    @as_in(GalleryFinds.label_matching)
    def label_matching(self, label: Label | None) -> Receipt:
        """Label all that is listed, on all pages, as one action."""
        return self.finds.label_matching(label)

    @property
    def query(self) -> Query:
        """What the toolbar shows."""
        return self.finds.query

    @property
    def counts(self) -> Counts:
        """How the images that are listed, on all pages, are labelled now."""
        return self.finds.counts

    # Lists and rankings

    def show(
        self,
        order: np.ndarray,
        drawn: np.ndarray | None = None,
        title: str = "",
        empty: str = "There are none.",
        *,
        duplicate: np.ndarray | None = None,
        unlike: np.ndarray | None = None,
        captions: Mapping[str, str] | None = None,
        ranking: Ranking | None = None,
        again: Callable[..., None] | None = None,
        wait: bool = True,
    ) -> None:
        """List any images and show the first page of them.

        Parameters
        ----------
        order
            Pool indices, int64 ``(n,)``.
        drawn
            Which of them were drawn at random, bool ``(n,)``; ``None`` for none.
        duplicate, unlike
            Which come later than by their score because they nearly duplicate one further up, and which
            earlier because they are unlike all that has a label, bool ``(n,)``; ``None`` for none.
        title
            What they are, read after their number: ``"unlabelled, by cycle 3"``.
        empty
            The sentence shown where there are none.
        captions
            Short text by image id, shown on the card in place of the score.
        ranking
            Where the scores are from; ``None`` takes the newest.
        again
            Lists the like by a newer ranking, when one is applied; it takes ``wait`` as a keyword. ``None``
            goes back to the images without a label.
        wait
            Return when the page is shown; otherwise it is shown as soon as it is ready.
        """
        self._list_again = again or self.show_unlabelled
        self._asked = False
        self.offer = {}
        self.say("")
        newest = ranking or self._session.ranking()
        self._list(order, (drawn, duplicate, unlike), title, empty, captions or {}, newest, wait)

    def apply_ranking(self, *, wait: bool = True) -> None:
        """Show the newest ranking from its first page, without the images that have labels by now.

        If the cards are in the newest one already, the session is asked for one by the current labels,
        and it is shown when it comes, unless somebody has gone on labelling meanwhile.

        Parameters
        ----------
        wait
            Return when the page is shown; otherwise it is shown as soon as it is ready.
        """
        if self._session.ranking().version > self._ranking.version:
            self._list_again(wait=wait)
        elif self._session.status.state != "idle":
            self.say("The session is busy; the new ranking is offered as soon as it is there.")
        else:
            self._session.rank()
            self._asked = True
            self.say("Ranking the images by your labels …")

    def heed(self, status: Status) -> None:
        """Take notice of a session's status: offer a new ranking, show labels given elsewhere."""
        self.finds.tell()
        self.marks.follow()
        current = self._session.labels()
        self._show_labels(
            {
                card["id"]: current.get(card["id"])
                for card in self.page["cards"]
                if card["label"] != current.get(card["id"])
            }
        )
        if status.ranking_version <= self._ranking.version:
            return
        if self._asked or (self._ranking.version == 0 and not self._touched and self._number == 0):
            self._list_again(wait=False)
        else:
            source = in_words(self._session.ranking().source).partition(" and ")[0]
            known = status.scored or (status.looked_at and status.looked_at.once)
            so_far = f" ({known:,} of {status.counts.images:,} images)" if known else ""
            self.offer = {"version": status.ranking_version, "text": f"New ranking, {source}{so_far}: R"}

    def say(self, sentence: str, tone: Literal["info", "error"] = "info") -> None:
        """Show a sentence above the cards.

        Parameters
        ----------
        sentence
            Replaces the one that is there.
        tone
            ``"error"`` for what went wrong.
        """
        self.send({"kind": "say", "sentence": sentence, "tone": tone})

    @as_in(Closeup.check)
    def open_closeup(self, image_id: str) -> None:
        """Show one image of the pool in its full resolution, wherever the gallery is shown."""
        self._closeup.check(image_id)
        self.send({"kind": "open closeup", "id": image_id})

    def close_closeup(self) -> None:
        """Go back from the close-up to the cards."""
        self.send({"kind": "close closeup"})

    def close(self) -> None:
        """Stop the threads, and leave the page."""
        self._closeup.close()
        self.finds.close()
        super().close()

    # Messages from the browser

    def _take_messages(self, inbox: Inbox) -> None:
        inbox.commits |= {
            "label": lambda message: self._by_hand(self.label, message["ids"], message["label"]),
            "undo": lambda _message: self._by_hand(self.undo),
            "redo": lambda _message: self._by_hand(self.redo),
        }
        inbox.notices |= {
            "hello": self._greet,
            "touched": self._note_touch,
            "page": self._turn_as_asked,
            "apply": lambda _message: self.apply_ranking(wait=False),
        }
        self.on_msg(lambda _widget, message, _buffers: inbox.receive(message))

    def _by_hand(self, action: Callable[..., Receipt | None], *arguments: Any) -> Receipt | None:
        self._touched, self._asked = True, False
        return action(*arguments)

    def _note_touch(self, _message: Message) -> None:
        self._touched = True

    def _turn_as_asked(self, message: Message) -> None:
        if message["listing"] != self._listed.number:
            return  # another list is on its way, and its first page is to be seen first
        self._asked = False
        self._turn(int(message["number"]), wait=False)

    def _greet(self, message: Message) -> None:
        """Fit the page to the screen, and to what the person chose in this browser."""
        self._pixel_ratio = float(message.get("pixel_ratio", 1))
        chosen = {name: message[name] for name in ("page_size", "thumbnail") if message.get(name)}
        if self._size_given:
            chosen.pop("page_size", None)
        with self.hold_trait_notifications():
            for name, value in chosen.items():
                self.set_trait(name, int(value))
        self._lay_out()
