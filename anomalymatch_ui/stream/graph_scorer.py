"""A frozen backbone made ready to look at images on a CPU by OpenVINO alone; torch is not needed."""

from __future__ import annotations

import numpy as np

from anomalymatch_ui.config import OPENVINO_FEATURES, OPENVINO_GRAPH, Symmetry
from anomalymatch_ui.learn.frozen import FrozenBackbone
from anomalymatch_ui.learn.openvino_graph import CompiledGraph, installed_version
from anomalymatch_ui.learn.openvino_pooling import features_graph
from anomalymatch_ui.learn.verdict import Refusal, Runtime, first_line, require_alike
from anomalymatch_ui.learn.views import array_views
from anomalymatch_ui.stream.threads import computing_threads


class GraphScorer:
    """A backbone that gives features, and no scores: its head is not asked.

    To be made once and used for many batches, by any number of threads. The bits of an answer depend on the
    image alone.

    Parameters
    ----------
    frozen
        What it computes. What torch made of its images is what OpenVINO has to make of them, too.

    Attributes
    ----------
    image_size
        Side of the images it takes, in pixels.
    feature_count
        Length of a feature vector.
    runtime
        What computes it.

    Raises
    ------
    ImportError
        If OpenVINO is not installed, or cannot be loaded.
    Refusal
        If it cannot compute the backbone here, or computes something else than torch.
    """

    def __init__(self, frozen: FrozenBackbone) -> None:
        version = installed_version()
        shape = frozen.pixels.shape[1:]
        try:
            model = features_graph(frozen.plan, frozen.parts, shape, frozen.scaling)
            self._graph = CompiledGraph(model, computing_threads())
            (found,) = self._graph(frozen.pixels)
        except RuntimeError as error:
            raise Refusal(f"OpenVINO cannot compute on this processor ({first_line(error)}).") from error
        _try(found, frozen)
        self.image_size = int(shape[0])
        self.feature_count = sum(frozen.widths)
        self.runtime = Runtime(f"OpenVINO {version}, graph {OPENVINO_GRAPH}, features {OPENVINO_FEATURES}")

    def score(self, pixels: np.ndarray, symmetry: Symmetry = "none") -> tuple[np.ndarray, np.ndarray]:
        """Return what is known of a batch.

        Parameters
        ----------
        pixels
            uint8 ``(n, bands, height, width)``; best a view of memory that is channels-last.
        symmetry
            Average the features over these views of each image.

        Returns
        -------
        scores : numpy.ndarray
            float32 ``(n,)``, one half each: nobody was asked.
        features : numpy.ndarray
            float16 ``(n, feature_count)``.
        """
        rows = pixels.transpose(0, 2, 3, 1)
        views = [self._graph(view)[0] for view in array_views(rows, symmetry)]
        features = views[0] if len(views) == 1 else np.stack(views).mean(axis=0, dtype=np.float32)
        return np.full(len(pixels), 0.5, np.float32), features.astype(np.float16)


def _try(found: np.ndarray, frozen: FrozenBackbone) -> None:
    """Compare each part with what torch made of it."""
    stops = np.cumsum(frozen.widths)[:-1]
    both = (np.split(features, stops, axis=1) for features in (found, frozen.features))
    for part, ours, torchs in zip(frozen.parts, *both, strict=True):
        difference, scale = float(np.linalg.norm(ours - torchs)), float(np.linalg.norm(torchs))
        layers = ", ".join(map(str, part.layers))
        require_alike(difference, scale, f"layer {layers}")
