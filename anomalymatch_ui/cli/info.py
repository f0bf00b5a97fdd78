"""The command that says what is in a pool of images."""

from __future__ import annotations

import typer

from anomalymatch_ui.cli.options import Images
from anomalymatch_ui.cli.output import Json, finish
from anomalymatch_ui.cli.pixels import PixelOptions, takes_pixels


def register(application: typer.Typer) -> None:
    """Add the command of this module."""
    application.command()(info)


@takes_pixels
def info(
    images: Images,
    *,
    pixels: PixelOptions,
    as_json: Json = False,
) -> None:
    """Say what is in a pool of images, how they are read and shown, and which cannot be read."""
    from anomalymatch_ui.cli.progress import bar
    from anomalymatch_ui.config import Config
    from anomalymatch_ui.pool import open_pool
    from anomalymatch_ui.pool.sample import sample_pool
    from anomalymatch_ui.session.labelling.working_set import sentence_on
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
    if sentence := sentence_on(len(pool), Config()):
        print(sentence)
    found = sample_pool(pool)
    for line in found.lines(pool):
        print(line)
    if sentence := pool.report.sentence():
        print(sentence)
    runtime = expected_runtime("auto") or "torch"
    print(f"On a CPU, embedding and scores are computed by {runtime}, in float32 unless set otherwise.")
    finish(
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
