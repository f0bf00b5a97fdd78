"""What can be made again never blocks a session: flipped bits in every kind of such a file."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from images import make_pool

from anomalymatch_ui.config import Config
from anomalymatch_ui.session import Session

ANOMALIES = ["0000.jpg", "0001.jpg", "0002.jpg"]
NOMINALS = [f"{number:04d}.jpg" for number in range(20, 30)]

KINDS = {
    "ranking": "ranking.npz",
    "embedding": "embeddings/*.npy",
    "reductions": "embeddings/*.npz",
    "names": "embeddings/*.json",
    "network": "checkpoints/cycle-0002.safetensors",
    "record": "checkpoints/cycle-0002.json",
    "cycle under way": "checkpoints/current.safetensors",
    "scores": "scores/*/shard-*.parquet",
    "manifest": "scores/*/manifest.json",
}


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory, quick_once: Config) -> Path:
    """A session with two cycles and a third one interrupted."""
    folder = tmp_path_factory.mktemp("made")
    make_pool(folder / "images")
    config = quick_once.with_values(order="fused")
    with Session.open(folder / "session", folder / "images", config=config) as session:
        session.label(ANOMALIES, "anomaly")
        session.label(NOMINALS, "nominal")
        session.train(wait=True)
        session.train(wait=True)
        session.train(steps=200)
        while session.status.progress.loss is None:
            assert session.status.error is None
        session.stop()
        session.wait()
        session.rank(wait=True)
    return folder


@pytest.fixture(scope="module")
def scores(made_once: Path, tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    folder = shutil.copytree(made_once / "session", tmp_path_factory.mktemp("scores") / "session")
    with Session.open(folder) as session:
        return session.ranking().scores.copy()


def flip(path: Path, chance: random.Random) -> str:
    content = bytearray(path.read_bytes())
    bit = chance.randrange(8 * len(content))
    content[bit // 8] ^= 1 << bit % 8
    path.write_bytes(content)
    return f"bit {bit} of {path.name}"


def survive(folder: Path, kind: str, chance: random.Random, scores: np.ndarray) -> str:
    """Damage a file of a session, open it, rank, and go on training; return what was said."""
    path = chance.choice(sorted(folder.glob(KINDS[kind])))
    what = flip(path, chance)
    with Session.open(folder) as session:
        session.rank(wait=True)
        told = session.status.message
        assert session.status.error is None, what
        assert len(session.ranking().order) == 60, what
        assert len(session.labels()) == 13, what
        if kind in ("ranking", "embedding", "reductions", "scores", "manifest"):
            np.testing.assert_allclose(session.ranking().scores, scores, atol=1e-5, err_msg=what)
        if kind == "cycle under way":
            session.train(steps=3, wait=True, rank=False)
            told = session.status.message
            assert session.status.cycle == 3, what
    return "said" if "damaged on the disk" in told else "as it was"


@pytest.mark.parametrize("kind", ["embedding", "network", "cycle under way"])
def test_a_flipped_bit_in_what_can_be_made_again_never_blocks(
    kind: str, made_once: Path, scores: np.ndarray, tmp_path: Path
) -> None:
    folder = shutil.copytree(made_once / "session", tmp_path / "session")
    assert survive(folder, kind, random.Random(kind), scores) == "said"


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("kind", KINDS)
def test_two_hundred_flipped_bits_in_what_can_be_made_again_never_block(
    kind: str, made_once: Path, scores: np.ndarray, tmp_path: Path
) -> None:
    outcomes: Counter = Counter()
    for number in range(23):  # of nine kinds: 207
        folder = shutil.copytree(made_once / "session", tmp_path / "session")
        outcomes[kind, survive(folder, kind, random.Random(f"{kind} {number}"), scores)] += 1
        shutil.rmtree(folder)
    print(dict(outcomes))


def test_the_network_before_orders_the_images_when_the_last_one_is_damaged(
    made_once: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(made_once / "session", tmp_path / "session")
    shutil.rmtree(folder / "scores")
    damaged = folder / "checkpoints" / "cycle-0002.safetensors"
    damaged.write_bytes(b"broken")
    with Session.open(folder) as session:
        session.rank(wait=True)
        assert "ordered by the network of cycle 1" in session.status.message
        assert session.ranking().source == "cycle 1 and linear head"
    assert damaged.with_name("cycle-0002.safetensors.damaged").read_bytes() == b"broken"


def test_a_damaged_order_is_made_again_without_being_asked_for(
    pool_folder: Path, swift: Config, tmp_path: Path
) -> None:
    with Session.open(tmp_path / "session", pool_folder, config=swift) as session:
        session.label(ANOMALIES, "anomaly")
        session.label(NOMINALS, "nominal")
        session.rank(wait=True)
    ranking = tmp_path / "session" / "ranking.npz"
    ranking.write_bytes(ranking.read_bytes()[:500])
    with Session.open(tmp_path / "session") as session:
        assert "made again from your labels" in session.status.message
        session._rankings.settle(60)
        assert session.ranking().version > 0
