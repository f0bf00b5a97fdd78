"""Any image encoder of timm [1]_, and Zoobot's [2]_, which are kept as timm's.

References
----------
.. [1] Wightman 2019, "PyTorch Image Models", https://github.com/huggingface/pytorch-image-models.
.. [2] Walmsley et al. 2023, "Zoobot", JOSS 8, 5312: encoders trained on galaxies.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator, Sequence
from typing import Any, cast
from urllib.parse import urlsplit

import torch
from torch import Tensor, nn

from anomalymatch_ui.config import TIMM, Layer, NetworkConfig
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.learn.input_range import Range
from anomalymatch_ui.learn.stem import COLOURS, widen


class TimmBackbone:
    """An encoder of timm; see :class:`~anomalymatch_ui.learn.backbone.Backbone`.

    Its blocks are the stages that timm itself can give the maps of: four or five of a convolutional network,
    each layer of a transformer. It is always computed from the image on.

    Parameters
    ----------
    config
        Its name is ``timm:`` and what timm calls the model, such as ``timm:convnext_nano.in12k_ft_in1k``,
        ``timm:hf-hub:mwalmsley/zoobot-encoder-convnext_nano`` or ``timm:local-dir:PATH``.
    bands
        Number of bands of the images it is to take.

    Raises
    ------
    InputError
        If timm is not installed or knows no such model, its weights cannot be had, or it cannot take images
        of this size.
    """

    module: Any
    splits = False

    def __init__(self, config: NetworkConfig, bands: int = COLOURS) -> None:
        self.name = config.name
        self._size = cast(int, config.image_size)
        self.module = _create(config)
        for part in self.module.modules():
            if isinstance(part, nn.modules.batchnorm._BatchNorm):
                part.momentum = config.batch_norm_momentum
        pretrained = self.module.pretrained_cfg
        self.range: Range = (tuple(pretrained["mean"]), tuple(pretrained["std"]))
        stems = _stems(self.module, pretrained.get("first_conv"))
        if not stems or len(self.range[0]) != COLOURS:
            raise InputError(f"The model {config.name} does not begin with a convolution of three colours.")
        for stem in stems:
            widen(stem, bands)
        self._channels_in = stems[0].in_channels
        self._channels, self.feature_count = self._probe()
        self._frozen: dict[int, tuple[list[nn.Module], list[nn.Parameter]]] = {}

    @property
    def blocks(self) -> int:
        """How many blocks there are."""
        return len(self._channels)

    def channels(self, block: int) -> int:
        """Return how many channels the maps of a block have."""
        return self._channels[block]

    def stages(self, values: Tensor, start: int, layers: Sequence[Layer]) -> list[Tensor]:
        """Return what some layers give; see :meth:`Backbone.stages`. ``start`` is 0."""
        module = self.module
        if set(layers) == {"last"}:
            last = self._as_maps(module.forward_features(values))
            return [last] * len(layers)
        numbers = sorted({int(layer) for layer in layers if layer != "last"})
        wanted: dict[str, Any] = {
            "indices": numbers,
            "output_fmt": "NCHW",
        }  # a plain number has another meaning
        if "last" not in layers:
            maps = module.forward_intermediates(values, stop_early=True, intermediates_only=True, **wanted)
            found: dict[Layer, Tensor] = dict(zip(numbers, maps, strict=True))
        else:
            last, maps = module.forward_intermediates(values, **wanted)
            found = {**dict(zip(numbers, maps, strict=True)), "last": self._as_maps(last)}
        return [found[layer] for layer in layers]

    def frozen(self, blocks: int) -> tuple[list[nn.Module], list[nn.Parameter]]:
        """Return what the first blocks are computed from; the last block is always left to training.

        A convolutional network has few blocks, so that a number meant for another one may well be all of
        them.
        """
        first = min(blocks, self.blocks - 1)
        if first not in self._frozen:  # asked at every step
            self._frozen[first] = self._computing(first - 1) if first > 0 else ([], [])
        return self._frozen[first]

    def _computing(self, block: int) -> tuple[list[nn.Module], list[nn.Parameter]]:
        """Return the modules that run for the maps of a block, and the parameters that they depend on."""
        used: list[nn.Module] = []
        leaves = [part for part in self.module.modules() if not list(part.children())]
        hooks = [part.register_forward_hook(lambda part, *_: used.append(part)) for part in leaves]
        try:
            self.module.eval()
            with torch.enable_grad():
                (maps,) = self.stages(self._black(), 0, [block])
                parameters = list(self.module.parameters())
                reached = torch.autograd.grad(maps.float().sum(), parameters, allow_unused=True)
        finally:
            for hook in hooks:
                hook.remove()
        frozen = [one for one, slope in zip(parameters, reached, strict=True) if slope is not None]
        return list(dict.fromkeys(used)), frozen

    def fuse(self) -> None:
        """Leave it as it is: each family of timm would have to be fused in its own way."""

    def keep(self, blocks: int) -> None:
        """Leave it as it is; no beginning is computed by itself."""

    @torch.no_grad()
    def _probe(self) -> tuple[list[int], int]:
        """Return the channels of each block and of the last layer, by what one image gives."""
        training = self.module.training
        self.module.eval()
        try:
            maps = self.module.forward_intermediates(
                self._black(), output_fmt="NCHW", intermediates_only=True
            )
            last = self._as_maps(self.module.forward_features(self._black()))
        except (RuntimeError, ValueError, AssertionError, IndexError) as error:
            raise InputError(
                f"The model {self.name} cannot take images of {self._size} pixels ({_first_line(error)}). "
                "Set network.image_size to a size that it was made for, such as 224."
            ) from error
        self.module.train(training)
        return [int(one.shape[1]) for one in maps], int(last.shape[1])

    def _black(self) -> Tensor:
        return torch.zeros(1, self._channels_in, self._size, self._size)

    def _as_maps(self, values: Tensor) -> Tensor:
        """Return features as maps ``(n, channels, height, width)``: of tokens, those of places."""
        if values.dim() == 4:
            channels_last = str(getattr(self.module, "output_fmt", "NCHW")) == "NHWC"  # as of Swin
            return values.permute(0, 3, 1, 2) if channels_last else values
        places = values[:, getattr(self.module, "num_prefix_tokens", 0) :]
        side = int(places.shape[1] ** 0.5)
        if side * side == places.shape[1] - 1:  # a token of the whole image, of which the model does not tell
            places = places[:, 1:]
        if side * side != places.shape[1]:
            raise ValueError(f"{places.shape[1]} tokens are no square")
        return places.transpose(1, 2).reshape(len(places), -1, side, side)


def _create(config: NetworkConfig) -> nn.Module:
    """Return the model as timm builds it, without a classifier."""
    try:
        import timm  # noqa: F401
    except ImportError as error:
        raise InputError(
            f"The network {config.name} needs the package timm. Install it by pip install "
            "'anomalymatch-ui[timm]', or choose efficientnet-lite0."
        ) from error
    name = config.name.removeprefix(TIMM)
    options: dict[str, Any] = {"num_classes": 0}
    if config.drop_connect > 0:
        options["drop_path_rate"] = config.drop_connect
    with _hub():
        try:
            model = _sized(name, config, options)
        except Exception as error:
            raise InputError(_why_not(config, error)) from error
    if not hasattr(model, "forward_intermediates"):
        raise InputError(f"The model {config.name} is no encoder of images whose stages timm can give.")
    return model


def _sized(name: str, config: NetworkConfig, options: dict[str, Any]) -> nn.Module:
    """Return a model that is told the size of its images where, as a transformer, it has to know it."""
    import timm

    try:
        model = timm.create_model(name, config.pretrained, img_size=config.image_size, **options)
    except TypeError as error:  # raised before any weights are loaded
        if "img_size" not in str(error):
            raise
        model = timm.create_model(name, config.pretrained, **options)
    return cast(nn.Module, model)


@contextlib.contextmanager
def _hub() -> Iterator[None]:
    """Ask the hub only where it can be reached: it would be tried for a minute, and then for another one."""
    from huggingface_hub import constants

    offline = constants.HF_HUB_OFFLINE
    proxied = any(os.environ.get(name) for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"))
    if not offline and not proxied:
        try:
            socket.getaddrinfo(urlsplit(constants.ENDPOINT).hostname, 443)
        except OSError:
            constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = offline


def _why_not(config: NetworkConfig, error: Exception) -> str:
    """Put into a sentence why a model cannot be had, and what to do."""
    if isinstance(error, OSError):  # of the hub, and of files
        return (
            f"The weights of {config.name} are not on this machine and could not be downloaded "
            f"({_first_line(error)}). Connect to the network once; or copy the model's folder from a machine "
            "that has one and name it timm:local-dir:FOLDER; or choose efficientnet-lite0, whose weights "
            "come with the package."
        )
    if isinstance(error, TypeError) and "drop_path_rate" in str(error):
        return f"The model {config.name} has no stochastic depth. Set network.drop_connect to 0."
    return (
        f"timm cannot build the model {config.name} ({_first_line(error)}). Take a name from "
        "timm.list_models(pretrained=True), or set network.pretrained to false for random weights."
    )


def _stems(model: nn.Module, named: object) -> list[nn.Conv2d]:
    """Return the convolutions that take the image: those that timm names, or the first of three colours."""
    names = [named] if isinstance(named, str) else list(named) if isinstance(named, tuple | list) else []
    parts = dict(model.named_modules())
    fitting = {
        name: part
        for name, part in parts.items()
        if isinstance(part, nn.Conv2d) and part.in_channels == COLOURS and part.groups == 1
    }
    return [fitting[name] for name in names if name in fitting] or list(fitting.values())[:1]


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].rstrip(".")
