"""The command that lists a session's training cycles, what they take on disk, and pins them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from anomalymatch_ui.cli.options import KeptSession
from anomalymatch_ui.cli.output import Json, finish

if TYPE_CHECKING:
    from anomalymatch_ui.session import Cycle


def register(application: typer.Typer) -> None:
    """Add the command of this module."""
    application.command()(cycles)


def cycles(
    session: KeptSession,
    pin: Annotated[
        list[int] | None,
        typer.Option(help="Keep this cycle's network and scores for good; may be given again."),
    ] = None,
    unpin: Annotated[
        list[int] | None, typer.Option(help="Keep it no longer than others; may be given again.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List a session's training cycles and what each takes on disk; pin those that shall stay."""
    from anomalymatch_ui.session import Session

    with Session.open(session, share=True) as opened:
        for number in unpin or ():
            opened.pin(number, False)
        for number in pin or ():
            opened.pin(number)
        found, status = opened.cycles.all(), opened.status
        sizes = {cycle.number: opened.cycles.disk_bytes(cycle) for cycle in found}
        last = opened.config.train.keep_cycles
    listed = []
    for cycle in found:
        states = {
            "in use": cycle.number == status.cycle_in_use,
            "pinned": cycle.number in status.pinned_cycles,
            "figures alone": cycle.number not in status.kept_cycles,
        }
        told = [
            _told(cycle),
            _megabytes(sizes[cycle.number]),
            *(name for name, holds in states.items() if holds),
        ]
        print(", ".join(filter(None, told)))
        listed.append(
            {
                "cycle": cycle.number,
                "finished": None if cycle.finished is None else cycle.finished.isoformat(),
                "labels": cycle.labels,
                "steps": cycle.steps,
                "bytes": sizes[cycle.number],
                "in_use": states["in use"],
                "pinned": states["pinned"],
                "kept": not states["figures alone"],
            }
        )
    total = sum(sizes.values())
    count = "1 cycle takes" if len(found) == 1 else f"{len(found):,} cycles take"
    print(
        f"{count} {_megabytes(total)}. Networks and scores are kept of the last {last}, "
        "of the one in use and of those that are pinned."
    )
    finish(as_json, session=str(session), cycles=listed, bytes=total, keep_cycles=last)


def _told(cycle: Cycle) -> str:
    """Say what a cycle was trained on."""
    when = "" if cycle.finished is None else f" of {cycle.finished:%Y-%m-%d %H:%M} UTC"
    figures = "" if cycle.labels is None else f", {cycle.labels:,} labels, {cycle.steps:,} steps"
    return f"cycle {cycle.number}{when}{figures}"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
