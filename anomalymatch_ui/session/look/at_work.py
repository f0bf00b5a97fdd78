"""A frozen backbone at work: by OpenVINO, which needs no torch, or by torch."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Protocol

import numpy as np

from anomalymatch_ui.config import EFFICIENTNETS, Config, ScoreConfig, Symmetry
from anomalymatch_ui.learn.accelerators import runs_on_cpu
from anomalymatch_ui.learn.keeping import frozen_backbone
from anomalymatch_ui.learn.verdict import Refusal, Runtime
from anomalymatch_ui.learn.wanted import WantedBackbone
from anomalymatch_ui.pool import ImagePool
from anomalymatch_ui.stream.graph_pipeline import look_at_pool
from anomalymatch_ui.stream.graph_scorer import GraphScorer
from anomalymatch_ui.stream.scored import ScoredBatch
from anomalymatch_ui.stream.threads import computing_threads


class BackboneAtWork(Protocol):
    """A backbone that looks at images.

    Attributes
    ----------
    widths
        Columns of each part.
    device, runtime
        Where it runs, and what computes it.
    threads, begin
        How many threads may ask for features at one time, and what each does first.
    """

    widths: list[int]
    device: str
    runtime: Runtime
    threads: int
    begin: Callable[[], None] | None

    def look(
        self, pool: ImagePool, start: int, stop: int, symmetry: Symmetry
    ) -> Generator[ScoredBatch, None, None]:
        """Look at the images of a pool from index ``start`` up to ``stop``, in order."""

    def features(self, pixels: np.ndarray) -> np.ndarray:
        """Return the features of images, uint8 ``(n, bands, size, size)``, as float16 ``(n, columns)``."""


class GraphBackbone:
    """See :class:`BackboneAtWork`: one that OpenVINO computes.

    Parameters
    ----------
    wanted
        The backbone, and what is taken of it.
    scoring
        How many images at one time.

    Raises
    ------
    ImportError
        If OpenVINO is not installed, or cannot be loaded.
    Refusal
        If OpenVINO cannot compute it, or computes something else.
    InputError
        If there is no such backbone or layer, or the adapted weights are damaged.
    """

    begin: Callable[[], None] | None = None

    def __init__(self, wanted: WantedBackbone, scoring: ScoreConfig) -> None:
        frozen = frozen_backbone(wanted)
        self._scorer = GraphScorer(frozen)
        self._scoring = scoring
        self.widths = list(frozen.widths)
        self.device = "cpu"
        self.runtime = self._scorer.runtime
        self.threads = computing_threads()

    def look(
        self, pool: ImagePool, start: int, stop: int, symmetry: Symmetry
    ) -> Generator[ScoredBatch, None, None]:
        """Look at the images of a pool from index ``start`` up to ``stop``, in order."""
        return look_at_pool(pool, self._scorer, self._scoring, start=start, stop=stop, symmetry=symmetry)

    def features(self, pixels: np.ndarray) -> np.ndarray:
        """Return the features of images, uint8 ``(n, bands, size, size)``, as float16 ``(n, columns)``."""
        return self._scorer.score(pixels)[1]


def backbone_at_work(wanted: WantedBackbone, config: Config) -> BackboneAtWork:
    """Make a backbone ready to look.

    Parameters
    ----------
    wanted
        The backbone, and what is taken of it.
    config
        Where it runs, and what may compute it.

    Raises
    ------
    InputError
        If there is no such backbone, layer or device, the adapted weights are damaged, or OpenVINO is asked
        for by name and is not installed.
    """
    scoring, refused = config.score, ""
    by_graph = (
        scoring.runtime != "torch"
        and scoring.number_format == "float32"
        and not scoring.compiled
        and wanted.network.name in EFFICIENTNETS
        and runs_on_cpu(config.device)
    )
    if by_graph:
        try:
            return GraphBackbone(wanted, scoring)
        except Refusal as refusal:
            refused = str(refusal)
        except ImportError:
            pass  # torch's way says so, and refuses where OpenVINO was asked for
    from anomalymatch_ui.session.look.by_torch import TorchBackbone

    return TorchBackbone(wanted, config.device, scoring, refused)
