"""Progress on standard error."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

if TYPE_CHECKING:
    from anomalymatch_ui.session import Session, Status
    from anomalymatch_ui.session.core import status as session_status

_PHASES = {
    "embedding": "Looking at the images",
    "preparing": "Reading images",
    "adapting": "Adapting the network",
    "training": "Training",
    "ranking": "Ranking",
}


@contextlib.contextmanager
def bar(title: str) -> Iterator[Callable[[int, int], None]]:
    """Show one bar from the first progress on; gives a function to be told what is done and the total."""
    with bars() as begin:
        yield begin(title)


@contextlib.contextmanager
def bars() -> Iterator[Callable[[str], Callable[[int, int], None]]]:
    """Show a bar for each part of some work, from its first progress on.

    Returns a function that takes the title of a part and returns one to be told what is done and the total.
    """
    progress = _progress()

    def begin(title: str) -> Callable[[int, int], None]:
        tasks: list[TaskID] = []

        def advance(done: int, total: int) -> None:
            if not tasks:
                progress.start()
                tasks.append(progress.add_task(title))
            progress.update(tasks[0], completed=done, total=total)

        return advance

    try:
        yield begin
    finally:
        if progress.tasks:  # bars that never started would still end their line
            progress.stop()


@contextlib.contextmanager
def follow(session: Session) -> Iterator[None]:
    """Show a bar for each phase of what runs in the background of a session."""
    progress = _progress()
    tasks: dict[str, TaskID] = {}

    def show(status: Status) -> None:
        if status.phase == "idle":
            return
        title = _PHASES[status.phase]
        if not tasks:
            progress.start()
        if status.phase not in tasks:
            tasks[status.phase] = progress.add_task(title)
        if status.progress.loss is not None:
            title += f" (loss {status.progress.loss:.3f})"
        progress.update(
            tasks[status.phase],
            description=title,
            completed=_done(status.progress),
            total=status.progress.total,
        )

    unsubscribe = session.subscribe(show)
    try:
        yield
    finally:
        unsubscribe()
        if tasks:  # bars that never started would still end their line
            progress.stop()


def _done(progress: session_status.Progress) -> int:
    """Return the images, or steps, whose work is done: where they are looked at twice, a share of all."""
    return progress.done if progress.share is None else round(progress.share * progress.total)


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
