"""An archive scored by real workers of a Dask cluster, some of which end or lack what they need."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from checkpoints import make_checkpoint
from distributed import Client, KilledWorker, Scheduler, SpecCluster
from distributed.comm import CommClosedError
from images import make_pool
from sessions import make_trained

from anomalymatch_ui.config import ScoreConfig
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.score import Archive, Outcome, dask_worker
from anomalymatch_ui.score import dask_engine as dask_engine_module
from anomalymatch_ui.score.archive import ORDER
from anomalymatch_ui.score.dask_engine import local_cluster, visible_gpus
from anomalymatch_ui.score.dask_worker import NetworkSpec
from anomalymatch_ui.score.request import ScoreRequest, run_request
from anomalymatch_ui.session.archives.archive_request import SessionScoreRequest, run_session_request

IMAGES, SHARD = 480, 8


@pytest.fixture(scope="module")
def cluster() -> Iterator[SpecCluster]:
    """Two workers, each a process; one that ends is started again."""
    with local_cluster("cpu", workers=2) as started:
        yield started


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`images`, of which one cannot be read, `model.safetensors`, and the local engine's scores, `local`."""
    made = tmp_path_factory.mktemp("dask")
    make_pool(made / "images", images=IMAGES)
    (made / "images" / "0019.jpg").write_bytes(b"not an image")
    make_checkpoint(made / "model.safetensors")
    score(made, "local", engine="local", scheduler=None)
    return made


def score(folder: Path, out: str, **changed: Any) -> Outcome:
    asked: dict[str, Any] = {"images": folder / "images", "model": folder / "model.safetensors"}
    asked |= {"out": folder / out, "device": "cpu", "shard_size": SHARD, "embeddings": True}
    outcome, _ = run_request(ScoreRequest(**(asked | {"engine": "dask"} | changed)), quietly)
    return outcome


def quietly(title: str) -> Callable[[int, int], None]:
    return lambda done, total: None


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "run.lock"}


def test_a_worker_is_killed_and_nothing_is_lost_scored_twice_or_other_than_here(
    cluster: SpecCluster, folder: Path
) -> None:
    written: list[str] = []
    ended: list[int] = []

    def kill_one() -> None:
        with Client(cluster.scheduler_address, set_as_default=False) as client:
            processes = client.run(os.getpid)
            wait_for(lambda: len(list((folder / "killed").glob("shard-*"))) >= 5)
            written.extend(path.name for path in (folder / "killed").glob("shard-*"))
            ended.append(next(iter(processes.values())))
            os.kill(ended[0], signal.SIGKILL)

    killer = threading.Thread(target=kill_one)
    killer.start()
    outcome = score(folder, "killed", scheduler=cluster.scheduler_address)
    killer.join()
    assert len(ended) == 1
    assert 5 <= len(written) < 60  # it was killed in the middle
    assert (outcome.scored, outcome.unreadable, outcome.written) == (IMAGES - 1, 1, 60)
    assert contents(folder / "killed") == contents(folder / "local")
    archive = Archive.existing(folder / "killed")
    assert list(archive.read(2).unreadable) == ["0019.jpg"]


def test_workers_score_in_the_order_of_a_session_as_here_though_one_is_killed(
    cluster: SpecCluster, tmp_path: Path
) -> None:
    make_trained(tmp_path)
    asked: dict[str, Any] = {"images": tmp_path / "images", "session": tmp_path / "session", "shard_size": 4}
    asked |= {"embeddings": True, "device": "cpu"}
    local = run_session_request(SessionScoreRequest(out=tmp_path / "local", **asked), quietly)
    with Client(cluster.scheduler_address, set_as_default=False) as client:
        client.wait_for_workers(2, timeout=100)
        alive = list(client.run(os.getpid).values())
    killed: list[int] = []

    def kill_one(title: str) -> Callable[[int, int], None]:
        def advance(done: int, total: int) -> None:
            if title == "Scoring" and not killed and done >= 12:  # both are at work on others
                killed.append(alive[0])
                os.kill(alive[0], signal.SIGKILL)

        return advance

    on_cluster = asked | {"engine": "dask", "scheduler": cluster.scheduler_address}
    outcome = run_session_request(SessionScoreRequest(out=tmp_path / "dask", **on_cluster), kill_one)
    assert killed
    assert outcome == local
    ours = contents(tmp_path / "local")
    assert shards_and_tables(contents(tmp_path / "dask")) == shards_and_tables(ours)
    for number in (2, 7):
        (tmp_path / "local" / f"shard-{number:07d}.parquet").unlink()
    gone_on = run_session_request(SessionScoreRequest(out=tmp_path / "local", **on_cluster), quietly)
    assert gone_on.written == 2
    assert shards_and_tables(contents(tmp_path / "local")) == shards_and_tables(ours)


def shards_and_tables(files: dict[str, bytes]) -> dict[str, bytes]:
    """All but the order, in which a zip keeps the time."""
    return {name: content for name, content in files.items() if name != ORDER}


def test_workers_go_on_where_the_local_engine_was_interrupted(cluster: SpecCluster, folder: Path) -> None:
    score(folder, "begun", engine="local")
    for number in (3, 4, 50):
        (folder / "begun" / f"shard-{number:07d}.parquet").unlink()
    outcome = score(folder, "begun", scheduler=cluster.scheduler_address)
    assert outcome.written == 3
    assert contents(folder / "begun") == contents(folder / "local")


def test_a_task_on_a_cpu_reads_in_one_thread() -> None:
    """Sixty-four workers on sixty-four cores would else have 64 x 64 of them."""
    cpu, gpu = torch.device("cpu"), torch.device("cuda")
    assert dask_worker.of_one_task(ScoreConfig(), cpu).workers == 1
    assert dask_worker.of_one_task(ScoreConfig(workers=3), cpu).workers == 3
    assert dask_worker.of_one_task(ScoreConfig(), gpu) == ScoreConfig()


LAYERS = """
import resource, torch
from anomalymatch_ui.stream.allocation import keep_freed_memory

def faults_of(layers):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(layers):
        torch.ones(2**18)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

faults_of(20)
started = faults_of(200)
keep_freed_memory()
faults_of(20)
print(started, faults_of(200))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only glibc is told")
@pytest.mark.parametrize(("setting", "kept"), [("65536", True), ("65537", False)])
def test_a_worker_uses_freed_memory_again_unless_somebody_chose_otherwise(setting: str, kept: bool) -> None:
    """As Dask starts a worker, each layer's output of 1 MB is mapped anew, page by page."""
    environment = os.environ | {"MALLOC_TRIM_THRESHOLD_": setting}
    run = subprocess.run(
        [sys.executable, "-c", LAYERS], env=environment, capture_output=True, text=True, check=True
    )
    before, after = map(int, run.stdout.split())
    assert before > 10_000
    assert (after < 1_000) == kept


def test_a_worker_without_the_model_or_with_another_says_so(cluster: SpecCluster, folder: Path) -> None:
    """The worker looks for the file when the driver, on another machine, has read its own."""
    job = NetworkSpec(
        images=str(folder / "images"),
        model=str(folder / "model.safetensors"),
        pool_digest="another",
        model_digest="another",
        device="cpu",
        symmetry="none",
        config=ScoreConfig(),
    )
    network = Archive.existing(folder / "local").manifest.model
    cases: list[tuple[dict[str, Any], str]] = [
        ({"model": "/nowhere/model.safetensors"}, "There is no checkpoint /nowhere/model.safetensors"),
        ({}, "the model .* is another one there"),
        ({"model_digest": network}, "the images .* are others there"),
        ({"images": "/nowhere", "model_digest": network}, "There is no folder or file /nowhere"),
        ({"software": "9.9"}, "not 9.9. Install the same"),
        ({"device": "cuda:9"}, "no device"),
    ]
    with Client(cluster.scheduler_address, set_as_default=False) as client:
        for changed, sentence in cases:
            with pytest.raises(InputError, match=rf"The worker on .* cannot score: .*{sentence}"):
                dask_engine_module.DaskEngine(client, replace(job, **changed))


def test_a_scheduler_that_does_not_answer_and_one_without_workers_are_sentences(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dask_engine_module, "_SCHEDULER_SECONDS", 0.5)
    monkeypatch.setattr(dask_engine_module, "WORKER_SECONDS", 0.5)
    for address in ("tcp://127.0.0.1:9", "nonsense://x", "localhost", "tcp://127.0.0.1:x", ""):
        with pytest.raises(InputError, match="No Dask scheduler answers at"):
            score(folder, "nothing", scheduler=address)
    monkeypatch.setattr(dask_engine_module, "_SCHEDULER_SECONDS", 60)  # this one answers
    options = {"host": "127.0.0.1", "dashboard": False, "dashboard_address": None}
    with (
        SpecCluster(workers={}, scheduler={"cls": Scheduler, "options": options}) as empty,
        pytest.raises(InputError, match="No worker has come to tcp://"),
    ):
        score(folder, "nothing", scheduler=empty.scheduler_address)
    assert not (folder / "nothing").exists()


def test_a_shard_that_ends_workers_and_a_scheduler_that_is_lost_are_sentences() -> None:
    raised: list[tuple[Exception, str]] = [
        (KilledWorker("score_shard-7", None, 3), r"A shard has ended 4 workers .* stay"),
        (CommClosedError("closed"), "connection to the Dask scheduler is lost"),
        (CancelledError(), "connection to the Dask scheduler is lost"),
        (ModuleNotFoundError("no", name="anomalymatch_ui"), "A worker has no module 'anomalymatch_ui'"),
    ]
    for error, sentence in raised:
        with pytest.raises(InputError, match=sentence), dask_engine_module._cluster_errors():
            raise error


def test_a_scheduler_goes_with_the_engine_dask(folder: Path) -> None:
    with pytest.raises(InputError, match="--scheduler goes with --engine dask"):
        score(folder, "nothing", engine="local", scheduler="tcp://127.0.0.1:8786")


@pytest.mark.parametrize(
    ("device", "named", "gpus", "expected"),
    [
        ("auto", None, 2, ["0", "1"]),
        ("cuda", "3,5", 2, ["3", "5"]),
        ("cuda:1", "3,5", 2, ["5"]),
        ("auto", None, 0, []),
        ("cpu", None, 2, []),
    ],
)
def test_each_gpu_of_this_machine_gets_a_worker_of_its_own(
    device: str, named: str | None, gpus: int, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: gpus)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if named is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", named)
    assert visible_gpus(device) == expected


def wait_for(condition: Callable[[], bool], seconds: float = 300) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)
