"""What the frozen blocks make of a pool is kept from one cycle to the next, and changes no order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from anomalymatch_ui.config import Config
from anomalymatch_ui.pool import open_pool
from anomalymatch_ui.session import Session

LABELS = {"0000.jpg": "anomaly", "0001.jpg": "anomaly", "0030.jpg": "nominal", "0031.jpg": "nominal"}


@pytest.fixture
def fused(quick: Config) -> Config:
    return quick.with_values(network={"frozen_blocks": 9, "batch_norm": "frozen"}, order="fused")


def searched(folder: Path, images: Path, config: Config) -> list[np.ndarray]:
    """Return the scores after each of two cycles, and those of the same images as of another pool."""
    with Session.open(folder, images, config=config) as session:
        for name, label in LABELS.items():
            session.label([name], label)
        scores = []
        for _ in range(2):
            session.train(wait=True)
            scores.append(session.ranking().scores)
        return [*scores, session.score_images(open_pool(images))]


def kept(folder: Path) -> list[Path]:
    return list((folder / "embeddings").glob("frozen-*/maps.bin"))


def test_orders_are_the_same_whether_it_is_kept_or_not(
    pool_folder: Path, fused: Config, tmp_path: Path
) -> None:
    without = fused.with_values(score={"frozen_maps_gb": 0})
    expected = searched(tmp_path / "without", pool_folder, without)
    found = searched(tmp_path / "with", pool_folder, fused)
    np.testing.assert_array_equal(found, expected)
    assert len(kept(tmp_path / "with")) == 1
    assert kept(tmp_path / "without") == []


def test_a_later_cycle_reads_no_image_to_rank_by(pool_folder: Path, fused: Config, tmp_path: Path) -> None:
    config = fused.with_values(train={"unlabelled_weight": 0})  # whose training reads labelled images alone
    with Session.open(tmp_path / "session", pool_folder, config=config) as session:
        for name, label in LABELS.items():
            session.label([name], label)
        session.train(wait=True)
        for path in set(pool_folder.iterdir()) - {pool_folder / name for name in LABELS}:
            path.write_bytes(b"gone bad")
        session.train(wait=True)
        assert not np.isnan(session.ranking().scores).any()
        assert session.ranking().source.startswith("cycle 2")


def test_a_network_that_is_trained_as_a_whole_keeps_nothing(
    pool_folder: Path, quick: Config, tmp_path: Path
) -> None:
    searched(tmp_path / "session", pool_folder, quick.with_values(order="fused"))
    assert kept(tmp_path / "session") == []


def test_a_session_tells_its_number_format_and_never_mixes_two(
    pool_folder: Path, fused: Config, tmp_path: Path
) -> None:
    """On whatever processor: what one would like best is not asked."""
    scores, files, told = {}, {}, set()
    for number_format in ("float32", "bfloat16", "float32"):
        config = fused.with_values(score={"number_format": number_format})
        with Session.open(tmp_path / "session", pool_folder, config=config) as session:
            session.subscribe(lambda status: told.add((status.phase, status.progress.number_format)))
            for name, label in LABELS.items():
                session.label([name], label)
            if session.status.cycle == 0:
                session.train(wait=True)
            session.rank(wait=True)
            first_time = number_format not in scores
            if not first_time:  # as it was, from the files of its own format
                np.testing.assert_array_equal(session.ranking().scores, scores[number_format])
            scores[number_format] = session.ranking().scores
        folder = tmp_path / "session"
        files[number_format] = {*folder.glob("embeddings/*.npy"), *folder.glob("scores/*")}
        assert {phase for phase, its in told if its == number_format} >= (
            {"ranking"} if first_time else set()
        )
    assert not np.array_equal(scores["float32"], scores["bfloat16"])
    assert len(files["float32"]) == len(files["bfloat16"]) == 4
