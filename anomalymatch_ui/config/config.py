"""All settings of a session: as a file, as a preset, and changed one by one."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

import tomli_w
from pydantic import BeforeValidator, Field, ValidationError

from anomalymatch_ui.config.group import Settings, first_error
from anomalymatch_ui.config.network import NETWORK_BEFORE, NetworkConfig
from anomalymatch_ui.config.ordering import AcquisitionConfig, EmbeddingConfig, HeadConfig, ScoreConfig
from anomalymatch_ui.config.pixels import PixelsConfig, ShownConfig
from anomalymatch_ui.config.presets import PRESETS
from anomalymatch_ui.config.training import AdaptConfig, TrainConfig
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.files import write_bytes_atomically
from anomalymatch_ui.prevalence import read_prevalence


class Config(Settings):
    """All settings of a session.

    Examples
    --------
    >>> config = Config.preset("paper")
    >>> config.train.steps
    100
    >>> config.with_values(train={"steps": 20}).train.steps
    20
    """

    preset_name: str = Field("default", description="preset that these settings began as")
    seed: int = Field(42, ge=0, le=2**32 - 1, description="seed of everything drawn at random")
    device: str = Field(
        "auto",
        pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$",
        description="where the network runs; auto: the first of CUDA, MPS and CPU that is there",
    )
    order: Literal["fused", "network", "labels"] = Field(
        "fused",
        description="fused: the trained network and the linear head together; network: as published; "
        "labels: the linear head alone. From five examples training alone can make an order worse",
    )
    symmetry: Literal["auto", "none", "mirror", "square"] = Field(
        "auto",
        description="turns and reflections that leave the meaning of an image unchanged. auto: measured on "
        "the pool, which takes some 300 images; with fewer, set it. square: all eight turns and reflections, "
        "for the sky, where no direction is up. mirror: left for right, for photographs",
    )
    network_weight: float = Field(
        0.25,
        ge=0,
        le=1,
        description="weight of the trained network in the fused order, beside the linear head's. A "
        "larger one helps once there are many labels; from five anomalies the network is the less certain "
        "of the two",
    )
    prevalence: Annotated[float, BeforeValidator(read_prevalence)] | None = Field(
        None,
        description="share of anomalies that you expect in the pool, such as 6 %, 0.06 or 1 in 200; empty: "
        "the search estimates it from its own looks, and a network assumes 3 % of its own answers",
    )
    working_set: int = Field(
        1_000_000,
        ge=2,
        description="most images that a session works on. Of a larger pool, as many are drawn at random "
        "when the session is made; once the session has scored the whole pool, the best of it, some drawn "
        "at random, and those with a label",
    )
    instant: bool = Field(True, description="reorder the pool after each label")
    pixels: PixelsConfig = PixelsConfig()
    shown: ShownConfig = ShownConfig()
    network: NetworkConfig = NetworkConfig()
    embedding: EmbeddingConfig = EmbeddingConfig()
    train: TrainConfig = TrainConfig()
    adapt: AdaptConfig = AdaptConfig()
    score: ScoreConfig = ScoreConfig()
    head: HeadConfig = HeadConfig()
    acquisition: AcquisitionConfig = AcquisitionConfig()

    @classmethod
    def preset(cls, name: str) -> Config:
        """Return the settings of a named preset.

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
            raise InputError(first_error(error, source)) from error

    @classmethod
    def of_record(cls, record: dict[str, Any], source: str) -> Config:
        """Return the settings that something was made with, maybe before there were all of them.

        Parameters
        ----------
        record
            What was kept.
        source
            Where it was kept, for a refusal.

        Raises
        ------
        InputError
            As :meth:`validated`.
        """
        network = record.get("network")
        complete = {**NETWORK_BEFORE, **network} if isinstance(network, dict) else NETWORK_BEFORE
        return cls.validated({**record, "network": complete}, source)

    def with_values(self, **values: Any) -> Config:
        """Return a copy with other values; a dict changes single settings of a group.

        Raises
        ------
        InputError
            If a setting is unknown or out of range.
        """
        merged = self.model_dump()
        for key, value in values.items():
            is_group = isinstance(value, dict) and isinstance(merged.get(key), dict)
            merged[key] = {**merged[key], **value} if is_group else value
        return self.validated(merged, "these settings")

    def with_assignment(self, text: str) -> Config:
        """Return a copy with one other value, written as in ``train.align=false`` or ``seed=7``.

        Raises
        ------
        InputError
            If the text is no assignment, or the setting is unknown or out of range.
        """
        name, equals, written = (part.strip() for part in text.partition("="))
        if not (name and equals and written):
            raise InputError(f"{text!r} is no setting. Write it as in train.align=false.")
        try:
            value = tomllib.loads(f"value = {written}")["value"]
        except (ValueError, RecursionError):
            value = written  # a word needs no quotes
        group, _, setting = name.partition(".")
        return self.with_values(**{group: {setting: value} if setting else value})

    @classmethod
    def load(cls, path: Path) -> Config:
        """Read a ``config.toml``.

        One that an earlier version kept follows today's defaults where there was no choice; but the published
        method stays as published.

        Raises
        ------
        InputError
            If the file is missing, is not TOML, or holds a setting that is unknown or out of range.
        """
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise InputError(f"There is no settings file {path}.") from error
        except RecursionError as error:
            raise InputError(f"Cannot read the settings in {path}: they are nested too deeply.") from error
        except (OSError, ValueError) as error:  # a number of thousands of digits is no error of TOML's
            raise InputError(f"Cannot read the settings in {path}: {error}.") from error
        published = values.get("preset_name") == "paper"
        return cls.of_record(values, str(path)) if published else cls.validated(values, str(path))

    def save(self, path: Path) -> None:
        """Write these settings as TOML, whole or not at all.

        Raises
        ------
        StorageError
            If the disk refuses.
        """
        write_bytes_atomically(path, tomli_w.dumps(self.model_dump(exclude_none=True)).encode())
