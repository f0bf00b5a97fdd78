"""Scored once, an archive gives a session its best and a random share."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import h5py
import numpy as np
import processes
import pytest
from checkpoints import make_checkpoint
from images import make_pool

from anomalymatch_ui.score import Scores
from anomalymatch_ui.score.request import ScoreRequest, run_request
from anomalymatch_ui.session import Session


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with 60 `images` and their `scores`."""
    folder = tmp_path_factory.mktemp("archive")
    make_pool(folder / "images")
    model = make_checkpoint(folder / "model.safetensors")
    request = ScoreRequest(folder / "images", model, folder / "scores", device="cpu", shard_size=20)
    run_request(request, lambda title: lambda done, total: None)
    return folder


def run(*given: object) -> subprocess.CompletedProcess[str]:
    return processes.run("shortlist", *given, timeout=400)


def test_the_best_by_the_scores_and_images_drawn_make_the_session(archive: Path, tmp_path: Path):
    options = ["--session", tmp_path / "s", "--scores", archive / "scores", "--top", 7, "--random", 5]
    finished = run(archive / "images", *options, "--json")
    assert finished.returncode == 0, finished.stderr
    told = json.loads(finished.stdout.splitlines()[-1])
    assert (told["best"], told["drawn"], told["archive"], told["renewal"]) == (7, 5, 60, 1)
    with Scores(archive / "scores") as scores:
        best = set(scores.top(7).ids)
    with Session.open(tmp_path / "s") as session:
        assert best <= set(session.pool.ids)
        assert len(session.pool) == told["images"] <= 12


def test_scores_of_another_file_of_numbered_rows_are_refused(archive: Path, tmp_path: Path):
    for name, rows in (("scored", 12), ("other", 20)):
        with h5py.File(tmp_path / f"{name}.h5", "w") as file:
            file["images"] = np.full((rows, 32, 32, 3), rows, np.uint8)
    request = ScoreRequest(
        tmp_path / "scored.h5", archive / "model.safetensors", tmp_path / "scores", device="cpu"
    )
    run_request(request, lambda title: lambda done, total: None)
    options = ["--session", tmp_path / "s", "--scores", tmp_path / "scores", "--top", 5]
    refused = run(tmp_path / "other.h5", *options)
    assert refused.returncode == 2
    assert "are of other images than those in" in refused.stderr
    assert run(tmp_path / "scored.h5", *options).returncode == 0


def test_before_a_model_is_trained_images_are_drawn_alone(archive: Path, tmp_path: Path):
    finished = run(archive / "images", "--session", tmp_path / "s", "--random", 9)
    assert finished.returncode == 0, finished.stderr
    assert "9 of 60 images are on the shortlist" in finished.stdout
    with Session.open(tmp_path / "s") as session:
        assert len(session.pool) == 9


def test_what_cannot_be_used_is_one_line_and_exit_code_2(archive: Path, tmp_path: Path):
    make_pool(tmp_path / "others", images=3)
    session = ["--session", tmp_path / "s"]
    for given, sentence in (
        ([tmp_path / "others", *session, "--scores", archive / "scores"], "belong to other images"),
        ([archive / "images", *session, "--scores", tmp_path / "nothing"], "nothing"),
        ([archive / "images", *session, "--labels", tmp_path / "no.csv"], "no.csv"),
        ([archive / "images", *session, "--top", 0, "--random", 0], "Nothing is asked for"),
        ([archive / "images"], "--session"),
    ):
        finished = run(*given)
        assert finished.returncode == 2, finished.stderr
        assert sentence in finished.stderr
        assert len(finished.stderr.strip().splitlines()) == 1
        assert not (tmp_path / "s" / "shortlist.parquet").exists()
