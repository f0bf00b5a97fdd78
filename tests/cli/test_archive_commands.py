"""Scoring an archive by the commands: killed, resumed, refused, read."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import processes
import pytest
from checkpoints import make_checkpoint
from images import make_pool

from anomalymatch_ui.config import Config
from anomalymatch_ui.errors import InputError, StorageError
from anomalymatch_ui.score.request import ScoreRequest, run_request
from anomalymatch_ui.session import Session

SHARD, IMAGES = 8, 480


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `images`, `model.safetensors` and the scores of a run that nobody disturbed, `whole`."""
    folder = tmp_path_factory.mktemp("archive")
    make_pool(folder / "images", images=IMAGES)
    make_checkpoint(folder / "model.safetensors")
    outcome, busy = run_request(request(folder, "whole"), quietly)
    assert (outcome.scored, outcome.manifest.shard_count, outcome.written) == (IMAGES, 60, 60)
    assert set(busy) >= {"read", "forward", "write"}
    return folder


def request(folder: Path, out: str, **changed: Any) -> ScoreRequest:
    """What the command asks for, to be done without a process of its own."""
    asked = {"images": folder / "images", "model": folder / "model.safetensors", "out": folder / out}
    return ScoreRequest(**(asked | {"device": "cpu", "shard_size": SHARD} | changed))


def quietly(title: str) -> Callable[[int, int], None]:
    return lambda done, total: None


def arguments(folder: Path, out: str) -> list[str]:
    model = ["--model", str(folder / "model.safetensors"), "--device", "cpu"]
    return [str(folder / "images"), *model, "--out", str(folder / out), "--shard-size", str(SHARD)]


def run(*given: object) -> subprocess.CompletedProcess[str]:
    return processes.run(*given, timeout=400)


def last_json(finished: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert finished.returncode == 0, finished.stderr
    result = json.loads(finished.stdout.splitlines()[-1])
    assert isinstance(result, dict)
    return result


def refused(finished: subprocess.CompletedProcess[str], sentence: str) -> None:
    """Exit code 2, one line that says this, and no traceback."""
    assert finished.returncode == 2, finished
    lines = [line for line in finished.stderr.splitlines() if "━" not in line and line.strip()]
    assert len(lines) == 1, finished.stderr
    assert sentence in lines[0]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "run.lock"}


def files(folder: Path) -> dict[str, tuple[int, int]]:
    """Name of each shard with what changes when it is written again."""
    return {
        path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in folder.glob("shard-*.parquet")
    }


def end_after(
    folder: Path, out: str, shards: int, ending: signal.Signals
) -> subprocess.CompletedProcess[str]:
    """Start a run, end it as soon as so many shards are there, and return how it ended."""
    last = folder / out / f"shard-{shards - 1:07d}.parquet"
    deadline = time.monotonic() + 300
    with processes.started("score", *arguments(folder, out)) as command:
        while not last.exists():
            assert command.is_alive()
            assert time.monotonic() < deadline
            time.sleep(0.001)
        assert command.is_alive()  # it had not ended by itself
        command.send_signal(ending)
        return command.finished(timeout=300)


@pytest.mark.parametrize("shards", [1, 17])
def test_a_run_that_is_killed_goes_on_and_ends_in_the_same_bytes(archive: Path, shards: int) -> None:
    out = f"killed-{shards}"
    finished = end_after(archive, out, shards, signal.SIGKILL)
    assert finished.returncode == -signal.SIGKILL
    before = files(archive / out)
    assert shards <= len(before) < 60
    assert not (archive / out / "ranking.parquet").exists()
    went_on, _ = run_request(request(archive, out), quietly)
    assert (went_on.written, went_on.damaged) == (60 - len(before), 0)
    after = files(archive / out)
    assert {name: after[name] for name in before} == before  # none was written twice
    assert contents(archive / out) == contents(archive / "whole")


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_stopped_says_so_and_leaves_whole_shards(archive: Path, ending: signal.Signals) -> None:
    out = f"stopped-{ending.name}"
    finished = end_after(archive, out, 5, ending)
    assert finished.returncode == 130
    assert "Stopped" in finished.stderr.splitlines()[-1]
    whole = contents(archive / "whole")
    left = contents(archive / out)
    assert left.items() <= whole.items()
    assert "manifest.json" in left


def test_the_highest_scores_are_listed_by_rank(archive: Path, tmp_path: Path) -> None:
    listed = run("top", archive / "whole", "--top", 5, "--from", 3, "--json")
    assert last_json(listed) == {
        "folder": str(archive / "whole"),
        "images": IMAGES,
        "matching": IMAGES,
        "listed": 5,
        "out": None,
    }
    lines = [line.split(",") for line in listed.stdout.splitlines()[:-1]]
    assert lines[0] == ["rank", "id", "score"]
    assert [line[0] for line in lines[1:]] == ["3", "4", "5", "6", "7"]
    scores = [float(line[2]) for line in lines[1:]]
    assert scores == sorted(scores, reverse=True)
    bounds = ("--above", scores[3], "--below", scores[1])
    filtered = run("top", archive / "whole", *bounds, "--out", tmp_path / "top.csv", "--json")
    assert last_json(filtered)["matching"] == 3
    assert (tmp_path / "top.csv").read_text().splitlines()[1:] == [",".join(line) for line in lines[2:5]]
    named = run("top", archive / "whole", "--prefix", "00", "--like", "%5.jpg", "--json")
    assert last_json(named)["matching"] == 10


def test_a_finished_archive_is_checked_and_left_as_it_is(archive: Path) -> None:
    before = files(archive / "whole")
    finished = run("score", *arguments(archive, "whole"), "--json")
    told = last_json(finished)
    assert (told["scored"], told["unreadable"], told["written"], told["engine"]) == (IMAGES, 0, 0, "local")
    assert "Checking" in finished.stderr
    assert f"{IMAGES} images are scored" in finished.stdout
    assert files(archive / "whole") == before


def test_what_cannot_be_scored_is_refused(archive: Path, tmp_path: Path) -> None:
    missing = arguments(archive, "whole")
    missing[2] = str(tmp_path / "none.safetensors")
    refused(run("score", *missing), "There is no checkpoint")
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes((archive / "model.safetensors").read_bytes()[:100_000])
    other = make_checkpoint(tmp_path / "other.safetensors", seed=1)
    make_pool(tmp_path / "images", images=IMAGES - 1)
    before = contents(archive / "whole")
    begun: list[str] = []
    for changed, sentence in (
        ({"model": damaged}, "damaged.safetensors cannot be read"),
        ({"model": other}, "holds the scores of another model"),
        ({"images": tmp_path / "images"}, "the images have changed since"),
        ({"images": tmp_path / "none"}, "There is no folder"),
        ({"device": "cuda:9"}, "no device"),
        ({"device": "xpu"}, "no device"),
        ({"device": "foo"}, "'foo' is no device"),
        ({"model": archive}, r"is a folder. Give a checkpoint; of a session, one of its .*checkpoints"),
    ):
        with pytest.raises(InputError, match=sentence):
            run_request(request(archive, "whole", **changed), quietly, partial(begun.append, sentence))
    assert "There is no folder" not in begun  # a cycle is pinned when the scoring begins
    with pytest.raises(StorageError, match="name too long"):
        run_request(request(archive, "x" * 300), quietly)
    assert contents(archive / "whole") == before


def test_a_path_that_is_empty_is_not_the_folder_one_is_in(archive: Path) -> None:
    given = arguments(archive, "whole")
    for place in (0, 2, 6):
        refused(run("score", *given[:place], "", *given[place + 1 :]), "the path is empty")
    refused(run("top", ""), "the path is empty")
    refused(run("similar", "", "--id", "0000.jpg"), "the path is empty")


def test_an_archive_is_scored_in_the_order_of_a_session(
    pool_folder: Path, swift: Config, tmp_path: Path
) -> None:
    session, out = tmp_path / "session", tmp_path / "scores"
    config = swift.with_values(order="labels", symmetry="square", device="cpu")
    with Session.open(session, pool_folder, config=config) as opened:
        opened.label(["0000.jpg", "0001.jpg"], "anomaly")
        opened.label(["0020.jpg", "0021.jpg"], "nominal")
        refused(
            run("score", pool_folder, "--session", session, "--out", out),
            "has not ranked its own images to the end",
        )
        opened.rank(wait=True)
        expected = opened.ranking_table(6)["id"].tolist()
    result = last_json(run("score", pool_folder, "--session", session, "--out", out, "--json"))
    assert (result["scored"], result["symmetry"], result["engine"]) == (60, "square", "local")
    listed = run("top", out, "--top", 6).stdout.splitlines()[1:]
    assert {line.split(",")[1] for line in listed} == set(expected)
    assert listed_ids(run("top", session, "--top", 6)) == expected
    assert len(listed_ids(run("top", session, "--prefix", "000"))) == 10
    found = run("similar", session, "--id", "0000.jpg", "--top", 3, "--json")
    assert len(last_json(found)["similar"]) == 3
    assert "The images of this session, the most similar first." in found.stderr
    refused(run("similar", session, "--id", "0000.jpg", "--approximate"), "--approximate is for archives")


def listed_ids(finished: subprocess.CompletedProcess[str]) -> list[str]:
    return [line.split(",")[1] for line in finished.stdout.splitlines()[1:]]


def test_a_session_and_a_model_are_not_asked_for_at_once(archive: Path, tmp_path: Path) -> None:
    both = [*arguments(archive, "new"), "--session", tmp_path]
    neither = [archive / "images", "--out", tmp_path / "new"]
    for given in (both, neither):
        refused(run("score", *given), "Give either --model, a checkpoint,")
    for option in (("--symmetry", "square"), ("--number-format", "bfloat16")):
        refused(run("score", *neither, "--session", tmp_path, *option), " with --model: ")
    refused(run("score", *neither, "--session", tmp_path), "is not a session folder")
    assert not (tmp_path / "new").exists()


def test_what_was_passed_over_is_told(archive: Path, tmp_path: Path) -> None:
    shutil.copytree(archive / "images", tmp_path / "images")
    (tmp_path / "images" / "gone.jpg").symlink_to(tmp_path / "nowhere.jpg")
    options = ["--model", archive / "model.safetensors", "--out", tmp_path / "scores", "--device", "cpu"]
    finished = run("score", tmp_path / "images", *options, "--json")
    result = last_json(finished)
    assert result["passed_over"] == "1 entry was passed over: gone.jpg (a link to nothing)."
    assert result["passed_over"] in finished.stdout.splitlines()


def test_a_folder_without_scores_cannot_be_read(tmp_path: Path) -> None:
    refused(run("top", tmp_path), "holds no scores")
    refused(run("top", tmp_path / "missing"), "holds no scores")


def test_reading_scores_brings_no_torch(archive: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from anomalymatch_ui.score import Scores; "
        "Scores(Path(sys.argv[1])).top(3); print('torch' in sys.modules)"
    )
    told = subprocess.run(
        [sys.executable, "-c", code, str(archive / "whole")], capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == "False"
