"""Self-supervised adaptation of the backbone to a pool, which needs no label.

SimCLR [1]_: two augmented views of one image are pulled together, and away from the views of all other
images of the batch. The middle blocks of the network, which the embedding is made of, thereby learn what
tells the pool's own images apart, where ImageNet taught them to tell dogs from cups.

References
----------
.. [1] Chen et al. 2020, "A Simple Framework for Contrastive Learning of Visual Representations",
   arXiv:2002.05709.
.. [2] Loshchilov & Hutter 2019, "Decoupled Weight Decay Regularization", arXiv:1711.05101.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Generator, Tensor, nn
from torch.nn import functional

from anomalymatch_ui.config import AdaptConfig, Symmetry
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.learn.device import multiplies_bfloat16
from anomalymatch_ui.learn.fused import fused_frozen_part, maps_in_parts
from anomalymatch_ui.learn.network import AnomalyNetwork
from anomalymatch_ui.learn.randomness import seeded, step_randomness
from anomalymatch_ui.learn.science import science_augment
from anomalymatch_ui.learn.symmetry import random_symmetry
from anomalymatch_ui.learn.trainer import WARM_UP_STEPS, StopTraining, update_average

MIN_IMAGES = 16
"""Fewer images say too little of a pool: each would be told apart from a handful of others."""

STAGES = (7, 10)
"""Blocks of the network, counted from 0, whose pooled maps the views are compared by."""

PROJECTION = (256, 128)
"""Widths of the hidden layer and of the output of the projection that the loss sees [1]_."""

EPOCHS = 60
"""How often each image of a pool is seen where nobody has set the steps."""

MOST_STEPS = 530
"""Steps at most where nobody has set them: by a profile some 20 minutes of a core without AVX-512."""

PROJECTION_RATE = 3.0
"""Learning rate of the projection as a multiple of the network's: it begins at random."""


def nt_xent(projections: Tensor, temperature: float) -> Tensor:
    """Return the normalised, temperature-scaled cross-entropy of pairs of views, equation 1 of [1]_.

    Parameters
    ----------
    projections
        Float ``(2 n, dimensions)``: row ``i`` and row ``n + i`` are two views of one image.
    temperature
        What cosines are divided by.

    Returns
    -------
    Tensor
        Scalar: the mean over all views of minus the log-probability of their partner among the
        ``2 n - 1`` others.
    """
    count = len(projections)
    unit = functional.normalize(projections.float(), dim=1)
    cosines = unit @ unit.T / temperature
    cosines = cosines.masked_fill(torch.eye(count, dtype=torch.bool, device=cosines.device), -math.inf)
    partners = torch.arange(count, device=cosines.device).roll(count // 2)
    return functional.cross_entropy(cosines, partners)


@dataclass(frozen=True, slots=True)
class AdaptReport:
    """One finished step; ``step`` counts from 1."""

    step: int
    total: int
    loss: float
    seconds: float


Callback = Callable[[AdaptReport], None]


class Adapter:
    """Adapts a network to images without labels and keeps the moving average of its weights.

    Every step draws its random numbers from ``(seed, step)`` alone, so that an adaptation that is stopped
    and resumed ends in the same weights as one that ran through. Normalisation keeps its pretrained
    statistics, so that no view learns from another through them.

    Parameters
    ----------
    network
        The network to start from; it is not changed.
    images
        uint8 ``(n, bands, size, size)``, in an order that does not depend on how files are listed.
    config
        Batch size, learning rate and the rest.
    device
        Where to train.
    seed
        Seed of everything drawn at random.
    symmetry
        Which turns and reflections leave the meaning of an image unchanged: images are compared by these.

    Attributes
    ----------
    average
        Moving average of the adapted weights, which is what is kept.
    step
        Steps done.

    Raises
    ------
    InputError
        If there are too few images, or it is a backbone of which no part can be adapted by itself.
    """

    def __init__(
        self,
        network: AnomalyNetwork,
        images: np.ndarray,
        config: AdaptConfig,
        *,
        device: torch.device,
        seed: int,
        symmetry: Symmetry = "none",
    ) -> None:
        check_images(len(images))
        if not network.splits:
            raise InputError(
                f"The network {network.config.name} cannot be adapted: only EfficientNets can. Search "
                "without the adaptation (embedding.adapt = false)."
            )
        self.config = config
        self.device = device
        self.seed = seed
        self.step = 0
        self.network = _trainable(network, config.from_block).to(device).to(memory_format=torch.channels_last)
        self.average = copy.deepcopy(self.network).requires_grad_(False).eval()
        self.projection = _projection(network, seed).to(device)
        self.optimizer = torch.optim.AdamW(
            [
                {"params": trained_parameters(self.network).values(), "scale": 1.0},
                {"params": self.projection.parameters(), "scale": PROJECTION_RATE},
            ],
            lr=config.learning_rate,
            weight_decay=config.weight_decay,
        )
        self._frozen = fused_frozen_part(self.network).to(memory_format=torch.channels_last)
        self._images = torch.from_numpy(images)
        self._batch = min(config.batch, len(images))
        self._symmetry = symmetry

    def run(self, steps: int, callbacks: Iterable[Callback] = ()) -> bool:
        """Adapt until ``steps`` steps are done.

        Returns
        -------
        bool
            Whether they are done; false if a callback raised
            :class:`~anomalymatch_ui.learn.trainer.StopTraining`.

        Raises
        ------
        InputError
            If the loss is no longer a number.
        """
        callbacks = tuple(callbacks)
        while self.step < steps:
            started = time.perf_counter()
            for group in self.optimizer.param_groups:
                group["lr"] = group["scale"] * adaptation_rate(self.config, self.step, steps)
            loss = self._take_step()
            if not math.isfinite(loss):
                raise InputError(
                    f"The adaptation diverged at step {self.step + 1}: the loss is no number any more. "
                    f"Nothing of it is kept. Lower adapt.learning_rate (now {self.config.learning_rate})."
                )
            self.step += 1
            report = AdaptReport(self.step, steps, loss, time.perf_counter() - started)
            try:
                for callback in callbacks:
                    callback(report)
            except StopTraining:
                return self.step >= steps
        return True

    def _take_step(self) -> float:
        generator, _ = step_randomness(self.seed, self.step)
        rows = torch.randperm(len(self._images), generator=generator)[: self._batch]
        images = self._images[rows].to(self.device).float() / 255
        views = torch.cat([self._view(images, generator) for _ in range(2)])
        self.network.train()
        with self._autocast():
            features = self._features(views.contiguous(memory_format=torch.channels_last))
            loss = nt_xent(self.projection(features), self.config.temperature)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        decay = min(self.config.ema_decay, (1 + self.step) / (10 + self.step))
        update_average(self.average, self.network, decay)
        return float(loss.detach())

    def _view(self, images: Tensor, generator: Generator) -> Tensor:
        images = random_symmetry(images, generator, self._symmetry)
        return science_augment(images, generator, self._symmetry, masked=False)

    def _features(self, views: Tensor) -> Tensor:
        maps = maps_in_parts(self._frozen, views)
        parts = []
        for stage in self.network.stages_of_maps(maps, STAGES):
            parts += [stage.mean(dim=(2, 3)), stage.std(dim=(2, 3), unbiased=False)]
        return torch.cat(parts, dim=1)

    def _autocast(self) -> torch.autocast:
        enabled = self.config.mixed_precision and multiplies_bfloat16(self.device)
        return torch.autocast(self.device.type, torch.bfloat16, enabled=enabled)


def check_images(count: int) -> None:
    """Check that a pool is large enough to adapt to.

    Raises
    ------
    InputError
        If it has fewer than :data:`MIN_IMAGES` images.
    """
    if count < MIN_IMAGES:
        raise InputError(
            f"The network cannot be adapted to {count:,} images: it takes at least {MIN_IMAGES} that can be "
            "read to tell them apart. Search without the adaptation (embedding.adapt = false)."
        )


def steps_for(config: AdaptConfig, images: int) -> int:
    """Return the steps of an adaptation to so many images: as set, or each image seen 60 times at most."""
    if config.steps is not None:
        return config.steps
    return max(1, min(MOST_STEPS, round(EPOCHS * images / min(config.batch, images))))


def adaptation_rate(config: AdaptConfig, step: int, steps: int) -> float:
    """Return the network's learning rate at a step, counted from 0: a short rise, then a cosine to zero."""
    rise = min(1.0, (step + 1) / WARM_UP_STEPS)
    return config.learning_rate * rise * 0.5 * (1 + math.cos(math.pi * step / steps))


def trained_parameters(network: AnomalyNetwork) -> dict[str, nn.Parameter]:
    """Return what an adaptation changes, by name."""
    return {name: value for name, value in network.named_parameters() if value.requires_grad}


def _trainable(network: AnomalyNetwork, from_block: int) -> AnomalyNetwork:
    """Return a copy of which the blocks from one to the last stage learn, by their frozen statistics."""
    adapted: AnomalyNetwork = copy.deepcopy(network)
    update = {"frozen_blocks": from_block, "batch_norm": "frozen"}
    adapted.config = network.config.model_copy(update=update)
    adapted.requires_grad_(False)
    for block in adapted.backbone._blocks[from_block : STAGES[-1] + 1]:
        block.requires_grad_(True)
    return adapted


def _projection(network: AnomalyNetwork, seed: int) -> nn.Module:
    hidden, output = PROJECTION
    channels = sum(network.channels(stage) for stage in STAGES)
    with seeded(seed):
        return nn.Sequential(
            nn.Linear(2 * channels, hidden, bias=False),
            nn.BatchNorm1d(hidden, track_running_stats=False),
            nn.ReLU(),
            nn.Linear(hidden, output, bias=False),
        )
