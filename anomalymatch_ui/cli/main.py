"""The command line: one function a command, no logic of its own.

Every command shows its progress on standard error. With ``--json`` the last line of standard output is
one JSON object. Bad input ends with exit code 2 and one line on standard error.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from anomalymatch_ui.cli import archive, completeness, crossmatch, doctor, export, repair, replay, shortlist
from anomalymatch_ui.cli import cycles as cycle_commands
from anomalymatch_ui.cli.output import LABELS_HELP, ClassesOption, Json, given_path
from anomalymatch_ui.cli.output import finish as _finish
from anomalymatch_ui.cli.pixels import Array, Ids, PixelOptions, takes_pixels
from anomalymatch_ui.errors import AnomalyMatchError, InputError, SessionBusyError

if TYPE_CHECKING:
    from anomalymatch_ui.demo import DemoSurvey
    from anomalymatch_ui.session import Session

application = typer.Typer(
    name="anomalymatch",
    help="Find the rare objects in archives of images.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Images = Annotated[
    Path,
    typer.Argument(
        help="A folder of images, also FITS; or an HDF5 file or Zarr store with `images`.",
        metavar="IMAGES",
        parser=given_path,
    ),
]
Labels = Annotated[Path | None, typer.Option(help=LABELS_HELP)]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Of the web server; 0 takes a free one.")]
BaseUrl = Annotated[
    str | None,
    typer.Option(
        help="Path at which a proxy shows the dashboard, such as /user/ada/proxy/8866/; on JupyterHub it is "
        "found by itself.",
        metavar="PATH",
    ),
]
NoBrowser = Annotated[bool, typer.Option("--no-browser", help="Do not open a browser.")]
Anomaly = Annotated[str | None, typer.Option(help="The class of a published data set to search.")]
NoDownload = Annotated[bool, typer.Option("--no-download", help="Use the network for nothing.")]
Annotator = Annotated[
    str | None, typer.Option(help="Name kept with your labels; several people may label one session.")
]
SessionFolder = Annotated[
    Path | None,
    typer.Option("--session", help="Folder that keeps labels and models.", metavar="DIR", parser=given_path),
]
KeptSession = Annotated[
    Path, typer.Argument(help="Folder of a session.", metavar="SESSION", parser=given_path)
]


@application.command()
@takes_pixels
def serve(
    images: Images,
    labels: Labels = None,
    session: SessionFolder = None,
    port: Port = 8866,
    no_browser: NoBrowser = False,
    annotator: Annotator = None,
    *,
    pixels: PixelOptions,
    base_url: BaseUrl = None,
    classes: ClassesOption = None,
    metadata: Annotated[
        Path | None,
        typer.Option(
            help="A table about the images, by filename or id, or by position: its columns become filters.",
            parser=given_path,
        ),
    ] = None,
    match_radius: Annotated[
        float, typer.Option(help="Seconds of arc between an image and its row, matched by position.")
    ] = 1.0,
    as_json: Json = False,
) -> None:
    """Open the dashboard on your images in the browser."""
    from anomalymatch_ui.app.serving.serve import serve as serve_dashboard

    serve_dashboard(
        images,
        labels,
        session,
        port,
        not no_browser,
        as_json,
        annotator,
        pixels,
        base_url,
        classes,
        metadata,
        match_radius,
    )


@application.command()
def demo(
    session: SessionFolder = None,
    galaxy_mnist: Annotated[
        bool, typer.Option("--galaxy-mnist", help="Real galaxies instead, downloaded on first use.")
    ] = False,
    anomaly: Anomaly = None,
    no_download: NoDownload = False,
    fits: Annotated[
        bool, typer.Option("--fits", help="The simulated survey as FITS of three bands instead of JPEGs.")
    ] = False,
    port: Port = 8866,
    no_browser: NoBrowser = False,
    base_url: BaseUrl = None,
    as_json: Json = False,
) -> None:
    """Open the dashboard on a simulated survey, made on first use, or on GalaxyMNIST."""
    from anomalymatch_ui.cli.progress import bar
    from anomalymatch_ui.demo import GalaxySearch, search_galaxies, survey

    made: DemoSurvey | GalaxySearch
    if galaxy_mnist and fits:
        raise InputError("GalaxyMNIST holds pictures: use --fits with the simulated survey.")
    if galaxy_mnist:
        with bar("Downloading GalaxyMNIST (kB)") as advance:
            made = search_galaxies(anomaly, download=not no_download, progress=advance)
    elif anomaly is not None:
        raise InputError("The simulated survey has its own anomalies: --anomaly goes with --galaxy-mnist.")
    else:
        with bar("Simulating a survey") as advance:
            made = survey(progress=advance, fits=fits)
        _look_at_first(session or made.session, made)
    _serve(
        made.images, made.labels, session or made.session, port, not no_browser, as_json, base_url=base_url
    )


@application.command()
@takes_pixels
def info(
    images: Images,
    *,
    pixels: PixelOptions,
    as_json: Json = False,
) -> None:
    """Say what is in a pool of images, how they are read and shown, and which cannot be read."""
    from anomalymatch_ui.cli.progress import bar
    from anomalymatch_ui.pool import open_pool
    from anomalymatch_ui.pool.sample import sample_pool
    from anomalymatch_ui.stream import expected_runtime

    pool = open_pool(images, **pixels)
    with bar("Reading") as advance:
        for shard in pool.shards(256):
            pool.read(shard, 64)
            advance(shard.stop, len(pool))
    unreadable = dict(pool.report.unreadable)
    print(f"{pool.name}: {len(pool):,} images in {pool.path}")
    for what, there in pool.found.items():
        print(f"{what.capitalize()}: {there}.")
    found = sample_pool(pool)
    for line in found.lines(pool):
        print(line)
    if sentence := pool.report.sentence():
        print(sentence)
    runtime = expected_runtime("auto") or "torch"
    print(f"On a CPU, embedding and scores are computed by {runtime}, in float32 unless set otherwise.")
    _finish(
        as_json,
        path=str(pool.path),
        images=len(pool),
        readable=len(pool) - len(unreadable),
        unreadable=unreadable,
        digest=pool.digest,
        found=dict(pool.found),
        columns=list(pool.columns.names),
        bands=list(pool.bands.names),
        dtypes=found.dtypes,
        sizes=found.sizes,
        rendering=pool.rendering.model_dump(mode="json"),
        skipped=dict(pool.report.skipped),
        other_suffixes=dict(pool.report.other_suffixes),
        in_part=dict(pool.report.remarks),
        runtime=runtime,
    )


@application.command()
@takes_pixels
def train(
    images: Images,
    labels: Annotated[Path, typer.Option(help=LABELS_HELP)],
    session: Annotated[
        Path, typer.Option(help="Folder that keeps labels and models.", metavar="DIR", parser=given_path)
    ],
    iterations: Annotated[int | None, typer.Option(min=1, help="Steps of the cycle.")] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            help="Named settings, such as paper; a session keeps its prevalence, symmetry and seed."
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Of everything drawn at random.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")] = None,
    classes: ClassesOption = None,
    *,
    pixels: PixelOptions,
    as_json: Json = False,
) -> None:
    """Train one cycle on a table of labels, then rank the images."""
    from anomalymatch_ui.cli.progress import follow
    from anomalymatch_ui.session import Session

    config = _config(session, preset, seed, device)
    with Session.open(session, images, labels, config=config, pixels=pixels, classes=classes) as opened:
        if opened.import_report is not None:
            print(opened.import_report.sentence(), file=sys.stderr)
        with follow(opened):
            opened.train(iterations, wait=True)
        status = opened.status
        print(f"Cycle {status.cycle} is done; `anomalymatch rank {session}` lists the order.")
        _finish(as_json, session=str(session), **_summary(opened))


@application.command()
def adapt(
    images: Images,
    session: Annotated[
        Path, typer.Option(help="Folder that keeps labels and models.", metavar="DIR", parser=given_path)
    ],
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")] = None,
    as_json: Json = False,
) -> None:
    """Adapt the network to the images, which takes no label, then rank them by it."""
    from anomalymatch_ui.cli.progress import follow
    from anomalymatch_ui.session import Session

    config = _config(session, None, None, device)
    with Session.open(session, images, config=config) as opened:
        with follow(opened):
            opened.adapt(wait=True)
        print(f"The network is adapted to {opened.pool.name}; `anomalymatch rank {session}` lists the order.")
        _finish(as_json, session=str(session), **_summary(opened))


@application.command()
def rank(
    session: KeptSession,
    top: Annotated[int | None, typer.Option(min=1, help="How many; all of them if not given.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write a table here instead of printing it.")] = None,
    as_json: Json = False,
) -> None:
    """List the images of a session from the most to the least likely anomaly."""
    from anomalymatch_ui.cli.progress import follow
    from anomalymatch_ui.files import write_bytes_atomically
    from anomalymatch_ui.session import Session

    with Session.open(session) as opened:
        with follow(opened):
            opened.rank(wait=True)
        table = opened.ranking_table(top)
        if out is None:
            print(table.to_csv(index=False), end="")
        else:
            write_bytes_atomically(out, table.to_csv(index=False).encode())
            print(f"{len(table):,} images are in {out}.")
        _finish(as_json, session=str(session), out=None if out is None else str(out), **_summary(opened))


@application.command()
def report(
    session: KeptSession,
    as_json: Json = False,
) -> None:
    """Say what a session has come to: labels, finds, and how far its annotators agree."""
    from anomalymatch_ui.session import Session

    with Session.open(session, share=True) as opened:
        told = opened.report()
    print("\n".join(told.lines()))
    _finish(as_json, **told.as_dict())


@application.command()
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
        Literal["shown", "balanced"],
        typer.Option(help="Label those shown first, or half anomalies, half nominals."),
    ] = "shown",
    anomaly: Anomaly = None,
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
    from anomalymatch_ui.evaluate import open_benchmark, run_benchmark

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
    with bar("Downloading (kB)") as advance:
        opened = open_benchmark(task, images, anomaly=anomaly, download=not no_download, progress=advance)
    run_benchmark(
        opened.task.held_out() if tune else opened.task,
        opened.images,
        config,
        opened.protocol.with_values(
            cycles=cycles,
            start_anomalies=start_anomalies,
            start_nominals=start_nominals,
            per_cycle=per_cycle,
            queries=queries,
        ),
        numbers,
        out=out,
        plot=plot,
        reference=reference,
        embeddings=embeddings,
        changes=changes,
    )


def _resized(order: str, size: int | None) -> list[str]:
    """Give the settings by which the network of a preset sees images of this size."""
    if size is None:
        return []
    return [f"embedding.sizes=[{size}]" if order == "labels" else f"network.image_size={size}"]


archive.register(application)
shortlist.register(application)
export.register(application)
cycle_commands.register(application)
doctor.register(application)
completeness.register(application)
crossmatch.register(application)
replay.register(application)
repair.register(application)


def main() -> None:
    """Run the command line; what the user can mend ends with exit code 2 and one line."""
    # A batch scheduler ends a job by SIGTERM: like Ctrl+C, it keeps the cycle under way.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        code = application(standalone_mode=False)
    except typer.TyperException as error:
        _fail(f"{error.format_message().rstrip('.')}. Try `anomalymatch --help`.")
    except AnomalyMatchError as error:
        _fail(str(error))
    except OSError as error:
        if error.filename is not None:  # a file of ours, which should have been a sentence
            _fail(_unexpected(error), code=1)
        _fail(f"The output cannot be written: {error.strerror or error}. Write it to another place.")
    except Exception as error:  # noqa: BLE001 - the last resort: a person reads one line, not a traceback
        _fail(_unexpected(error), code=1)
    except (KeyboardInterrupt, typer.Abort):
        code = 130
    if code == 130:  # typer gives Ctrl+C back as this code, without a word
        _fail("Stopped. Labels, trained cycles, scores and finished searches are kept.", code)
    sys.exit(code if isinstance(code, int) else 0)


def _look_at_first(folder: Path, made: DemoSurvey) -> None:
    """Rank the survey before its first page is shown, so that this is a useful one; later it is on disk."""
    from anomalymatch_ui.cli.progress import follow
    from anomalymatch_ui.session import Session

    # Once: afterwards the session says how its images are shown.
    pixels = {} if os.path.exists(folder / "config.toml") else made.pixels
    try:
        opened = Session.open(folder, made.images, made.labels, pixels=pixels)
    except SessionBusyError:  # then whoever has it open has ranked it
        return
    with opened:
        if opened.ranking().version == 0:
            with follow(opened):
                opened.rank(wait=True)


def _numbers(text: str) -> list[int]:
    try:
        numbers = [int(number) for number in text.split(",")]
    except ValueError as error:
        raise InputError(f"--seeds takes whole numbers separated by commas, not {text!r}.") from error
    if len(set(numbers)) < len(numbers):
        raise InputError(f"--seeds names a seed twice: {text}. A search is counted once.")
    return numbers


def _unexpected(error: Exception) -> str:
    """Keep the traceback in a file, and give the sentence that names it."""
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile("w", prefix="anomalymatch-", suffix=".log", delete=False) as log:
        traceback.print_exception(error, file=log)
    return (
        f"Something failed that should not: {type(error).__name__}: {error}. Labels are safe. "
        f"The details are in {log.name}; please report them."
    )


def _fail(sentence: str, code: int = 2) -> None:
    print(f"anomalymatch: {' '.join(sentence.split())}", file=sys.stderr)
    sys.exit(code)


def _serve(
    images: Path,
    labels: Path | None,
    session: Path | None,
    port: int,
    open_browser: bool,
    as_json: bool,
    base_url: str | None,
) -> None:
    from anomalymatch_ui.app.serving.serve import serve as serve_dashboard

    serve_dashboard(images, labels, session, port, open_browser, as_json, base_url=base_url)


def _config(session: Path, preset: str | None, seed: int | None, device: str | None) -> Any:
    """Give the session's settings, or a preset's for the same images, with the values asked for."""
    from anomalymatch_ui.config import Config
    from anomalymatch_ui.session.work.settings import configured

    saved = session / "config.toml"
    if os.path.exists(saved):  # unlike Path.exists, of a name too long it says no
        config = configured(Config.load(saved), {}, preset)
    else:
        config = Config.preset(preset or "default")
    values = {key: value for key, value in (("seed", seed), ("device", device)) if value is not None}
    config = config.with_values(**values)
    if device is not None:
        from anomalymatch_ui.learn import resolve_device

        resolve_device(device)  # before it is kept among the session's settings
    return config


def _summary(session: Session) -> dict[str, Any]:
    status, ranking = session.status, session.ranking()
    return {
        "images": status.counts.images,
        "anomalies": status.counts.anomaly,
        "nominals": status.counts.nominal,
        "unreadable": status.unreadable,
        "cycle": status.cycle,
        "ranked": len(ranking.order),
        "source": ranking.source,
    }
