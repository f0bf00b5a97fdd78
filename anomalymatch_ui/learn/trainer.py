"""The one training loop. It reports to callbacks and knows no thread, file or widget."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Generator, Tensor, nn

from anomalymatch_ui.config import Layer, RuntimeName, Symmetry, TrainConfig
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.learn.augment import strong_augment, weak_augment
from anomalymatch_ui.learn.data import BatchSampler, TrainingData
from anomalymatch_ui.learn.device import compute_reproducibly, is_out_of_memory, multiplies_bfloat16
from anomalymatch_ui.learn.fixmatch import FixMatchLoss, fixmatch_loss
from anomalymatch_ui.learn.fused import fused_frozen_part, maps_in_parts
from anomalymatch_ui.learn.network import AnomalyNetwork
from anomalymatch_ui.learn.pseudo_labels import PseudoLabeller
from anomalymatch_ui.learn.randomness import seeded, step_randomness
from anomalymatch_ui.learn.runtime import choose_runtime
from anomalymatch_ui.learn.science import science_augment, weak_symmetry_augment
from anomalymatch_ui.learn.undo import Undo
from anomalymatch_ui.learn.verdict import Runtime

ASSUMED_PREVALENCE = 0.03
"""Share of anomalies that pseudo-labels are aligned to where nobody has given one.

Higher than the usual 1 %: too high costs a few wrong pseudo-labels, too low silences the few right ones.
"""

WARM_UP_STEPS = 5
"""Steps over which a cosine schedule rises to its rate: the head is right, the rest not used to it."""


class StopTraining(Exception):
    """Raised by a callback to end training after the step it was told of."""


@dataclass(frozen=True, slots=True)
class StepReport:
    """One finished step; ``step`` counts from 1.

    The shares are those of :class:`~anomalymatch_ui.learn.fixmatch.FixMatchLoss`; ``batch`` is the
    number of views that the network in training answers, which shrinks when the device's memory is used up.
    """

    step: int
    total: int
    loss: float
    supervised_loss: float
    unlabelled_loss: float
    pseudo_label_share: float
    pseudo_anomaly_share: float
    batch: int
    seconds: float


Callback = Callable[[StepReport], None]


class Trainer:
    """Trains a network by FixMatch and keeps the moving average of its weights.

    Every step draws its random numbers from ``(seed, cycle, step)`` alone, so a cycle that is stopped
    and resumed ends in the same weights as one that ran through.

    Parameters
    ----------
    network
        The network to train; it is moved to ``device`` and changed in place.
    average
        Its moving average from an earlier cycle, which gives the scores; ``None`` starts from ``network``.
    config
        Batch sizes, learning rate and the rest.
    data
        The images of this cycle.
    device
        Where to train.
    seed, cycle
        Seed and cycle of everything drawn at random.
    symmetry
        Which turns and reflections leave the meaning of an image unchanged.
    prevalence
        Share of anomalies that pseudo-labels are aligned to, where the settings align them.
    begun_with
        The cycle whose weights this one began with, and whose average is not to be forgotten by a warm-up;
        0 for the pretrained ones.
    runtime
        What computes the frozen blocks on a CPU; those that multiply in bfloat16 are torch's.

    Attributes
    ----------
    step
        Steps done in this cycle.
    runtime
        What computes the frozen blocks.
    batches
        Labelled and unlabelled images of a step: as set, or halved where memory is used up.

    Raises
    ------
    InputError
        If there is no unlabelled image, and the settings learn from them.
    """

    def __init__(
        self,
        network: AnomalyNetwork,
        average: AnomalyNetwork | None,
        config: TrainConfig,
        data: TrainingData,
        *,
        device: torch.device,
        seed: int,
        cycle: int = 1,
        symmetry: Symmetry = "none",
        prevalence: float = ASSUMED_PREVALENCE,
        begun_with: int = 0,
        runtime: RuntimeName = "torch",
    ) -> None:
        if config.unlabelled_weight > 0 and len(data.unlabelled) == 0:
            raise InputError("Every image is labelled, so there is nothing left to learn from or to rank.")
        compute_reproducibly(device)
        self.network = network.to(device).to(memory_format=torch.channels_last)
        average = copy.deepcopy(network) if average is None else average
        self.average = average.to(device).to(memory_format=torch.channels_last)
        self.average.requires_grad_(False).eval()
        self.config = config
        self.device = device
        self.seed = seed
        self.cycle = cycle
        self.step = 0
        self.optimizer = build_optimizer(self.network, config)
        self._undo = Undo(self.optimizer)
        self.labeller = PseudoLabeller(
            config.threshold_rule,
            config.confidence_threshold,
            prevalence if config.align else None,
            len(data.unlabelled),
            device,
            data.unlabelled_digest,
        )
        self._frozen, self.runtime = self.network, Runtime()
        if network.split > 0:  # fused they take 0.34 s of 80 images of 160 px, else 0.86 s
            self._frozen = fused_frozen_part(self.network).to(memory_format=torch.channels_last)
            if not self._is_mixed:
                layers: tuple[Layer, ...] = (network.split - 1,)
                self.runtime = choose_runtime(self._frozen, runtime, device, [(0, layers)])
        self.begun_with = begun_with
        self._symmetry = symmetry
        self._sampler = BatchSampler(data)
        self.batches = config.labelled_batch, config.unlabelled_batch

    def run(self, steps: int, callbacks: Iterable[Callback] = ()) -> bool:
        """Train until ``steps`` steps of this cycle are done.

        Returns
        -------
        bool
            Whether they are done; false if a callback raised :class:`StopTraining`.

        Raises
        ------
        InputError
            If the loss is no longer a number.
        """
        callbacks = tuple(callbacks)
        while self.step < steps:
            started = time.perf_counter()
            for group in self.optimizer.param_groups:
                group["lr"] = learning_rate(self.config, self.step, steps)
            loss = self._step_within_memory()
            if not torch.isfinite(loss.total):
                raise InputError(
                    f"Training diverged at step {self.step + 1}: the loss is no number any more. Nothing of "
                    f"it is kept. Lower the learning rate (now {self.config.learning_rate}) and train again."
                )
            self.step += 1
            report = StepReport(
                step=self.step,
                total=steps,
                loss=float(loss.total),
                supervised_loss=float(loss.supervised),
                unlabelled_loss=float(loss.unlabelled),
                pseudo_label_share=float(loss.pseudo_label_share),
                pseudo_anomaly_share=float(loss.pseudo_anomaly_share),
                batch=self._images_a_step,
                seconds=time.perf_counter() - started,
            )
            try:
                for callback in callbacks:
                    callback(report)
            except StopTraining:
                return self.step >= steps
        return True

    def _step_within_memory(self) -> FixMatchLoss:
        """Take a step; halve the batch and try again while the device's memory is used up."""
        labeller = self.labeller.state_dict()
        statistics = [buffer.clone() for buffer in self.network.buffers()]
        while True:
            learning = False
            try:
                loss = self._gradients()
                self._undo.keep()
                learning = True
                self.optimizer.step()
                break
            except RuntimeError as error:
                if not is_out_of_memory(error) or self.batches[1] == 1:
                    raise
            # What the attempt has learnt of the batch is forgotten, or it would count twice.
            if learning:
                self._undo.undo()
            self.labeller.load_state_dict(labeller)
            for buffer, before in zip(self.network.buffers(), statistics, strict=True):
                buffer.copy_(before)
            labelled, unlabelled = self.batches
            self.batches = max(2, labelled // 2), max(1, unlabelled // 2)
            self.optimizer.zero_grad(set_to_none=True)
            if self.device.type == "cuda":
                torch.cuda.empty_cache()
        update_average(self.average, self.network, self._decay)
        return loss

    def _gradients(self) -> FixMatchLoss:
        generator, dropout_seed = step_randomness(self.seed, self.cycle, self.step)
        labelled, classes = self._sampler.labelled(self.batches[0], generator)
        batches, rows = [labelled], torch.empty(0, dtype=torch.int64)
        if self._is_semi_supervised:
            rows, unlabelled = self._sampler.unlabelled(self.batches[1], generator)
            batches.append(unlabelled)
        views = self._augment([self._to_device(batch) for batch in batches], generator)
        self.network.train()
        with seeded(dropout_seed, self.device), self._autocast():
            labelled_logits, weak, strong = self._answers(views)
        loss = fixmatch_loss(
            labelled_logits,
            classes.to(self.device),
            strong,
            self.labeller.label(weak, rows),
            weight=self.config.unlabelled_weight,
        )
        self.optimizer.zero_grad(set_to_none=True)
        loss.total.backward()  # type: ignore[no-untyped-call]
        return loss._replace(total=loss.total.detach())

    @property
    def _decay(self) -> float:
        return average_decay(self.config, self.step) if self.begun_with == 0 else self.config.ema_decay

    @property
    def _images_a_step(self) -> int:
        views = (1 if self._is_taught_by_average else 2) if self._is_semi_supervised else 0
        return self.batches[0] + views * self.batches[1]

    @property
    def _is_semi_supervised(self) -> bool:
        return self.config.unlabelled_weight > 0

    @property
    def _is_taught_by_average(self) -> bool:
        return self._is_semi_supervised and self.config.teacher == "average"

    def _answers(self, views: list[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """Return the logits of labelled images, and of unlabelled ones seen weakly and strongly.

        Statistics of the batch are those of all of it together, as published. Where they are frozen, the
        weak views, which teach and do not learn, pass by themselves: 32 of 80 images then need no backward
        pass.
        """
        maps = maps_in_parts(self._frozen, _as_one_batch(views))
        ends = [len(views[0]), len(maps) - len(views[-1])]
        if not self._is_semi_supervised:
            labelled = self.network.logits_of_maps(maps).float()
            return labelled, labelled[:0], labelled[:0]
        if self.network.config.batch_norm == "batch" and not self._is_taught_by_average:
            labelled, weak, strong = self.network.logits_of_maps(maps).float().tensor_split(ends)
            return labelled, weak, strong
        labelled, weak, strong = maps.tensor_split(ends)
        teacher = self.average if self._is_taught_by_average else self.network
        with torch.no_grad():
            taught = teacher.logits_of_maps(weak).float()
        learnt = self.network.logits_of_maps(_as_one_batch([labelled, strong])).float()
        return learnt[: ends[0]], taught, learnt[ends[0] :]

    def _augment(self, batches: list[Tensor], generator: Generator) -> list[Tensor]:
        """Return labelled images weakly, unlabelled ones weakly and then strongly augmented."""
        views = [self._weak(images, generator) for images in batches]
        for unlabelled in batches[1:]:
            views.append(self._strong(self._weak(unlabelled, generator), generator))
        return views

    def _weak(self, images: Tensor, generator: Generator) -> Tensor:
        if self.config.weak == "published":
            return weak_augment(images, generator)
        return weak_symmetry_augment(images, generator, self._symmetry)

    def _strong(self, images: Tensor, generator: Generator) -> Tensor:
        if self.config.strong == "randaugment":
            return strong_augment(images, generator)
        return science_augment(images, generator, self._symmetry)

    def _to_device(self, images: Tensor) -> Tensor:
        return images.to(self.device).float() / 255

    @property
    def _is_mixed(self) -> bool:
        return self.config.mixed_precision and multiplies_bfloat16(self.device)

    def _autocast(self) -> torch.autocast:
        # A weight cast in a pass without gradients would be taken for the next one, too, and learn nothing
        # (pytorch issue 112583).
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self._is_mixed, cache_enabled=False)


def _as_one_batch(views: list[Tensor]) -> Tensor:
    return torch.cat(views).contiguous(memory_format=torch.channels_last)


def build_optimizer(network: nn.Module, config: TrainConfig) -> torch.optim.SGD:
    """Return SGD with Nesterov momentum, without weight decay on normalisation parameters."""
    norms = {
        id(parameter)
        for module in network.modules()
        if isinstance(module, nn.modules.batchnorm._BatchNorm)
        for parameter in module.parameters()
    }
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    groups: list[dict[str, Any]] = [
        {"params": [p for p in trained if id(p) not in norms]},
        {"params": [p for p in trained if id(p) in norms], "weight_decay": 0.0},
    ]
    return torch.optim.SGD(
        groups,
        lr=config.learning_rate,
        momentum=config.momentum,
        weight_decay=config.weight_decay,
        nesterov=config.momentum > 0,
    )


def learning_rate(config: TrainConfig, step: int, steps: int) -> float:
    """Return the learning rate of a step, counted from 0, of ``steps``.

    The cosine is FixMatch's (arXiv:2001.07685, section 2.4), which ends at a fifth of the rate.
    """
    if config.schedule == "constant":
        return config.learning_rate
    rise = min(1.0, (step + 1) / WARM_UP_STEPS)
    return config.learning_rate * rise * math.cos(7 * math.pi * step / (16 * steps))


def average_decay(config: TrainConfig, step: int) -> float:
    """Return the weight of the former average at a step, counted from 0."""
    return min(config.ema_decay, (1 + step) / (10 + step)) if config.ema_warmup else config.ema_decay


@torch.no_grad()
def update_average(average: nn.Module, network: nn.Module, decay: float) -> None:
    """Move the parameters of ``average`` towards those of ``network``; copy the other statistics."""
    averaged = [parameter.data for parameter in average.parameters()]
    current = [parameter.data for parameter in network.parameters()]
    torch._foreach_lerp_(averaged, current, 1 - decay)
    for target, source in zip(average.buffers(), network.buffers(), strict=True):
        target.copy_(source)
