"""A network made ready to score: copied to a device once, in the layout and number format it is fast in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from anomalymatch_ui.config import Layer, NumberFormat, PartConfig, RuntimeName, Symmetry
from anomalymatch_ui.learn import (
    ANOMALY,
    AnomalyNetwork,
    Runtime,
    choose_runtime,
    compute_reproducibly,
    fused_for_inference,
    is_out_of_memory,
    layers_of,
    represented,
    symmetries,
    width,
)
from anomalymatch_ui.learn.plan import Taken

_DTYPES: dict[NumberFormat, torch.dtype] = {"float32": torch.float32, "bfloat16": torch.bfloat16}


class Scorer:
    """A network on a device, channels-last, in a number format; its head stays float32.

    To be made once and used for many batches, as by one worker of a cluster.

    Parameters
    ----------
    network
        It is copied, not changed.
    device
        Where it runs.
    number_format
        In which the backbone computes.
    compiled
        Whether ``torch.compile`` makes it faster; the first batch then takes a minute or more.
    parts
        What features are taken of the network's stages; by default the last layer's, averaged over the
        frame. With parts the head is not asked, and all scores are one half.
    runtime
        What computes the backbone on a CPU; a compiled network is torch's.

    Attributes
    ----------
    device
        Where it runs.
    dtype
        Number format of the backbone.
    image_size
        Side of the images it takes, in pixels.
    feature_count
        Length of a feature vector.
    runtime
        What computes it.
    name
        Says all that its speed depends on, but for the machine.
    """

    def __init__(
        self,
        network: AnomalyNetwork,
        device: torch.device,
        *,
        number_format: NumberFormat = "float32",
        compiled: bool = False,
        parts: Sequence[PartConfig | Taken] = (),
        runtime: RuntimeName = "torch",
    ) -> None:
        compute_reproducibly(device)
        self.device = device
        self.dtype = _DTYPES[number_format]
        self.image_size = network.image_size
        self.feature_count = sum(width(network, part) for part in parts) or network.feature_count
        taken = "".join(f" {part.layers} {part.place}" for part in parts)
        self.network = fused_for_inference(network).to(device).to(memory_format=torch.channels_last)
        self.network.backbone.to(self.dtype)
        asked = _programs(self.network, parts)
        self.runtime = (
            Runtime() if compiled else choose_runtime(self.network, runtime, device, asked, of_bytes=True)
        )
        self.name = (
            f"{network.config.name} {network.bands} {self.image_size} {device} {self.dtype} {compiled} "
            f"{self.runtime}{taken}"
        )
        self._compiled = compiled
        self._full_batch = 0
        self._largest: int | None = None
        self._parts = tuple(parts)
        self._forward = self._features_alone if parts else self.network.forward_with_features
        if compiled:
            self._forward = torch.compile(self._forward, dynamic=False)

    def score(
        self, pixels: np.ndarray | Tensor, symmetry: Symmetry = "none"
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return scores and features of a batch; where the device's memory is used up, in two halves.

        Parameters
        ----------
        pixels
            uint8 ``(n, bands, height, width)``, at least one image; a tensor may be on the device already.
        symmetry
            Average logits and features over these views of each image.

        Returns
        -------
        scores : numpy.ndarray
            Probability of an anomaly, float32 ``(n,)``.
        features : numpy.ndarray
            Pooled features of the backbone, float16 ``(n, feature_count)``.
        """
        scores, features = self.launch(pixels, symmetry)
        return scores.cpu().numpy(), features.cpu().numpy()

    def launch(self, pixels: np.ndarray | Tensor, symmetry: Symmetry = "none") -> tuple[Tensor, Tensor]:
        """Return what :meth:`score` gives as tensors on the device, which may still be computing them."""
        if self._largest is None or len(pixels) <= self._largest:
            try:
                return self.launch_whole(torch.as_tensor(pixels), symmetry)
            except RuntimeError as error:
                if not is_out_of_memory(error) or len(pixels) == 1:
                    raise
            # So that the next batch is not tried in vain, nor a part filled up to what did not fit.
            self._largest = -(-len(pixels) // 2)
            self._full_batch = 0
        middle = -(-len(pixels) // 2)
        parts = [self.launch(half, symmetry) for half in (pixels[:middle], pixels[middle:])]
        return torch.cat([scores for scores, _ in parts]), torch.cat([features for _, features in parts])

    @torch.inference_mode()
    def launch_whole(self, pixels: Tensor, symmetry: Symmetry) -> tuple[Tensor, Tensor]:
        """Do what :meth:`launch` does in one batch, whatever memory there is."""
        views = self._views(pixels, symmetry)
        return _averaged([self._forward(view) for view in views], len(pixels))

    @torch.inference_mode()
    def frozen_maps(self, pixels: np.ndarray, symmetry: Symmetry) -> np.ndarray:
        """Return what the frozen blocks make of images, for :meth:`score_maps`.

        Parameters
        ----------
        pixels
            uint8 ``(n, bands, height, width)``.
        symmetry
            Views of each image.

        Returns
        -------
        numpy.ndarray
            ``(n, views, height, width, channels)``: float32, or int16 that holds the bits of bfloat16.
        """
        views = self._views(torch.from_numpy(pixels), symmetry)
        maps = [self.network.frozen_maps(view).permute(0, 2, 3, 1) for view in views]
        values = torch.stack(maps, dim=1).cpu()
        return (values.view(torch.int16) if values.dtype == torch.bfloat16 else values).numpy()

    def map_layout(self, symmetry: Symmetry) -> tuple[tuple[int, ...], np.dtype]:
        """Return shape and dtype of one image's :meth:`frozen_maps`: those of a black one."""
        black = np.zeros((1, self.network.bands, self.image_size, self.image_size), np.uint8)
        row = self.frozen_maps(black, symmetry)[0]
        return row.shape, row.dtype

    @torch.inference_mode()
    def score_maps(self, maps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return what :meth:`score` gives of a batch, to the last bit, of its :meth:`frozen_maps`."""
        values = torch.from_numpy(maps)
        values = values.view(torch.bfloat16) if values.dtype == torch.int16 else values
        views = values.to(self.device).unbind(dim=1)
        answers = [self.network.answers_of_maps(view.contiguous().permute(0, 3, 1, 2)) for view in views]
        scores, features = _averaged(answers, len(maps))
        return scores.cpu().numpy(), features.cpu().numpy()

    def _features_alone(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits that say nothing, and the features of the parts."""
        features = represented(self.network, images, self._parts)
        return features.new_zeros(len(features), 2), features

    def _views(self, pixels: Tensor, symmetry: Symmetry) -> Iterator[Tensor]:
        """Return the images as the network takes them, in each view."""
        # As bytes, of which there are fewer than of the network's numbers.
        pixels = pixels.to(self.device).contiguous(memory_format=torch.channels_last)
        images = self._filled_up(pixels)
        if not self.network.takes_bytes:
            images = images.to(self.dtype) / 255
        for view in symmetries(images, symmetry):
            yield view.contiguous(memory_format=torch.channels_last)

    def _filled_up(self, pixels: Tensor) -> Tensor:
        """Fill a short batch up for a compiled network, which is compiled anew for each other length."""
        if not self._compiled:
            return pixels
        self._full_batch = max(self._full_batch, len(pixels))
        missing = self._full_batch - len(pixels)
        return torch.nn.functional.pad(pixels, (0, 0, 0, 0, 0, 0, 0, missing)) if missing else pixels


def _programs(
    network: AnomalyNetwork, parts: Sequence[PartConfig | Taken]
) -> list[tuple[int, tuple[Layer, ...]]]:
    """Return the blocks to begin with, and the layers, of all that is asked of a network's backbone."""
    if parts:
        return [(0, layers_of(parts))]
    split = network.split
    return [(0, (split - 1,)), (split, network.layers)] if split else [(0, network.layers)]


def _averaged(views: list[tuple[Tensor, Tensor]], count: int) -> tuple[Tensor, Tensor]:
    """Return scores and features of the first ``count`` images, averaged over the views of each."""
    logits = torch.stack([logits.float() for logits, _ in views]).mean(dim=0)[:count]
    features = torch.stack([features.float() for _, features in views]).mean(dim=0)[:count]
    return torch.softmax(logits, dim=1)[:, ANOMALY], features.to(torch.float16)
