"""A backbone at work that torch computes: on a GPU, in bfloat16, or where OpenVINO cannot.

This is where looking at images loads torch: :mod:`~anomalymatch_ui.session.look.at_work` imports it only
where that is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Generator

import numpy as np
import torch

from anomalymatch_ui.config import ScoreConfig, Symmetry
from anomalymatch_ui.learn import Runtime, resolve_device, width
from anomalymatch_ui.learn.freezing import network_of
from anomalymatch_ui.learn.wanted import WantedBackbone
from anomalymatch_ui.pool import ImagePool
from anomalymatch_ui.stream import ScoredBatch, Scorer, score_pool
from anomalymatch_ui.stream.torch_threads import compute_in_one_thread


class TorchBackbone:
    """See :class:`~anomalymatch_ui.session.look.at_work.BackboneAtWork`.

    Parameters
    ----------
    wanted
        The backbone, and what is taken of it.
    device, scoring
        Where it runs, and how.
    refused
        Why OpenVINO does not compute it, if that was tried.

    Raises
    ------
    InputError
        If there is no such backbone, layer or device, or the adapted weights are damaged.
    """

    begin: Callable[[], None] | None = None

    def __init__(self, wanted: WantedBackbone, device: str, scoring: ScoreConfig, refused: str) -> None:
        network = network_of(wanted)
        self._scoring = scoring
        self._device = resolve_device(device)
        self.widths = [width(network, part) for part in wanted.parts]
        self._scorer = Scorer(
            network,
            self._device,
            number_format=scoring.number_format,
            compiled=scoring.compiled,
            parts=wanted.parts,
            runtime="torch" if refused else scoring.runtime,
        )
        self.device = str(self._device)
        self.runtime = Runtime(reason=refused) if refused else self._scorer.runtime
        self.threads = 1
        if self._device.type == "cpu":
            self.threads, self.begin = torch.get_num_threads(), compute_in_one_thread

    def look(
        self, pool: ImagePool, start: int, stop: int, symmetry: Symmetry
    ) -> Generator[ScoredBatch, None, None]:
        """Look at the images of a pool from index ``start`` up to ``stop``, in order."""
        return score_pool(
            pool,
            self._scorer.network,
            self._scoring,
            device=self._device,
            symmetry=symmetry,
            start=start,
            stop=stop,
            scorer=self._scorer,
        )

    def features(self, pixels: np.ndarray) -> np.ndarray:
        """Return the features of images, uint8 ``(n, bands, size, size)``, as float16 ``(n, columns)``."""
        return self._scorer.score(pixels)[1]
