"""Searches from many seeds, kept in one report, drawn and compared with another."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path

from anomalymatch_ui.config import Config
from anomalymatch_ui.errors import InputError, StoreBusyError
from anomalymatch_ui.evaluate.machine import arithmetic, computed_by
from anomalymatch_ui.evaluate.report import (
    Report,
    add_result,
    check_drawing,
    comparison,
    config_settings,
    keep_report,
    open_report,
    plot_discoveries,
    read_report,
    table,
)
from anomalymatch_ui.evaluate.runner import CycleResult, Protocol, run_seed
from anomalymatch_ui.evaluate.task import Task
from anomalymatch_ui.pool import open_pool
from anomalymatch_ui.score import one_writer


def run_benchmark(
    task: Task,
    images: Path,
    config: Config,
    protocol: Protocol,
    seeds: Sequence[int],
    *,
    out: Path | None = None,
    plot: Path | None = None,
    reference: Path | None = None,
    embeddings: Path | None = None,
    changes: Sequence[str] = (),
) -> Report:
    """Run a benchmark, going on from the seeds that ``out`` holds, and print its tables.

    Parameters
    ----------
    task
        What is searched.
    images
        Path of the pool that holds the task's images.
    config
        Settings of the product; the name of their preset is kept with the results.
    protocol
        How the astronomer works.
    seeds
        One search each.
    out
        Keep the results here.
    plot
        Draw the discovery curves into this PNG.
    reference
        Compare with the results kept there.
    embeddings
        A folder that keeps the embeddings for other runs; ``None`` makes them once for this one.
    changes
        How ``config`` differs from its preset, to be named in the table.

    Raises
    ------
    InputError
        If something given cannot be used, or ``out`` holds results of other settings, or is being written by
        another process. All of it is looked at before the first search.
    StorageError
        If the disk refuses.
    """
    settings = {
        "task": task.name,
        "table": task.digest,
        "preset": config.preset_name,
        "changes": list(changes),
        "config": config_settings(config),
        "protocol": asdict(protocol),
        "arithmetic": arithmetic(config),
    }
    protocol.check(task)
    with _only_writer(out):
        report = open_report(out, settings)
        other = None if reference is None else _comparable(reference, report, seeds)
        if plot is not None:
            check_drawing()
        pool = open_pool(images, config.pixels)
        if out is not None:
            keep_report(report, out)  # what cannot be kept is said before hours of searching
        done = {seed["seed"] for seed in report["seeds"]}
        with tempfile.TemporaryDirectory(prefix="anomalymatch-embeddings-") as temporary:
            # Another machine's embeddings may be of another number format.
            shared = (embeddings or Path(temporary)) / report["arithmetic"].replace(" ", "-")
            for seed in seeds:
                if seed not in done:
                    with _telling_what_is_lost(seed, out):
                        result = run_seed(task, pool, config, protocol, seed, _tell(seed), shared)
                    add_result(report, result, out, computed_by(config))
    print(table(report))
    if other is not None:
        for cycle in sorted({0, min(_last_cycle(report), _last_cycle(other))}):
            print(comparison(report, other, "ap", cycle))
    if plot is not None:
        plot_discoveries(report, plot)
    return report


def _tell(seed: int) -> Callable[[CycleResult], None]:
    def tell(result: CycleResult) -> None:
        print(
            f"seed {seed}, cycle {result.cycle}: AP {result.metrics.ap:.3f}, "
            f"AUROC {result.metrics.auroc:.3f}, found {result.found} of {result.viewed} looked at, "
            f"{result.train_seconds:.0f} s",
            file=sys.stderr,
        )

    return tell


@contextmanager
def _telling_what_is_lost(seed: int, out: Path | None) -> Iterator[None]:
    """Return what becomes of a search that is interrupted: seeds are kept whole or not at all."""
    try:
        yield
    except KeyboardInterrupt:
        others = "" if out is None else f"; {out} has the seeds that were finished, and goes on from there"
        print(f"The search from seed {seed} is not kept{others}.", file=sys.stderr)
        raise


@contextmanager
def _only_writer(out: Path | None) -> Iterator[None]:
    """Keep other processes from the report: each writes all of it, and would lose the other's seeds."""
    if out is None:
        yield
        return
    lock = out.with_name(f".{out.name}.lock")
    with ExitStack() as stack:
        try:
            stack.enter_context(one_writer(lock))
        except StoreBusyError as error:
            raise InputError(
                f"Another benchmark is writing {out}. Wait for its end, or choose another file for --json."
            ) from error
        stack.callback(lock.unlink, missing_ok=True)
        yield


def _comparable(path: Path, report: Report, seeds: Sequence[int]) -> Report:
    """Read a report to compare with, and check before the search that this can be done."""
    other = read_report(path)
    ways = [{**one.get("protocol", {}), "cycles": None} for one in (report, other)]
    if other.get("task") != report["task"] or ways[0] != {"queries": "shown", "measured": "test", **ways[1]}:
        raise InputError(
            f"{path} is the report of another task or protocol, with which nothing can be compared."
        )
    if not {seed["seed"] for seed in other["seeds"]} & {*seeds, *(seed["seed"] for seed in report["seeds"])}:
        raise InputError(f"{path} has none of the seeds asked for, so that nothing can be compared.")
    return other


def _last_cycle(report: Report) -> int:
    return min((len(seed["cycles"]) for seed in report["seeds"]), default=1) - 1
