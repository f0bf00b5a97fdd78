from __future__ import annotations

import importlib.util
import json
import sys
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import processes
import pytest
from images import make_pool
from PIL import Image

from anomalymatch_ui import cli
from anomalymatch_ui.config import Config
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.evaluate import (
    Protocol,
    Task,
    measure_detection,
    run_benchmark,
    run_seed,
)
from anomalymatch_ui.labels import KNOWN
from anomalymatch_ui.pool import SubsetPool, open_pool
from anomalymatch_ui.score import one_writer
from anomalymatch_ui.session import Session
from anomalymatch_ui.stream import expected_runtime

PROTOCOL = Protocol(cycles=1, start_anomalies=2, start_nominals=6, per_cycle=5)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    make_pool(tmp_path / "images", images=90, rings=18)
    return tmp_path / "images"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    rows = [
        f"{number:04d}.jpg,{'anomaly' if number < 18 else 'nominal'},{'test' if number % 3 == 2 else 'pool'}"
        for number in range(90)
    ]
    path = tmp_path / "rings.csv"
    path.write_text("\n".join(["filename,label,split", *rows]) + "\n")
    return path


def test_a_search_labels_what_the_product_shows_first_and_measures_on_the_test_split_only(
    images: Path, table: Path, quick: Config, tmp_path: Path
) -> None:
    task, config = Task.read(table), quick.with_values(order="labels", seed=3)
    result = run_seed(task, open_pool(images), config, PROTOCOL, seed=3)
    pool, test = (SubsetPool(open_pool(images), part) for part in (task.pool, task.test))
    with Session.open(tmp_path / "s", pool, config=config) as session:
        for name, label in task.start(3, 2, 6).items():
            session.label([name], label, origin=KNOWN)
        session.rank(wait=True)
        shown = [pool.ids[row] for row in session.insight.listing().order[:5]]
        scores = session.score_images(test)
    assert result.discoveries[:5] == [task.pool[name] == "anomaly" for name in shown]
    truth = np.array([task.test[name] == "anomaly" for name in test.ids])
    assert result.cycles[0].metrics == measure_detection(truth, scores)


def test_each_round_is_trained_measured_and_looked_at(images: Path, table: Path, swift: Config) -> None:
    task = Task.read(table)
    result = run_seed(task, open_pool(images), swift, PROTOCOL, seed=3)
    assert [cycle.cycle for cycle in result.cycles] == [0, 1]
    assert [cycle.viewed for cycle in result.cycles] == [5, 10]
    assert [cycle.found for cycle in result.cycles] == np.cumsum(result.discoveries)[[4, 9]].tolist()
    assert result.cycles[0].metrics.auroc > 0.7  # rings are told from discs
    assert result.cycles[0].train_seconds > 0


def test_balanced_queries_label_the_anomalies_and_the_nominals_that_come_first(
    images: Path, table: Path, quick: Config
) -> None:
    protocol = replace(PROTOCOL, per_cycle=7, queries="balanced")
    task = Task.read(table)
    result = run_seed(task, open_pool(images), quick.with_values(order="labels"), protocol, seed=3)
    assert [cycle.viewed for cycle in result.cycles] == [7, 14]
    assert [cycle.found for cycle in result.cycles] == [3, 6]
    assert result.discoveries.index(True) < 4  # in the order shown, which brings rings forward


def test_one_seed_gives_one_search_to_the_last_digit(images: Path, table: Path, quick: Config) -> None:
    task = Task.read(table)
    first, second = (run_seed(task, open_pool(images), quick, PROTOCOL, seed=1) for _ in range(2))
    assert [cycle.metrics for cycle in first.cycles] == [cycle.metrics for cycle in second.cycles]
    assert first.discoveries == second.discoveries


def test_the_start_is_drawn_as_the_protocol_says(table: Path) -> None:
    task = Task.read(table)
    start = task.start(42, 2, 6)
    random = np.random.default_rng(42)
    anomalies = [name for name, label in task.pool.items() if label == "anomaly"]
    nominals = [name for name, label in task.pool.items() if label == "nominal"]
    expected = [*random.choice(anomalies, 2, replace=False), *random.choice(nominals, 6, replace=False)]
    assert list(start) == expected
    assert list(start.values()) == ["anomaly"] * 2 + ["nominal"] * 6


def test_a_benchmark_goes_on_from_the_seeds_it_has(
    images: Path, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, config = tmp_path / "out.json", Config.preset("embedding").with_values(network={"image_size": 32})
    first = run_benchmark(Task.read(table), images, config, PROTOCOL, [1, 2], out=out)
    kept = out.read_text()
    again = run_benchmark(Task.read(table), images, config, PROTOCOL, [1, 2, 3], out=out)
    assert again["seeds"][:2] == first["seeds"]
    assert [seed["seed"] for seed in json.loads(out.read_text())["seeds"]] == [1, 2, 3]
    assert "preset embedding, mean ± standard deviation over 3 seeds" in capsys.readouterr().out
    out.write_text(kept)
    with pytest.raises(InputError, match="with another protocol"):
        run_benchmark(Task.read(table), images, config, replace(PROTOCOL, cycles=0), [1], out=out)
    assert out.read_text() == kept


def test_a_report_from_before_a_setting_was_added_is_gone_on_with(
    images: Path, table: Path, tmp_path: Path
) -> None:
    out, config = tmp_path / "out.json", Config.preset("embedding").with_values(network={"image_size": 32})
    report = run_benchmark(Task.read(table), images, config, PROTOCOL, [1], out=out)
    del report["config"]["train"]["window"]
    out.write_text(json.dumps(report))
    again = run_benchmark(Task.read(table), images, config, PROTOCOL, [1, 2], out=out)
    assert [seed["seed"] for seed in again["seeds"]] == [1, 2]
    assert again["config"]["train"]["window"] == config.train.window
    other = config.with_values(train={"window": 5})
    with pytest.raises(InputError, match="with another config"):
        run_benchmark(Task.read(table), images, other, PROTOCOL, [1], out=out)


def test_a_report_is_gone_on_with_at_another_speed_but_not_in_another_number_format(
    images: Path, table: Path, tmp_path: Path
) -> None:
    out, config = tmp_path / "out.json", Config.preset("embedding").with_values(network={"image_size": 32})
    report = run_benchmark(Task.read(table), images, config, PROTOCOL, [1], out=out)
    assert report["arithmetic"] == "float32 on cpu"
    made_with = report["seeds"][0]["made_with"]
    assert made_with["threads"] >= 1
    assert made_with["runtime"] == (expected_runtime("auto") or "torch")
    faster = config.with_values(score={"batch_size": 16, "workers": 1, "frozen_maps_gb": 0})
    assert len(run_benchmark(Task.read(table), images, faster, PROTOCOL, [1, 2], out=out)["seeds"]) == 2
    for other in ("float16 on cuda", None):
        out.write_text(json.dumps({**report, "arithmetic": other}))
        with pytest.raises(InputError, match="with another arithmetic"):
            run_benchmark(Task.read(table), images, config, PROTOCOL, [1, 2], out=out)
    out.write_text(json.dumps(report))
    coarser = config.with_values(score={"number_format": "bfloat16"})
    with pytest.raises(InputError, match="with another config .*'number_format': 'bfloat16'"):
        run_benchmark(Task.read(table), images, coarser, PROTOCOL, [1, 2], out=out)


def test_results_of_another_table_of_that_name_are_not_gone_on_with(
    images: Path, table: Path, tmp_path: Path
) -> None:
    out, config = tmp_path / "out.json", Config.preset("embedding").with_values(network={"image_size": 32})
    report = run_benchmark(Task.read(table), images, config, PROTOCOL, [1], out=out)
    swapped = table.read_text().replace("anomaly", "x").replace("nominal", "anomaly").replace("x", "nominal")
    table.write_text(swapped)
    with pytest.raises(InputError, match="with another table"):
        run_benchmark(Task.read(table), images, config, PROTOCOL, [1, 2], out=out)
    del report["table"]  # as of a version that named none
    out.write_text(json.dumps(report))
    assert len(run_benchmark(Task.read(table), images, config, PROTOCOL, [1], out=out)["seeds"]) == 1


def test_two_benchmarks_do_not_write_one_report(images: Path, table: Path, tmp_path: Path) -> None:
    out, config = tmp_path / "out.json", Config.preset("embedding")
    with (
        one_writer(tmp_path / ".out.json.lock"),
        pytest.raises(InputError, match="Another benchmark is writing"),
    ):
        run_benchmark(Task.read(table), images, config, PROTOCOL, [1], out=out)
    assert not out.exists()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "is not the report of a benchmark"),
        ("{", "is not the report of a benchmark"),
        ('{"seeds": 3}', "is not the report of a benchmark"),
        ('{"task": "discs", "protocol": {}, "seeds": []}', "another task or protocol"),
        ('{"task": "rings", "protocol": {}, "seeds": []}', "another task or protocol"),
        ("none of the seeds", "has none of the seeds asked for"),
    ],
)
def test_what_cannot_be_compared_with_is_refused_before_the_search(
    images: Path, table: Path, tmp_path: Path, content: str | None, sentence: str
) -> None:
    reference, out = tmp_path / "reference.json", tmp_path / "out.json"
    if content == "none of the seeds":
        content = json.dumps({"task": "rings", "protocol": asdict(PROTOCOL), "seeds": []})
    if content is not None:
        reference.write_text(content)
    with pytest.raises(InputError, match=sentence):
        run_benchmark(Task.read(table), images, Config(), PROTOCOL, [1], reference=reference, out=out)
    assert not out.exists()


def test_an_interrupted_search_says_which_seed_is_not_kept(
    images: Path,
    table: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    config, out = Config.preset("embedding").with_values(embedding={"sizes": (32,)}), tmp_path / "out.json"
    run = partial(run_benchmark, Task.read(table), images, config, replace(PROTOCOL, cycles=0))
    run([1], out=out)

    def interrupted(*arguments: Any, **named: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Session, "score_images", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run([1, 2], out=out)
    assert f"The search from seed 2 is not kept; {out} has the seeds" in capsys.readouterr().err
    assert [seed["seed"] for seed in json.loads(out.read_text())["seeds"]] == [1]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--seeds", "1,2,1"], "names a seed twice"),
        (["--set", "embedding.sizes=[0]"], "embedding.sizes"),
        (["--set", "seed=7"], "--set seed changes nothing here"),
        (["--set", "preset_name=paper"], "--set preset_name changes nothing here"),
        (["--images", ""], "empty"),
        (["--per-cycle", "400"], "too few for 55 labels at the start and 4 times 400 looks"),
    ],
)
def test_what_the_command_cannot_use_is_one_line_and_exit_code_2(
    arguments: list[str],
    sentence: str,
    images: Path,
    table: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = ["benchmark", str(table), "--images", str(images), *arguments]
    monkeypatch.setattr(sys, "argv", ["anomalymatch", *given])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    said = capsys.readouterr().err.strip()
    assert sentence in said
    assert len(said.splitlines()) == 1


def test_discoveries_are_drawn_and_without_the_means_to_draw_nothing_is_searched(
    images: Path, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, plot = Config.preset("embedding").with_values(embedding={"sizes": (32,)}), tmp_path / "found.png"
    run = partial(run_benchmark, Task.read(table), images, config, replace(PROTOCOL, cycles=0), [1])
    run(plot=plot)
    with Image.open(plot) as picture:
        assert picture.format == "PNG"
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install 'anomalymatch-ui\[plot\]'"):
        run(plot=tmp_path / "none.png", out=tmp_path / "none.json")
    assert not (tmp_path / "none.json").exists()


def test_a_size_is_named_with_the_results_and_reaches_what_the_preset_orders_by(
    images: Path, table: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.json"
    command = ["benchmark", str(table), "--images", str(images)]
    command += ["--preset", "embedding", "--cycles", "0", "--start-anomalies", "2", "--start-nominals", "6"]
    processes.run(*command, "--size", 32, "--json", out).check_returncode()
    report = json.loads(out.read_text())
    assert report["config"]["embedding"]["sizes"] == [32]
    assert report["changes"] == ["embedding.sizes=[32]"]


def test_the_command_prints_a_table_and_a_paired_comparison(
    images: Path, table: Path, tmp_path: Path
) -> None:
    command = [
        *("benchmark", str(table), "--images", str(images)),
        *("--preset", "embedding", "--seeds", "1,2", "--cycles", "1", "--size", "32", "--per-cycle", "4"),
        *("--start-anomalies", "2", "--start-nominals", "6"),
    ]
    out = tmp_path / "embedding.json"
    first = processes.run(*command, "--json", out)
    assert "| cycle | auroc | ap |" in first.stdout
    report = json.loads(out.read_text())
    assert (report["task"], report["preset"]) == ("rings", "embedding")
    cycle = report["seeds"][0]["cycles"][1]
    expected = {"cycle", "auroc", "ap", "precision_top1", "recall_5", "found", "viewed"}
    assert expected | {"train_seconds", "score_seconds"} <= set(cycle)
    second = processes.run(*command, "--json", out, "--reference", out)
    assert "ap after cycle 1: embedding - embedding = +0.000" in second.stdout


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("filename,label\na,anomaly\n", "lacks the column split"),
        ("filename,label,split\na,anomaly,pool\nb,nominal,pool\nc,anomaly,test\n", "test split"),
        ("", "Cannot read the task"),
        (
            "filename,label,split\na,anomaly,pool\nb,nominal,pool\na,anomaly,test\nd,nominal,test\n",
            "lists 'a' twice",
        ),
    ],
)
def test_a_task_that_cannot_be_used_is_refused(text: str, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "task.csv").write_text(text)
    with pytest.raises(InputError, match=sentence):
        Task.read(tmp_path / "task.csv")


def test_images_outside_the_session_are_scored_on_the_scale_of_its_ranking(
    pool_folder: Path, quick: Config, tmp_path: Path
) -> None:
    for order in ("fused", "network", "labels"):
        with Session.open(tmp_path / order, pool_folder, config=quick.with_values(order=order)) as session:
            session.label(["0000.jpg", "0001.jpg"], "anomaly")
            session.label(["0020.jpg", "0021.jpg"], "nominal")
            if order != "labels":
                session.train(wait=True, rank=False)
                assert session.ranking().version == 0
            session.rank(wait=True)
            scores = session.score_images(open_pool(pool_folder))
            np.testing.assert_allclose(scores, session.ranking().scores, atol=2e-3)


@pytest.mark.parametrize("anomalies", [0, 2])
def test_images_outside_the_session_are_scored_before_both_classes_are_labelled(
    pool_folder: Path, swift: Config, tmp_path: Path, anomalies: int
) -> None:
    make_pool(tmp_path / "others", seed=1)
    (tmp_path / "others" / "0007.jpg").write_bytes(b"\xff\xd8broken")
    with Session.open(tmp_path / "session", pool_folder, config=swift) as session:
        for number in range(anomalies):
            session.label([f"{number:04d}.jpg"], "anomaly")
        session.rank(wait=True)
        scores = session.score_images(open_pool(tmp_path / "others"))
        again = session.score_images(session.pool)
        np.testing.assert_allclose(again, session.ranking().scores, atol=2e-3)
    assert np.flatnonzero(np.isnan(scores)).tolist() == [7]
    if anomalies:  # rings, of which the others have six, too
        assert np.nanmean(scores[:6]) > np.nanmean(scores[6:])


def test_settings_that_know_no_training_refuse_to_train(
    pool_folder: Path, quick: Config, tmp_path: Path
) -> None:
    config = quick.with_values(order="labels")
    with (
        Session.open(tmp_path / "s", pool_folder, config=config) as session,
        pytest.raises(InputError, match="nothing to train"),
    ):
        session.train(wait=True)


def test_a_task_within_the_pool_never_touches_the_test_split(table: Path) -> None:
    task = Task.read(table)
    within = task.held_out()
    assert not (within.pool.keys() | within.test.keys()) & task.test.keys()
    assert within.pool | within.test == task.pool
    assert not within.pool.keys() & within.test.keys()
    for label in ("anomaly", "nominal"):
        count = sum(its == label for its in task.pool.values())
        assert sum(its == label for its in within.test.values()) == int(0.4 * count)
    assert task.held_out(1).test.keys() != within.test.keys()


def test_a_setting_is_changed_for_one_run_and_kept_with_its_results(
    images: Path, table: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.json"
    command = ["benchmark", str(table), "--images", str(images)]
    command += ["--preset", "embedding", "--cycles", "0", "--start-anomalies", "2", "--start-nominals", "6"]
    command += ["--tune", "--json", str(out), "--embeddings", str(tmp_path / "embeddings")]
    settings = ["--set", "embedding.sizes=[32]", "--set", "symmetry=none"]
    finished = processes.run(*command, *settings)
    assert finished.returncode == 0, finished.stderr
    report = json.loads(out.read_text())
    assert report["config"]["embedding"]["sizes"] == [32]
    assert report["task"] == "rings (pool)"
    assert "preset embedding embedding.sizes=[32] symmetry=none" in finished.stdout
    assert list((tmp_path / "embeddings").glob("*-on-cpu/*.npy"))
    for wrong in ("train.align", "train.nothing=1", "seed.x=1", "prevalence=0"):
        refused = processes.run(*command, "--set", wrong)
        assert refused.returncode == 2
        assert len(refused.stderr.strip().splitlines()) == 1
