"""Images streamed through a network: read, decoded, resized and scored, in stages that run side by side.

Names are imported when they are first used, for some of these modules need torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from anomalymatch_ui.lazy import lazy_names

if TYPE_CHECKING:
    from anomalymatch_ui.stream.batching import batch_size_for
    from anomalymatch_ui.stream.clock import STAGES, StageClock
    from anomalymatch_ui.stream.expected import expected_runtime
    from anomalymatch_ui.stream.frozen_maps import FrozenMaps, kept_maps
    from anomalymatch_ui.stream.pipeline import score_pool
    from anomalymatch_ui.stream.scored import ScoredBatch
    from anomalymatch_ui.stream.scorer import Scorer
    from anomalymatch_ui.stream.streaming import batch_ranges, read_ahead
    from anomalymatch_ui.stream.threads import usable_cores

__all__ = [
    "STAGES",
    "FrozenMaps",
    "ScoredBatch",
    "Scorer",
    "StageClock",
    "batch_ranges",
    "batch_size_for",
    "expected_runtime",
    "kept_maps",
    "read_ahead",
    "score_pool",
    "usable_cores",
]

_HOMES = {
    "batch_size_for": "anomalymatch_ui.stream.batching",
    "STAGES": "anomalymatch_ui.stream.clock",
    "StageClock": "anomalymatch_ui.stream.clock",
    "expected_runtime": "anomalymatch_ui.stream.expected",
    "FrozenMaps": "anomalymatch_ui.stream.frozen_maps",
    "kept_maps": "anomalymatch_ui.stream.frozen_maps",
    "batch_ranges": "anomalymatch_ui.stream.streaming",
    "read_ahead": "anomalymatch_ui.stream.streaming",
    "score_pool": "anomalymatch_ui.stream.pipeline",
    "ScoredBatch": "anomalymatch_ui.stream.scored",
    "Scorer": "anomalymatch_ui.stream.scorer",
    "usable_cores": "anomalymatch_ui.stream.threads",
}

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
