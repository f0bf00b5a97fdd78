"""Stretch and bands that a person or a script chooses for the cards."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Literal, Protocol

from anomalymatch_ui.app.inbox import Inbox, Message
from anomalymatch_ui.app.looking.stretching import Stretching, asked_rendering
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.pixels import Rendering
from anomalymatch_ui.session import Session


class StretchedGallery(Protocol):
    """What is needed of a gallery."""

    native: dict[str, Any]

    def say(self, sentence: str, tone: Literal["info", "error"] = "info") -> None:
        """Show a sentence."""


class GalleryStretch:
    """Shows a gallery's images in other renderings of their native values; scores and order stay.

    Parameters
    ----------
    session
        Whose images these are.
    gallery
        Where they are shown. What can be chosen is written into its trait ``native``.
    lay_out
        Shows the page anew, and gives its sheet, or ``None`` where it is as it was.
    """

    def __init__(
        self, session: Session, gallery: StretchedGallery, lay_out: Callable[..., Future[Any] | None]
    ) -> None:
        self._session = session
        self._gallery = gallery
        self._lay_out = lay_out
        self._stretching = Stretching(session.pool, session.showing)
        gallery.native = self._stretching.state()

    @property
    def offered(self) -> bool:
        """Whether there are native values to stretch; of plain pictures there are none."""
        return self._stretching.offered

    def take_messages(self, inbox: Inbox) -> None:
        """Carry out what the browser asks for."""
        inbox.answers |= {"show as": self._show_as_asked, "for the network": self._tell_consequence}

    def show_as(self, rendering: Rendering | None, *, keep: bool, wait: bool) -> Future[Any] | None:
        """Show the images in another rendering of their native values; scores and order stay.

        Parameters
        ----------
        rendering
            Stretch, limits, and which bands are red, green and blue; ``None`` for what the network sees.
        keep
            Keep it with the session.
        wait
            Return when the page is shown.

        Raises
        ------
        InputError
            If the images are pictures of 8 bits, or lack a band.
        """
        if not self.offered:
            raise InputError("These images have 8 bits a band, so that the browser itself stretches them.")
        kept = self._session.showing.choose(rendering, keep=keep)
        made = self._lay_out(wait=wait)
        self._gallery.native = self._stretching.state()
        if keep and not kept:
            self._gallery.say(
                "Another process trains this session: this is shown until the page closes, and not kept."
            )
        return made

    def _show_as_asked(self, message: Message) -> Future[tuple[Message, list[bytes]]]:
        """Show a rendering that the browser asks for; the answer comes when the page is there."""
        made = self.show_as(asked_rendering(message["rendering"]), keep=bool(message["keep"]), wait=False)
        answer: Future[tuple[Message, list[bytes]]] = Future()
        if made is None:
            answer.set_result(({}, []))
        else:
            made.add_done_callback(lambda _done: answer.set_result(({}, [])))
        return answer

    def _tell_consequence(self, _message: Message) -> tuple[Message, list[bytes]]:
        sentence = self._session.showing.consequence(len(self._session.cycles.all()))
        return {"sentence": sentence}, []
