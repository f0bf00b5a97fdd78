from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scoring import NUMBER_FORMATS, may_differ_by

from anomalymatch_ui.config import NumberFormat, ScoreConfig
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.learn import AnomalyNetwork
from anomalymatch_ui.pool import ImagePool, open_pool
from anomalymatch_ui.score import open_embeddings
from anomalymatch_ui.stream import score_pool

CPU = torch.device("cpu")
CONFIG = ScoreConfig(batch_size=8, workers=2, shard_size=20)


@pytest.fixture
def pool(pool_folder: Path) -> ImagePool:
    (pool_folder / "0019.jpg").write_bytes(b"not an image")
    (pool_folder / "0020.jpg").write_bytes(b"not an image")
    return open_pool(pool_folder)


def test_each_readable_image_is_scored_once_and_in_order(pool: ImagePool, network: AnomalyNetwork) -> None:
    batches = list(score_pool(pool, network, CONFIG, device=CPU))
    indices = np.concatenate([batch.indices for batch in batches])
    assert indices.tolist() == [index for index in range(60) if index not in (19, 20)]
    assert [batch.asked.stop for batch in batches] == [8, 16, 24, 32, 40, 48, 56, 60]


@pytest.mark.parametrize("number_format", NUMBER_FORMATS)
def test_scores_are_those_of_the_network_on_the_same_pixels(
    number_format: NumberFormat, pool: ImagePool, network: AnomalyNetwork
) -> None:
    config = CONFIG.model_copy(update={"number_format": number_format})
    scores = np.concatenate([batch.scores for batch in score_pool(pool, network, config, device=CPU)])
    pixels = torch.from_numpy(pool.read(range(60), 32).pixels).float() / 255
    with torch.inference_mode():
        logits, features = network.eval().forward_with_features(pixels)
    expected = torch.softmax(logits, dim=1)[:, 1].numpy()
    assert (np.abs(scores - expected) < may_differ_by(network, features, number_format)).all()


def test_neither_batch_size_nor_workers_change_a_score(pool: ImagePool, network: AnomalyNetwork) -> None:
    results = []
    for batch_size, workers in ((8, 1), (8, 3), (16, 2)):
        config = ScoreConfig(batch_size=batch_size, workers=workers)
        batches = list(score_pool(pool, network, config, device=CPU))
        results.append(np.concatenate([batch.scores for batch in batches]))
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_allclose(results[0], results[2], atol=1e-3)


def test_scoring_leaves_the_network_as_it_was(pool: ImagePool, network: AnomalyNetwork) -> None:
    network.train()
    next(iter(score_pool(pool, network, CONFIG, device=CPU)))
    assert network.training
    assert network.backbone._conv_stem.weight.dtype == torch.float32


def test_a_damaged_feature_table_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "features.npy").write_bytes(b"not a table")
    with pytest.raises(InputError, match="Delete the file"):
        open_embeddings(tmp_path / "features.npy")


def test_memory_that_runs_out_splits_the_batch(
    pool: ImagePool, network: AnomalyNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = np.concatenate([batch.scores for batch in score_pool(pool, network, CONFIG, device=CPU)])
    forward = AnomalyNetwork.forward_with_features

    def forward_with_room_for_three(
        self: AnomalyNetwork, images: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        if len(images) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return forward(self, images)

    monkeypatch.setattr(AnomalyNetwork, "forward_with_features", forward_with_room_for_three)
    split = np.concatenate([batch.scores for batch in score_pool(pool, network, CONFIG, device=CPU)])
    np.testing.assert_allclose(split, whole, atol=1e-3)
