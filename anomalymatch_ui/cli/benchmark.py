"""The command that measures how well the product finds anomalies."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import typer

from anomalymatch_ui.cli.options import NoDownload
from anomalymatch_ui.cli.output import given_path
from anomalymatch_ui.cli.pixels import Array, Ids
from anomalymatch_ui.errors import InputError


def register(application: typer.Typer) -> None:
    """Add the command of this module."""
    application.command()(benchmark)


def benchmark(
    task: Annotated[
        str,
        typer.Argument(
            help="A table filename,label,split; or galaxy_mnist; or miniimagenet.", metavar="TASK"
        ),
    ],
    images: Annotated[
        Path | None,
        typer.Option(help="The folder of the images; galaxy_mnist has a default.", parser=given_path),
    ] = None,
    preset: Annotated[str, typer.Option(help="Named settings.")] = "default",
    seeds: Annotated[str, typer.Option(help="Separated by commas.")] = "42",
    out: Annotated[
        Path | None, typer.Option("--json", help="Keep the results here, and go on from there.")
    ] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw the discovery curves into this PNG.")] = None,
    reference: Annotated[Path | None, typer.Option(help="Compare with the results kept there.")] = None,
    cycles: Annotated[int, typer.Option(min=0, help="Rounds after the first; 0 is the start only.")] = 3,
    start_anomalies: Annotated[int | None, typer.Option(min=1, help="5, or as published.")] = None,
    start_nominals: Annotated[int | None, typer.Option(min=1, help="50, or as published.")] = None,
    per_cycle: Annotated[
        int | None, typer.Option(min=1, help="Images labelled in a round: 10, or as published.")
    ] = None,
    queries: Annotated[
        Literal["shown", "balanced"] | None,
        typer.Option(help="Label those shown first, the default, or half anomalies, half nominals."),
    ] = None,
    anomaly: Annotated[
        str | None,
        typer.Option(
            help="The class of a published data set to search; several by commas with --as-published, or all."
        ),
    ] = None,
    as_published: Annotated[
        bool,
        typer.Option(
            "--as-published",
            help="All published classes in turn by the published protocol, the published figures beside; "
            "--json is then a folder.",
        ),
    ] = False,
    no_download: NoDownload = False,
    size: Annotated[int | None, typer.Option(min=32, help="Side the network sees, in pixels.")] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change one setting, as in train.align=false; may be given again."),
    ] = None,
    tune: Annotated[
        bool, typer.Option("--tune", help="Measure on a part of the pool held out, to choose settings by.")
    ] = False,
    embeddings: Annotated[
        Path | None, typer.Option(help="Keep the embeddings in this folder, for other runs.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")] = "auto",
    array: Array = None,
    ids: Ids = None,
) -> None:
    """Measure a preset: a simulated astronomer searches a pool whose labels are known."""
    from anomalymatch_ui.cli.progress import bar
    from anomalymatch_ui.config import Config
    from anomalymatch_ui.evaluate import open_benchmark, open_published, run_benchmark, run_in_turn

    config = Config.preset(preset).with_values(device=device)
    named = [f"pixels.{key}={name}" for key, name in (("array", array), ("ids", ids)) if name is not None]
    changes = [*_resized(config.order, size), *named, *(changes or ())]
    for change in changes:
        if (key := change.partition("=")[0].strip()) in ("preset_name", "seed", "device", "instant"):
            raise InputError(
                f"--set {key} changes nothing here. Give --preset, --seeds or --device; nobody looks between "
                "rounds, so that the instant clock is off."
            )
        config = config.with_assignment(change)
    numbers = _numbers(seeds)
    steps = {
        "cycles": cycles,
        "start_anomalies": start_anomalies,
        "start_nominals": start_nominals,
        "per_cycle": per_cycle,
        "queries": queries,
    }
    with bar("Downloading (kB)") as advance:
        if as_published:
            _check_published(tune=tune, plot=plot, reference=reference, out=out)
            classes = [] if anomaly is None else [name.strip() for name in anomaly.split(",")]
            every = open_published(
                task, images, anomalies=classes, download=not no_download, progress=advance
            )
        else:
            opened = open_benchmark(task, images, anomaly=anomaly, download=not no_download, progress=advance)
    if as_published:
        every = [replace(one, protocol=one.protocol.with_values(**steps)) for one in every]
        run_in_turn(task, every, config, numbers, out=out, embeddings=embeddings, changes=changes)
        return
    run_benchmark(
        opened.task.held_out() if tune else opened.task,
        opened.images,
        config,
        opened.protocol.with_values(**steps),
        numbers,
        out=out,
        plot=plot,
        reference=reference,
        embeddings=embeddings,
        changes=changes,
    )


def _check_published(*, tune: bool, plot: Path | None, reference: Path | None, out: Path | None) -> None:
    """Refuse what goes with one search alone."""
    for option, given in (("--tune", tune), ("--plot", plot), ("--reference", reference)):
        if given:
            raise InputError(f"{option} goes with one search. Leave it, or --as-published, away.")
    if out is not None and out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file: with --as-published, --json names a folder, one report a class.")


def _resized(order: str, size: int | None) -> list[str]:
    """Return the settings by which the network of a preset sees images of this size."""
    if size is None:
        return []
    return [f"embedding.sizes=[{size}]" if order == "labels" else f"network.image_size={size}"]


def _numbers(text: str) -> list[int]:
    try:
        numbers = [int(number) for number in text.split(",")]
    except ValueError as error:
        raise InputError(f"--seeds takes whole numbers separated by commas, not {text!r}.") from error
    if len(set(numbers)) < len(numbers):
        raise InputError(f"--seeds names a seed twice: {text}. A search is counted once.")
    return numbers
