from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from anomalymatch_ui.config import Config
from anomalymatch_ui.session import Session

OPEN = """
import json, sys
from anomalymatch_ui.app import launch
dashboard = launch(sys.argv[1], session=sys.argv[2])
session = dashboard.session
before = [session.ranking().version, list(dashboard.gallery.ids[:3]), "torch" in sys.modules]
session.label(dashboard.gallery.ids[:2], "nominal")
followed = session._rankings.settle(60)
after = [session.ranking().version, "torch" in sys.modules]
dashboard.close()
print(json.dumps([before, followed, after, "pyvo" in sys.modules]))
"""
"""Opens a session as a page does, labels, waits for the new order, closes it, and says what that took."""


def opened(pool_folder: Path, session: Path) -> list[list[object]]:
    finished = subprocess.run(
        [sys.executable, "-c", OPEN, str(pool_folder), str(session)],
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(finished.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    ("imported", "missed"),
    [("anomalymatch_ui.evaluate", "torch"), ("anomalymatch_ui.learn", "torchvision")],
)
def test_what_takes_seconds_to_import_is_imported_where_it_is_used(imported: str, missed: str) -> None:
    """Refusing an option needs no torch, and torchvision brings torch's compiler along."""
    code = f"import sys, {imported}; print({missed!r} in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told.split() == ["False"]


@pytest.mark.parametrize("cycles", [0, 1])
def test_a_page_opens_and_follows_labels_without_torch(
    pool_folder: Path, tmp_path: Path, swift: Config, cycles: int
) -> None:
    with Session.open(tmp_path / "session", pool_folder, config=swift) as session:
        session.label(["0000.jpg", "0001.jpg"], "anomaly")
        session.label(["0030.jpg", "0031.jpg"], "nominal")
        session.rank(wait=True)
        for _ in range(cycles):
            session.train(wait=True)
    (version, ids, torch), followed, (newer, torch_after), pyvo = opened(pool_folder, tmp_path / "session")
    assert len(ids) == 3
    assert not torch
    assert followed
    assert newer > version
    assert not torch_after
    assert not pyvo  # only what sends tables by SAMP needs it, and closing would wait for it


def test_a_backbone_whose_name_was_lost_or_altered_is_named_again(
    pool_folder: Path, tmp_path: Path, swift: Config
) -> None:
    with Session.open(tmp_path / "session", pool_folder, config=swift) as session:
        session.label(["0000.jpg"], "anomaly")
        session.label(["0030.jpg"], "nominal")
        session.rank(wait=True)
    (record,) = (tmp_path / "session" / "embeddings").glob("backbone-*.json")
    kept = record.read_bytes()
    for damage in (b"", b"[]", b'{"digest": "../../elsewhere"}'):
        record.write_bytes(damage)
        (_, ids, torch), followed, _, _ = opened(pool_folder, tmp_path / "session")
        assert len(ids) == 3
        assert not torch  # another process tells the name
        assert followed
        assert record.read_bytes() == kept


LABEL = """
import sys, threading
from anomalymatch_ui.session import Session

class Importers:
    threads = set()
    def find_spec(self, name, path=None, target=None):
        if name == "torch":
            self.threads.add(threading.current_thread().name)

sys.meta_path.insert(0, Importers())
with Session.open(sys.argv[1]) as session:
    session.train_every = 1
    session.label(["0002.jpg"], "anomaly")
    cycle = session.wait(120).cycle
print(cycle, *Importers.threads)
"""
"""Gives the label that starts a cycle, and says which threads waited for torch to be imported."""


def test_the_label_that_starts_a_cycle_does_not_wait_for_torch(
    pool_folder: Path, tmp_path: Path, swift: Config
) -> None:
    with Session.open(tmp_path / "session", pool_folder, config=swift) as session:
        session.label(["0000.jpg", "0001.jpg"], "anomaly")
        session.label(["0030.jpg", "0031.jpg"], "nominal")
        session.rank(wait=True)
    command = [sys.executable, "-c", LABEL, str(tmp_path / "session")]
    finished = subprocess.run(command, capture_output=True, text=True, check=True)
    cycle, *threads = finished.stdout.split()
    assert cycle == "1"
    assert threads
    assert "MainThread" not in threads


LOOK = """
import json, sys
if sys.argv[4] == "missing":
    sys.modules["openvino"] = None
from anomalymatch_ui.config import Config
from anomalymatch_ui.session import Session
config = Config.model_validate_json(sys.argv[3])
with Session.open(sys.argv[1], sys.argv[2], config=config) as session:
    session.rank(wait=True)
    session.label(["0000.jpg", "0001.jpg"], "anomaly")
    session.label(["0030.jpg", "0031.jpg"], "nominal")
    followed = session._rankings.settle(60)
    ranking = session.ranking()
    scores = {session.pool.ids[row]: float(ranking.scores[row]) for row in range(len(session.pool))}
print(json.dumps([followed, scores, "torch" in sys.modules]))
"""
"""Opens a new session, looks at its pool, labels, and tells the order and whether that took torch."""


def looked_at(
    pool_folder: Path, folder: Path, config: Config, openvino: str
) -> tuple[dict[str, float], bool]:
    arguments = [str(folder / "session"), str(pool_folder), config.model_dump_json(), openvino]
    finished = subprocess.run(
        [sys.executable, "-c", LOOK, *arguments],
        env={**os.environ, "XDG_CACHE_HOME": str(folder / "cache")},
        capture_output=True,
        text=True,
        check=True,
    )
    followed, scores, torch = json.loads(finished.stdout.splitlines()[-1])
    assert followed
    return scores, torch


@pytest.mark.parametrize("settings", ["swift", "measured"])
def test_a_pool_is_looked_at_and_ordered_without_torch_as_with_it(
    pool_folder: Path, tmp_path: Path, swift: Config, settings: str
) -> None:
    """Those of the settings that are measured on the images by a look at some of them, too."""
    pytest.importorskip("openvino")
    config = swift if settings == "swift" else Config()
    ours, torch = looked_at(pool_folder, tmp_path / "without", config, "there")
    assert not torch
    theirs, torch = looked_at(pool_folder, tmp_path / "with", config, "missing")
    assert torch
    assert ours.keys() == theirs.keys()
    assert [ours[name] for name in theirs] == pytest.approx(list(theirs.values()), abs=2e-3)


def test_what_was_looked_at_without_torch_is_what_a_process_with_torch_sees(
    pool_folder: Path, tmp_path: Path, swift: Config
) -> None:
    pytest.importorskip("openvino")
    looked_at(pool_folder, tmp_path, swift, "there")
    with Session.open(tmp_path / "again", pool_folder, config=swift) as session:
        session.rank(wait=True)
    (ours,), (theirs,) = (
        sorted((tmp_path / name / "embeddings").glob("*.npy")) for name in ("session", "again")
    )
    assert ours.name == theirs.name
    assert ours.read_bytes() == theirs.read_bytes()
