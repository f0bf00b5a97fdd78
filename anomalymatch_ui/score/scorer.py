"""A network made ready to score: copied to a device once, in the layout and number format it is fast in."""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch import Tensor

from anomalymatch_ui.config import Symmetry
from anomalymatch_ui.learn import ANOMALY, AnomalyNetwork, inference_dtype, is_out_of_memory, symmetries


class Scorer:
    """A network on a device, channels-last, in the device's inference format; its head stays float32.

    To be made once and used for many batches, as by one worker of a cluster.

    Parameters
    ----------
    network
        It is copied, not changed.
    device
        Where it runs.
    compiled
        Whether ``torch.compile`` makes it faster; the first batch then takes a minute or more.

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
    """

    def __init__(self, network: AnomalyNetwork, device: torch.device, *, compiled: bool = False) -> None:
        self.device = device
        self.dtype = inference_dtype(device)
        self.image_size = network.config.image_size
        self.feature_count = network.feature_count
        self.network: AnomalyNetwork = copy.deepcopy(network).eval().requires_grad_(False)
        self.network = self.network.to(device).to(memory_format=torch.channels_last)
        self.network.backbone.to(self.dtype)
        self._forward = self.network.forward_with_features
        if compiled:
            self._forward = torch.compile(self._forward)

    def score(
        self, pixels: np.ndarray | Tensor, symmetry: Symmetry = "none"
    ) -> tuple[np.ndarray, np.ndarray]:
        """Give scores and features of a batch; where the device's memory is used up, in two halves.

        Parameters
        ----------
        pixels
            uint8 ``(n, 3, height, width)``, at least one image; a tensor may be on the device already.
        symmetry
            Average logits and features over these views of each image.

        Returns
        -------
        scores : numpy.ndarray
            Probability of an anomaly, float32 ``(n,)``.
        features : numpy.ndarray
            Pooled features of the backbone, float16 ``(n, feature_count)``.
        """
        try:
            return self._score(torch.as_tensor(pixels), symmetry)
        except RuntimeError as error:
            if not is_out_of_memory(error) or len(pixels) == 1:
                raise
        middle = len(pixels) // 2
        parts = [self.score(half, symmetry) for half in (pixels[:middle], pixels[middle:])]
        return np.concatenate([scores for scores, _ in parts]), np.concatenate([part for _, part in parts])

    @torch.inference_mode()
    def _score(self, pixels: Tensor, symmetry: Symmetry) -> tuple[np.ndarray, np.ndarray]:
        images = pixels.to(self.device).to(self.dtype) / 255
        views = [
            self._forward(view.contiguous(memory_format=torch.channels_last))
            for view in symmetries(images, symmetry)
        ]
        logits = torch.stack([logits.float() for logits, _ in views]).mean(dim=0)
        features = torch.stack([features.float() for _, features in views]).mean(dim=0)
        scores = torch.softmax(logits, dim=1)[:, ANOMALY]
        return scores.cpu().numpy(), features.to(torch.float16).cpu().numpy()


def features_of(network: AnomalyNetwork, pixels: np.ndarray, device: torch.device) -> np.ndarray:
    """Give the features, float16 ``(n, features)``, of a batch of images that is at hand.

    Parameters
    ----------
    network
        It is copied, not changed.
    pixels
        uint8 ``(n, 3, height, width)``.
    device
        Where the network runs.
    """
    _, features = Scorer(network, device).score(pixels)
    return features
