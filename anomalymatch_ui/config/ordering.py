"""How the pool is looked at, scored and put in an order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from anomalymatch_ui.config.choices import Layer, NetworkName, NumberFormat, Place, RuntimeName, Statistic
from anomalymatch_ui.config.group import Settings


class ScoreConfig(Settings):
    """How the pool is streamed through the network."""

    @model_validator(mode="before")
    @classmethod
    def _without_former(cls, values: Any) -> Any:
        """Pass over ``decode``: version 0.1 could decode JPEGs on a GPU, and a session may say so."""
        return {k: v for k, v in values.items() if k != "decode"} if isinstance(values, Mapping) else values

    batch_size: int = Field(
        0,
        ge=0,
        le=65_536,
        description="images at one time; 0 measures which number is fastest, if the pool is large",
    )
    number_format: NumberFormat = Field(
        "float32",
        description="number format in which the network computes the embedding and the scores. bfloat16 "
        "is faster where the hardware multiplies it, and puts other images first: the two are never mixed",
    )
    runtime: RuntimeName = Field(
        "auto",
        description="what computes a network that only runs forward on a CPU: OpenVINO, faster, its scores "
        "within 1e-4 of torch's; or torch. auto: OpenVINO if it is installed. Either way torch computes "
        "timm's encoders, bfloat16, and whatever the two do not agree about when it is tried",
    )
    workers: int = Field(
        0, ge=0, le=1024, description="threads that read, and as many that decode; 0: one a core"
    )
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
    shard_size: int = Field(4096, ge=1, le=10_000_000, description="images in one file of scores")


class PartConfig(Settings):
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


class EmbeddingConfig(Settings):
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
    components: int = Field(256, ge=1, le=8192, description="principal components kept of each part")
    adapt: bool = Field(
        False,
        description="look with the backbone as it is adapted to the pool, which takes no labels and, the "
        "first time, some minutes; it changes the middle of the network, with which only images of the sky "
        "are seen",
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


class HeadConfig(Settings):
    """The linear head on the embedding, which orders the pool from the first label on."""

    regularisation: float = Field(
        1.0, gt=0, description="C of the L2 logistic regression on the embedding, balanced classes"
    )
    background: int = Field(
        2_000,
        ge=1,
        le=1_000_000,
        description="unlabelled images that stand in for nominal ones while none are labelled",
    )


class AcquisitionConfig(Settings):
    """What to show next."""

    strategy: Literal["most_likely", "uncertain", "diverse", "mixed"] = Field(
        "diverse",
        description="most_likely: the most likely anomalies first; diverse: the same with near-duplicates "
        "later; uncertain: those that a label would decide; mixed: diverse, every fifth uncertain",
    )
    random_every: int = Field(
        20,
        ge=0,
        description="one look in this many is at an image drawn at random, the only unbiased sample of "
        "what has not been found yet; 0 for none",
    )
    head: int = Field(
        600,
        ge=1,
        le=1_000_000,
        description="places within which duplicates and the random share are placed",
    )
    explore_below: float = Field(
        0.1,
        ge=0,
        le=1,
        description="where the best 20 images are expected to hold fewer anomalies than this share of them, "
        "after at least 40 looks, every second image shown is an unusual one, unlike any labelled image; 0 "
        "for never",
    )
    same_place: float = Field(
        1.0,
        ge=0,
        le=3600,
        description="seconds of arc within which images count as one object and share a card, that of the "
        "best-ranked; 0 gives each image its own. Positions come from tables alone",
    )
