"""The network: a backbone, its pooled features, and a head of two classes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any, Self, cast

import torch
from torch import Tensor, nn

from anomalymatch_ui.config import IMAGE_SIZES, MIDDLE, Layer, NetworkConfig
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.learn.backbone import Backbone, build_backbone
from anomalymatch_ui.learn.input_range import input_scaling
from anomalymatch_ui.learn.pooling import centre_weights, pooled
from anomalymatch_ui.learn.randomness import seeded
from anomalymatch_ui.learn.stem import COLOURS

OfBytes = Callable[[Tensor, Sequence[Layer]], list[Tensor] | None]
"""What some layers make of uint8 images ``(n, bands, height, width)``; ``None`` if it cannot tell."""

ANOMALY = 1
"""Index of the anomaly among the head's two classes; 0 is nominal."""


class AnomalyNetwork(nn.Module):
    """A backbone with a head of two classes, nominal and anomaly.

    Input is ``(n, bands, height, width)``, float in [0, 1] or uint8, and scaled inside to what the backbone
    was trained on, unless the settings leave it as it is: FixMatch for anomaly search was published with
    [0, 1] (arXiv:2505.03509).

    Parameters
    ----------
    config
        What it is built from.
    bands
        Number of bands of the images: three are red, green and blue; others are ordered from the reddest to
        the bluest.

    Attributes
    ----------
    config
        What it was built from.
    bands
        Number of bands of the images.
    image_size
        Side of the square it sees, in pixels: as given, or that for images of the sky.
    layers
        What the head reads: ``"last"``, or blocks, as numbers from 0.
    feature_count
        Length of the feature vector: of Lite0 1,280 at its end, 384 in its middle.
    """

    backbone: Any  # the libraries publish no types

    def __init__(self, config: NetworkConfig, bands: int = COLOURS) -> None:
        super().__init__()
        self.image_size = config.image_size or IMAGE_SIZES["square"]
        filled = {"image_size": self.image_size, "reads": config.reads or "end"}
        self.config = config = config.model_copy(update=filled)
        self.bands = bands
        self._stages: Backbone = build_backbone(config, bands)
        self._of_bytes: OfBytes | None = None
        self.scaling = input_scaling(config, self._stages.range, bands)
        self.backbone = self._stages.module
        self.layers: tuple[Layer, ...] = MIDDLE if config.reads == "middle" else ("last",)
        self.feature_count = sum(map(self.channels, self.layers)) * (2 if config.reads == "middle" else 1)
        if config.reads == "middle":
            self._stages.keep(MIDDLE[-1] + 1)
        self.head = nn.Linear(self.feature_count, 2)
        nn.init.normal_(self.head.weight, std=config.head_scale)
        nn.init.zeros_(self.head.bias)
        for parameter in self._stages.frozen(self.frozen_blocks)[1]:
            parameter.requires_grad_(False)

    @property
    def frozen_blocks(self) -> int:
        """How many leading blocks stay as they are: as set, but not beyond the first that the head reads."""
        return min([self.config.frozen_blocks, *(layer for layer in self.layers if layer != "last")])

    @property
    def splits(self) -> bool:
        """Whether the backbone can go on from the maps of a block."""
        return self._stages.splits

    @property
    def split(self) -> int:
        """Blocks whose maps are :meth:`frozen_maps`; 0 if images pass through the backbone as a whole."""
        return min(self.frozen_blocks, self._stages.blocks) if self.splits else 0

    @property
    def computed_by(self) -> Backbone:
        """What computes the stages."""
        return self._stages

    @property
    def takes_bytes(self) -> bool:
        """Whether something computes from uint8 images at once; else they are scaled here, by torch."""
        return self._of_bytes is not None

    def compute_by(self, backbone: Backbone, of_bytes: OfBytes | None = None) -> None:
        """Let something else compute the stages of a network that is not trained any more.

        Parameters
        ----------
        backbone
            Computes them of scaled images.
        of_bytes
            Scales uint8 images by itself.
        """
        self._stages, self._of_bytes = backbone, of_bytes

    def train(self, mode: bool = True) -> Self:
        """Set what training changes; frozen blocks and frozen statistics stay as they score."""
        super().train(mode)
        if self.config.batch_norm == "frozen":
            for module in self.modules():
                if isinstance(module, nn.modules.batchnorm._BatchNorm):
                    module.eval()
        for module in self.frozen_modules():
            module.eval()
        return self

    def frozen_maps(self, images: Tensor) -> Tensor:
        """Return what the frozen blocks, which training does not change, make of ``images``.

        Returns
        -------
        Tensor
            ``(n, channels, height, width)``, without a gradient; ``images`` itself if :attr:`split` is 0.
        """
        if self.split == 0:
            return images
        # Nothing is kept for a backward pass, which would be most of a step's memory.
        with torch.no_grad():
            return self.stages(images, [self.split - 1])[0]

    def features_of_maps(self, maps: Tensor) -> Tensor:
        """Return the pooled features ``(n, feature_count)`` of :meth:`frozen_maps`.

        The end is averaged over the frame; of the middle, mean and deviation are taken at the centre.
        """
        found = self.stages_of_maps(maps, self.layers)
        if self.config.reads == "end":
            return found[0].mean(dim=(2, 3))
        with torch.autocast(maps.device.type, enabled=False):  # a deviation in bfloat16 has no digits left
            statistics = [pooled(stage, centre_weights(stage.shape[-1], stage.device)) for stage in found]
        return torch.cat([part for one in statistics for part in one], dim=1)

    def stages(self, images: Tensor, layers: Sequence[Layer]) -> list[Tensor]:
        """Return what some layers make of ``images``, computed no further than the deepest of them.

        Parameters
        ----------
        images
            As the network takes them.
        layers
            Numbers of blocks, from 0, and ``"last"`` for the layer after them, activated.

        Returns
        -------
        list of Tensor
            Maps ``(n, channels, height, width)``, in the order of ``layers``. With a gradient also through
            frozen blocks, whose weights have none.
        """
        if images.dtype == torch.uint8:
            found = None if self._of_bytes is None else self._of_bytes(images, layers)
            if found is not None:
                return found
            images = images / 255
        return self._stages.stages(self.scaling(images), 0, layers)

    def stages_of_maps(self, maps: Tensor, layers: Sequence[Layer]) -> list[Tensor]:
        """Return what :meth:`stages` does, from :meth:`frozen_maps` on: of layers after the frozen ones."""
        return self._stages.stages(maps, self.split, layers) if self.split else self.stages(maps, layers)

    def channels(self, layer: Layer) -> int:
        """Return how many channels a layer's maps have.

        Raises
        ------
        InputError
            If the network has no such block.
        """
        if layer == "last":
            return self._stages.feature_count
        blocks = self._stages.blocks
        if not 0 <= layer < blocks:
            raise InputError(
                f"{self.config.name} has no block {layer}: its blocks are 0 to {blocks - 1}, and last."
            )
        return self._stages.channels(layer)

    def features(self, images: Tensor) -> Tensor:
        """Return the pooled features ``(n, feature_count)`` of ``images``."""
        return self.features_of_maps(self.frozen_maps(images))

    def frozen_modules(self) -> list[nn.Module]:
        """Return what training does not change: the beginning of the backbone, in order."""
        return self._stages.frozen(self.frozen_blocks)[0]

    def fuse(self) -> None:
        """Rewrite a network that is not trained any more so that it computes the same faster."""
        self._stages.fuse()

    def keep_frozen_part(self) -> None:
        """Drop everything that :meth:`frozen_maps` does not need."""
        self._stages.keep(self.split)

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits ``(n, 2)`` of ``images``."""
        return self.logits_of_maps(self.frozen_maps(images))

    def logits_of_maps(self, maps: Tensor) -> Tensor:
        """Return the logits ``(n, 2)`` of :meth:`frozen_maps`."""
        features = nn.functional.dropout(self.features_of_maps(maps), self.config.dropout, self.training)
        return cast(Tensor, self.head(features))

    def forward_with_features(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits ``(n, 2)`` and features ``(n, feature_count)`` in one pass, without dropout."""
        return self.answers_of_maps(self.frozen_maps(images))

    def answers_of_maps(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        """Return what :meth:`forward_with_features` gives of :meth:`frozen_maps`."""
        features = self.features_of_maps(maps)
        return self.head(features.to(self.head.weight.dtype)), features


def build_network(config: NetworkConfig, seed: int, bands: int = COLOURS) -> AnomalyNetwork:
    """Build a network of images of so many bands, whose random weights depend on ``seed`` alone.

    Raises
    ------
    InputError
        If there is no such backbone, or its weights have to be downloaded and cannot be.
    """
    with seeded(seed):
        return AnomalyNetwork(config, bands)


def network_digest(network: nn.Module) -> str:
    """Return a name of 16 hexadecimal digits to what a network computes.

    Two networks with the same parameters and statistics have the same digest, whatever device they
    are on, so that a score can be traced to the network that gave it.
    """
    digest = hashlib.sha256()
    if isinstance(network, AnomalyNetwork):
        digest.update(network.config.record().encode())
        if network.bands != COLOURS:
            digest.update(f"{network.bands} bands".encode())
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def frozen_digest(network: AnomalyNetwork) -> str:
    """Return a name to what the frozen blocks compute, which no cycle changes."""
    digest = hashlib.sha256(f"{_seen_as(network)} {network.frozen_blocks} ".encode())
    for module in network.frozen_modules():
        digest.update(network_digest(module).encode())
    return digest.hexdigest()[:16]


def backbone_digest(network: AnomalyNetwork) -> str:
    """Return a name to what the backbone computes; the head, whose weights are drawn, does not matter."""
    named = f"{_seen_as(network)} {network_digest(network.backbone)}"
    return hashlib.sha256(named.encode()).hexdigest()[:16]


def _seen_as(network: AnomalyNetwork) -> str:
    """Return what decides, beside its weights, what a network sees of an image."""
    config = network.config
    scaled = "" if config.input_range == "unit" else f" {config.input_range}"
    bands = "" if network.bands == COLOURS else f" {network.bands} bands"
    return f"{config.name} {config.image_size}{scaled}{bands}"
