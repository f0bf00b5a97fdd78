from __future__ import annotations

from urllib.error import URLError

import numpy as np
import pytest
import torch

from anomalymatch_ui.config import NetworkConfig
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.learn import AnomalyNetwork, build_network, network_digest
from anomalymatch_ui.learn.trainer import build_optimizer, update_average

UNTRAINED = NetworkConfig(pretrained=False, image_size=32)


def images(count: int = 4, size: int = 32) -> torch.Tensor:
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(0))


def test_lite0_comes_with_imagenet_weights_and_gives_1280_features() -> None:
    network = build_network(NetworkConfig(), seed=0).eval()
    logits, features = network.forward_with_features(images(size=64))
    assert logits.shape == (4, 2)
    assert features.shape == (4, 1280)
    other = build_network(NetworkConfig(), seed=1)
    assert torch.equal(network.backbone._conv_stem.weight, other.backbone._conv_stem.weight)


def test_a_new_head_is_so_small_that_no_pseudo_label_passes_the_threshold() -> None:
    network = build_network(NetworkConfig(), seed=3).eval()
    with torch.inference_mode():
        confidence = torch.softmax(network(images(64, 64)), dim=1).max(dim=1).values
    assert confidence.max() < 0.7


def test_batch_norm_takes_a_hundredth_of_each_new_batch() -> None:
    network = build_network(UNTRAINED, seed=0)
    momenta = {m.momentum for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)}
    assert len(momenta) == 1
    assert momenta.pop() == pytest.approx(0.01)


def test_random_weights_depend_on_the_seed_alone_and_leave_the_global_generator_as_it_was() -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first, second, other = (build_network(UNTRAINED, seed) for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    assert network_digest(first) == network_digest(second) != network_digest(other)


def test_the_digest_changes_with_one_weight_and_with_the_working_size() -> None:
    network = build_network(UNTRAINED, seed=1)
    digest = network_digest(network)
    larger = AnomalyNetwork(UNTRAINED.model_copy(update={"image_size": 64}))
    larger.load_state_dict(network.state_dict())
    assert network_digest(larger) != digest
    with torch.no_grad():
        network.head.bias[0] += 1e-3
    assert network_digest(network) != digest


@pytest.mark.parametrize("name", ["efficientnet-b0", "efficientnet-b1"])
def test_the_larger_networks_can_be_built_without_weights(name: str) -> None:
    network = build_network(NetworkConfig(name=name, pretrained=False, image_size=32), seed=0).eval()
    assert network(images()).shape == (4, 2)


def test_weights_that_cannot_be_downloaded_are_a_sentence_that_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise URLError("no network")

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", refuse)  # the network cannot be had here
    with pytest.raises(InputError, match="choose efficientnet-lite0"):
        build_network(NetworkConfig(name="efficientnet-b0"), seed=0)


def test_weight_decay_spares_the_normalisation_parameters_only(paper) -> None:
    network = build_network(UNTRAINED, seed=0)
    decayed, spared = build_optimizer(network, paper.train).param_groups
    names = {id(p): name for name, p in network.named_parameters()}
    assert decayed["weight_decay"] == 7.5e-4
    assert spared["weight_decay"] == 0
    assert all("_bn" in names[id(p)] for p in spared["params"])
    assert not any("_bn" in names[id(p)] for p in decayed["params"])
    assert len(decayed["params"]) + len(spared["params"]) == len(names)


def test_the_average_moves_by_one_minus_the_decay() -> None:
    average, network = (build_network(UNTRAINED, seed) for seed in (1, 2))
    before = average.head.weight.detach().clone()
    update_average(average, network, decay=0.99)
    expected = 0.99 * before + 0.01 * network.head.weight
    np.testing.assert_allclose(average.head.weight.detach(), expected.detach(), rtol=1e-4, atol=1e-7)
