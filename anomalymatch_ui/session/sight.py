"""How a session looks at its pool: which parts of the backbone, by what was measured on the images."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from anomalymatch_ui.config import Config, EmbeddingConfig, PartConfig, Place, Statistic, Symmetry
from anomalymatch_ui.files import write_bytes_atomically

Kind = Literal["centred", "scattered", "upright"]
"""What images are: cutouts of the sky about an object, other pictures of the sky, or pictures with an up."""

_BOTH: tuple[Statistic, ...] = ("mean", "deviation")


def _of_the_sky(place: Place) -> tuple[PartConfig, ...]:
    """Return the middle of the network where the object is, and its end all over the frame.

    The end keeps what is told by more than the object from losing.
    """
    return (
        PartConfig(size=96, layers=(7,), place=place, statistics=_BOTH, weight=1.1),
        PartConfig(size=96, layers=(10,), place=place, statistics=_BOTH, weight=1.1),
        PartConfig(size=64, weight=0.77),
    )


PARTS: dict[Kind, tuple[PartConfig, ...]] = {
    "centred": _of_the_sky("centre"),
    "scattered": _of_the_sky("flux"),
    "upright": (
        PartConfig(size=160, statistics=("mean",), weight=0.7, whitening=0.25),
        PartConfig(size=160, statistics=("deviation",), weight=0.7, whitening=0.25),
    ),
}
"""What is taken of the backbone where the settings do not say, chosen on pools: ``docs/benchmark.md``."""

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
            kept = json.loads(path.read_text(encoding="utf-8"))
            symmetry, centred = kept["symmetry"], kept["centred"]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        known = symmetry in ("none", "mirror", "square") and isinstance(centred, bool)
        return cls(symmetry, centred) if known else None


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
        parts = _given(embedding, symmetry) or PARTS[kind]
        if embedding.whitening is not None:
            parts = tuple(part.model_copy(update={"whitening": embedding.whitening}) for part in parts)
        return cls(symmetry, parts)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Sides at which the backbone sees each image, in pixels, in the order of the parts."""
        return tuple(dict.fromkeys(part.size for part in self.parts))

    @property
    def adaptable(self) -> tuple[int, ...]:
        """Sizes of which only the middle of the network is taken, which an adaptation to the pool changes.

        The end of the network was not made for what an adapted middle gives it, and stays as pretrained.
        """
        return tuple(
            size for size in self.sizes if all("last" not in part.layers for part in self.parts_of(size))
        )

    def parts_of(self, size: int) -> list[PartConfig]:
        """Return the parts that are taken at one size."""
        return [part for part in self.parts if part.size == size]


def traits_that_are_set(config: Config) -> Traits | None:
    """Return the traits if nothing has to be measured: the centre matters to the parts of the sky alone."""
    decided = bool(_given(config.embedding, "none")) or config.symmetry != "square"
    return Traits(config.symmetry, centred=False) if config.symmetry != "auto" and decided else None


def _given(embedding: EmbeddingConfig, symmetry: Symmetry) -> tuple[PartConfig, ...]:
    """Return the parts that the settings name, if they do."""
    if embedding.parts is not None:
        return embedding.parts
    sizes = embedding.sizes or ()
    whitening = WHITENING["square" if symmetry == "square" else "other"]
    return tuple(PartConfig(size=size, whitening=whitening, weight=len(sizes) ** -0.5) for size in sizes)
