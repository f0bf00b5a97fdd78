"""The commands as scripts call them: a process, its exit code, its two streams."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import processes
import pytest
from astropy.table import Table
from catalogues import positions, tile_wcs, write_catalogue, write_tile
from commands import Run, refused
from fitsfiles import sky, write_extensions
from images import make_pool

from anomalymatch_ui.config import Config
from anomalymatch_ui.session import Cycle, Session
from anomalymatch_ui.session.work.cycles import save_cycle


def last_json(finished: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert finished.returncode == 0, finished.stderr
    result = json.loads(finished.stdout.splitlines()[-1])
    assert isinstance(result, dict)
    return result


def test_a_table_of_classes_is_asked_about_in_one_line(run: Run, pool_folder: Path, tmp_path: Path) -> None:
    table = tmp_path / "classes.csv"
    table.write_text("filename,class\n0000.jpg,ring\n0030.jpg,spiral\n")
    asked = run("train", pool_folder, "--labels", table, "--session", tmp_path / "session")
    refused(asked, "has classes of its own: ring (1), spiral (1)")
    assert '--classes "ring=anomaly,*=nominal"' in asked.stderr


def test_train_then_rank_gives_the_order_as_a_table(
    run: Run, pool_folder: Path, table: Path, session: Path, tmp_path: Path
) -> None:
    trained = run("train", pool_folder, "--labels", table, "--session", session, "--iterations", 4, "--json")
    result = last_json(trained)
    assert (result["cycle"], result["ranked"], result["anomalies"], result["nominals"]) == (1, 60, 3, 6)
    assert "Training" in trained.stderr
    ranked = run("rank", session, "--top", 10, "--out", tmp_path / "ranking.csv", "--json")
    assert last_json(ranked)["source"] == "cycle 1"
    ranking = pd.read_csv(tmp_path / "ranking.csv", keep_default_na=False)
    assert ranking.columns.tolist() == ["rank", "id", "score", "label"]
    assert ranking["rank"].tolist() == list(range(1, 11))
    assert ranking["score"].is_monotonic_decreasing
    assert all((pool_folder / name).exists() for name in ranking["id"])
    whole = run("rank", session).stdout.splitlines()
    assert whole[0] == "rank,id,score,label"
    assert len(whole) == 61
    assert sum(line.endswith(",anomaly") for line in whole) == 3


def test_one_seed_gives_one_ranking(
    run: Run, pool_folder: Path, table: Path, quick: Config, tmp_path: Path
) -> None:
    outputs = []
    for name in ("first", "second"):
        Session.open(tmp_path / name, pool_folder, config=quick).close()
        arguments = ("--labels", table, "--session", tmp_path / name, "--iterations", 2, "--seed", 7)
        assert run("train", pool_folder, *arguments, "--device", "cpu").returncode == 0
        outputs.append(run("rank", tmp_path / name).stdout)
    assert outputs[0] == outputs[1]


def test_another_preset_leaves_what_belongs_to_the_images(
    run: Run, pool_folder: Path, table: Path, tmp_path: Path
) -> None:
    session = tmp_path / "session"
    config = Config(prevalence=0.05, symmetry="square", seed=7).with_values(train={"every": 20})
    Session.open(session, pool_folder, config=config).close()
    arguments = ("--labels", table, "--session", session, "--iterations", 1, "--preset", "paper")
    assert run("train", pool_folder, *arguments).returncode == 0
    kept = Config.load(session / "config.toml")
    assert kept.preset_name == "paper"
    assert (kept.prevalence, kept.symmetry, kept.seed, kept.train.every) == (0.05, "square", 7, 20)


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_a_training_that_is_ended_keeps_its_cycle_and_goes_on_later(
    ending: signal.Signals, run: Run, pool_folder: Path, table: Path, session: Path
) -> None:
    arguments = ["train", str(pool_folder), "--labels", str(table), "--session", str(session)]
    with processes.started(*arguments, "--iterations", 2000) as command:
        wait_for_file(session / "checkpoints" / "current.safetensors")
        command.send_signal(ending)
        finished = command.finished(timeout=180)
    assert finished.returncode == 130
    assert "Stopped" in finished.stderr.splitlines()[-1]
    assert not (session / "session.lock").exists()
    with Session.open(session) as opened:
        assert opened.status.interrupted_step is not None
        step = opened.status.interrupted_step
    assert last_json(run(*arguments, "--iterations", step + 1, "--json"))["cycle"] == 1


def wait_for_file(path: Path, seconds: float = 180) -> None:
    deadline = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_rank_of_a_session_without_training_uses_the_labels(run: Run, session: Path) -> None:
    with Session.open(session) as opened:
        opened.label(["0000.jpg", "0001.jpg", "0002.jpg"], "anomaly")
        opened.label([f"{number:04d}.jpg" for number in range(20, 30)], "nominal")
    ranked = run("rank", session, "--top", 6, "--json")
    assert last_json(ranked)["source"] == "linear head"
    assert {line.split(",")[1] for line in ranked.stdout.splitlines()[1:7]} == {
        f"000{n}.jpg" for n in range(6)
    }


def test_info_counts_and_names_what_cannot_be_read(run: Run, pool_folder: Path) -> None:
    (pool_folder / "0007.jpg").write_bytes((pool_folder / "0007.jpg").read_bytes()[:300])
    finished = run("info", pool_folder, "--json")
    result = last_json(finished)
    assert (result["images"], result["readable"]) == (60, 59)
    assert list(result["unreadable"]) == ["0007.jpg"]
    assert "1 of 60 images could not be read: 0007.jpg" in finished.stdout


def test_every_band_is_shown_to_the_network_where_that_is_asked_for(run: Run, tmp_path: Path) -> None:
    for number in range(2):
        bands = {name: sky(3 * number + place) for place, name in enumerate("GRI")}
        write_extensions(tmp_path / "survey" / f"{number}.fits", bands)
    finished = run("info", tmp_path / "survey", "--network", "bands", "--json")
    assert json.loads(finished.stdout.splitlines()[-1])["rendering"]["network"] == "bands"


def test_a_benchmark_takes_the_name_of_the_array(run: Run, tmp_path: Path) -> None:
    rows = [
        f"{row},{'nominal' if row % 2 else 'anomaly'},{'pool' if row < 6 else 'test'}" for row in range(8)
    ]
    (tmp_path / "task.csv").write_text("\n".join(["filename,label,split", *rows]))
    with h5py.File(tmp_path / "survey.h5", "w") as file:
        file["images"] = np.zeros((8, 16, 16, 3), np.uint8)
    asked = ["benchmark", "task.csv", "--images", "survey.h5", "--array", "stamps", "--start-anomalies", 1]
    finished = run(*asked, "--start-nominals", 1, "--cycles", 0, "--per-cycle", 1)
    assert finished.returncode == 2, finished.stderr
    assert "stamps" in finished.stderr


def test_info_on_a_catalogue_says_what_is_cut_from_what(run: Run, tmp_path: Path) -> None:
    write_tile(tmp_path / "tiles" / "one.fits", np.ones((90, 90), np.float32))
    table = {"SourceID": ["a", "b", "c"], **positions(tile_wcs(90), [40, 45, 400], [40, 45, 40])}
    catalogue = write_catalogue(tmp_path, {**table, "fits_file_paths": ["one.fits", "lost.fits", "one.fits"]})
    finished = run("info", catalogue, "--tiles", tmp_path / "tiles", "--size", "20", "--json")
    result = last_json(finished)
    assert (result["images"], result["readable"]) == (3, 1)
    assert result["unreadable"] == {
        "b": "its tile lost.fits is not there",
        "c": "its position lies off the tile one.fits",
    }
    assert "cutouts of 3 positions from 2 tiles, of which 1 is not there" in finished.stdout
    assert "20 pixels, as asked for" in finished.stdout
    refused(run("info", catalogue, "--tiles", tmp_path / "elsewhere"), "elsewhere")
    refused(run("info", catalogue, "--tiles", tmp_path / "tiles"), "--size")


def test_report_tells_what_each_annotator_has_said_while_the_session_is_open(run: Run, session: Path) -> None:
    with (
        Session.open(session, annotator="ada") as ada,
        Session.open(session, annotator="<script>", share=True) as other,
    ):
        ada.label(["0000.jpg", "0001.jpg"], "anomaly")
        other.label(["0001.jpg"], "unsure")
        finished = run("report", session, "--json")
    result = last_json(finished)
    assert (result["images"], result["looked_at"], result["found"], result["cycles"]) == (60, 2, 1, 0)
    assert [annotator["name"] for annotator in result["annotators"]] == ["<script>", "ada"]
    assert result["agreement"][0]["kappa"] is None
    assert result["disagreements"] == ["0001.jpg"]
    assert "ada: 2 labels (2 anomaly, 0 nominal, 0 unsure)" in finished.stdout
    assert "differ on 1 image: 0001.jpg" in finished.stdout


def test_cycles_tells_what_each_takes_on_disk_and_pins(run: Run, session: Path) -> None:
    for number in (1, 2):
        save_cycle(session / "checkpoints" / f"cycle-{number:04d}.json", Cycle(number))
        (session / "checkpoints" / f"cycle-{number:04d}.safetensors").write_bytes(bytes(2_000_000))
    finished = run("cycles", session, "--pin", 1, "--json")
    first, second = last_json(finished)["cycles"]
    assert [line.split(",")[0] for line in finished.stdout.splitlines()[:2]] == ["cycle 1", "cycle 2"]
    assert "2 cycles take 4.0 MB." in finished.stdout
    assert (first["pinned"], first["in_use"], first["kept"]) == (True, False, True)
    assert (second["pinned"], second["in_use"], second["kept"]) == (False, True, True)
    assert 2_000_000 < first["bytes"] < 2_001_000
    refused(run("cycles", session, "--pin", 7), "There is no cycle 7. Choose a finished one (1, 2)")


def test_repair_saves_what_holds_and_tells_it(run: Run, session: Path) -> None:
    with Session.open(session) as opened:
        opened.label(["0001.jpg", "0002.jpg"], "anomaly")
    whole = "Nothing is damaged: all 2 rows of the journal are intact."
    assert run("repair", session).stdout.startswith(whole)
    journal = session / "journal.sqlite"
    journal.write_bytes(journal.read_bytes().replace(b"0001.jpganomaly", b"0007.jpganomaly"))
    refused(run("rank", session), f"`anomalymatch repair {session}`")
    finished = run("repair", session, "--json")
    told = last_json(finished)
    assert (told["damaged"], told["rows"], told["from_copy"], told["lost"]) == (True, 2, 1, [])
    assert (told["end"], told["unsaved"]) == (None, [])
    assert f"2 rows of the journal were recovered and are in {journal} again." in finished.stdout
    assert "1 of them was found only in the copy, none only in the log." in finished.stdout
    with Session.open(session) as opened:
        assert opened.labels() == {"0001.jpg": "anomaly", "0002.jpg": "anomaly"}
    refused(run("repair", session / "missing"), "no journal of labels")


def test_relink_tells_where_the_images_lie_now(
    run: Run, session: Path, pool_folder: Path, tmp_path: Path
) -> None:
    others = tmp_path / "others"
    make_pool(others, seed=1)
    finished = run("relink", session, others, "--json")
    told = last_json(finished)
    assert (told["images"], told["labelled"], told["found"]) == (60, 0, 0)
    assert "saved anew" in told["changed"]
    refused(run("relink", tmp_path / "missing", others), "not a session folder")


def test_importing_the_package_is_fast_and_brings_no_torch() -> None:
    code = (
        "import sys, time; start = time.process_time(); import anomalymatch_ui; "
        "print(time.process_time() - start, 'torch' in sys.modules)"
    )
    times = []
    for _ in range(3):
        seconds, torch = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout.split()
        assert torch == "False"
        times.append(float(seconds))
    assert np.min(times) < 0.5


@pytest.mark.shared_data
@pytest.mark.timeout(1200)
def test_five_edge_on_galaxies_and_one_cycle_bring_the_others_to_the_top(
    shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)  # unlike the other tests', a network of full size
    run = processes.run_fresh
    task = pd.read_csv(shared_data / "tasks" / "galaxies_edge_on.csv")
    pool = task[task["split"] == "pool"]
    random = np.random.default_rng(42)
    names = [
        random.choice(pool.loc[pool["label"] == label, "filename"].to_numpy(), count, replace=False)
        for label, count in (("anomaly", 5), ("nominal", 50))
    ]
    start = pd.DataFrame({"filename": np.concatenate(names), "label": ["anomaly"] * 5 + ["nominal"] * 50})
    start.to_csv(tmp_path / "start.csv", index=False)
    session = tmp_path / "session"
    last_json(
        run(
            "train",
            shared_data / "galaxies",
            "--labels",
            tmp_path / "start.csv",
            "--session",
            session,
            "--iterations",
            20,
            "--json",
        )
    )
    top = run("rank", session, "--top", 50).stdout
    assert top.count("edge_view_spiral") >= 25


@pytest.mark.shared_data
def test_the_survey_of_26174_images_opens(shared_data: Path) -> None:
    from anomalymatch_ui.pool import open_pool

    assert len(open_pool(shared_data / "survey")) == 26_174


@pytest.mark.parametrize(("name", "form"), [("finds.vot", None), ("finds.dat", "fits"), (None, "csv")])
def test_finds_are_exported_in_the_format_of_the_name_or_the_one_asked_for(
    name: str | None, form: str | None, run: Run, pool_folder: Path, session: Path, tmp_path: Path
) -> None:
    with Session.open(session, pool_folder, annotator="ada") as opened:
        opened.label(["0001.jpg"], "anomaly")
    given = (["--out", name] if name else []) + (["--format", form] if form else [])
    said = last_json(run("export", session, "--what", "found", *given, "--json"))
    assert (said["rows"], said["what"]) == (1, "found")
    out = tmp_path / (name or "session-found.csv")
    astropys = {None: "votable", "fits": "fits", "csv": "ascii.csv"}[form]
    assert Table.read(out, format=astropys)["id"].tolist()[0] in ("0001.jpg", b"0001.jpg")
