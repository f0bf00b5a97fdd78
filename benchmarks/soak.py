"""Work on one session in one kernel for hours, and see that it takes no more at the end than at first.

    python benchmarks/soak.py --minutes 480 --json benchmarks/results/soak.json

A Jupyter kernel shows the dashboard of a small session. It is labelled, turned page by page, filtered,
undone, ranked, and trained now and then, at the pace of the machine. Each minute, while nothing runs, what
the kernel holds is read: memory, threads, handles of files and sockets, and the disk that the session takes
without the journal, which is to grow. The first quarter of the time warms it up. The exit code is 1 where it
leaks.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil
from jupyter_client import BlockingKernelClient, KernelManager

from anomalymatch_ui.app.serving.serve import ThisInterpreter

FLAT = 1.05
"""How many times as much memory and disk may be taken at the end as after the warm-up."""

_PATIENCE = 3600
"""Seconds in which the kernel has to answer."""

_BEGIN = """
import os, random
from pathlib import Path
from images import make_pool
from sessions import ANOMALIES, NOMINALS, SETTINGS
from anomalymatch_ui.app.dashboard import Dashboard
from anomalymatch_ui.session import Query, Session

make_pool(Path("images"), images=200)
settings = SETTINGS.with_values(train={{"steps": 3, "keep_cycles": 1}})
opened = Session.open("session", "images", config=settings, annotator="ada")
opened.label(ANOMALIES, "anomaly")
opened.label(NOMINALS, "nominal")
opened.train(wait=True)
dashboard = Dashboard(opened, page_size=20)
gallery, session = dashboard.gallery, dashboard.session
chance = random.Random({seed})

def one():
    return chance.choice(gallery.ids or session.pool.ids)

def label():
    full = session.status.counts.unlabelled < 50  # a cycle learns from those without a label, too
    return None if full else chance.choice(['anomaly', 'nominal', 'unsure'])

def can_train():
    return session.status.counts.anomaly and session.status.counts.nominal
"""

ACTIONS = {
    "label": "gallery.label([one()], label())",
    "withdraw": "gallery.label([one()], None)",
    "undo": "gallery.undo()",
    "page": "gallery.page['pages'] and gallery.show_page(chance.randrange(gallery.page['pages']))",
    "filter": "gallery.find(Query(labels=(chance.choice(['anomaly', 'nominal']),)))",
    "unlabelled": "gallery.show_unlabelled()",
    "order": "gallery.apply_ranking()",
    "report": "session.report().lines()",
    "rank": "session.wait(); session.rank(wait=True)",
    "train": "session.wait(); can_train() and session.train(wait=True)",
}
"""What is done, by name."""

_OFTEN = {
    "label": 60,
    "withdraw": 4,
    "undo": 6,
    "page": 20,
    "filter": 4,
    "unlabelled": 4,
    "order": 4,
    "report": 1,
}
"""How often, of about a hundred; a ranking comes each half minute, a cycle each :data:`_TRAINED`."""

_RANKED, _TRAINED = 30.0, 150.0
"""Seconds."""


@dataclass(frozen=True)
class Sample:
    """What a kernel holds.

    Attributes
    ----------
    minute
        Since the beginning.
    memory_mb, threads, handles
        Of the kernel's process.
    disk_mb
        Of the session without its journal.
    actions
        Carried out so far.
    """

    minute: float
    memory_mb: float
    threads: int
    handles: int
    disk_mb: float
    actions: int


def verdict(samples: Sequence[Sample]) -> list[str]:
    """Return what is wrong, in sentences; nothing if a session takes as much at the end as after the warm-up.

    The second quarter of the time is compared with the last: of memory and disk the medians, of threads and
    handles the smallest number, for a timer or a file may be open for a moment.

    Parameters
    ----------
    samples
        In their order.
    """
    if len(samples) < 8:
        return [f"{len(samples)} samples are too few to tell: let it run for longer."]
    end = samples[-1].minute
    warm = [sample for sample in samples if 0.25 * end <= sample.minute < 0.5 * end]
    last = [sample for sample in samples if sample.minute >= 0.75 * end]
    wrong = []
    for name, title in (("memory_mb", "Memory"), ("disk_mb", "The disk")):
        before, after = (statistics.median(getattr(one, name) for one in part) for part in (warm, last))
        if after > FLAT * before:
            wrong.append(f"{title} grew from {before:.1f} to {after:.1f} MB.")
    for name in ("threads", "handles"):
        before, after = (min(getattr(one, name) for one in part) for part in (warm, last))
        if after > before:
            wrong.append(f"There are {after} {name}, where there were {before}.")
    return wrong


class Kernel:
    """A Jupyter kernel that runs in a folder."""

    def __init__(self, folder: Path, seed: int) -> None:
        paths = [str(Path(__file__).resolve().parents[1] / "tests"), os.environ.get("PYTHONPATH", "")]
        self._manager = KernelManager(kernel_spec_manager=ThisInterpreter())
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
        self._manager.start_kernel(cwd=str(folder), env=environment)
        self._client: BlockingKernelClient = self._manager.client()
        self._client.start_channels()
        self._client.wait_for_ready(timeout=_PATIENCE)
        self._folder = folder / "session"
        self.run(_BEGIN.format(seed=seed))
        self._process = psutil.Process(self.run("", "os.getpid()"))

    def run(self, code: str, expression: str = "None") -> Any:
        """Run code, and return the value of an expression after it.

        Raises
        ------
        RuntimeError
            If it failed.
        """
        reply = self._client.execute_interactive(
            code,
            silent=True,
            store_history=False,
            user_expressions={"told": expression},
            timeout=_PATIENCE,
            output_hook=lambda message: None,
        )["content"]
        if reply["status"] != "ok":
            raise RuntimeError(f"{code.strip()}: {reply['ename']}: {reply['evalue']}")
        told = reply["user_expressions"]["told"]
        if told["status"] != "ok":
            raise RuntimeError(f"{expression}: {told['ename']}: {told['evalue']}")
        return ast.literal_eval(told["data"]["text/plain"])

    def sample(self, minute: float, actions: int) -> Sample:
        """Read what it holds while nothing runs."""
        self.run("session.wait()")
        with self._process.oneshot():
            memory, threads = self._process.memory_info().rss / 1e6, self._process.num_threads()
            handles = self._process.num_handles() if psutil.WINDOWS else self._process.num_fds()
        files = (path for path in self._folder.rglob("*") if not path.name.startswith("journal."))
        disk = sum(path.stat().st_size for path in files if path.is_file()) / 1e6
        return Sample(round(minute, 2), round(memory, 1), threads, handles, round(disk, 3), actions)

    def close(self) -> None:
        """Close the session, and end the kernel."""
        self.run("dashboard.close()")
        self._client.stop_channels()
        self._manager.shutdown_kernel()


def soak(minutes: float, seed: int, report: Path | None) -> list[str]:
    """Work for so long, and return what is wrong."""
    drawn = random.Random(seed)
    names, weights = list(_OFTEN), list(_OFTEN.values())
    samples: list[Sample] = []
    done: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="soak-") as name:
        kernel = Kernel(Path(name), seed)
        began = sampled = ranked = trained = time.monotonic()
        load: list[float] = []
        while (now := time.monotonic()) - began < 60 * minutes:
            if now - trained > _TRAINED:
                action, trained = "train", now
            elif now - ranked > _RANKED:
                action, ranked = "rank", now
            else:
                (action,) = drawn.choices(names, weights)
            kernel.run(ACTIONS[action])
            done[action] += 1
            if now - sampled > min(60.0, minutes * 60 / 40):
                sampled = now
                samples.append(kernel.sample((now - began) / 60, done.total()))
                load.append(psutil.getloadavg()[0])
                print(samples[-1], flush=True)
            wrong = verdict(samples)
            if report is not None:
                told = {
                    "minutes": round((now - began) / 60, 1),
                    "actions": done,
                    "cores": os.cpu_count(),
                    "load": round(statistics.median(load), 1) if load else None,
                    "wrong": wrong,
                    "samples": [asdict(sample) for sample in samples],
                }
                report.write_text(json.dumps(told, indent=1) + "\n")
        kernel.close()
    return verdict(samples)


def main() -> None:
    """Run from the command line."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--minutes", type=float, default=480)
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--json", type=Path)
    given = asked.parse_args()
    wrong = soak(given.minutes, given.seed, given.json)
    print("\n".join(wrong) or "It took no more at the end than after the warm-up.")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
