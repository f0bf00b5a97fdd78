"""Every setting: validated, with its default, its unit and its source.

A :class:`Config` is immutable. Presets are named sets of values (:data:`PRESETS`); a session keeps
its config as ``config.toml``.

References
----------
.. [1] Gómez & O'Ryan 2025, "AnomalyMatch", arXiv:2505.03509.
.. [2] Sohn et al. 2020, "FixMatch", arXiv:2001.07685.
.. [3] Tan & Le 2019, "EfficientNet", arXiv:1905.11946.
.. [4] Chen et al. 2020, "SimCLR", arXiv:2002.05709.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import tomli_w
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.files import write_bytes_atomically
from anomalymatch_ui.pixels.rendering import Rendering
from anomalymatch_ui.prevalence import read_prevalence

LITES = ("efficientnet-lite0", "efficientnet-lite2")
"""Backbones whose weights come with the package."""

EFFICIENTNETS = (*LITES, *(f"efficientnet-b{number}" for number in range(8)))
"""Backbones that are always there."""

TIMM = "timm:"
"""What the name of an encoder of timm begins with."""


def _known_network(name: str) -> str:
    if name in EFFICIENTNETS or (name.startswith(TIMM) and name.removeprefix(TIMM).strip()):
        return name
    raise ValueError(f"it is one of {', '.join(EFFICIENTNETS)}, or timm: and a model's name; not {name!r}")


NetworkName = Annotated[str, AfterValidator(_known_network)]

Symmetry = Literal["none", "mirror", "square"]
"""What leaves the meaning of an image unchanged: nothing, left for right, or all turns and reflections."""

IMAGE_SIZES: dict[Symmetry, int] = {"none": 160, "mirror": 160, "square": 96}
"""Side of the images that a trained network sees, by the pool's symmetry, where the settings give none."""

Layer = int | Literal["last"]
"""A stage of the network: the number of a block, from 0, or the convolution after the last one."""

Place = Literal["frame", "centre", "flux"]
"""Where a stage is averaged: over the frame, about its centre, or where the image outshines its edge."""

Statistic = Literal["mean", "deviation"]
"""What is taken of a channel: its weighted mean, and its standard deviation."""

NumberFormat = Literal["float32", "bfloat16"]
"""In which a network computes: float32 has 24 bits of significand, bfloat16 has 8."""

RuntimeName = Literal["auto", "torch", "openvino"]
"""What computes a network that only runs forward on a CPU."""

ThresholdRule = Literal["fixed", "flex", "free", "soft"]
"""Which pseudo-labels are believed: from a fixed confidence on, or by FlexMatch, FreeMatch, SoftMatch."""

Reads = Literal["end", "middle"]
"""What the head of a trained network reads: its end over the frame, or its middle at the frame's centre."""

MIDDLE: tuple[int, ...] = (7, 10)
"""Blocks of an EfficientNet that tell how the object at the centre of a cutout is built."""

NETWORK_BEFORE: dict[str, Any] = {"input_range": "unit", "reads": "end"}
"""What a network has whose settings were kept before there was a choice."""


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False)


def _as_text(path: object) -> object:
    return os.fspath(path) if isinstance(path, os.PathLike) else path


class _RenderingConfig(Rendering):
    @property
    def rendering(self) -> Rendering:
        """What concerns the rendering, without the rest."""
        return Rendering(**self.model_dump(include=set(Rendering.model_fields)))


class ShownConfig(_RenderingConfig):
    """How a person sees the images where that is not how the network does; chosen beside them."""

    own: bool = Field(
        False,
        description="the images are shown so; otherwise as the network sees them, and the rest says nothing",
    )


class PixelsConfig(_RenderingConfig):
    """How images are read and shown, to the network and, unless ``shown`` says otherwise, on the screen."""

    hdu: tuple[int | str, ...] | None = Field(
        None,
        min_length=1,
        description="which HDUs of FITS files are the bands, by index or name. Unless given, the first with "
        "an image, and those of the same size with names of their own; masks, errors and weights are none",
    )
    planes: tuple[Annotated[str, Field(min_length=1)], ...] | None = Field(
        None, min_length=1, description="names of a cube's planes, in their order, where the file names none"
    )
    template: str | None = Field(
        None,
        description="of names, where each band is a file of its own, such as `{name}_{band}.fits`; `*` "
        "stands for any text. An image's id is then its `{name}`",
    )
    array: str | None = Field(
        None, min_length=1, description="name of the array of images in a file that holds more"
    )
    ids: str | None = Field(
        None, min_length=1, description="name of the array or column of a file that names its images"
    )
    tiles: Annotated[str, BeforeValidator(_as_text), Field(min_length=1)] | None = Field(
        None,
        description="folder of the tiles that the cutouts of a catalogue are cut from: those that it names, "
        "or else those that cover its positions. Unless given, the folder of the catalogue",
    )
    size: str | None = Field(
        None,
        min_length=1,
        description="side of the cutouts of a catalogue, such as `64` for pixels or `10arcsec`. Unless "
        "given, as its columns say",
    )

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> PixelsConfig:
        """Return checked options.

        Raises
        ------
        InputError
            With one sentence about the first that is unknown or cannot be used.
        """
        try:
            return cls.model_validate(dict(options))
        except ValidationError as error:
            raise InputError(_first_error(error, "these options of pixels")) from error


class NetworkConfig(_Settings):
    """The network: a backbone, such as an EfficientNet [3]_, with a head of two classes."""

    name: NetworkName = Field(
        "efficientnet-lite0",
        description="the backbone: efficientnet-lite0 or -lite2, whose weights come with the package; "
        "efficientnet-b0 to b7; or an encoder of timm or Zoobot, such as timm:convnext_nano.in12k_ft_in1k "
        "(docs/formats.md)",
    )
    pretrained: bool = Field(True, description="start from pretrained weights; false: from random ones")
    input_range: Literal["backbone", "unit"] = Field(
        "backbone",
        description="how pixels are scaled for the network. backbone: as its ImageNet weights were trained, "
        "(pixel - 127) / 128 for Lite0 and Lite2, by mean and deviation of each band for the others; unit: "
        "[0, 1], as published [1]_",
    )
    image_size: int | None = Field(
        None,
        ge=32,
        le=1024,
        description="side of the square the network sees, in pixels; smaller images are enlarged. Unless "
        "given, 96 where images mean the same however they are turned, as on the sky, and 160 where they "
        "have an up, as in photographs: a step then takes more than twice as long",
    )
    dropout: float = Field(
        0.2, ge=0, lt=1, description="share of the features that are dropped before the head in training [1]_"
    )
    drop_connect: float = Field(
        0.0, ge=0, lt=1, description="stochastic depth; the library's own is 0.2 [3]_"
    )
    batch_norm_momentum: float = Field(
        0.01, gt=0, le=1, description="weight of a new batch; 0.1 instead of 0.01 costs 0.1 AUROC"
    )
    head_scale: float = Field(
        0.01,
        gt=0,
        description="standard deviation of the new head's weights; a large head makes every "
        "pseudo-label pass the threshold at step 1 with random labels",
    )
    batch_norm: Literal["frozen", "batch"] = Field(
        "frozen",
        description="frozen: normalise by the pretrained statistics, also in training; batch: by those of "
        "the batch, as published, which collapses when the head starts from the labels",
    )
    frozen_blocks: int = Field(
        9,
        ge=0,
        description="leading blocks that stay as pretrained; 9 of Lite0's 16 at least halve a step's time. "
        "Of timm's encoders, which have as few as four, the last one is always trained, as is all from the "
        "first block on that the head reads",
    )
    reads: Reads | None = Field(
        None,
        description="what the head reads. end: the last layer, averaged over the frame, as published [1]_; "
        "middle: mean and deviation of blocks 7 and 10 at the centre of the frame, and nothing after them. "
        "Unless given, the middle where the instant order reads it: of cutouts of the sky about an object",
    )

    @classmethod
    def of_record(cls, record: dict[str, Any]) -> NetworkConfig:
        """Return the settings of a network that was kept, maybe before there were all of them."""
        return cls.model_validate({**NETWORK_BEFORE, **record})

    def record(self) -> str:
        """Return the settings as JSON that names a network.

        A setting that has the value which networks had before there was a choice is left out, so that old
        networks keep their names.
        """
        as_before = {name for name, value in NETWORK_BEFORE.items() if getattr(self, name) == value}
        return self.model_dump_json(exclude=as_before)

    def suited(self, symmetry: Symmetry, reads: Reads = "end") -> NetworkConfig:
        """Return a copy with what is left open filled in.

        Parameters
        ----------
        symmetry
            Of the images; it decides on their size.
        reads
            What serves these images.
        """
        size = self.image_size or IMAGE_SIZES[symmetry]
        return self.model_copy(update={"image_size": size, "reads": self.reads or reads})

    def asks_for(self, other: NetworkConfig) -> bool:
        """Return whether another network has these settings; what is left open here, it may have any."""
        filled = {name: getattr(other, name) for name in ("image_size", "reads") if not getattr(self, name)}
        return other == self.model_copy(update=filled)


class TrainConfig(_Settings):
    """FixMatch [2]_, beyond what was published for anomaly search [1]_ (preset ``paper``)."""

    every: int = Field(
        0,
        ge=0,
        description="a cycle starts by itself after so many new labels; 0 to start it by hand alone",
    )
    steps: int = Field(
        60, ge=1, description="optimiser steps in a cycle; twice as many take twice as long and fit closer"
    )
    labelled_batch: int = Field(16, ge=2, description="labelled images a step, half of each class")
    unlabelled_batch: int = Field(
        32, ge=1, description="unlabelled images a step, each seen weakly and strongly"
    )
    learning_rate: float = Field(
        0.001,
        gt=0,
        description="how far a step of SGD with Nesterov momentum goes; lower it where the loss diverges",
    )
    schedule: Literal["constant", "cosine"] = Field(
        "cosine", description="cosine: five steps of warm-up, then down to a fifth of it, as in FixMatch [2]_"
    )
    momentum: float = Field(0.9, ge=0, lt=1, description="Nesterov's, of a step")
    weight_decay: float = Field(1e-4, ge=0, description="on everything but normalisation parameters")
    ema_decay: float = Field(0.98, ge=0, lt=1, description="of the averaged network, which gives the scores")
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
        description="how much the images without a label count in the loss beside the labelled ones; 0 is "
        "supervised training and reads none of them",
    )
    carry_over: bool = Field(
        False,
        description="begin a cycle with the last one's weights, as published; or anew from the pretrained "
        "weights and the labels of now, so that no early mistake is inherited",
    )
    mixed_precision: bool = Field(True, description="train in bfloat16 where the hardware multiplies it")
    window: int = Field(
        20_000,
        ge=1,
        description="unlabelled images held in memory during a cycle (553 MB at 96 px, 1.5 GB at 160 px)",
    )
    keep_cycles: int = Field(
        3,
        ge=1,
        description="of how many of the newest cycles network and scores stay on disk, 6 or 27 MB each; also "
        "those of the cycle in use and of pinned ones. Figures, and what it said of each image, stay of all",
    )
    checkpoint_every: int = Field(25, ge=1, description="most steps between checkpoints of a running cycle")
    checkpoint_seconds: float = Field(
        10,
        ge=0,
        description="most seconds between them, unless a step takes longer; one is 8 to 39 MB",
    )


class AdaptConfig(_Settings):
    """Self-supervised adaptation of the backbone to the pool, by SimCLR [4]_."""

    steps: int | None = Field(
        None,
        ge=1,
        description="optimiser steps; unless given, as many as show each image 60 times, at most 530",
    )
    batch: int = Field(96, ge=2, description="images a step, each seen in two views")
    temperature: float = Field(0.2, gt=0, description="what the cosines of two views are divided by")
    learning_rate: float = Field(
        3e-4, gt=0, description="of AdamW on the network, falling to zero by a cosine"
    )
    weight_decay: float = Field(1e-2, ge=0, description="of AdamW")
    ema_decay: float = Field(0.99, ge=0, lt=1, description="of the averaged network, which is kept")
    from_block: int = Field(
        5,
        ge=1,
        le=7,
        description="first of the blocks that change, counted from 0; the others stay as pretrained",
    )
    mixed_precision: bool = Field(True, description="in bfloat16 where the hardware multiplies it")


class ScoreConfig(_Settings):
    """How the pool is streamed through the network."""

    @model_validator(mode="before")
    @classmethod
    def _without_former(cls, values: Any) -> Any:
        """Pass over ``decode``: version 0.1 could decode JPEGs on a GPU, and a session may say so."""
        return {k: v for k, v in values.items() if k != "decode"} if isinstance(values, Mapping) else values

    batch_size: int = Field(
        0, ge=0, description="images at one time; 0 measures which number is fastest, if the pool is large"
    )
    number_format: NumberFormat = Field(
        "float32",
        description="in which the network computes the embedding and the scores. bfloat16 is faster where "
        "the hardware multiplies it, and puts other images first: the two are never mixed",
    )
    runtime: RuntimeName = Field(
        "auto",
        description="what computes a network that only runs forward on a CPU: OpenVINO, faster, its scores "
        "within 1e-4 of torch's; or torch. auto: OpenVINO if it is installed. Either way torch computes "
        "timm's encoders, bfloat16, and whatever the two do not agree about when it is tried",
    )
    workers: int = Field(0, ge=0, description="threads that read, and as many that decode; 0: one a core")
    compiled: bool = Field(
        False,
        description="compile the network (`torch.compile`): a minute or more at first, and a C++ compiler",
    )
    symmetries: bool = Field(
        True, description="average the network's answers over the pool's symmetries; eight times the work"
    )
    frozen_maps_gb: float = Field(
        2.0,
        ge=0,
        description="disk space, in GB of 2^30 bytes, to keep what the frozen blocks make of the images: on "
        "a CPU all cycles but the first then rank several times as fast. An image of the sky takes 92 kB, a "
        "photograph 90 kB (half of it in bfloat16); larger pools keep nothing",
    )
    shard_size: int = Field(4096, ge=1, description="images in one file of the score store")


class PartConfig(_Settings):
    """A part of the embedding: layers of the backbone at one size, pooled, reduced and whitened by itself."""

    size: int = Field(ge=32, le=1024, description="side in pixels at which the backbone sees each image")
    backbone: NetworkName | None = Field(
        None, description="the network that looks, by its ImageNet weights; unless given, network.name"
    )
    layers: tuple[Layer, ...] = Field(
        ("last",), min_length=1, description="numbers of blocks, from 0, and last for the layer after them"
    )
    place: Place = Field("frame", description="where they are averaged: frame, centre or flux")
    statistics: tuple[Statistic, ...] = Field(
        ("mean",), min_length=1, description="what is taken of each channel there: mean, deviation"
    )
    weight: float = Field(
        1.0,
        gt=0,
        description="root of the mean squared length of this part; the squares of all parts' weights "
        "together work as a factor of head.regularisation",
    )
    whitening: float = Field(
        0.2, ge=0, le=0.5, description="power of its variance a component is divided by; 0.5 whitens fully"
    )


class EmbeddingConfig(_Settings):
    """What the frozen backbone says of an image: the ground of every order before and beside training."""

    parts: tuple[PartConfig, ...] | None = Field(
        None,
        min_length=1,
        description="what is taken of the backbone, a table each: `size` in pixels; `backbone`, if not "
        "`network.name`; `layers`, numbers of blocks or `last`; `place`, where they are averaged (`frame`, "
        "`centre`, `flux`); `statistics` "
        "(`mean`, `deviation`); `weight`; `whitening`. Unless given, they follow from what is measured on "
        "the pool (docs/benchmark.md)",
    )
    effort: Literal["usual", "high"] = Field(
        "usual",
        description="how closely the backbone looks where parts are not given. high takes 1.7 times the "
        "processor time, once for each image: the sky at 128 px beside 96, photographs at 224 px instead "
        "of 160",
    )
    sizes: tuple[Annotated[int, Field(ge=32, le=1024)], ...] | None = Field(
        None,
        min_length=1,
        description="instead of parts: sides in pixels at which the last layer is averaged over the frame",
    )
    symmetric_up_to: int = Field(
        96,
        ge=0,
        description="largest size at which the features are averaged over the pool's symmetries, a third "
        "more with a high effort; eight views cost 9 ms an image at 96 px on two cores, 45 ms at 160 px",
    )
    components: int = Field(256, ge=1, description="principal components kept of each part")
    adapt: bool = Field(
        False,
        description="look by the backbone as it is adapted to the pool, which takes no labels and some "
        "minutes the first time; it changes the middle of the network, by which images of the sky alone are "
        "seen",
    )
    whitening: float | None = Field(
        None,
        ge=0,
        le=0.5,
        description="power of its variance a component of any part is divided by; 0.5 whitens fully. Unless "
        "given, each part has its own",
    )

    @property
    def views_up_to(self) -> int:
        """Largest size at which the features are averaged over the pool's symmetries, at this effort."""
        return self.symmetric_up_to * 4 // 3 if self.effort == "high" else self.symmetric_up_to


class HeadConfig(_Settings):
    """The linear head on the embedding, which orders the pool from the first label on."""

    regularisation: float = Field(
        1.0, gt=0, description="C of the L2 logistic regression on the embedding, balanced classes"
    )
    background: int = Field(
        2_000, ge=1, description="unlabelled images that stand in for nominal ones while none are labelled"
    )


class AcquisitionConfig(_Settings):
    """What to show next."""

    strategy: Literal["most_likely", "uncertain", "diverse", "mixed"] = Field(
        "diverse",
        description="most_likely: the most likely anomalies first; diverse: the same with near-duplicates "
        "later; uncertain: those that a label would decide; mixed: diverse, every fifth uncertain",
    )
    random_every: int = Field(
        20,
        ge=0,
        description="one place in so many is drawn at random, the only unbiased sample of what is still "
        "unfound; 0 for none",
    )
    head: int = Field(600, ge=1, description="places within which duplicates and the random share are placed")


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

    preset_name: str = Field("default", description="preset that these settings began as")
    seed: int = Field(42, ge=0, le=2**32 - 1, description="of everything drawn at random")
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
        description="weight of the trained network in the fused order, beside the linear head's. More serves "
        "once there are many labels: from five anomalies a network is the less certain of the two",
    )
    prevalence: Annotated[float, BeforeValidator(read_prevalence)] | None = Field(
        None,
        description="share of anomalies that you expect in the pool, such as 6 %, 0.06 or 1 in 200; empty: "
        "the search estimates it from its own looks, and a network assumes 3 % of its own answers",
    )
    instant: bool = Field(True, description="order the pool anew after each label")
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
            raise InputError(_first_error(error, source)) from error

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
        except tomllib.TOMLDecodeError:
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
        except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
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


def _first_error(error: ValidationError, source: str) -> str:
    """Put the first thing that is wrong with settings into a sentence."""
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"]) or "the settings"
    reason = "it is not a known setting" if first["type"] == "extra_forbidden" else first["msg"]
    if first["type"] == "value_error":  # a sentence of our own
        reason = str(first["ctx"]["error"]).removesuffix(".")
    return f"Cannot use {name} in {source}: {reason}."


PRESETS: dict[str, dict[str, Any]] = {
    "default": {},
    "embedding": {"order": "labels"},
    "paper": {
        "order": "network",
        "network": {
            "input_range": "unit",
            "image_size": 64,
            "drop_connect": 0.2,
            "batch_norm": "batch",
            "frozen_blocks": 0,
            "reads": "end",
        },
        "train": {
            "steps": 100,
            "unlabelled_batch": 80,
            "learning_rate": 0.0075,
            "schedule": "constant",
            "weight_decay": 7.5e-4,
            "ema_decay": 0.99,
            "ema_warmup": False,
            "warm_head": False,
            "weak": "published",
            "strong": "randaugment",
            "align": False,
            "mixed_precision": False,
            "carry_over": True,
        },
        "score": {"symmetries": False},
        "instant": False,
        "acquisition": {"strategy": "most_likely", "random_every": 0},
    },
}
"""Named settings, as differences from the defaults.

``default`` is what the product does unless told otherwise; ``paper`` is the method exactly as published
[1]_, and its order the trained network's alone; ``embedding`` is the frozen backbone and the linear head
alone, what there is without training.
"""
