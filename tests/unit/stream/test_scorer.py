from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch
from scoring import scores_of

from anomalymatch_ui.config import NetworkConfig, NetworkName, ScoreConfig, Symmetry
from anomalymatch_ui.learn import AnomalyNetwork, build_network, fused_for_inference
from anomalymatch_ui.pool import ImagePool
from anomalymatch_ui.stream import Scorer, batching, score_pool
from anomalymatch_ui.stream.batching import CPU_BATCHES, batch_size_for, fastest
from anomalymatch_ui.stream.torch_threads import compute_in_one_thread

CPU = torch.device("cpu")
CONFIG = ScoreConfig(batch_size=8, workers=2)


def test_one_scorer_serves_many_runs_and_scores_as_the_network_does(
    pool: ImagePool, network: AnomalyNetwork
) -> None:
    scorer = Scorer(network, CPU)
    scores, features = scorer.score(pool.read(range(6), 32).pixels)
    assert (scores.dtype, scores.shape) == (np.float32, (6,))
    assert (features.dtype, features.shape) == (np.float16, (6, 1280))
    again = list(score_pool(pool, network, CONFIG, device=CPU, stop=6, scorer=scorer))
    np.testing.assert_allclose(scores_of(again), scores, atol=1e-3)


@pytest.mark.parametrize("name", ["efficientnet-lite0", "efficientnet-b0"])
@pytest.mark.parametrize("size", [32, 96])
def test_the_fused_network_gives_the_answers_of_the_network(name: NetworkName, size: int) -> None:
    network = build_network(NetworkConfig(name=name, image_size=size, pretrained=False), seed=0).eval()
    # Statistics that are not those of a new layer, so that forgetting one would show.
    generator = torch.Generator().manual_seed(1)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean += 0.1 * torch.randn(module.num_features, generator=generator)
            module.running_var *= 1 + 0.2 * torch.rand(module.num_features, generator=generator)
    images = torch.rand((4, 3, size, size), generator=generator)
    with torch.inference_mode():
        logits, features = network.forward_with_features(images)
        fused_logits, fused_features = fused_for_inference(network).forward_with_features(images)
    torch.testing.assert_close(fused_features, features, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(fused_logits, logits, rtol=1e-3, atol=1e-4)


def test_only_the_thread_that_asks_for_it_computes_alone() -> None:
    before = torch.get_num_threads()
    with ThreadPoolExecutor(1) as executor:
        executor.submit(compute_in_one_thread).result()
        assert executor.submit(torch.get_num_threads).result() == 1
        with ThreadPoolExecutor(1) as another:
            assert another.submit(torch.get_num_threads).result() == before
    assert torch.get_num_threads() == before


def test_the_smallest_batch_that_is_about_as_fast_as_the_fastest_is_taken() -> None:
    rates = {16: 100, 32: 195, 64: 200, 128: 150, 256: 400}
    tried: list[int] = []

    def seconds(size: int) -> float:
        tried.append(size)
        return size / rates[size]

    assert fastest(tuple(rates), seconds, at_once=1) == 32
    assert 256 not in tried  # the rate had fallen


def test_a_batch_that_does_not_fit_ends_the_trial() -> None:
    def seconds(size: int) -> float:
        if size > 32:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return 1.0

    assert fastest((16, 32, 64), seconds, at_once=1) == 32


def test_an_error_of_another_kind_is_not_taken_for_memory() -> None:
    def seconds(size: int) -> float:
        raise RuntimeError("a driver that is too old")

    with pytest.raises(RuntimeError, match="too old"):
        fastest((16, 32), seconds, at_once=1)


def test_a_set_batch_size_is_taken_and_a_small_pool_is_not_worth_a_trial(network: AnomalyNetwork) -> None:
    scorer = Scorer(network, CPU)
    assert batch_size_for(ScoreConfig(batch_size=7), scorer, 10**9, "none") == 7
    assert batch_size_for(ScoreConfig(), scorer, 1000, "none") == 32


def test_the_batch_of_a_large_pool_is_measured_on_the_real_network(network: AnomalyNetwork) -> None:
    assert batch_size_for(ScoreConfig(), Scorer(network, CPU), 10**6, "none") in CPU_BATCHES


def test_a_batch_is_no_larger_than_the_memory_of_a_control_group_allows_for(
    network: AnomalyNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 224 px 256 images take 3 GB a thread while torch computes them."""
    monkeypatch.setattr(batching, "memory_limit", lambda: 4 * 2**30)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    assert batching.largest_batch(224) in range(16, 32)
    assert batching.largest_batch(64) > 200
    assert batching.largest_batch(10_000) == batching.SMALLEST_BATCH
    monkeypatch.setattr(batching, "memory_limit", lambda: 4 * 2**20)
    assert batch_size_for(ScoreConfig(), Scorer(network, CPU), 1000, "none") == batching.SMALLEST_BATCH
    assert batching.fastest_batch_size(Scorer(network, CPU)) == batching.SMALLEST_BATCH
    assert batch_size_for(ScoreConfig(batch_size=64), Scorer(network, CPU), 1000, "none") == 64


def test_a_batch_that_was_too_large_is_not_tried_again(network: AnomalyNetwork) -> None:
    tried: list[int] = []

    class SmallDevice(Scorer):
        def launch_whole(self, pixels: torch.Tensor, symmetry: Symmetry) -> tuple[torch.Tensor, torch.Tensor]:
            tried.append(len(pixels))
            if len(pixels) > 3:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return super().launch_whole(pixels, symmetry)

    pixels = np.random.default_rng(0).integers(0, 256, (10, 3, 32, 32), np.uint8)
    scorer = SmallDevice(network, CPU)
    expected = Scorer(network, CPU).score(pixels)
    for _ in range(2):
        for got, want in zip(scorer.score(pixels), expected, strict=True):
            np.testing.assert_allclose(got, want, atol=2e-3)
    assert tried == [10, 5, 3, 2, 3, 2, 3, 2, 3, 2]


def test_a_compiled_network_sees_batches_of_one_length(
    network: AnomalyNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    lengths: list[int] = []

    def compile_nothing(forward: Callable[..., Any], **options: object) -> Callable[..., Any]:
        def watched(images: torch.Tensor) -> Any:
            lengths.append(len(images))
            return forward(images)

        return watched

    monkeypatch.setattr(torch, "compile", compile_nothing)
    pixels = np.random.default_rng(0).integers(0, 256, (8, 3, 32, 32), np.uint8)
    scorer, plain = Scorer(network, CPU, compiled=True), Scorer(network, CPU)
    for part in (pixels, pixels[:3]):
        scores, features = scorer.score(part)
        assert (scores.shape, features.shape) == ((len(part),), (len(part), 1280))
        np.testing.assert_allclose(scores, plain.score(part)[0], atol=1e-3)
    assert lengths == [8, 8]
