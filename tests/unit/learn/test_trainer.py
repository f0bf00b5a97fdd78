from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from training import CPU, NETWORK, SMALL, make_trainer, rings_and_discs

from anomalymatch_ui.config import Config, NetworkConfig, ThresholdRule, TrainConfig
from anomalymatch_ui.errors import InputError, StorageError
from anomalymatch_ui.learn import (
    StepReport,
    StopTraining,
    Trainer,
    TrainingData,
    build_network,
    load_checkpoint,
    network_digest,
    peek_checkpoint,
    save_checkpoint,
    training_recipe,
)
from anomalymatch_ui.learn.checkpoint import Interruption
from anomalymatch_ui.learn.fixmatch import fixmatch_loss
from anomalymatch_ui.learn.pseudo_labels import PseudoLabeller
from anomalymatch_ui.learn.trainer import average_decay, learning_rate

PAPER = Config.preset("paper")


def stop_after(step: int) -> Callable[[StepReport], None]:
    def stop(report: StepReport) -> None:
        if report.step == step:
            raise StopTraining

    return stop


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"threshold_rule": "free"},
        {"threshold_rule": "soft"},
        {"unlabelled_weight": 0},
        {"teacher": "average"},
    ],
    ids=str,
)
def test_two_runs_with_one_seed_agree_to_the_last_bit_and_another_seed_differs(
    data: TrainingData, settings: dict[str, Any]
) -> None:
    digests = []
    for seed in (1, 1, 2):
        trainer = make_trainer(data, seed=seed, config=SMALL.model_copy(update=settings))
        torch.manual_seed(np.random.default_rng().integers(1 << 30))  # the global generator must not matter
        trainer.run(3)
        digests.append((network_digest(trainer.network), network_digest(trainer.average)))
    assert digests[0] == digests[1]
    assert digests[0][0] != digests[2][0]
    assert digests[0][1] != digests[2][1]


def test_each_step_is_reported_in_turn(data: TrainingData) -> None:
    reports: list[StepReport] = []
    assert make_trainer(data).run(3, [reports.append])
    assert [(report.step, report.total, report.batch) for report in reports] == [
        (1, 3, 16),
        (2, 3, 16),
        (3, 3, 16),
    ]
    assert all(np.isfinite(report.loss) for report in reports)


def test_a_callback_stops_training_after_its_step(data: TrainingData) -> None:
    trainer = make_trainer(data)
    assert not trainer.run(6, [stop_after(2)])
    assert trainer.step == 2


@pytest.mark.parametrize(
    ("train", "network"),
    [
        (TrainConfig(), NETWORK),
        (TrainConfig(threshold_rule="flex"), NETWORK),
        (TrainConfig(threshold_rule="soft", momentum=0), NETWORK),
        (PAPER.train, PAPER.network.model_copy(update={"image_size": 32})),
    ],
    ids=["default", "flex", "soft", "paper"],
)
def test_a_cycle_resumed_from_its_checkpoint_ends_in_the_same_weights(
    data: TrainingData, tmp_path: Path, train: TrainConfig, network: NetworkConfig
) -> None:
    train = train.model_copy(update={"labelled_batch": 8, "unlabelled_batch": 16})  # a step of a second
    whole = make_trainer(data, config=train, network=network, prevalence=0.3)
    assert whole.run(4)
    first = make_trainer(data, config=train, network=network, prevalence=0.3)
    first.run(4, [stop_after(2)])
    path = tmp_path / "current.safetensors"
    save_checkpoint(path, first, steps=4)
    assert peek_checkpoint(path) == Interruption(1, 2, training_recipe(train, seed=1), network, 0)
    saved = load_checkpoint(path)
    assert (saved.cycle, saved.step, saved.steps, saved.finished) == (1, 2, 4, False)
    resumed = Trainer(
        saved.network, saved.average, train, data, device=CPU, seed=1, symmetry="square", prevalence=0.3
    )
    saved.restore(resumed)
    assert resumed.run(4)
    assert network_digest(resumed.network) == network_digest(whole.network) != network_digest(first.network)
    assert network_digest(resumed.average) == network_digest(whole.average) != network_digest(first.average)
    for name, tensor in whole.labeller.state_dict().items():
        assert torch.equal(resumed.labeller.state_dict()[name], tensor)


def test_a_checkpoint_can_be_resumed_from_more_than_once(data: TrainingData, tmp_path: Path) -> None:
    config = SMALL.model_copy(update={"threshold_rule": "flex"})
    first = make_trainer(data, config=config)
    first.run(6, [stop_after(2)])
    save_checkpoint(tmp_path / "current.safetensors", first, steps=6)
    saved = load_checkpoint(tmp_path / "current.safetensors")
    before = {name: tensor.clone() for name, tensor in saved.labeller.items()}
    resumed = make_trainer(data, config=config)
    saved.restore(resumed)
    resumed.run(6)
    assert not torch.equal(resumed.labeller.state_dict()["learnt"], before["learnt"])
    assert all(torch.equal(saved.labeller[name], tensor) for name, tensor in before.items())


@pytest.mark.parametrize("step", [0, 1, 50, 99])
def test_preset_paper_keeps_its_learning_rate_and_its_average_s_decay(step: int) -> None:
    assert learning_rate(PAPER.train, step, 100) == 0.0075
    assert average_decay(PAPER.train, step) == 0.99


def test_the_default_rate_rises_in_five_steps_and_falls_to_a_fifth() -> None:
    rates = [learning_rate(TrainConfig(learning_rate=1, steps=60), step, 60) for step in range(60)]
    assert rates[0] == pytest.approx(1 / 5)
    assert rates[4] == pytest.approx(np.cos(7 * np.pi * 4 / (16 * 60)))
    assert (np.diff(rates[:5]) > 0).all()
    assert (np.diff(rates[4:]) < 0).all()
    assert rates[-1] == pytest.approx(np.cos(7 * np.pi * 59 / (16 * 60)))
    assert rates[-1] == pytest.approx(0.195, abs=0.025)  # cos(7 pi / 16), where the next step would be


def test_the_rate_of_a_step_is_the_optimiser_s(data: TrainingData) -> None:
    trainer = make_trainer(data)
    rates = []
    trainer.run(3, [lambda report: rates.append([group["lr"] for group in trainer.optimizer.param_groups])])
    assert rates == [[learning_rate(SMALL, step, 3)] * 2 for step in range(3)]


def test_the_average_follows_closely_at_first_and_then_as_slowly_as_set() -> None:
    config = TrainConfig(ema_decay=0.8, ema_warmup=True)
    assert average_decay(config, 0) == 1 / 10
    assert average_decay(config, 34) == 35 / 44 < 0.8
    assert average_decay(config, 35) == average_decay(config, 10_000) == 0.8


def test_an_average_that_was_carried_over_is_not_forgotten_by_a_warm_up(data: TrainingData) -> None:
    config = SMALL.model_copy(update={"ema_decay": 0.99, "ema_warmup": True})
    for begun_with, kept in ((0, False), (3, True)):
        average = build_network(NETWORK, 7)
        before = average.head.weight.detach().clone()
        trainer = Trainer(
            build_network(NETWORK, 0), average, config, data, device=CPU, seed=1, begun_with=begun_with
        )
        trainer.run(3)
        moved = (average.head.weight - before).norm() / before.norm()
        assert (moved < 0.1) == kept


def test_without_an_unlabelled_image_only_supervised_training_goes_on(data: TrainingData) -> None:
    nothing_left = TrainingData(data.labelled, data.labels, data.unlabelled[:0])
    with pytest.raises(InputError, match="Every image is labelled"):
        make_trainer(nothing_left)
    supervised = make_trainer(nothing_left, config=SMALL.model_copy(update={"unlabelled_weight": 0.0}))
    assert supervised.run(2)


def test_a_network_that_is_built_meanwhile_does_not_change_what_is_drawn(data: TrainingData) -> None:
    dropout = NETWORK.model_copy(update={"dropout": 0.5})
    alone = make_trainer(data, network=dropout)
    alone.run(3)
    beside = make_trainer(data, network=dropout)
    done = threading.Event()

    def build() -> None:
        while not done.is_set():
            build_network(NETWORK, 5)

    other = threading.Thread(target=build)
    other.start()
    try:
        beside.run(3)
    finally:
        done.set()
        other.join()
    assert network_digest(beside.network) == network_digest(alone.network)


def test_what_the_average_is_sure_of_becomes_the_pseudo_labels(data: TrainingData) -> None:
    config = SMALL.model_copy(update={"teacher": "average", "align": False})
    trainer = make_trainer(data, config=config)
    with torch.no_grad():  # the average is sure that everything is an anomaly, the network of nothing
        trainer.average.head.bias.copy_(torch.tensor([-9.0, 9.0]))
    reports: list[StepReport] = []
    trainer.run(1, [reports.append])
    assert (reports[0].pseudo_label_share, reports[0].pseudo_anomaly_share) == (1, 1)


@pytest.mark.parametrize("rule", ["fixed", "flex", "free", "soft"])
def test_a_pool_smaller_than_the_batch_is_repeated(data: TrainingData, rule: ThresholdRule) -> None:
    few = TrainingData(data.labelled, data.labels, data.unlabelled[:1])
    reports: list[StepReport] = []
    trainer = make_trainer(few, config=SMALL.model_copy(update={"threshold_rule": rule}))
    assert trainer.run(2, [reports.append])
    assert [report.batch for report in reports] == [16, 16]
    assert all(np.isfinite(report.loss) for report in reports)


def test_alignment_holds_down_the_anomalies_among_the_pseudo_labels_of_training(data: TrainingData) -> None:
    shares = {}
    for align in (False, True):
        trainer = make_trainer(data, config=SMALL.model_copy(update={"align": align}), prevalence=0.02)
        with torch.no_grad():
            trainer.network.head.bias[:] = torch.tensor([-2.0, 2.0])  # it calls everything an anomaly
        reports: list[StepReport] = []
        trainer.run(3, [reports.append])
        shares[align] = np.mean([r.pseudo_label_share * r.pseudo_anomaly_share for r in reports])
    assert shares[False] > 0.9
    assert shares[True] < 0.1


def test_what_is_no_number_any_more_ends_training_in_a_sentence(data: TrainingData) -> None:
    trainer = make_trainer(data)
    with torch.no_grad():
        trainer.network.head.bias.fill_(float("nan"))
    with pytest.raises(InputError, match="diverged at step 1.*Lower the learning rate"):
        trainer.run(2)
    assert trainer.step == 0


def test_a_finished_checkpoint_gives_both_networks_back(data: TrainingData, tmp_path: Path) -> None:
    trainer = make_trainer(data, cycle=4)
    trainer.run(2)
    save_checkpoint(tmp_path / "cycle.safetensors", trainer, steps=2)
    saved = load_checkpoint(tmp_path / "cycle.safetensors")
    assert saved.finished
    assert saved.cycle == 4
    assert saved.momentum == {}
    assert network_digest(saved.network) == network_digest(trainer.network)
    assert network_digest(saved.average) == network_digest(trainer.average) != network_digest(trainer.network)


def test_a_damaged_or_foreign_checkpoint_is_a_sentence(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    with pytest.raises(InputError, match="There is no checkpoint"):
        load_checkpoint(tmp_path / "absent.safetensors")
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(b"not a checkpoint")
    with pytest.raises(InputError, match="cannot be read"):
        load_checkpoint(damaged)
    foreign = tmp_path / "foreign.safetensors"
    save_file({"x": np.zeros(1)}, foreign)
    with pytest.raises(InputError, match="not a checkpoint of this version"):
        load_checkpoint(foreign)


def test_a_full_disk_leaves_the_last_checkpoint_as_it_was(data: TrainingData, full_disk: Path) -> None:
    trainer = make_trainer(data)
    path = full_disk / "current.safetensors"
    path.write_bytes(b"the last one")
    with pytest.raises(StorageError, match="Free some space"):
        save_checkpoint(path, trainer, steps=6)
    assert path.read_bytes() == b"the last one"
    assert [file.name for file in full_disk.iterdir()] == ["current.safetensors"]


@pytest.mark.parametrize(("anomalies", "missing"), [(0, "no anomaly"), (4, "no nominal image")])
def test_labels_of_one_class_only_are_a_sentence(anomalies: int, missing: str) -> None:
    pixels = np.zeros((4, 3, 32, 32), np.uint8)
    with pytest.raises(InputError, match=missing):
        TrainingData(pixels, np.arange(4) < anomalies, pixels)


def test_the_loss_counts_confident_pseudo_labels_only_and_teaches_the_strong_view_only() -> None:
    labelled = torch.tensor([[2.0, -2.0], [-1.0, 1.0]], requires_grad=True)
    weak = torch.tensor([[-4.0, 4.0], [0.1, 0.0], [3.0, -3.0], [0.0, 1.0]], requires_grad=True)
    strong = torch.zeros(4, 2, requires_grad=True)
    pseudo = PseudoLabeller("fixed", 0.95, None, 4, CPU).label(weak, torch.arange(4))
    loss = fixmatch_loss(labelled, torch.tensor([0, 1]), strong, pseudo, weight=1.0)
    assert loss.pseudo_label_share == 0.5
    assert loss.pseudo_anomaly_share == 0.5
    assert float(loss.unlabelled) == pytest.approx(np.log(2) * 2 / 4)  # two of four, over all four
    assert float(loss.total.detach()) == pytest.approx(float(loss.supervised + loss.unlabelled))
    loss.total.backward()
    assert weak.grad is None
    assert strong.grad is not None
    assert (strong.grad[[0, 2]] != 0).all()
    assert (strong.grad[[1, 3]] == 0).all()


@pytest.mark.parametrize(
    ("config", "network"),
    [
        (TrainConfig(), NetworkConfig()),
        (TrainConfig(teacher="average"), NetworkConfig()),
        (PAPER.train, PAPER.network),
    ],
    ids=["default", "taught by the average", "paper"],
)
def test_training_learns_to_tell_rings_from_discs(config: TrainConfig, network: NetworkConfig) -> None:
    data = rings_and_discs()
    trainer = Trainer(
        build_network(network, 0),
        None,
        config.model_copy(update={"labelled_batch": 8, "unlabelled_batch": 4}),
        data,
        device=CPU,
        seed=0,
        symmetry="square",
        prevalence=0.5,
    )
    trainer.run(25)
    with torch.inference_mode():
        margins = trainer.average(torch.from_numpy(data.unlabelled).float() / 255).diff(dim=1).squeeze(1)
    assert margins[:20].min() > margins[20:].max()
