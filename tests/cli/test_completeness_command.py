"""What a search misses, from the command line: a sentence, a table, a figure."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import processes
import pytest
from images import make_pool

from anomalymatch_ui.config import Config
from anomalymatch_ui.session import Session


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory, quick_once: Config) -> Path:
    """A session on 60 JPEGs, ranked by nine labels."""
    folder = tmp_path_factory.mktemp("searched")
    rings = make_pool(folder / "images")
    with Session.open(
        folder / "session", folder / "images", config=quick_once.with_values(order="labels")
    ) as session:
        session.label(rings[:3], "anomaly", origin="known")
        session.label([f"{n:04}.jpg" for n in range(20, 26)], "nominal", origin="known")
    return folder


def test_the_share_is_said_written_and_drawn(searched: Path):
    table, figure = searched / "shares.csv", searched / "shares.pdf"
    options = ["--kind", "ring", "--kind", "arc", "--number", 8, "--first", 12, "--snr", 20, 400]
    finished = processes.run(
        "completeness", searched / "session", *options, "--out", table, "--plot", figure, "--json"
    )
    assert finished.returncode == 0, finished.stderr
    *said, last = finished.stdout.splitlines()
    told = json.loads(last)
    assert said == [told["sentence"]]
    assert "Of 16 simulated objects" in told["sentence"]
    assert (told["painted"], told["first"], told["images"]) == (16, 12, 60)
    assert told["shares"].keys() == {"all", "ring", "arc"}
    frame = pd.read_csv(table)
    within = frame[(frame.kind == "all") & (frame.against == "first")]
    assert within["to"].tolist() == [10, 20, 50, 60]
    assert within.fraction.iloc[-1] == 1
    assert figure.read_bytes().startswith(b"%PDF")
    objects = searched / "objects.vot"
    exported = processes.run("export", searched / "session", "--what", "injected", "--out", objects)
    assert exported.stdout == f"16 objects are in {objects}.\n"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--plot", "figure.txt"), "figure.txt is not a name for a figure"),
        (("--out", "table.doc"), "table.doc does not say in which format to write it"),
        (("--size", "0.3", "0.9"), "does not fit into the image"),
    ],
)
def test_what_cannot_be_used_is_one_line(searched: Path, options: tuple[str, ...], message: str):
    refused = processes.run("completeness", searched / "session", *options)
    assert refused.returncode == 2
    assert message in refused.stderr
    assert refused.stderr.count("\n") == 1
