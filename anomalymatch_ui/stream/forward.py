"""The last stages of scoring: the network on its device, and its answers back on the host."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from anomalymatch_ui.config import Symmetry
from anomalymatch_ui.pool import ImagePool
from anomalymatch_ui.stream.clock import StageClock
from anomalymatch_ui.stream.flow import Stage
from anomalymatch_ui.stream.frozen_maps import FrozenMaps
from anomalymatch_ui.stream.pieces import HostStages, Piece, RawPiece
from anomalymatch_ui.stream.scored import ScoredBatch
from anomalymatch_ui.stream.scorer import Scorer
from anomalymatch_ui.stream.torch_threads import compute_in_one_thread

_NEARLY_ALL = 0.9


@dataclass(frozen=True, slots=True)
class _Launched:
    """A batch that a GPU may still be computing."""

    piece: Piece
    scores: Tensor
    features: Tensor
    begun: torch.cuda.Event
    ended: torch.cuda.Event
    copied: torch.cuda.Event


class ForwardStages:
    """What a batch goes through once its pixels are at hand.

    On a CPU as many batches are computed at one time as torch has threads, each in one thread. On a
    GPU one thread launches batches, and another waits for them, so that the next is launched meanwhile.

    Parameters
    ----------
    scorer
        The network on its device.
    symmetry
        The views of each image.
    clock
        Is told by the GPU's own clock how long it was busy.
    """

    def __init__(self, scorer: Scorer, symmetry: Symmetry, clock: StageClock) -> None:
        self._scorer = scorer
        self._symmetry = symmetry
        self._clock = clock

    def stages(self) -> list[Stage]:
        """Return the stages from a :class:`Piece` to a :class:`ScoredBatch`."""
        if self._scorer.device.type == "cuda":
            self._clock.set_workers("forward", 1)
            return [Stage("", self._launch), Stage("", self._collect)]
        if self._scorer.device.type == "cpu":
            workers = torch.get_num_threads()
            return [Stage("forward", self._score, workers, ahead=workers, begin=compute_in_one_thread)]
        return [Stage("forward", self._score)]

    def _score(self, piece: Piece) -> ScoredBatch:
        if len(piece.indices) == 0:
            return _nothing(piece.asked, self._scorer)
        scores, features = self._scorer.score(_bands_first(piece.pixels), self._symmetry)
        return ScoredBatch(piece.asked, piece.indices, scores, features)

    def _launch(self, piece: Piece) -> _Launched | ScoredBatch:
        if len(piece.indices) == 0:
            return _nothing(piece.asked, self._scorer)
        pixels = _bands_first(piece.pixels)
        with torch.cuda.device(self._scorer.device):
            if isinstance(pixels, Tensor):
                # Made on another stream: its memory is not to be given away before this one is done with it.
                pixels.record_stream(torch.cuda.current_stream())
            begun, ended, copied = _event(), _event(), _event()
            begun.record()
            scores, features = self._scorer.launch(pixels, self._symmetry)
            ended.record()
            # These copies end in pinned memory, and are done when the stream is.
            scores, features = (part.to("cpu", non_blocking=True) for part in (scores, features))
            copied.record()
        return _Launched(piece, scores, features, begun, ended, copied)

    def _collect(self, launched: _Launched | ScoredBatch) -> ScoredBatch:
        if not isinstance(launched, _Launched):
            return launched
        launched.copied.synchronize()
        self._clock.add("forward", launched.begun.elapsed_time(launched.ended) / 1000)
        piece = launched.piece
        return ScoredBatch(piece.asked, piece.indices, launched.scores.numpy(), launched.features.numpy())


class MapStages:
    """The last stage of scoring on a CPU where what the frozen blocks make of the images is kept.

    As many batches at one time as torch has threads, each in one thread.

    Parameters
    ----------
    pool, host
        Where images come from that are missing still, and what prepares them.
    scorer, symmetry
        The network, and the views of each image.
    maps
        What is kept.
    """

    def __init__(
        self, pool: ImagePool, host: HostStages, scorer: Scorer, symmetry: Symmetry, maps: FrozenMaps
    ) -> None:
        self._pool = pool
        self._host = host
        self._scorer = scorer
        self._symmetry = symmetry
        self._maps = maps
        self._reading: AbstractContextManager[Any] = nullcontext() if pool.concurrent else threading.Lock()

    def nearly_all_known(self, asked: range) -> bool:
        """Return whether a range is better recalled: the rest is then read batch by batch, not ahead."""
        return self._maps.known(asked) >= _NEARLY_ALL * len(asked)

    def computed(self) -> Stage:
        """Return the stage from a :class:`Piece` to a :class:`ScoredBatch`, which keeps what it computes."""
        return self._stage(self._compute)

    def recalled(self) -> Stage:
        """Return the stage from a range of the pool to a :class:`ScoredBatch`, which reads no image.

        But for those whose maps are missing: they may be readable now.
        """
        return self._stage(self._recall)

    def _stage(self, work: Callable[[Any], ScoredBatch]) -> Stage:
        workers = torch.get_num_threads()
        return Stage("forward", work, workers, ahead=workers, begin=compute_in_one_thread)

    def _recall(self, asked: range) -> ScoredBatch:
        rows = np.arange(asked.start, asked.stop)
        there, maps = self._maps.read(rows)
        # The last bits of a map may depend on what is computed beside it, so a batch is computed as a whole.
        if not there.all() and len(self._prepare(asked, rows[~there]).indices) > 0:
            return self._compute(self._prepare(asked, rows))
        if not there.any():
            return _nothing(asked, self._scorer)
        return ScoredBatch(asked, rows[there], *self._scorer.score_maps(maps))

    def _compute(self, piece: Piece) -> ScoredBatch:
        if len(piece.indices) == 0:
            return _nothing(piece.asked, self._scorer)
        maps = self._scorer.frozen_maps(np.asarray(piece.pixels).transpose(0, 3, 1, 2), self._symmetry)
        self._maps.write(piece.indices, maps)
        return ScoredBatch(piece.asked, piece.indices, *self._scorer.score_maps(maps))

    def _prepare(self, asked: range, rows: np.ndarray) -> Piece:
        with self._reading:
            raw = RawPiece(asked, self._pool.fetch(rows))
        return self._host.resize(self._host.decode(raw))


def _nothing(asked: range, scorer: Scorer) -> ScoredBatch:
    """Return what comes of a range of which no image could be read."""
    features = np.empty((0, scorer.feature_count), np.float16)
    return ScoredBatch(asked, np.empty(0, np.int64), np.empty(0, np.float32), features)


def _event() -> torch.cuda.Event:
    return torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]


def _bands_first(pixels: np.ndarray | Tensor) -> np.ndarray | Tensor:
    """Return ``(n, channels, height, width)``; of an array a view whose memory is channels-last already."""
    return pixels.transpose(0, 3, 1, 2) if isinstance(pixels, np.ndarray) else pixels
