"""Messages from the browser, each handed to the one handler of its kind."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from anomalymatch_ui.errors import AnomalyMatchError, DamagedJournalError, StorageError
from anomalymatch_ui.session import Receipt

Message = dict[str, Any]
Notice = Callable[[Message], object]
Commit = Callable[[Message], Receipt | None]
Reply = tuple[Message, list[bytes]]
Answer = Callable[[Message], Reply | Future[Reply]]

NOT_KEPT = "not kept"
"""Kind of the answer where the disk refuses: the browser keeps what it sent, and sends it again."""

logger = logging.getLogger(__name__)


class Inbox:
    """Hands each message to the handler of its kind; other modules add theirs to the tables.

    Parameters
    ----------
    send
        Sends a message and its buffers to the browser.
    say
        Shows a person why something could not be done.
    loop
        On which answers that threads give are sent; ``None``, in a script, waits for them.

    Attributes
    ----------
    notices
        By kind. Nothing is answered; what cannot be done is said.
    commands
        By name, for messages of the kind ``"command"``; otherwise as notices.
    commits
        By kind, for what goes to the disk. However often the message is sent, it is carried out once and
        answered each time, with ``"saved"`` or ``"refused"``; where the disk refuses, with :data:`NOT_KEPT`,
        and it is carried out when it is sent again. Those of one front end, which counts them in
        ``"commit"``, are carried out in its order: one that comes before a former one waits for that.
    answers
        By kind, for questions that change nothing. The handler gives a message and buffers; the browser
        gets them with the question's number, or ``"refused"`` and a sentence. A handler whose work takes
        long gives a future.
    """

    def __init__(
        self,
        send: Callable[[Message, list[bytes]], object],
        say: Callable[[str], object],
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self.notices: dict[str, Notice] = {"command": self._command}
        self.commands: dict[str, Notice] = {}
        self.commits: dict[str, Commit] = {}
        self.answers: dict[str, Answer] = {}
        self._send = send
        self._say = say
        self._loop = loop
        self._given = GivenAnswers()
        self._order = CommitOrder()
        self._under_way: set[tuple[Any, Any]] = set()

    def receive(self, message: Message) -> None:
        """Hand a message to its handler; one that nobody knows is logged."""
        kind = message.get("kind")
        if kind in self.commits:
            for due in self._order.due(message):
                answer = self._given.once(due, self._commit)
                self._send(answer, [])
                if answer["kind"] == NOT_KEPT:
                    self._order.wait_for(due)
                    break
        elif kind in self.answers:
            # A question that is asked again while a thread works on it is answered once.
            if (message.get("frontend"), message.get("request")) not in self._under_way:
                self._answer(message, lambda: self.answers[kind](message))
        elif kind in self.notices:
            self._notice(self.notices[kind], message)
        else:
            logger.warning("The browser sent a message of the unknown kind %r.", kind)

    def _notice(self, handler: Notice, message: Message) -> None:
        try:
            handler(message)
        except AnomalyMatchError as error:
            self._say(str(error))

    def _command(self, message: Message) -> None:
        name = message.get("name")
        if name in self.commands:
            self.commands[name](message)
        else:
            self._say(f"Nothing here can carry out {name!r}.")

    def _commit(self, message: Message) -> Message:
        kind = message["kind"]
        try:
            receipt = self.commits[kind](message)
        except (StorageError, DamagedJournalError) as error:  # may be over when it is sent again
            return {"kind": NOT_KEPT, "sentence": str(error)}
        except AnomalyMatchError as error:
            return {"kind": "refused", "sentence": str(error)}
        except Exception as error:  # the page would send it for ever, and keep back what comes after it
            logger.exception("What the browser sent for the disk could not be carried out")
            return {"kind": "refused", "sentence": failed(error)}
        if receipt is None:
            return {"kind": "refused", "sentence": f"There is nothing to {kind}."}
        return {
            "kind": "saved",
            "seq": receipt.seq,
            "time": receipt.time.isoformat(),
            "labels": dict(receipt.labels),
            "passed_over": receipt.passed_over,
            "marked": list(receipt.marked),
        }

    def _answer(self, message: Message, give: Callable[[], Reply | Future[Reply]]) -> None:
        buffers: list[bytes] = []
        question = message.get("frontend"), message.get("request")
        self._under_way.discard(question)
        try:
            given = give()
            if isinstance(given, Future):
                loop = self._loop
                if loop is not None and not given.done():
                    self._under_way.add(question)
                    given.add_done_callback(
                        lambda done: loop.call_soon_threadsafe(self._answer, message, done.result)
                    )
                    return
                given = given.result()
            answer, buffers = given
        except AnomalyMatchError as error:
            answer = {"kind": "refused", "sentence": str(error)}
        except Exception as error:  # whoever asked would wait for ever without an answer
            logger.exception("A question of the browser could not be answered")
            answer = {"kind": "refused", "sentence": failed(error)}
        self._send({"kind": "answer", **answer, "frontend": question[0], "request": question[1]}, buffers)


def failed(error: Exception) -> str:
    """Return the sentence for an error that nobody foresaw."""
    return f"This failed: {type(error).__name__}: {error}."


class CommitOrder:
    """The order in which a front end has sent what goes to the disk, whatever was lost on the way.

    A label that was lost and is sent again must not come after the one that corrects it.
    """

    def __init__(self) -> None:
        self._next: dict[str, int] = {}
        self._early: dict[str, dict[int, Message]] = {}

    def due(self, message: Message) -> list[Message]:
        """Return what can be carried out now that a message is there: none where a former one is missing."""
        frontend, number = str(message["frontend"]), int(message["commit"])
        expected = self._next.get(frontend, 1)
        if number < expected:
            return [message]
        early = self._early.setdefault(frontend, {})
        early[number] = message
        due = []
        while expected in early:
            due.append(early.pop(expected))
            expected += 1
        self._next[frontend] = expected
        return due

    def wait_for(self, message: Message) -> None:
        """Expect a message again: it could not be carried out, and those after it have to wait for it."""
        frontend, number = str(message["frontend"]), int(message["commit"])
        self._next[frontend] = min(number, self._next.get(frontend, 1))


class GivenAnswers:
    """Answers already given, so that a request that is sent twice is carried out once.

    Parameters
    ----------
    kept
        Answers remembered for each front end; it sends again within seconds.
    """

    def __init__(self, kept: int = 1000) -> None:
        self._kept = kept
        self._given: dict[str, OrderedDict[int, Message]] = {}

    def once(self, message: Message, carry_out: Callable[[Message], Message]) -> Message:
        """Carry a message out, or give the answer it was given before; what was not kept is tried again."""
        frontend, request = str(message["frontend"]), int(message["request"])
        given = self._given.setdefault(frontend, OrderedDict())
        if request not in given:
            answer = {**carry_out(message), "frontend": frontend, "request": request}
            if answer["kind"] == NOT_KEPT:
                return answer
            given[request] = answer
            if len(given) > self._kept:
                given.popitem(last=False)
        return given[request]
