"""Training where memory is short, and where the batches come from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from training import CPU, NETWORK, SMALL, make_trainer

from anomalymatch_ui.config import ThresholdRule
from anomalymatch_ui.learn import (
    AnomalyNetwork,
    StepReport,
    Trainer,
    TrainingData,
    load_checkpoint,
    save_checkpoint,
)
from anomalymatch_ui.learn.data import BatchSampler
from anomalymatch_ui.learn.device import is_out_of_memory
from anomalymatch_ui.learn.randomness import seeded


class SmallMemory(AnomalyNetwork):
    """A network on a device whose memory holds eight images."""

    def logits_of_maps(self, maps: torch.Tensor) -> torch.Tensor:
        if len(maps) > 8:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return super().logits_of_maps(maps)


def test_out_of_memory_halves_the_batch_and_goes_on(data: TrainingData) -> None:
    reports: list[StepReport] = []
    trainer = Trainer(SmallMemory(NETWORK), None, SMALL, data, device=CPU, seed=1)
    assert trainer.run(2, [reports.append])
    assert [report.batch for report in reports] == [8, 8]  # 4 + 2 * 6, then 2 + 2 * 3


class FullOnce(AnomalyNetwork):
    """A network on a device whose memory is used up when the first step looks back."""

    def logits_of_maps(self, maps: torch.Tensor) -> torch.Tensor:
        logits = super().logits_of_maps(maps)
        if not hasattr(self, "was_full") and logits.requires_grad:
            self.was_full = True
            logits.register_hook(self._fill)
        return logits

    def _fill(self, _: torch.Tensor) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")


@pytest.mark.parametrize("rule", ["fixed", "flex", "free", "soft"])
def test_a_batch_that_did_not_fit_leaves_no_trace(rule: ThresholdRule, data: TrainingData) -> None:
    config = SMALL.model_copy(update={"threshold_rule": rule, "align": True, "confidence_threshold": 0.5})
    full, spared = (
        Trainer(seeded_network(kind), None, config, data, device=CPU, seed=1)
        for kind in (FullOnce, AnomalyNetwork)
    )
    spared.batches = 2, 3
    assert full.run(2)
    assert spared.run(2)
    assert full.batches == (2, 3)
    for name, value in spared.network.state_dict().items():
        torch.testing.assert_close(full.network.state_dict()[name], value, rtol=0, atol=0)
    for name, value in spared.labeller.state_dict().items():
        torch.testing.assert_close(full.labeller.state_dict()[name], value, rtol=0, atol=0)


@pytest.mark.parametrize("step", [1, 3])
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_a_step_that_did_not_fit_is_taken_back_and_taken_with_half_the_batch(
    optimizer: str, step: int, data: TrainingData, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = SMALL.model_copy(update={"optimizer": optimizer})
    full, spared = (
        Trainer(seeded_network(AnomalyNetwork), None, config, data, device=CPU, seed=1) for _ in range(2)
    )
    for trainer in (full, spared):
        assert trainer.run(step - 1)
    take, tried = full.optimizer.step, []

    def break_off() -> None:
        tried.append(full.batches)
        take()  # part of the weights have moved when the memory is used up, here all
        if len(tried) == 1:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    monkeypatch.setattr(full.optimizer, "step", break_off)
    spared.batches = 2, 3
    assert full.run(step + 1)
    assert spared.run(step + 1)
    assert tried == [(4, 6), (2, 3), (2, 3)]
    for one, other in ((full.network, spared.network), (full.average, spared.average)):
        for name, value in other.state_dict().items():
            torch.testing.assert_close(one.state_dict()[name], value, rtol=0, atol=0)


def test_an_optimizer_that_fits_no_batch_says_so(data: TrainingData, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = make_trainer(data)

    def refuse() -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(trainer.optimizer, "step", refuse)
    with pytest.raises(torch.OutOfMemoryError):
        trainer.run(1)
    assert trainer.batches[1] == 1


def seeded_network(kind: type[AnomalyNetwork]) -> AnomalyNetwork:
    with seeded(0):
        return kind(NETWORK)


def test_a_cycle_goes_on_with_the_batch_its_device_had_room_for(data: TrainingData, tmp_path: Path) -> None:
    trainer = make_trainer(data)
    trainer.batches = 2, 3
    trainer.run(1)
    save_checkpoint(tmp_path / "current.safetensors", trainer, steps=6)
    resumed = make_trainer(data)
    load_checkpoint(tmp_path / "current.safetensors").restore(resumed)
    assert resumed.batches == (2, 3)


@pytest.mark.parametrize(
    "said",
    [
        "CUDA out of memory. Tried to allocate 2.00 GiB",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
        "MPS backend out of memory (MPS allocated: 9.00 GB)",
    ],
)
def test_memory_that_is_used_up_is_known_by_what_libraries_say(said: str) -> None:
    assert is_out_of_memory(RuntimeError(said))
    assert not is_out_of_memory(RuntimeError("CUDNN_STATUS_EXECUTION_FAILED"))


def test_a_seed_is_for_the_processor_and_the_device_in_use_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def of_all(seed: int) -> None:
        pytest.fail("the generators of all devices were seeded")

    monkeypatch.setattr("torch.cuda.manual_seed_all", of_all)
    monkeypatch.setattr("torch.manual_seed", of_all)
    before = torch.get_rng_state()
    with seeded(5):
        first = torch.rand(3)
    with seeded(5, CPU):
        assert torch.equal(torch.rand(3), first)
    assert torch.equal(torch.get_rng_state(), before)


def test_an_error_that_is_not_about_memory_is_not_swallowed(data: TrainingData) -> None:
    class Broken(AnomalyNetwork):
        def logits_of_maps(self, maps: torch.Tensor) -> torch.Tensor:
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
    rows, images = sampler.unlabelled(30, generator)
    assert sorted(rows.tolist()) == list(range(30))
    np.testing.assert_array_equal(images, data.unlabelled[rows])
    rows, images = sampler.unlabelled(75, generator)
    assert set(rows.bincount().tolist()) == {2, 3}
    np.testing.assert_array_equal(images, data.unlabelled[rows])
