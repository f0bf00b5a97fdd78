"""How the network is trained on labels, and adapted without them.

References
----------
.. [1] Gómez & O'Ryan 2025, "AnomalyMatch", arXiv:2505.03509.
.. [2] Sohn et al. 2020, "FixMatch", arXiv:2001.07685.
.. [4] Chen et al. 2020, "SimCLR", arXiv:2002.05709.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from anomalymatch_ui.config.choices import ThresholdRule
from anomalymatch_ui.config.group import Settings


class TrainConfig(Settings):
    """FixMatch [2]_, beyond what was published for anomaly search [1]_ (preset ``paper``)."""

    every: int = Field(
        0,
        ge=0,
        description="a cycle starts by itself after so many new labels; 0 to start it only by hand",
    )
    steps: int = Field(
        60,
        ge=1,
        le=1_000_000,
        description="optimiser steps in a cycle; twice as many take twice as long and fit closer",
    )
    labelled_batch: int = Field(16, ge=2, le=4096, description="labelled images a step, half of each class")
    unlabelled_batch: int = Field(
        32, ge=1, le=4096, description="unlabelled images a step, each seen weakly and strongly"
    )
    learning_rate: float = Field(
        0.001,
        gt=0,
        description="how far a step of SGD with Nesterov momentum goes; lower it where the loss diverges",
    )
    schedule: Literal["constant", "cosine"] = Field(
        "cosine", description="cosine: five steps of warm-up, then down to a fifth of it, as in FixMatch [2]_"
    )
    momentum: float = Field(0.9, ge=0, lt=1, description="Nesterov momentum of a step")
    weight_decay: float = Field(
        1e-4, ge=0, description="weight decay of everything but normalisation parameters"
    )
    ema_decay: float = Field(
        0.98, ge=0, lt=1, description="decay of the averaged network, which gives the scores"
    )
    ema_warmup: bool = Field(
        True, description="let the average follow closely at first: decay at most (1 + step) / (10 + step)"
    )
    teacher: Literal["network", "average"] = Field(
        "network",
        description="whose answers become pseudo-labels: those of the network in training, as published, or "
        "of its average, which change less from step to step",
    )
    warm_head: bool = Field(
        True,
        description="start the head from a linear head on the labels; or from random weights, as published",
    )
    weak: Literal["symmetry", "published"] = Field(
        "symmetry", description="weak augmentation: the pool's symmetries and a shift, or flip and shift"
    )
    strong: Literal["science", "randaugment"] = Field(
        "science",
        description="strong augmentation: rotation, scale, shift, blur, noise, brightness; or RandAugment, "
        "which also solarises and posterises, as published",
    )
    confidence_threshold: float = Field(
        0.95,
        ge=0.5,
        le=1,
        description="how sure the network must be of an image before it learns from its own answer",
    )
    threshold_rule: ThresholdRule = Field(
        "fixed", description="fixed; or adaptive by FlexMatch, FreeMatch or SoftMatch"
    )
    align: bool = Field(
        True,
        description="hold the share of anomalies among the network's answers to the prevalence, so that "
        "it does not end up calling all images nominal",
    )
    unlabelled_weight: float = Field(
        1.0,
        ge=0,
        description="how much images without a label count in the loss beside the labelled ones; 0 is "
        "supervised training, which reads none of them",
    )
    carry_over: bool = Field(
        False,
        description="begin a cycle with the weights of the last one, as published; false: anew from the "
        "pretrained weights and the current labels, so that no early mistake is inherited",
    )
    mixed_precision: bool = Field(True, description="train in bfloat16 where the hardware multiplies it")
    window: int = Field(
        20_000,
        ge=1,
        le=10_000_000,
        description="unlabelled images held in memory during a cycle (553 MB at 96 px, 1.5 GB at 160 px)",
    )
    keep_cycles: int = Field(
        3,
        ge=1,
        description="how many of the newest cycles keep their network and scores on disk, 6 or 27 MB "
        "each; the cycle in use and pinned ones keep theirs as well. The figures of all cycles stay, and "
        "what each said of each image",
    )
    checkpoint_every: int = Field(25, ge=1, description="most steps between checkpoints of a running cycle")
    checkpoint_seconds: float = Field(
        10,
        ge=0,
        description="most seconds between them, unless a step takes longer; one is 8 to 39 MB",
    )


class AdaptConfig(Settings):
    """Self-supervised adaptation of the backbone to the pool, by SimCLR [4]_."""

    steps: int | None = Field(
        None,
        ge=1,
        le=1_000_000,
        description="optimiser steps; unless given, as many as show each image 60 times, at most 530",
    )
    batch: int = Field(96, ge=2, le=4096, description="images a step, each seen in two views")
    temperature: float = Field(
        0.2, gt=0, description="temperature by which the cosines of two views are divided"
    )
    learning_rate: float = Field(
        3e-4, gt=0, description="learning rate of AdamW on the network, falling to zero along a cosine"
    )
    weight_decay: float = Field(1e-2, ge=0, description="weight decay of AdamW")
    ema_decay: float = Field(0.99, ge=0, lt=1, description="decay of the averaged network, which is kept")
    from_block: int = Field(
        5,
        ge=1,
        le=7,
        description="first of the blocks that change, counted from 0; the others stay as pretrained",
    )
    mixed_precision: bool = Field(True, description="train in bfloat16 where the hardware multiplies it")
