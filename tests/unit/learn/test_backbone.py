"""Backbones of every kind, and of images of 1 to 16 bands."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from anomalymatch_ui.config import Config, NetworkConfig
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.learn import (
    Adapter,
    backbone_digest,
    build_network,
    fused_for_inference,
    network_digest,
)
from anomalymatch_ui.learn.stem import colours_of

LITE = NetworkConfig(image_size=64)
EFFICIENTNETS = (LITE, NetworkConfig(name="efficientnet-b0", image_size=64, pretrained=False))
TIMM = tuple(
    NetworkConfig(name=f"timm:{name}", image_size=64, pretrained=False)
    for name in ("test_vit", "test_convnext", "test_resnet", "test_mambaout")
)
"""A transformer, a convolutional network with and one without normalisation by the batch, and one whose
features have their channels last."""

BACKBONES = (*EFFICIENTNETS, *TIMM)
"""One of each kind: a new kind goes here."""

ROUNDING = (50 * 1000) ** 0.5 * torch.finfo(torch.float32).eps
"""Relative error of fifty layers of sums of a thousand terms, which add up as a random walk."""


def images(count: int = 3, bands: int = 3) -> torch.Tensor:
    return torch.rand(count, bands, 64, 64, generator=torch.Generator().manual_seed(0))


def named(config: NetworkConfig) -> str:
    return config.name


@pytest.mark.parametrize("config", BACKBONES, ids=named)
def test_a_grey_image_has_the_same_features_in_any_number_of_bands(config: NetworkConfig) -> None:
    grey = images(bands=1)
    with torch.no_grad():
        expected = build_network(config, 0).eval().features(grey.expand(-1, 3, -1, -1))
        for bands in (1, 2, 3, 5, 16):
            network = build_network(config, 0, bands).eval()
            found = network.features(grey.expand(-1, bands, -1, -1))
            assert (found - expected).norm() < ROUNDING * expected.norm()


@pytest.mark.parametrize("config", [LITE, TIMM[1]], ids=named)
def test_every_band_counts_and_their_order_matters(config: NetworkConfig) -> None:
    for bands in (2, 5):
        network = build_network(config, 0, bands).eval()
        shown = images(bands=bands)
        with torch.no_grad():
            features = network.features(shown)
            for band in range(bands):
                darker = shown.clone()
                darker[:, band] = 0
                assert not torch.allclose(network.features(darker), features)
            assert not torch.allclose(network.features(shown.flip(1)), features)


def test_bands_are_shared_out_among_the_colours_from_red_to_blue() -> None:
    assert colours_of(3) == (0, 1, 2)
    assert colours_of(4) == (0, 0, 1, 2)
    assert [colours_of(16).count(colour) for colour in range(3)] == [6, 5, 5]
    for bands in range(3, 17):
        assert len(colours_of(bands)) == bands
        assert set(colours_of(bands)) == {0, 1, 2}


def test_networks_of_other_bands_have_other_names() -> None:
    networks = [build_network(LITE, 0, bands) for bands in (1, 2, 3, 5)]
    for digest in (network_digest, backbone_digest):
        assert len({digest(network) for network in networks}) == len(networks)


@pytest.mark.parametrize("config", BACKBONES, ids=named)
def test_a_network_is_trained_from_its_frozen_blocks_on(config: NetworkConfig) -> None:
    network = build_network(config, 0, bands=5)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    optimizer = torch.optim.SGD([p for p in network.parameters() if p.requires_grad], lr=0.5)
    for _ in range(2):
        logits = network.train()(images(4, bands=5))
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(logits, torch.tensor([0, 1, 0, 1])).backward()
        optimizer.step()
    frozen = {name for name, parameter in network.named_parameters() if not parameter.requires_grad}
    stem = next(name for name, parameter in network.named_parameters() if parameter.shape[1:2] == (5,))
    assert stem in frozen
    for name, tensor in network.state_dict().items():
        if name in frozen:
            assert torch.equal(tensor, before[name]), name
    changed = [n for n, p in network.named_parameters() if p.requires_grad and not torch.equal(p, before[n])]
    assert any(name.startswith("backbone.") for name in changed)
    # Whatever is frozen, the maps of the block before the first one that learns stay as they were.
    block = min(config.frozen_blocks, network._stages.blocks - 1) - 1
    unchanged = build_network(config, 0, bands=5).eval()
    with torch.no_grad():
        (now,), (then,) = (one.eval().stages(images(bands=5), [block]) for one in (network, unchanged))
    assert torch.equal(now, then)


@pytest.mark.parametrize("config", BACKBONES, ids=named)
def test_stages_have_the_channels_that_are_said(config: NetworkConfig) -> None:
    network = build_network(config, 0).eval()
    layers = [*range(network._stages.blocks), "last"]
    with torch.no_grad():
        together = network.stages(images(), layers)
        for layer, maps in zip(layers, together, strict=True):
            assert maps.dim() == 4
            assert maps.shape[-1] == maps.shape[-2]
            assert maps.shape[1] == network.channels(layer)
            torch.testing.assert_close(network.stages(images(), [layer])[0], maps)
        torch.testing.assert_close(together[-1].mean(dim=(2, 3)), network.features(images()))
    with pytest.raises(InputError, match=f"{config.name} has no block 99: its blocks are 0 to "):
        network.channels(99)


def test_a_copy_of_a_timm_network_computes_by_its_own_weights() -> None:
    network = build_network(TIMM[1], 0).eval()
    fused = fused_for_inference(network)
    expected = network.forward_with_features(images())[1]
    torch.testing.assert_close(fused.forward_with_features(images())[1], expected)
    with torch.no_grad():
        for parameter in fused.parameters():
            parameter.zero_()
    assert torch.equal(network.forward_with_features(images())[1], expected)


def test_weights_of_timm_are_read_from_a_folder(tmp_path: Path) -> None:
    import timm

    timm.models.save_for_hf(timm.create_model("test_convnext"), tmp_path / "model")
    config = NetworkConfig(name=f"timm:local-dir:{tmp_path / 'model'}", image_size=64)
    first, second = (build_network(config, seed) for seed in (0, 1))
    assert backbone_digest(first) == backbone_digest(second)
    assert backbone_digest(first) != backbone_digest(build_network(TIMM[1], 0))


def test_weights_that_a_hub_cannot_give_are_a_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    for name in ("timm:test_vit", "timm:hf-hub:mwalmsley/zoobot-encoder-convnext_nano"):
        with pytest.raises(InputError, match=rf"^The weights of {name} are not on this machine .*local-dir"):
            build_network(NetworkConfig(name=name, image_size=64), seed=0)


@pytest.mark.parametrize(
    ("name", "size", "sentence"),
    [
        ("timm:no_such_model", 64, r"timm cannot build the model timm:no_such_model \(Unknown model"),
        ("timm:test_vit.no_such_tag", 64, "Invalid pretrained tag"),
        ("timm:test_vit", 40, "cannot take images of 40 pixels|cannot build the model"),
    ],
)
def test_what_timm_refuses_is_a_sentence(name: str, size: int, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        build_network(NetworkConfig(name=name, image_size=size, pretrained=False), seed=0)


def test_without_timm_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(InputError, match=r"pip install 'anomalymatch-ui\[timm\]'"):
        build_network(TIMM[0], seed=0)


def test_a_name_that_is_no_backbone_is_refused_with_the_settings() -> None:
    with pytest.raises(InputError, match=r"Cannot use network.name in .*: it is one of .*not 'resnet18'"):
        Config().with_values(network={"name": "resnet18"})
    assert Config().with_assignment("network.name=timm:resnet18").network.name == "timm:resnet18"


def test_an_encoder_of_timm_is_not_adapted() -> None:
    pixels = (255 * images(300)).to(torch.uint8).numpy()
    with pytest.raises(InputError, match="only EfficientNets can"):
        Adapter(build_network(TIMM[1], 0), pixels, Config().adapt, device=torch.device("cpu"), seed=0)
