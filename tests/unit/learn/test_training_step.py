"""What a training step looks at, and what it learns from."""

from __future__ import annotations

from functools import partial
from typing import Literal

import pytest
import torch
from scoring import NUMBER_FORMATS
from training import CPU, NETWORK, SMALL, make_trainer, rings_and_discs

from anomalymatch_ui.config import NetworkConfig, NumberFormat, RuntimeName, TrainConfig
from anomalymatch_ui.learn import AnomalyNetwork, StepReport, Trainer, TrainingData, build_network
from anomalymatch_ui.learn.fused import maps_in_parts
from anomalymatch_ui.learn.openvino_graph import openvino


class Counting(AnomalyNetwork):
    """A network that remembers how many images it was given at a time, and how many it did not learn from."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__(config)
        self.batches: list[int] = []
        self.unlearnt: list[int] = []

    def logits_of_maps(self, maps: torch.Tensor) -> torch.Tensor:
        (self.batches if torch.is_grad_enabled() else self.unlearnt).append(len(maps))
        return super().logits_of_maps(maps)


def test_without_an_unlabelled_loss_no_unlabelled_image_is_seen_and_training_goes_on() -> None:
    config = TrainConfig(labelled_batch=8, unlabelled_weight=0)
    network = Counting(NetworkConfig())
    network.load_state_dict(build_network(NetworkConfig(), 0).state_dict())
    reports: list[StepReport] = []
    Trainer(network, None, config, rings_and_discs(), device=CPU, seed=0).run(10, [reports.append])
    assert network.batches == [8] * 10
    assert {report.batch for report in reports} == {8}
    assert {(report.pseudo_label_share, report.unlabelled_loss) for report in reports} == {(0, 0)}
    assert all(report.loss == report.supervised_loss for report in reports)
    assert reports[-1].loss < reports[0].loss / 2


def test_the_average_teaches_without_a_backward_pass_of_what_it_answers() -> None:
    config = TrainConfig(labelled_batch=8, unlabelled_batch=6, teacher="average", ema_decay=0.0)
    network = Counting(NetworkConfig())
    network.load_state_dict(build_network(NetworkConfig(), 0).state_dict())
    reports: list[StepReport] = []
    trainer = Trainer(network, None, config, rings_and_discs(), device=CPU, seed=0)
    trainer.average.unlearnt = []
    trainer.run(3, [reports.append])
    assert network.batches == [8 + 6] * 3
    assert network.unlearnt == []
    assert trainer.average.unlearnt == [6] * 3
    assert {report.batch for report in reports} == {14}
    assert trainer.average.training is False


@pytest.mark.parametrize(
    ("batch_norm", "learnt", "unlearnt"), [("frozen", [8 + 6] * 2, [6] * 2), ("batch", [8 + 6 + 6] * 2, [])]
)
def test_weak_views_take_a_backward_pass_only_where_the_batch_s_statistics_are_theirs_too(
    batch_norm: Literal["frozen", "batch"], learnt: list[int], unlearnt: list[int]
) -> None:
    network = Counting(NetworkConfig(batch_norm=batch_norm))
    config = TrainConfig(labelled_batch=8, unlabelled_batch=6)
    Trainer(network, None, config, rings_and_discs(), device=CPU, seed=0).run(2)
    assert (network.batches, network.unlearnt) == (learnt, unlearnt)


@pytest.mark.parametrize(("frozen_blocks", "runtime"), [(0, "torch"), (9, "torch"), (9, "openvino")])
@pytest.mark.parametrize("number_format", NUMBER_FORMATS)
def test_a_step_learns_what_one_pass_of_all_its_images_would_teach(
    number_format: NumberFormat,
    frozen_blocks: int,
    runtime: RuntimeName,
    data: TrainingData,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if runtime == "openvino":
        skip_without_openvino()
    multiply_in(number_format, monkeypatch)
    config = NETWORK.model_copy(update={"frozen_blocks": frozen_blocks, "dropout": 0})
    losses, gradients = [], []
    for whole in (False, True):
        network = build_network(config, 3)
        trainer = Trainer(network, None, SMALL, data, device=CPU, seed=1, runtime=runtime)
        by_openvino = runtime == "openvino" and number_format == "float32"
        assert trainer.runtime.name.startswith("OpenVINO" if by_openvino else "torch")
        if whole:
            monkeypatch.setattr(trainer, "_answers", partial(answers_in_one_pass, trainer, number_format))
        reports: list[StepReport] = []
        trainer.run(1, [reports.append])
        losses.append(reports[0].loss)
        gradients.append(gradients_of(trainer.network))
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)
    assert gradients[0].keys() == gradients[1].keys()
    for name, gradient in gradients[0].items():
        difference = (gradient - gradients[1][name]).norm() / gradients[1][name].norm()
        assert difference < 1e-2, name


def skip_without_openvino() -> None:
    try:
        openvino()
    except ImportError as error:
        pytest.skip(f"OpenVINO cannot be loaded: {error}")


def multiply_in(number_format: NumberFormat, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a trainer take this machine for one that multiplies bfloat16, or for one that does not."""
    monkeypatch.setattr(
        "anomalymatch_ui.learn.trainer.multiplies_bfloat16", lambda _device: number_format == "bfloat16"
    )


def answers_in_one_pass(
    trainer: Trainer, number_format: NumberFormat, views: list[torch.Tensor]
) -> list[torch.Tensor]:
    images = torch.cat(views)
    if number_format == "float32":
        maps = trainer.network.frozen_maps(images)
    else:  # the trainer folds normalisation into its frozen convolutions, so that other weights are rounded
        maps = maps_in_parts(trainer._frozen, images.contiguous(memory_format=torch.channels_last))
    logits = trainer.network.logits_of_maps(maps).float()
    return [logits[:4], logits[4:10], logits[10:]]


def gradients_of(network: AnomalyNetwork) -> dict[str, torch.Tensor]:
    named = [(name, p.grad) for name, p in network.named_parameters() if p.requires_grad]
    assert all(gradient is not None and gradient.any() for _, gradient in named)
    return {name: gradient for name, gradient in named if gradient is not None}


def test_in_bfloat16_every_weight_learns_though_the_same_network_taught_before(
    data: TrainingData, monkeypatch: pytest.MonkeyPatch
) -> None:
    multiply_in("bfloat16", monkeypatch)
    trainer = make_trainer(data)
    trainer.run(1)
    assert gradients_of(trainer.network)
    # A cast that is kept from a pass without gradients has none (pytorch issue 112583).
    with trainer._autocast():
        assert not torch.is_autocast_cache_enabled()
