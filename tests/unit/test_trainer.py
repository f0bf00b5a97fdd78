from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from anomalymatch_ui.config import NetworkConfig, TrainConfig
from anomalymatch_ui.errors import InputError, StorageError
from anomalymatch_ui.learn import (
    AnomalyNetwork,
    StepReport,
    StopTraining,
    Trainer,
    TrainingData,
    build_network,
    load_checkpoint,
    network_digest,
    save_checkpoint,
)
from anomalymatch_ui.learn.data import BatchSampler
from anomalymatch_ui.learn.fixmatch import fixmatch_loss

CPU = torch.device("cpu")
NETWORK = NetworkConfig(pretrained=False, image_size=32)
SMALL = TrainConfig(steps=6, labelled_batch=4, unlabelled_batch=6)


@pytest.fixture
def data() -> TrainingData:
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (40, 3, 32, 32), dtype=np.uint8)
    return TrainingData(pixels[:10], np.arange(10) < 3, pixels[10:])


def make_trainer(
    data: TrainingData, *, seed: int = 1, cycle: int = 1, config: TrainConfig = SMALL
) -> Trainer:
    return Trainer(build_network(NETWORK, 0), None, config, data, device=CPU, seed=seed, cycle=cycle)


def test_two_runs_with_one_seed_agree_to_the_last_bit_and_another_seed_differs(data: TrainingData) -> None:
    digests = []
    for seed in (1, 1, 2):
        trainer = make_trainer(data, seed=seed)
        torch.manual_seed(np.random.default_rng().integers(1 << 30))  # the global generator must not matter
        trainer.run(3)
        digests.append((network_digest(trainer.network), network_digest(trainer.average)))
    assert digests[0] == digests[1] != digests[2]


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

    def stop_at_two(report: StepReport) -> None:
        if report.step == 2:
            raise StopTraining

    assert not trainer.run(6, [stop_at_two])
    assert trainer.step == 2


def test_a_cycle_resumed_from_its_checkpoint_ends_in_the_same_weights(
    data: TrainingData, tmp_path: Path
) -> None:
    whole = make_trainer(data)
    whole.run(6)
    first = make_trainer(data)
    first.run(3)
    save_checkpoint(tmp_path / "current.safetensors", first, steps=6)
    saved = load_checkpoint(tmp_path / "current.safetensors")
    assert (saved.cycle, saved.step, saved.steps, saved.finished) == (1, 3, 6, False)
    resumed = Trainer(saved.network, saved.average, SMALL, data, device=CPU, seed=1, cycle=1)
    saved.restore(resumed)
    resumed.run(6)
    assert network_digest(resumed.network) == network_digest(whole.network)
    assert network_digest(resumed.average) == network_digest(whole.average)


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


class SmallMemory(AnomalyNetwork):
    """A network on a device whose memory holds eight images."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        if len(images) > 8:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return super().forward(images)


def test_out_of_memory_halves_the_batch_and_goes_on(data: TrainingData) -> None:
    reports: list[StepReport] = []
    trainer = Trainer(SmallMemory(NETWORK), None, SMALL, data, device=CPU, seed=1)
    assert trainer.run(2, [reports.append])
    assert [report.batch for report in reports] == [8, 8]  # 4 + 2 * 6, then 2 + 2 * 3


def test_an_error_that_is_not_about_memory_is_not_swallowed(data: TrainingData) -> None:
    class Broken(AnomalyNetwork):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            raise RuntimeError("something else")

    with pytest.raises(RuntimeError, match="something else"):
        Trainer(Broken(NETWORK), None, SMALL, data, device=CPU, seed=1).run(1)


def test_labelled_batches_hold_as_many_anomalies_as_nominals(data: TrainingData) -> None:
    sampler = BatchSampler(data)
    generator = torch.Generator().manual_seed(0)
    images, classes = sampler.labelled(16, generator)
    assert classes.sum() == 8
    anomalies = {image.tobytes() for image in data.labelled[data.labels]}
    assert [image.numpy().tobytes() in anomalies for image in images] == classes.bool().tolist()


def test_an_unlabelled_batch_repeats_no_image_unless_the_pool_is_smaller(data: TrainingData) -> None:
    sampler = BatchSampler(data)
    generator = torch.Generator().manual_seed(0)
    assert len(sampler.unlabelled(30, generator).flatten(1).unique(dim=0)) == 30
    larger = sampler.unlabelled(75, generator)
    assert len(larger) == 75
    assert len(larger.flatten(1).unique(dim=0)) == 30


@pytest.mark.parametrize(("anomalies", "missing"), [(0, "no anomaly"), (4, "no nominal image")])
def test_labels_of_one_class_only_are_a_sentence(anomalies: int, missing: str) -> None:
    pixels = np.zeros((4, 3, 32, 32), np.uint8)
    with pytest.raises(InputError, match=missing):
        TrainingData(pixels, np.arange(4) < anomalies, pixels)


def test_the_loss_counts_confident_pseudo_labels_only_and_teaches_the_strong_view_only() -> None:
    labelled = torch.tensor([[2.0, -2.0], [-1.0, 1.0]], requires_grad=True)
    weak = torch.tensor([[-4.0, 4.0], [0.1, 0.0], [3.0, -3.0], [0.0, 1.0]], requires_grad=True)
    strong = torch.zeros(4, 2, requires_grad=True)
    loss = fixmatch_loss(labelled, torch.tensor([0, 1]), weak, strong, threshold=0.95, weight=1.0)
    assert loss.pseudo_label_share == 0.5
    assert loss.pseudo_anomaly_share == 0.5
    assert float(loss.unlabelled) == pytest.approx(np.log(2) * 2 / 4)  # two of four, over all four
    assert float(loss.total.detach()) == pytest.approx(float(loss.supervised + loss.unlabelled))
    loss.total.backward()
    assert weak.grad is None
    assert strong.grad is not None
    assert (strong.grad[[0, 2]] != 0).all()
    assert (strong.grad[[1, 3]] == 0).all()


def test_training_learns_to_tell_rings_from_discs() -> None:
    random = np.random.default_rng(0)
    y, x = np.mgrid[:64, :64]

    def draw(ring: bool) -> np.ndarray:
        radius = np.hypot(y - random.uniform(24, 40), x - random.uniform(24, 40))
        profile = np.exp(-np.square(radius - 14 * ring) / 18)
        return np.repeat((255 * profile).astype(np.uint8)[None], 3, axis=0)

    rings, discs = (np.stack([draw(ring) for _ in range(24)]) for ring in (True, False))
    data = TrainingData(
        np.concatenate([rings[:4], discs[:4]]), np.arange(8) < 4, np.concatenate([rings[4:], discs[4:]])
    )
    config = TrainConfig(labelled_batch=8, unlabelled_batch=4)
    trainer = Trainer(build_network(NetworkConfig(), 0), None, config, data, device=CPU, seed=0)
    trainer.run(25)
    with torch.inference_mode():
        margins = trainer.average(torch.from_numpy(data.unlabelled).float() / 255).diff(dim=1).squeeze(1)
    assert margins[:20].min() > margins[20:].max()
