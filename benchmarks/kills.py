"""Kill a process in the middle of its work, again and again, and look for what it had acknowledged.

    python benchmarks/kills.py --kills 300 --json benchmarks/results/kills.json

Each process works on a copy of a small session: it labels, imports a table, trains, ranks, changes
settings, exports or repairs, and gives a label before and after. It is killed (SIGKILL) at a moment drawn at
random from the time that such work takes on this machine. Then the session has to open, with every label that
had been acknowledged, and to be ranked; a table that was being exported has to be whole, or as it was.

What any of this imports is imported once, by the process that all others are forked from.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import multiprocessing
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from sessions import make_trained

from anomalymatch_ui.errors import DamagedJournalError
from anomalymatch_ui.session import Session
from anomalymatch_ui.session.mending.repairing import repair_session

_forking = multiprocessing.get_context("fork")  # by a process that has no threads, and all imports behind it
_AT_FIRST = 6.0
"""Seconds that any kind of work is taken to last, until one has been finished."""

Say = Callable[[str, str], object]
"""Acknowledges a label of an image."""


def _labels(session: Session, say: Say, _: Path) -> None:
    for number in range(30, 60):
        _label(session, say, number, "anomaly" if number % 5 == 0 else "nominal")


def _import(session: Session, say: Say, folder: Path) -> None:
    table = folder / "more.csv"
    rows = [f"{number:04d}.jpg,nominal" for number in range(40, 60)]
    table.write_text("\n".join(["filename,label", *rows]))
    path = session.path
    session.close()
    with Session.open(path, labels=table) as again:
        for number in range(40, 60):
            say(f"{number:04d}.jpg", "nominal")
        _label(again, say, 30, "anomaly")


def _train(session: Session, say: Say, _: Path) -> None:
    session.train(wait=True)
    _label(session, say, 31, "nominal")


def _rank(session: Session, say: Say, _: Path) -> None:
    session.rank(wait=True)
    _label(session, say, 31, "nominal")


def _settings(session: Session, say: Say, _: Path) -> None:
    for number in range(30, 60):
        session.configure({"train": {"steps": 3 + number % 2}})
        _label(session, say, number, "nominal")


def _export(session: Session, say: Say, folder: Path) -> None:
    for number in range(30, 60):
        session.results.write(folder / "ranking.csv", "ranking", "csv")
        _label(session, say, number, "nominal")


def _repair(session: Session, say: Say, _: Path) -> None:
    journal = session.path / "journal.sqlite"
    for number in range(30, 34):
        _label(session, say, number, "nominal")
    session.close()
    content = bytearray(journal.read_bytes())
    place = content.rfind(b".jpg")
    content[place - 1] ^= 1
    journal.write_bytes(content)
    repair_session(journal.parent)


WORK: dict[str, Callable[[Session, Say, Path], None]] = {
    "labels": _labels,
    "import": _import,
    "training": _train,
    "ranking": _rank,
    "settings": _settings,
    "export": _export,
    "repair": _repair,
}


def _label(session: Session, say: Say, number: int, label: str) -> None:
    name = f"{number:04d}.jpg"
    session.label([name], label)  # type: ignore[arg-type]
    say(name, label)


def _work(kind: str, folder: Path, answers: Connection) -> None:
    _quiet()

    def say(name: str, label: str) -> None:
        answers.send((name, label))

    session = Session.open(folder / "session", folder / "images")
    _label(session, say, 29, "nominal")
    WORK[kind](session, say, folder)
    answers.send(None)
    session.close()


def _rehearse(base: Path, folder: Path, answers: Connection) -> None:
    """Make the session, do the work that imports the most, and say which modules that took."""
    _quiet()
    make_trained(base)
    shutil.copytree(base, folder)
    with Session.open(folder / "session", folder / "images") as session:
        session.results.write(folder / "ranking.csv", "ranking", "csv")
    answers.send(sorted(sys.modules))


def _import_what_is_needed(base: Path, folder: Path) -> None:
    ours, theirs = _forking.Pipe(duplex=False)
    rehearsal = _forking.Process(target=_rehearse, args=(base, folder, theirs))
    rehearsal.start()
    theirs.close()
    names = ours.recv()
    rehearsal.join()
    for name in names:
        with contextlib.suppress(ImportError):  # one that another library makes up while it runs
            importlib.import_module(name)


def _look(folder: Path, known: dict[str, str], answers: Connection) -> None:
    """Say what is wrong with what a killed process has left."""
    _quiet()
    try:
        answers.send(_wrong(folder, known))
    except Exception as error:  # noqa: BLE001 - which is what is looked for
        answers.send(f"{type(error).__name__}: {error}"[:300])


def _wrong(folder: Path, known: dict[str, str]) -> str:
    try:
        session = Session.open(folder / "session", folder / "images")
    except DamagedJournalError:
        repair_session(folder / "session")
        session = Session.open(folder / "session", folder / "images")
    with session:
        there = session.labels()
        lost = [name for name, label in known.items() if there.get(name) != label]
        if lost:
            return f"{len(lost)} of {len(known)} acknowledged labels are lost"
        session.rank(wait=True)  # which raises what it fails with
    table = folder / "ranking.csv"
    if table.exists() and len(table.read_text().splitlines()) != 61:
        return "the exported table is not whole"
    return ""


def _quiet() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    os.dup2(2, 1)


def killed(kind: str, base: Path, folder: Path, after: float) -> tuple[str, int, float | None]:
    """Return what is wrong after a kill, how many labels were acknowledged, and when the work had ended.

    That is in seconds from its first label; ``None`` if it was killed in the middle of it, after so many.
    """
    shutil.copytree(base, folder)
    known = {"0000.jpg": "anomaly", "0020.jpg": "nominal"}
    ours, theirs = _forking.Pipe(duplex=False)
    process = _forking.Process(target=_work, args=(kind, folder, theirs))
    process.start()
    theirs.close()
    finished = None
    until = None
    while until is None or time.monotonic() < until:
        if not ours.poll(1.0 if until is None else max(0.0, until - time.monotonic())):
            continue
        try:
            said = ours.recv()
        except EOFError:
            break
        if said is None:
            finished = time.monotonic() - (until or 0.0) + after
            break
        known[said[0]] = said[1]
        until = until or time.monotonic() + after  # from the first label on
    process.kill()
    process.join()
    while ours.poll():  # what it said while it was being killed
        try:
            said = ours.recv()
        except EOFError:
            break
        if said is not None:
            known[said[0]] = said[1]
    ours, theirs = _forking.Pipe(duplex=False)
    looking = _forking.Process(target=_look, args=(folder, known, theirs))
    looking.start()
    theirs.close()
    try:
        wrong = ours.recv()
    except EOFError:
        wrong = "it ended the process that opened it"
    looking.join()
    shutil.rmtree(folder)
    return wrong, len(known), finished


def main() -> None:
    """Run from the command line."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--kills", type=int, default=300)
    asked.add_argument(
        "--minutes", type=float, default=float("inf"), help="after which no process is started"
    )
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--json", type=Path)
    given = asked.parse_args()
    drawn = random.Random(given.seed)
    kinds = list(WORK)
    report: dict[str, object] = {"kills": 0, "labels": 0, "by_kind": {}, "under_way": {}, "wrong": {}}
    by_kind: Counter[str] = Counter()
    under_way: Counter[str] = Counter()
    wrong: dict[str, str] = {}
    lasts = dict.fromkeys(kinds, _AT_FIRST)
    until = time.monotonic() + 60 * given.minutes
    with tempfile.TemporaryDirectory(prefix="kills-") as name:
        base = Path(name) / "base"
        _import_what_is_needed(base, Path(name) / "rehearsal")
        for number in range(given.kills):
            if time.monotonic() > until:
                break
            kind = kinds[number % len(kinds)]
            after = drawn.uniform(0, lasts[kind])
            what, labels, ended = killed(kind, base, Path(name) / "case", after)
            was = ended is None
            lasts[kind] = 1.1 * lasts[kind] if ended is None else ended  # so that about one in ten had ended
            by_kind[kind] += 1
            under_way[kind] += was
            report["labels"] = int(str(report["labels"])) + labels
            if what:
                wrong[f"{number} {kind}"] = what
            report |= {"kills": number + 1, "by_kind": by_kind, "under_way": under_way, "wrong": wrong}
            if given.json:  # as it goes, for it takes long
                given.json.write_text(json.dumps(report, indent=1) + "\n")
            print(number, kind, labels, "under way" if was else "done", what, flush=True)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
