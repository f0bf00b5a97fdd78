"""Every setting: validated, with its default, its unit and its source.

A :class:`Config` is immutable. Presets are named sets of values (:data:`PRESETS`); a session keeps
its config as ``config.toml``. The defaults of :class:`TrainConfig` are the published recipe.

References
----------
.. [1] Gómez & O'Ryan 2025, "AnomalyMatch", arXiv:2505.03509.
.. [2] Sohn et al. 2020, "FixMatch", arXiv:2001.07685.
.. [3] Tan & Le 2019, "EfficientNet", arXiv:1905.11946.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Literal

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.files import write_bytes_atomically

NetworkName = Literal[
    "efficientnet-lite0",
    "efficientnet-b0",
    "efficientnet-b1",
    "efficientnet-b2",
    "efficientnet-b3",
    "efficientnet-b4",
    "efficientnet-b5",
    "efficientnet-b6",
    "efficientnet-b7",
]


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


class NetworkConfig(_Settings):
    """The network: an EfficientNet backbone [3]_ with a head of two classes."""

    name: NetworkName = Field("efficientnet-lite0", description="Lite0's weights come with the package")
    pretrained: bool = Field(True, description="start from ImageNet weights; false starts from random ones")
    image_size: int = Field(64, ge=32, le=1024, description="side of the square the network sees, in pixels")
    dropout: float = Field(0.2, ge=0, lt=1, description="before the head [1]_")
    drop_connect: float = Field(0.2, ge=0, lt=1, description="stochastic depth, the library's default [3]_")
    batch_norm_momentum: float = Field(
        0.01, gt=0, le=1, description="weight of a new batch; 0.1 instead of 0.01 costs 0.1 AUROC"
    )
    head_scale: float = Field(
        0.01,
        gt=0,
        description="standard deviation of the new head's weights; a large head makes every "
        "pseudo-label pass the threshold at step 1 with random labels",
    )


class TrainConfig(_Settings):
    """FixMatch [2]_ as published for anomaly search [1]_."""

    steps: int = Field(100, ge=1, description="optimiser steps in a cycle")
    labelled_batch: int = Field(16, ge=2, description="labelled images a step, half of each class")
    unlabelled_batch: int = Field(
        80, ge=1, description="unlabelled images a step, each seen weakly and strongly"
    )
    learning_rate: float = Field(0.0075, gt=0, description="constant, SGD with Nesterov momentum")
    momentum: float = Field(0.9, ge=0, lt=1)
    weight_decay: float = Field(7.5e-4, ge=0, description="on everything but normalisation parameters")
    ema_decay: float = Field(0.99, ge=0, lt=1, description="of the averaged network, which gives the scores")
    confidence_threshold: float = Field(0.95, ge=0.5, le=1, description="pseudo-labels below it are not used")
    unlabelled_weight: float = Field(
        1.0, ge=0, description="of the unlabelled loss; 0 is supervised training"
    )
    window: int = Field(
        20_000, ge=1, description="unlabelled images held in memory during a cycle (245 MB at 64 px)"
    )
    checkpoint_every: int = Field(25, ge=1, description="most steps between checkpoints of a running cycle")
    checkpoint_seconds: float = Field(
        10,
        ge=0,
        description="most seconds between them, unless a step takes longer; one is 27 MB",
    )


class ScoreConfig(_Settings):
    """How the pool is streamed through the network."""

    batch_size: int = Field(64, ge=1, description="images; on a CPU 32-64 ran 3x faster than 1,000")
    workers: int = Field(2, ge=1, description="threads that read and decode")
    shard_size: int = Field(4096, ge=1, description="images in one file of the score store")


class HeadConfig(_Settings):
    """The linear head on frozen features, which orders the pool from the first label on."""

    regularisation: float = Field(
        0.001, gt=0, description="C of the L2 logistic regression on standardised features, balanced classes"
    )
    background: int = Field(
        2_000, ge=1, description="unlabelled images that stand in for nominal ones while none are labelled"
    )
    novelty_components: int = Field(32, ge=1, description="principal components of the novelty measure")


class Config(_Settings):
    """All settings of a session.

    Examples
    --------
    >>> config = Config.preset("paper")
    >>> config.train.steps
    100
    >>> config.with_values(train={"steps": 20}).train.steps
    20
    """

    preset_name: str = "default"
    seed: int = Field(42, ge=0, le=2**32 - 1, description="of everything drawn at random")
    device: str = Field("auto", pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$", description="auto: CUDA, MPS, CPU")
    order: Literal["fused", "network", "labels"] = Field(
        "fused",
        description="fused: the trained network and the linear head together; network: as published; "
        "labels: the linear head alone. From five examples training alone can make an order worse",
    )
    network: NetworkConfig = NetworkConfig()
    train: TrainConfig = TrainConfig()
    score: ScoreConfig = ScoreConfig()
    head: HeadConfig = HeadConfig()

    @classmethod
    def preset(cls, name: str) -> Config:
        """Give the settings of a named preset.

        Raises
        ------
        InputError
            If there is no preset of that name.
        """
        if name not in PRESETS:
            raise InputError(f"There is no preset {name!r}. Choose one of: {', '.join(sorted(PRESETS))}.")
        return cls.validated({"preset_name": name, **PRESETS[name]}, f"preset {name!r}")

    @classmethod
    def validated(cls, values: dict[str, Any], source: str) -> Config:
        """Check ``values``, which came from ``source``.

        Raises
        ------
        InputError
            With one sentence about the first setting that is unknown or out of range.
        """
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            first = error.errors()[0]
            name = ".".join(str(part) for part in first["loc"]) or "the settings"
            reason = "it is not a known setting" if first["type"] == "extra_forbidden" else first["msg"]
            raise InputError(f"Cannot use {name} in {source}: {reason}.") from error

    def with_values(self, **values: Any) -> Config:
        """Give a copy with other values; a dict changes single settings of a group.

        Raises
        ------
        InputError
            If a setting is unknown or out of range.
        """
        merged = self.model_dump()
        for key, value in values.items():
            merged[key] = {**merged[key], **value} if isinstance(value, dict) and key in merged else value
        return self.validated(merged, "these settings")

    @classmethod
    def load(cls, path: Path) -> Config:
        """Read a ``config.toml``.

        Raises
        ------
        InputError
            If the file is missing, is not TOML, or holds a setting that is unknown or out of range.
        """
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise InputError(f"There is no settings file {path}.") from error
        except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise InputError(f"Cannot read the settings in {path}: {error}.") from error
        return cls.validated(values, str(path))

    def save(self, path: Path) -> None:
        """Write these settings as TOML, whole or not at all.

        Raises
        ------
        StorageError
            If the disk refuses.
        """
        write_bytes_atomically(path, tomli_w.dumps(self.model_dump()).encode())


PRESETS: dict[str, dict[str, Any]] = {
    "default": {},
    "embedding": {"order": "labels"},
    "paper": {"order": "network"},
}
"""Named settings, as differences from the defaults.

``default`` is what the product does unless told otherwise; ``paper`` is the method exactly as published
[1]_: the same training, and the order by the trained network alone; ``embedding`` is the frozen backbone
and the linear head alone, the floor under everything that is trained for minutes.
"""
