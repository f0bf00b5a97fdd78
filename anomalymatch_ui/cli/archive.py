"""The commands that score a whole archive of images and read its scores."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from anomalymatch_ui.cli.output import Json, finish, given_path
from anomalymatch_ui.cli.pixels import PixelOptions, takes_pixels
from anomalymatch_ui.errors import InputError

if TYPE_CHECKING:
    from anomalymatch_ui.score import OrderedScores, Outcome

Folder = Annotated[
    Path,
    typer.Argument(
        help="The --out folder of `anomalymatch score`, or a session.", metavar="DIR", parser=given_path
    ),
]


def register(application: typer.Typer) -> None:
    """Add the commands of this module."""
    for command in (score, top, similar):
        application.command()(command)


@takes_pixels
def score(
    images: Annotated[
        Path,
        typer.Argument(
            help="A folder of images, an HDF5 file or a Zarr store.",
            metavar="POOL",
            parser=given_path,
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            help="Folder for the scores; run again, it goes on there.", metavar="DIR", parser=given_path
        ),
    ],
    model: Annotated[
        Path | None,
        typer.Option(help="A checkpoint, *.safetensors, of a session.", metavar="FILE", parser=given_path),
    ] = None,
    session: Annotated[
        Path | None,
        typer.Option(
            help="A session: its own order, of labels and network, instead of a network's alone.",
            metavar="DIR",
            parser=given_path,
        ),
    ] = None,
    embeddings: Annotated[
        bool, typer.Option("--embeddings", help="Keep what `similar` needs: 256 bytes an image.")
    ] = False,
    symmetry: Annotated[
        Literal["none", "mirror", "square"],
        typer.Option(help="Average over mirror images, or all eight turns: two or eight times the work."),
    ] = "none",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")] = "auto",
    number_format: Annotated[
        Literal["float32", "bfloat16"],
        typer.Option(help="bfloat16: faster on hardware that multiplies it, and another order."),
    ] = "float32",
    runtime: Annotated[
        Literal["auto", "torch", "openvino"],
        typer.Option(help="What computes the network on a CPU: OpenVINO, which is faster, or torch."),
    ] = "auto",
    engine: Annotated[
        Literal["local", "dask"], typer.Option(help="In this process, or on the workers of a cluster.")
    ] = "local",
    scheduler: Annotated[
        str | None, typer.Option(help="Of Dask, as tcp://HOST:8786; a cluster on this machine if not given.")
    ] = None,
    shard_size: Annotated[
        int | None, typer.Option(min=1, help="Images in one file: what an interruption repeats at most.")
    ] = None,
    restart: Annotated[
        bool, typer.Option("--restart", help="Delete the scores that the folder holds, and start again.")
    ] = False,
    low_priority: Annotated[
        bool, typer.Option("--low-priority", help="Leave the processors to whoever else wants them.")
    ] = False,
    *,
    pixels: PixelOptions,
    as_json: Json = False,
) -> None:
    """Score every image of an archive by a model, or a session; run again, it goes on where it was."""
    from anomalymatch_ui.cli.progress import bars
    from anomalymatch_ui.score.priority import be_patient

    if low_priority:
        be_patient()
    shares: dict[str, float] = {}
    asked: dict[str, Any] = {
        "images": images,
        "out": out,
        "embeddings": embeddings,
        "device": device,
        "runtime": runtime,
        "engine": engine,
        "scheduler": scheduler,
        "shard_size": shard_size,
        "restart": restart,
        "pixels": pixels,
    }
    if session is not None and model is None:
        from anomalymatch_ui.session.archives.archive_request import SessionScoreRequest, run_session_request

        _refuse_beside_session(symmetry, number_format)
        by_session = SessionScoreRequest(session=session, **asked)
        with bars() as progress:
            outcome = run_session_request(by_session, progress)
    elif model is not None and session is None:
        from anomalymatch_ui.score.request import ScoreRequest, run_request

        request = ScoreRequest(model=model, symmetry=symmetry, number_format=number_format, **asked)
        with bars() as progress:
            outcome, shares = run_request(request, progress, lambda: _pin(model))
    else:
        raise InputError(
            "Give either --model, a checkpoint, for the scores of a network, or --session, a folder, for the "
            "probabilities of a session."
        )
    for sentence in _told(out, outcome, shares):
        print(sentence)
    finish(as_json, **outcome.as_dict(), out=str(out), engine=engine, busy=shares)


def top(
    folder: Folder,
    first: Annotated[int, typer.Option("--from", min=1, help="Rank to begin with.")] = 1,
    count: Annotated[int, typer.Option("--top", min=1, help="How many.")] = 100,
    above: Annotated[float | None, typer.Option(help="Only scores of at least this.")] = None,
    below: Annotated[float | None, typer.Option(help="Only scores of at most this.")] = None,
    prefix: Annotated[str | None, typer.Option(help="Only ids that begin so.")] = None,
    like: Annotated[str | None, typer.Option(help="Only ids like this: % is any text, _ any letter.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write a table here instead of printing it.")] = None,
    as_json: Json = False,
) -> None:
    """List the images of a scored archive, or of a session, from the highest score to the lowest."""
    from anomalymatch_ui.score import ScoreFilter

    wanted = ScoreFilter(lowest=above, highest=below, prefix=prefix, like=like)
    with _order(folder) as scores:
        if wanted == ScoreFilter():
            found, matching = scores.page(first - 1, count), len(scores)
        else:
            found, matching = scores.where(wanted, first - 1, count), scores.count(wanted)
        rows = zip(found.ranks.tolist(), found.ids, map(_shortest, found.scores), strict=True)
        _give(("rank", "id", "score"), rows, out)
        finish(
            as_json,
            folder=str(folder),
            images=len(scores),
            matching=matching,
            listed=len(found),
            out=None if out is None else str(out),
        )


def similar(
    folder: Folder,
    ids: Annotated[list[str], typer.Option("--id", help="Of the image to look for; may be given again.")],
    count: Annotated[int, typer.Option("--top", min=1, help="How many.")] = 100,
    approximate: Annotated[
        bool,
        typer.Option("--approximate", help="By an index, made on first use: for many searches of millions."),
    ] = False,
    device: Annotated[str, typer.Option(help="Where to compare: auto, cpu, cuda, cuda:1, mps.")] = "auto",
    out: Annotated[Path | None, typer.Option(help="Write a table here instead of printing it.")] = None,
    as_json: Json = False,
) -> None:
    """List the images of an archive, or of a session, that are most like one or several of it."""
    from anomalymatch_ui.cli.progress import bar
    from anomalymatch_ui.learn import resolve_device
    from anomalymatch_ui.score import Neighbours, Scores
    from anomalymatch_ui.score import similar as find_similar
    from anomalymatch_ui.session.archives.shown import archive_shown, is_session, similar_in, whole_archive

    archive = archive_shown(folder) if is_session(folder) else folder
    found: Neighbours
    if archive is None:
        if approximate:
            raise InputError("--approximate is for archives: the images of a session are compared exactly.")
        print("The images of this session, the most similar first.", file=sys.stderr)
        found = similar_in(folder, ids, count)
    else:
        if archive != folder:
            print(whole_archive(archive), file=sys.stderr)
        with Scores(archive) as scores, bar("Comparing") as advance:
            found = find_similar(
                scores,
                ids,
                count,
                device=resolve_device(device),
                approximate=approximate,
                advance=advance,
            )
    rows = zip(found.ids, map(_shortest, found.similarities), strict=True)
    _give(("id", "similarity"), rows, out)
    listed = [
        {"id": image_id, "similarity": float(similarity)}
        for image_id, similarity in zip(found.ids, found.similarities, strict=True)
    ]
    finish(
        as_json,
        folder=str(folder),
        ids=ids,
        approximate=approximate,
        similar=listed,
        out=None if out is None else str(out),
    )


@contextmanager
def _order(folder: Path) -> Iterator[OrderedScores]:
    """Open the scores in a folder, or, of a session, those of the order that it shows, and say which."""
    from anomalymatch_ui.score import Scores
    from anomalymatch_ui.session.archives.shown import is_session, order_shown

    if not is_session(folder):
        with Scores(folder) as scores:
            yield scores
        return
    with order_shown(folder) as shown:
        print(shown.source, file=sys.stderr)
        yield shown.scores


def _refuse_beside_session(symmetry: str, number_format: str) -> None:
    """Refuse what a session has settings for."""
    if symmetry != "none" or number_format != "float32":
        raise InputError(
            "--symmetry and --number-format go with --model: a session has them in its settings."
        )


def _pin(model: Path) -> None:
    """Keep the cycle whose network scores an archive, however many its session trains meanwhile."""
    from anomalymatch_ui.session.work.tidying import pin_model

    cycle = pin_model(model)
    if cycle is not None:
        print(
            f"Cycle {cycle} is pinned, so that its network is there when the scoring is gone on with; "
            "`anomalymatch cycles SESSION --unpin` lets it go.",
            file=sys.stderr,
        )


def _told(folder: Path, outcome: Outcome, shares: dict[str, float]) -> Iterable[str]:
    """Say to a person what a run came to."""
    yield (
        f"{outcome.scored:,} images are scored in {folder}; `anomalymatch top {folder}` lists the highest."
    )
    manifest = outcome.manifest
    yield f"Computed by {manifest.runtime} in {manifest.dtype}."
    if outcome.remark:
        yield outcome.remark
    if outcome.unreadable:
        yield f"{outcome.unreadable:,} images could not be read."
    if outcome.passed_over:
        yield outcome.passed_over
    if outcome.damaged:
        yield f"{outcome.damaged:,} shards were damaged, and are made anew."
    if shares:
        busy = ", ".join(f"{stage} {share:.0%}" for stage, share in shares.items())
        yield f"Busy share of each stage: {busy}."


def _give(columns: Sequence[str], rows: Iterable[Sequence[Any]], out: Path | None) -> None:
    """Write a table as CSV, to a file if one is given."""
    from anomalymatch_ui.files import write_bytes_atomically

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    if out is None:
        sys.stdout.write(text.getvalue())
    else:
        write_bytes_atomically(out, text.getvalue().encode())


def _shortest(score: Any) -> str:
    """Write a float32 with as many digits as tell it from its neighbours."""
    return str(score)
