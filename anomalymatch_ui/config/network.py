"""The network that is trained.

References
----------
.. [1] Gómez & O'Ryan 2025, "AnomalyMatch", arXiv:2505.03509.
.. [3] Tan & Le 2019, "EfficientNet", arXiv:1905.11946.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from anomalymatch_ui.config.choices import IMAGE_SIZES, NetworkName, Reads, Symmetry
from anomalymatch_ui.config.group import Settings

NETWORK_BEFORE: dict[str, Any] = {"input_range": "unit", "reads": "end"}
"""What a network has whose settings were kept before there was a choice."""


class NetworkConfig(Settings):
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
        "given, 96 where the orientation of an image means nothing, as on the sky, and 160 where one "
        "direction is up, as in photographs: a step then takes more than twice as long",
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
            Symmetry of the images; it decides on their size.
        reads
            What serves these images.
        """
        size = self.image_size or IMAGE_SIZES[symmetry]
        return self.model_copy(update={"image_size": size, "reads": self.reads or reads})

    def asks_for(self, other: NetworkConfig) -> bool:
        """Return whether another network has these settings; what is left open here, it may have any."""
        filled = {name: getattr(other, name) for name in ("image_size", "reads") if not getattr(self, name)}
        return other == self.model_copy(update=filled)
