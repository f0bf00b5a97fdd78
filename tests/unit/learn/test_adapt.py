from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score
from training import CPU, NETWORK, rings_and_discs

from anomalymatch_ui.config import AdaptConfig
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.learn import (
    Adapter,
    AdaptReport,
    AnomalyNetwork,
    StopTraining,
    build_network,
    load_adapted,
    network_digest,
    restore_state,
    save_adapted,
    save_state,
    steps_for,
)
from anomalymatch_ui.learn.adapt import MIN_IMAGES, MOST_STEPS, adaptation_rate, nt_xent
from anomalymatch_ui.rank import FeatureScale, fit_linear_head

SMALL = AdaptConfig(steps=6, batch=8)


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    random = np.random.default_rng(0)
    return random.integers(0, 256, (20, 3, 32, 32), dtype=np.uint8)


def make_adapter(images: np.ndarray, *, seed: int = 1, config: AdaptConfig = SMALL) -> Adapter:
    return Adapter(build_network(NETWORK, 0), images, config, device=CPU, seed=seed, symmetry="square")


def stop_after(step: int) -> Callable[[AdaptReport], None]:
    def stop(report: AdaptReport) -> None:
        if report.step == step:
            raise StopTraining

    return stop


def test_the_loss_is_the_cross_entropy_of_each_view_s_partner_among_all_other_views() -> None:
    random = torch.Generator().manual_seed(0)
    views = torch.randn(6, 5, generator=random)
    unit = views / views.norm(dim=1, keepdim=True)
    expected = 0.0
    for row in range(6):
        partner = (row + 3) % 6
        others = [other for other in range(6) if other != row]
        weights = {other: math.exp(float(unit[row] @ unit[other]) / 0.2) for other in others}
        expected -= math.log(weights[partner] / sum(weights.values())) / 6
    assert float(nt_xent(views, 0.2)) == pytest.approx(expected, rel=1e-5)


def test_the_loss_is_least_where_partners_agree_and_others_are_opposed() -> None:
    apart = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])
    assert float(nt_xent(apart.repeat(2, 1), 0.2)) == pytest.approx(math.log1p(2 * math.exp(-10)), rel=1e-3)
    assert float(nt_xent(torch.ones(4, 2), 0.2)) == pytest.approx(math.log(3), rel=1e-5)
    longer = torch.tensor([[5.0, 0.0], [-0.1, 0.0]])
    assert float(nt_xent(longer.repeat(2, 1), 0.2)) == float(nt_xent(apart.repeat(2, 1), 0.2))


def test_two_adaptations_from_one_seed_agree_to_the_last_bit_and_another_seed_differs(
    images: np.ndarray,
) -> None:
    digests = []
    for seed in (1, 1, 2):
        adapter = make_adapter(images, seed=seed)
        assert adapter.run(3)
        digests.append(network_digest(adapter.average))
    assert digests[0] == digests[1] != digests[2]


def test_only_the_middle_blocks_change_and_the_given_network_does_not(images: np.ndarray) -> None:
    network = build_network(NETWORK, 0)
    before = network_digest(network)
    adapter = Adapter(network, images, SMALL, device=CPU, seed=1, symmetry="square")
    adapter.run(2)
    assert network_digest(network) == before
    pretrained = network.state_dict()
    changed = {
        int(name.split(".")[2]) if name.startswith("backbone._blocks.") else name
        for name, values in adapter.average.state_dict().items()
        if not torch.equal(values, pretrained[name])
    }
    assert changed == set(range(SMALL.from_block, 11))


def test_an_adaptation_that_was_stopped_and_gone_on_with_is_one_that_ran_through(
    images: np.ndarray, tmp_path: Path
) -> None:
    through = make_adapter(images)
    assert through.run(6)
    stopped = make_adapter(images)
    assert not stopped.run(6, [stop_after(3)])
    save_state(tmp_path / "state.safetensors", stopped)
    resumed = make_adapter(images)
    restore_state(tmp_path / "state.safetensors", resumed)
    assert resumed.step == 3
    assert resumed.run(6)
    assert network_digest(resumed.average) == network_digest(through.average)
    assert network_digest(resumed.network) == network_digest(through.network)


def test_a_stop_at_the_last_step_loses_nothing(images: np.ndarray) -> None:
    assert make_adapter(images).run(2, [stop_after(2)])


def test_a_damaged_or_another_state_is_refused_and_leaves_the_adapter_alone(
    images: np.ndarray, tmp_path: Path
) -> None:
    state = tmp_path / "state.safetensors"
    adapter = make_adapter(images)
    before = network_digest(adapter.network)
    with pytest.raises(InputError, match="no adapted weights"):
        restore_state(state, adapter)
    state.write_bytes(b"not tensors")
    with pytest.raises(InputError, match="cannot be read"):
        restore_state(state, adapter)
    other = make_adapter(images, config=SMALL.model_copy(update={"from_block": 6}))
    other.run(1)
    save_state(state, other)
    with pytest.raises(InputError, match="damaged"):
        restore_state(state, adapter)
    assert adapter.step == 0
    assert network_digest(adapter.network) == before


def test_saved_weights_make_a_fresh_network_the_adapted_one(images: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "adapted.safetensors"
    adapter = make_adapter(images)
    adapter.run(2)
    save_adapted(path, adapter)
    fresh = build_network(NETWORK, 0)
    load_adapted(path, fresh)
    expected = adapter.average.state_dict()
    assert all(torch.equal(values, expected[name]) for name, values in fresh.state_dict().items())
    first = path.read_bytes()
    adapter.run(3)
    save_adapted(path, adapter)
    assert path.read_bytes() != first


def test_weights_of_another_network_are_refused(images: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "adapted.safetensors"
    adapter = make_adapter(images)
    adapter.run(1)
    save_adapted(path, adapter)
    other = build_network(NETWORK, 0)
    other.backbone._blocks = other.backbone._blocks[:8]
    with pytest.raises(InputError, match="another network"):
        load_adapted(path, other)


def test_a_pool_of_three_images_is_refused_in_a_sentence(images: np.ndarray) -> None:
    with pytest.raises(InputError, match=rf"adapted to 3 images: it takes at least {MIN_IMAGES} "):
        make_adapter(images[:3])


def test_a_pool_smaller_than_the_batch_is_seen_whole_in_each_step(images: np.ndarray) -> None:
    reports: list[AdaptReport] = []
    adapter = make_adapter(images, config=SMALL.model_copy(update={"batch": 96}))
    adapter.run(1, [reports.append])
    # Views of 20 images: chance is a loss of log(39), and the temperature lets it be a few times as large.
    assert 0 < reports[0].loss < 4 * math.log(39)


@pytest.mark.parametrize(
    ("config", "images", "steps"),
    [
        ({}, 910, MOST_STEPS),
        ({}, 100_000, MOST_STEPS),
        ({}, 200, 125),
        ({}, 20, 60),
        ({"steps": 7}, 910, 7),
    ],
)
def test_small_pools_take_fewer_steps(config: dict[str, Any], images: int, steps: int) -> None:
    assert steps_for(AdaptConfig(**config), images) == steps


def test_the_rate_rises_shortly_and_falls_to_zero_by_a_cosine() -> None:
    rates = [adaptation_rate(AdaptConfig(learning_rate=1.0), step, 100) for step in range(100)]
    assert rates[0] == pytest.approx(0.2)
    assert max(rates) == rates[4] > 0.99
    assert all(later < earlier for earlier, later in itertools.pairwise(rates[4:]))
    assert rates[50] == pytest.approx(0.5)
    assert rates[-1] < 0.001


def test_the_loss_falls_and_a_linear_head_gains() -> None:
    """Rings and discs all but drowned in noise, told apart from four labels of each."""
    data = rings_and_discs()
    random = np.random.default_rng(1)
    pixels = 0.03 * np.concatenate([data.labelled, data.unlabelled]) + random.normal(60, 20, (48, 3, 64, 64))
    pixels = np.clip(pixels, 0, 255).astype(np.uint8)
    network = build_network(NETWORK.model_copy(update={"image_size": 64}), 0)
    config = AdaptConfig(steps=24, batch=24, learning_rate=0.001)
    adapter = Adapter(network, pixels, config, device=CPU, seed=0, symmetry="square")
    losses: list[float] = []
    adapter.run(24, [lambda report: losses.append(report.loss)])
    assert np.mean(losses[-8:]) < 0.95 * np.mean(losses[:4])  # 3.4 and 4.0 in float32
    before, after = (_area(backbone, pixels) for backbone in (network, adapter.average))
    assert after > before + 0.03  # 0.77 and 0.91 in float32


def _area(network: AnomalyNetwork, pixels: np.ndarray) -> float:
    """Return the area under the ROC curve of a linear head on block 10, from four labels of each class."""
    network.eval()
    with torch.no_grad():
        maps = network.frozen_maps(torch.from_numpy(pixels).float() / 255)
        last = network.stages_of_maps(maps, [10])[0]
    features = last.mean(dim=(2, 3)).numpy()
    is_ring = np.concatenate([np.arange(8) < 4, np.arange(40) < 20])
    head = fit_linear_head(features[:8], is_ring[:8], FeatureScale.of(features), regularisation=0.01)
    return float(roc_auc_score(is_ring[8:], head.margins(features[8:])))
