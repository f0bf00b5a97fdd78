from __future__ import annotations

import shutil
import threading
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from scoring import scores_of

from anomalymatch_ui.config import ScoreConfig
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.learn import AnomalyNetwork
from anomalymatch_ui.pool import Fetched, ImagePool, SubsetPool, open_pool
from anomalymatch_ui.stream import Scorer, StageClock, batch_ranges, score_pool, streaming

CPU = torch.device("cpu")
CONFIG = ScoreConfig(batch_size=8, workers=2)


def test_ranges_cover_every_image_once_and_never_cross_a_shard() -> None:
    ranges = list(batch_ranges(5, 43, 8, shard_size=20))
    assert [(part.start, part.stop) for part in ranges] == [
        (5, 13), (13, 20), (20, 28), (28, 36), (36, 40), (40, 43)
    ]  # fmt: skip


def test_a_part_of_the_pool_is_scored_alone(pool: ImagePool, network: AnomalyNetwork) -> None:
    batches = list(score_pool(pool, network, CONFIG, device=CPU, start=10, stop=27))
    assert np.concatenate([batch.indices for batch in batches]).tolist() == list(range(10, 27))
    beyond = list(score_pool(pool, network, CONFIG, device=CPU, start=50, stop=1000))
    assert np.concatenate([batch.indices for batch in beyond]).tolist() == list(range(50, 60))


def test_shards_scored_apart_have_the_very_scores_of_one_run(
    pool: ImagePool, network: AnomalyNetwork
) -> None:
    scorer = Scorer(network, CPU)
    whole = list(score_pool(pool, network, CONFIG, device=CPU, shard_size=20, scorer=scorer))
    apart = [
        batch
        for first in (0, 20, 40)
        for batch in score_pool(
            pool, network, CONFIG, device=CPU, start=first, stop=first + 20, scorer=scorer
        )
    ]
    np.testing.assert_array_equal(scores_of(whole), scores_of(apart))


def test_scoring_tells_the_clock_what_it_did(pool: ImagePool, network: AnomalyNetwork) -> None:
    clock = StageClock()
    list(score_pool(pool, network, CONFIG, device=CPU, clock=clock))
    seconds = clock.seconds()
    assert seconds["read"] > 0
    assert seconds["forward"] > 0
    assert all(0 < share <= 1 for share in clock.shares().values())


def test_scoring_that_is_given_up_leaves_no_thread(pool: ImagePool, network: AnomalyNetwork) -> None:
    batches = score_pool(pool, network, CONFIG, device=CPU)
    next(batches)
    batches.close()
    assert not stage_threads()


def stage_threads() -> list[str]:
    names = ("read-", "decode-", "resize-", "transfer-", "forward-", "regroup-")
    return [thread.name for thread in threading.enumerate() if thread.name.startswith(names)]


def test_of_large_images_only_as_many_wait_in_full_size_as_there_is_memory_for(
    pool: ImagePool, network: AnomalyNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    fetch = pool.fetch

    def watched(indices: range) -> Fetched:
        asked.append(len(indices))
        return fetch(indices)

    monkeypatch.setattr(pool, "fetch", watched)
    config = ScoreConfig(batch_size=32, workers=2)
    usual = np.concatenate([batch.scores for batch in score_pool(pool, network, config, device=CPU)])
    assert max(asked) == 32
    of_one = streaming._BYTES_OF_A_VALUE * pool.image(0).size
    under_way = streaming._PIECES_UNDER_WAY * config.workers
    monkeypatch.setattr(
        streaming, "memory_limit", lambda: int(5 * of_one * under_way / streaming._SHARE_OF_MEMORY)
    )
    asked.clear()
    few = np.concatenate([batch.scores for batch in score_pool(pool, network, config, device=CPU)])
    assert max(asked) == 5
    assert (few == usual).all()


@pytest.mark.parametrize("kind", ["folder", "subset", "hdf5"])
def test_a_disk_that_goes_away_ends_scoring_and_makes_no_image_unreadable_for_ever(
    kind: str, pool_folder: Path, tmp_path: Path, network: AnomalyNetwork
) -> None:
    path = tmp_path / "disk" / ("images.h5" if kind == "hdf5" else "images")
    path.parent.mkdir()
    if kind == "hdf5":
        with h5py.File(path, "w") as file:
            file["images"] = np.zeros((60, 8, 8, 3), np.uint8)
    else:
        shutil.copytree(pool_folder, path)
    pool = open_pool(path)
    pool = SubsetPool(pool, pool.ids[:50]) if kind == "subset" else pool
    assert pool.any_there([0, 3])
    path.rename(tmp_path / "gone")
    assert not pool.any_there(range(9))
    if kind == "hdf5":
        return  # an open file is read to its end
    with pytest.raises(InputError, match="have gone while they were read.*What was written stays"):
        list(score_pool(pool, network, CONFIG, device=CPU))


def test_a_few_images_that_are_deleted_meanwhile_are_only_unreadable(
    pool: ImagePool, pool_folder: Path, network: AnomalyNetwork
) -> None:
    for name in pool.ids[32:40]:  # a whole batch of eight
        (pool_folder / name).unlink()
    scored = np.concatenate([its.indices for its in score_pool(pool, network, CONFIG, device=CPU)])
    assert scored.tolist() == [*range(32), *range(40, 60)]
    assert len(pool.report.unreadable) == 8
