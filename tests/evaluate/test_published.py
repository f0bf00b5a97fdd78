from __future__ import annotations

import json
import re
import subprocess
from collections import Counter
from pathlib import Path

import numpy as np
import processes
import pytest
from archives import TRAIN_IMAGES, publish, write_archives
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from anomalymatch_ui.cli.main import application
from anomalymatch_ui.config import Config
from anomalymatch_ui.demo import galaxy_mnist
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.evaluate import Protocol, measure_detection, open_benchmark, open_published, run_seed
from anomalymatch_ui.evaluate.published import class_folder_task, whole_class_tasks
from anomalymatch_ui.labels import KNOWN
from anomalymatch_ui.pool import ImagePool, SubsetPool, open_pool
from anomalymatch_ui.session import Session


@pytest.fixture
def galaxies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with small archives of GalaxyMNIST, and the file they are unpacked into."""
    write_archives(tmp_path / "galaxies")
    publish(tmp_path / "galaxies", "http://127.0.0.1:1", monkeypatch)
    galaxy_mnist(tmp_path / "galaxies")
    return tmp_path / "galaxies"


def write_classes(folder: Path, sizes: dict[str, int]) -> ImagePool:
    """Folders of classes with so many images each; they are named only, and never read."""
    pixel = Image.new("RGB", (4, 4))
    for name, size in sizes.items():
        (folder / name).mkdir(parents=True)
        for number in range(size):
            pixel.save(folder / name / f"{number}.png")
    return open_pool(folder)


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return processes.run("benchmark", *arguments, timeout=400)


def test_galaxies_are_searched_in_the_training_split_and_measured_on_the_test_split(galaxies: Path) -> None:
    benchmark = open_benchmark("galaxy_mnist", galaxies, download=False)
    task, found = benchmark.task, galaxy_mnist(galaxies)
    assert task.name == "galaxy_mnist_edge_on_disk"
    assert list(task.pool) == [str(row) for row in range(TRAIN_IMAGES)]
    assert list(task.test) == [str(row) for row in range(TRAIN_IMAGES, len(found.classes))]
    for name, label in {**task.pool, **task.test}.items():
        assert (label == "anomaly") == (found.classes[int(name)] == "edge_on_disk")
    assert benchmark.protocol == Protocol(cycles=3, start_anomalies=10, start_nominals=30, per_cycle=20)
    assert benchmark.images == found.images
    assert open_benchmark("galaxy_mnist", galaxies, anomaly="smooth_round").task.test["120"] == "anomaly"


def test_the_benchmark_runs_on_galaxies_and_keeps_what_it_ran(galaxies: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    finished = run(
        *("galaxy_mnist", "--images", galaxies, "--no-download", "--preset", "embedding", "--cycles", 1),
        *("--queries", "balanced", "--per-cycle", 8, "--size", 64, "--json", out),
    )
    assert finished.returncode == 0, finished.stderr
    report = json.loads(out.read_text())
    assert report["task"] == "galaxy_mnist_edge_on_disk"
    assert report["protocol"] == {
        "cycles": 1,
        "start_anomalies": 10,
        "start_nominals": 30,
        "per_cycle": 8,
        "queries": "balanced",
        "measured": "test",
    }
    cycles = report["seeds"][0]["cycles"]
    assert [(cycle["found"], cycle["viewed"]) for cycle in cycles] == [(4, 8), (8, 16)]
    assert cycles[0]["auroc"] > 0.8  # thin galaxies are told from round ones


def test_a_class_is_one_percent_of_equal_classes_and_nothing_is_left_out(tmp_path: Path) -> None:
    pool = write_classes(tmp_path / "images", {f"n{number:08}": 5 for number in range(100)})
    task = class_folder_task(pool, "n00000042")
    assert task.name == "miniimagenet_n00000042"
    assert Counter(task.pool.values()) == {"anomaly": 3, "nominal": 297}
    assert Counter(task.test.values()) == {"anomaly": 2, "nominal": 198}
    assert {**task.pool, **task.test}.keys() == set(pool.ids)
    for name, label in {**task.pool, **task.test}.items():
        assert (label == "anomaly") == name.startswith("n00000042/")


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 12), st.integers(198, 900))
def test_the_larger_side_is_thinned_to_one_percent(
    tmp_path_factory: pytest.TempPathFactory, anomalies: int, nominals: int
) -> None:
    pool = Names([f"odd/{n}" for n in range(anomalies)] + [f"common/{n}" for n in range(nominals)])
    task = class_folder_task(pool, "odd")  # type: ignore[arg-type]
    counts = Counter({**task.pool, **task.test}.values())
    assert counts["nominal"] == 99 * counts["anomaly"]
    assert counts["anomaly"] == min(anomalies, nominals // 99)
    assert not task.pool.keys() & task.test.keys()
    assert Counter(task.pool.values())["anomaly"] == round(0.6 * counts["anomaly"])
    assert task == class_folder_task(pool, "odd")  # type: ignore[arg-type]


class Names:
    """All of a pool that a task looks at."""

    def __init__(self, ids: list[str]) -> None:
        self.ids, self.path = sorted(ids), Path("images")


@pytest.mark.parametrize("folder", ["n03544143", "hourglass"])
def test_the_published_class_is_searched_by_default_also_below_folders_of_splits(folder: str) -> None:
    pool = Names([f"train/n1/{n}" for n in range(150)] + [f"test/{folder}/{n}" for n in range(150)])
    pool.ids += [f"val/n2/{n}" for n in range(150)]
    assert class_folder_task(pool).name == f"miniimagenet_{folder}"  # type: ignore[arg-type]


def test_miniimagenet_starts_from_five_anomalies_and_495_nominals(tmp_path: Path) -> None:
    write_classes(tmp_path / "images", {"hourglass": 2, "others": 198})
    benchmark = open_benchmark("miniimagenet", tmp_path / "images")
    assert benchmark.protocol == Protocol(cycles=3, start_anomalies=5, start_nominals=495, per_cycle=20)


@pytest.mark.parametrize(
    ("sizes", "anomaly", "sentence"),
    [
        ({"a": 3, "b": 200}, None, r"no class 'n03544143'\. Choose one with --anomaly: a, b\."),
        ({f"c{n}": 1 for n in range(7)}, "x", r"no class 'x'\. .* c0, c1, c2, c3, c4, … \(7 in all\)\."),
        ({"a": 1, "b": 300}, "a", "1 images of a and 300 others"),
        ({"a": 3}, "a", "3 images of a and 0 others"),
        ({"a": 3, ".": 1}, "a", "do not lie in folders of classes"),
    ],
)
def test_folders_that_are_no_such_data_set_are_refused(
    sizes: dict[str, int], anomaly: str | None, sentence: str
) -> None:
    pool = Names([f"{name}/{n}".removeprefix("./") for name, size in sizes.items() for n in range(size)])
    with pytest.raises(InputError, match=sentence):
        class_folder_task(pool, anomaly)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["galaxy_mnist", "--images", "{empty}", "--no-download"], "may not be downloaded"),
        (["galaxy_mnist", "--images", "{damaged}"], "train_dataset.hdf5.gz is damaged or another file"),
        (["galaxy_mnist", "--images", "{empty}"], "Cannot download https://dl.dropboxusercontent.com"),
        (["galaxy_mnist", "--images", "{empty}", "--anomaly", "ring"], "no class 'ring'"),
        (["galaxy_mnist", "--queries", "random"], "random"),
        (["miniimagenet"], "--images"),
        (["miniimagenet", "--images", "{missing}"], "missing"),
        (["miniimagenet", "--images", "{empty}"], "empty"),
        (["task.csv", "--images", "{empty}", "--anomaly", "ring"], "--anomaly goes with galaxy_mnist"),
        (["task.csv"], "--images"),
        (["task.csv", "--images", "{empty}"], "Cannot read the task task.csv"),
    ],
)
def test_a_benchmark_that_cannot_start_says_why_in_one_line(
    arguments: list[str], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = {name: tmp_path / name for name in ("empty", "damaged", "missing")}
    folders["empty"].mkdir()
    folders["damaged"].mkdir()
    (folders["damaged"] / "train_dataset.hdf5.gz").write_bytes(b"half a download")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")  # no test reaches beyond this machine
    finished = run(*(argument.format(**folders) for argument in arguments))
    assert finished.returncode == 2, finished
    assert len(finished.stderr.splitlines()) == 1, finished.stderr
    assert sentence in finished.stderr


@pytest.mark.shared_data
def test_photographs_in_folders_of_classes_are_searched_at_one_percent(shared_data: Path) -> None:
    images = shared_data / "natural"
    task = open_benchmark("miniimagenet", images, anomaly="cockroach").task
    assert Counter(task.pool.values()) == {"anomaly": 60, "nominal": 5_940}
    assert Counter(task.test.values()) == {"anomaly": 40, "nominal": 3_960}
    pool = open_pool(images)
    rows = [pool.index(name) for name in list(task.pool)[:50]]
    assert np.array_equal(pool.read(rows, 32).indices, rows)


def test_as_published_every_class_is_searched_on_all_images_and_the_figures_stand_beside(
    galaxies: Path, tmp_path: Path
) -> None:
    arguments = (
        *("galaxy_mnist", "--images", galaxies, "--no-download", "--as-published", "--preset", "embedding"),
        *("--size", 64, "--cycles", 1, "--per-cycle", 8, "--json", tmp_path / "reports"),
    )
    finished = run(*arguments)
    assert finished.returncode == 0, finished.stderr
    reports = sorted((tmp_path / "reports").glob("*.json"))
    assert [path.stem for path in reports] == [
        f"galaxy_mnist_{name}" for name in ("edge_on_disk", "smooth_cigar", "smooth_round", "unbarred_spiral")
    ]
    report = json.loads(reports[0].read_text())
    assert [report["protocol"][key] for key in ("queries", "measured")] == ["balanced", "searched"]
    assert report["seeds"][0]["cycles"][1]["auroc"] > 0.8
    lines = finished.stdout.splitlines()
    assert lines[-1] == "| published, after three cycles (224 px) | | 0.89 | 0.77 | 0.94 |"
    assert lines[-2].startswith("| mean, after 1 rounds of labels | 14 | ")
    again = run(*arguments)  # goes on from what is kept: nothing is searched twice
    assert "seed 42, cycle 0" in finished.stderr
    assert "seed 42, cycle 0" not in again.stderr
    assert again.stdout == finished.stdout


def test_as_published_the_images_that_are_measured_are_those_without_a_label(
    galaxies: Path, quick: Config, tmp_path: Path
) -> None:
    opened = open_published("galaxy_mnist", galaxies, anomalies=["edge_on_disk"], download=False)[0]
    assert opened.protocol == Protocol(3, 10, 30, 20, "balanced", "searched")
    task, config = opened.task, quick.with_values(order="labels", seed=5)
    pool = open_pool(opened.images)
    assert (list(task.pool), task.test) == (list(pool.ids), {})
    protocol = opened.protocol.with_values(cycles=0, per_cycle=2)
    result = run_seed(task, pool, config, protocol, seed=5)
    start = task.start(5, 10, 30)
    with Session.open(
        tmp_path / "s", SubsetPool(open_pool(opened.images), task.pool), config=config
    ) as session:
        for name, label in start.items():
            session.label([name], label, origin=KNOWN)
        session.rank(wait=True)
        scores = session.ranking().scores
        ids = session.pool.ids
    rest = [row for row, name in enumerate(ids) if name not in start]
    truth = np.array([task.pool[ids[row]] == "anomaly" for row in rest])
    assert result.cycles[0].metrics == measure_detection(truth, scores[rest])


def test_the_five_published_classes_are_found_by_number_or_by_name() -> None:
    names = ("hourglass", "n03272010", "piano", "n03924679", "orange")
    pool = Names([f"{name}/{n}" for name in (*names, *map(str, range(95))) for n in range(3)])
    tasks = whole_class_tasks(pool)  # type: ignore[arg-type]
    assert [task.name for task in tasks] == [f"miniimagenet_{name}" for name in names]
    # 1 %: nothing is left out, and all are searched in one order, so that one embedding serves them all.
    assert all(list(task.pool) == list(pool.ids) for task in tasks)
    assert len(whole_class_tasks(pool, ["all"])) == 100  # type: ignore[arg-type]


def test_where_a_class_is_more_than_one_percent_it_is_thinned_and_none_of_it_is_measured_apart() -> None:
    pool = Names([f"odd/{n}" for n in range(50)] + [f"common/{n}" for n in range(1_000)])
    (task,) = whole_class_tasks(pool, ["odd"])  # type: ignore[arg-type]
    assert (Counter(task.pool.values()), task.test) == ({"anomaly": 10, "nominal": 990}, {})
    with pytest.raises(InputError, match="none of the published classes"):
        whole_class_tasks(pool)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["task.csv", "--images", "."], "was published for galaxy_mnist and miniimagenet"),
        (["miniimagenet"], "--images"),
        (["galaxy_mnist", "--tune"], "--tune goes with one search"),
        (["galaxy_mnist", "--json", "{file}"], "is a file"),
        (["galaxy_mnist", "--anomaly", "ring,smooth_round"], "no class 'ring'"),
    ],
)
def test_what_does_not_go_with_the_published_protocol_is_refused_in_one_line(
    arguments: list[str], sentence: str, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    given = [argument.format(file=tmp_path / "file") for argument in arguments]
    with pytest.raises(InputError, match=re.escape(sentence)):
        application([*("benchmark", *given), "--as-published"], standalone_mode=False)
