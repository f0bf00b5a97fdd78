from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from checkpoints import make_checkpoint
from safetensors import safe_open
from safetensors.torch import save_file

from anomalymatch_ui.config import Config, NetworkConfig, NetworkName
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.evaluate.report import config_settings, open_report
from anomalymatch_ui.learn import (
    backbone_digest,
    build_network,
    frozen_digest,
    load_checkpoint,
    network_digest,
    peek_checkpoint,
)
from anomalymatch_ui.learn.fused import fused_for_inference

SMALL = NetworkConfig(image_size=32)
UNIT = SMALL.model_copy(update={"input_range": "unit"})


def images() -> torch.Tensor:
    return torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def seen_by_stem(config: NetworkConfig, shown: torch.Tensor) -> torch.Tensor:
    """What the first convolution of a network gets."""
    network, seen = build_network(config, 0).eval(), []
    network.backbone._conv_stem.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    network.features(shown)
    return seen[0]


def kept_before_there_was_a_choice(path: Path) -> Path:
    """A checkpoint as earlier versions wrote it, whose settings say nothing of the range."""
    with safe_open(make_checkpoint(path), framework="pt") as file:
        metadata = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no dict
    network = json.loads(metadata["network"])
    del network["input_range"]
    del metadata["digest"]
    save_file(tensors, path, {**metadata, "network": json.dumps(network)})
    return path


@pytest.mark.parametrize("name", ["efficientnet-lite0", "efficientnet-lite2"])
def test_the_lite_ones_see_pixels_as_their_weights_were_trained(name: NetworkName) -> None:
    pixels = torch.arange(256).view(1, 1, 16, 16).repeat(1, 3, 2, 2)
    config = SMALL.model_copy(update={"name": name})
    torch.testing.assert_close(seen_by_stem(config, pixels / 255), (pixels - 127) / 128, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", ["efficientnet-b0", "efficientnet-b4"])
def test_the_other_backbones_see_imagenet_s_mean_and_deviation(name: NetworkName) -> None:
    config = NetworkConfig(name=name, pretrained=False, image_size=32)
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    shown = (mean + 2 * deviation).view(1, 3, 1, 1).expand(1, 3, 32, 32)
    torch.testing.assert_close(seen_by_stem(config, shown), torch.full((1, 3, 32, 32), 2.0))


def test_the_published_method_sees_images_between_0_and_1(paper: Config) -> None:
    assert paper.network.input_range == "unit"
    torch.testing.assert_close(seen_by_stem(UNIT, images()), images(), rtol=0, atol=0)


@pytest.mark.parametrize("frozen_blocks", [0, 9])
def test_a_fused_network_scales_as_the_network_does(frozen_blocks: int) -> None:
    network = build_network(SMALL.model_copy(update={"frozen_blocks": frozen_blocks}), 0).eval()
    fused = fused_for_inference(network)
    torch.testing.assert_close(fused.features(images()), network.features(images()), rtol=1e-4, atol=1e-4)


def test_images_keep_their_number_format() -> None:
    assert build_network(SMALL, 0).scaling(images().bfloat16()).dtype == torch.bfloat16


def test_a_network_that_sees_images_otherwise_has_another_name() -> None:
    networks = [build_network(config, 0) for config in (SMALL, UNIT)]
    for digest in (network_digest, backbone_digest, frozen_digest):
        assert digest(networks[0]) != digest(networks[1])


def test_a_network_of_before_there_was_a_choice_keeps_its_name() -> None:
    record = json.loads(UNIT.record())
    assert "input_range" not in record
    assert NetworkConfig.of_record(record) == UNIT
    assert json.loads(SMALL.record())["input_range"] == "backbone"


def test_an_old_checkpoint_scores_as_it_was_trained(tmp_path: Path) -> None:
    path = kept_before_there_was_a_choice(tmp_path / "old.safetensors")
    network = load_checkpoint(path).average
    assert peek_checkpoint(path).network.input_range == network.config.input_range == "unit"
    as_trained = build_network(network.config, 0).eval()
    as_trained.load_state_dict(network.state_dict())
    torch.testing.assert_close(network.eval()(images()), as_trained(images()))


def test_old_settings_follow_the_default_but_the_published_method_stays_as_it_was(tmp_path: Path) -> None:
    for preset, expected in (("default", "backbone"), ("paper", "unit")):
        path = tmp_path / f"{preset}.toml"
        Config.preset(preset).save(path)
        lines = [line for line in path.read_text().splitlines() if not line.startswith("input_range")]
        path.write_text("\n".join(lines))
        assert Config.load(path).network.input_range == expected


def test_results_of_before_are_not_mixed_with_those_of_another_range(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    config = config_settings(Config.preset("embedding"))
    del config["network"]["input_range"]
    path.write_text(json.dumps({"config": config, "seeds": []}))
    with pytest.raises(InputError, match="another config"):
        open_report(path, {"config": config_settings(Config.preset("embedding"))})
    unit = Config.preset("embedding").with_values(network={"input_range": "unit"})
    assert open_report(path, {"config": config_settings(unit)})["seeds"] == []
