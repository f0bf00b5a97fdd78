"""How a session looks at its pool: which parts of the backbone, by what was measured on the images."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from anomalymatch_ui import jsontext
from anomalymatch_ui.config import (
    EFFICIENTNETS,
    MIDDLE,
    Config,
    EmbeddingConfig,
    NetworkConfig,
    NetworkName,
    PartConfig,
    Place,
    Reads,
    Statistic,
    Symmetry,
)
from anomalymatch_ui.files import write_bytes_atomically

Kind = Literal["centred", "scattered", "upright"]
"""What images are: cutouts of the sky about an object, other pictures of the sky, or pictures with an up."""

_BOTH: tuple[Statistic, ...] = ("mean", "deviation")


def _of_the_sky(place: Place, *sizes: int) -> tuple[PartConfig, ...]:
    """Return the middle of the network where the object is, at some sizes, and its end all over the frame.

    The end keeps what is told by more than the object from losing.
    """
    weight = round(1.1 * len(sizes) ** -0.5, 3)
    middle = (
        PartConfig(size=size, layers=(layer,), place=place, statistics=_BOTH, weight=weight)
        for size in sizes
        for layer in MIDDLE
    )
    return (*middle, PartConfig(size=64, weight=0.77))


def _of_photographs(size: int) -> tuple[PartConfig, ...]:
    """Return the end of a network that saw larger photographs than the settings' own, all over the frame."""
    return tuple(
        PartConfig(
            size=size, backbone="efficientnet-lite2", statistics=(statistic,), weight=0.7, whitening=0.25
        )
        for statistic in _BOTH
    )


PARTS: dict[Kind, tuple[PartConfig, ...]] = {
    "centred": _of_the_sky("centre", 96),
    "scattered": _of_the_sky("flux", 96),
    "upright": _of_photographs(160),
}
"""What is taken of the backbone where the settings do not say: ``docs/benchmark.md``."""

DEARER: dict[Kind, tuple[PartConfig, ...]] = {
    "centred": _of_the_sky("centre", 96, 128),
    "scattered": _of_the_sky("flux", 96, 128),
    "upright": _of_photographs(224),
}
"""The same where the settings allow 1.7 times the processor time."""

OF_OTHERS = tuple(PartConfig(size=96, statistics=(one,), weight=0.7, whitening=0.25) for one in _BOTH)
"""Of a backbone that is no EfficientNet, whose blocks are other ones: its end alone."""

WHITENING = {"square": 0.1, "other": 0.25}
"""Of an embedding whose sizes are given, by the pool's symmetry."""


@dataclass(frozen=True, slots=True)
class Traits:
    """What was measured on a pool's images.

    Attributes
    ----------
    symmetry
        Which views of them mean the same.
    centred
        Whether each shows an object at its centre.
    """

    symmetry: Symmetry
    centred: bool

    @property
    def kind(self) -> Kind:
        """What the images are."""
        if self.symmetry != "square":
            return "upright"
        return "centred" if self.centred else "scattered"

    def save(self, path: Path) -> None:
        """Keep them. Raises ``StorageError`` if the disk refuses."""
        write_bytes_atomically(
            path, json.dumps({"symmetry": self.symmetry, "centred": self.centred}).encode()
        )

    @classmethod
    def load(cls, path: Path) -> Traits | None:
        """Return what was kept; ``None`` if it is missing, damaged or of an earlier version."""
        try:
            kept = jsontext.parsed(path.read_text(encoding="utf-8"))
            symmetry, centred = kept["symmetry"], kept["centred"]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        known = symmetry in ("none", "mirror", "square") and isinstance(centred, bool)
        return cls(symmetry, centred) if known else None


class Look(NamedTuple):
    """What a backbone computes once for all parts that need it.

    Attributes
    ----------
    size
        Side at which it sees each image, in pixels.
    backbone
        Which it is; ``None`` for the one that the settings name for all.
    """

    size: int
    backbone: NetworkName | None = None

    @property
    def name(self) -> str:
        """Part of a file's name."""
        if self.backbone is None:
            return str(self.size)
        # The name of an encoder on a hub may hold what no file's name can.
        return f"{hashlib.sha256(self.backbone.encode()).hexdigest()[:8]}-{self.size}"

    def network(self, config: Config) -> NetworkConfig:
        """Return the settings of the network that looks."""
        name = self.backbone or config.network.name
        update = {"image_size": self.size, "name": name, "reads": "end"}  # the parts say what is taken
        return config.network.model_copy(update=update)


@dataclass(frozen=True, slots=True)
class Sight:
    """What is taken of the backbone for one pool.

    Attributes
    ----------
    symmetry
        Views of each image.
    parts
        What is taken.
    """

    symmetry: Symmetry
    parts: tuple[PartConfig, ...]

    @classmethod
    def of(cls, config: Config, traits: Traits) -> Sight:
        """Return what the settings say, or where they do not, what serves images of these traits."""
        symmetry = traits.symmetry if config.symmetry == "auto" else config.symmetry
        kind = Traits(symmetry, traits.centred).kind
        embedding = config.embedding
        parts = _given(embedding, symmetry) or _by_the_chosen(_at_effort(embedding)[kind], config.network)
        own = config.network.name
        parts = tuple(_renamed(part, None) if part.backbone == own else part for part in parts)
        if embedding.whitening is not None:
            parts = tuple(part.model_copy(update={"whitening": embedding.whitening}) for part in parts)
        return cls(symmetry, parts)

    @property
    def looks(self) -> tuple[Look, ...]:
        """What has to be computed of each image, in the order of the parts."""
        return tuple(dict.fromkeys(Look(part.size, part.backbone) for part in self.parts))

    def views(self, up_to: int) -> dict[Look, Symmetry]:
        """Return the views of a close look, averaged over where the side is at most ``up_to`` pixels."""
        return {look: self.symmetry if look.size <= up_to else "none" for look in self.looks}

    @property
    def backbones(self) -> tuple[Look, ...]:
        """The first look of each backbone."""
        return tuple({look.backbone: look for look in reversed(self.looks)}.values())[::-1]

    @property
    def adaptable(self) -> tuple[Look, ...]:
        """Looks of which only the middle of the network is taken, which an adaptation to the pool changes.

        The end of the network was not made for what an adapted middle gives it, and stays as pretrained, as
        does a backbone that is not the settings' own.
        """
        return tuple(
            look
            for look in self.looks
            if look.backbone is None and all("last" not in part.layers for part in self.parts_of(look))
        )

    @property
    def reads(self) -> Reads:
        """What the head of a trained network should read: the middle where the embedding reads its centre."""
        own = [part for part in self.parts if part.backbone is None and part.place == "centre"]
        return "middle" if {layer for part in own for layer in part.layers} == {*MIDDLE} else "end"

    def parts_of(self, look: Look) -> list[PartConfig]:
        """Return the parts that are taken of one look."""
        return [part for part in self.parts if (part.size, part.backbone) == look]


def traits_that_are_set(config: Config) -> Traits | None:
    """Return the traits if nothing has to be measured: the centre matters to the parts of the sky alone."""
    decided = bool(_given(config.embedding, "none")) or config.symmetry != "square"
    return Traits(config.symmetry, centred=False) if config.symmetry != "auto" and decided else None


def _at_effort(embedding: EmbeddingConfig) -> dict[Kind, tuple[PartConfig, ...]]:
    """Return what is taken of the backbone at the effort that the settings allow."""
    return DEARER if embedding.effort == "high" else PARTS


def _by_the_chosen(parts: tuple[PartConfig, ...], network: NetworkConfig) -> tuple[PartConfig, ...]:
    """Return parts by the settings' own network where somebody chose it, or wants no ImageNet weights."""
    if network.pretrained and network.name == NetworkConfig().name:
        return parts
    if network.name not in EFFICIENTNETS:
        size = network.image_size or OF_OTHERS[0].size
        return tuple(part.model_copy(update={"size": size}) for part in OF_OTHERS)
    return tuple(_renamed(part, None) for part in parts)


def _renamed(part: PartConfig, backbone: NetworkName | None) -> PartConfig:
    return part.model_copy(update={"backbone": backbone})


def _given(embedding: EmbeddingConfig, symmetry: Symmetry) -> tuple[PartConfig, ...]:
    """Return the parts that the settings name, if they do."""
    if embedding.parts is not None:
        return embedding.parts
    sizes = embedding.sizes or ()
    whitening = WHITENING["square" if symmetry == "square" else "other"]
    return tuple(PartConfig(size=size, whitening=whitening, weight=len(sizes) ** -0.5) for size in sizes)
