"""The pool at scale: streamed through a network, its scores and features kept on disk.

Names are imported when they are first used: what reads an archive's scores needs no torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from anomalymatch_ui.lazy import lazy_names

if TYPE_CHECKING:
    from anomalymatch_ui.errors import DamagedStoreError
    from anomalymatch_ui.score.archive import Archive
    from anomalymatch_ui.score.archiving import Outcome, score_archive
    from anomalymatch_ui.score.batching import batch_size_for
    from anomalymatch_ui.score.clock import STAGES, StageClock
    from anomalymatch_ui.score.embeddings import open_embeddings, write_table
    from anomalymatch_ui.score.expected import expected_runtime
    from anomalymatch_ui.score.frozen_maps import FrozenMaps, kept_maps
    from anomalymatch_ui.score.local_engine import LocalEngine
    from anomalymatch_ui.score.locking import one_writer
    from anomalymatch_ui.score.pipeline import batch_ranges, read_ahead, score_pool
    from anomalymatch_ui.score.queries import Ranked, ScoreFilter, Scores
    from anomalymatch_ui.score.row_table import RowTable
    from anomalymatch_ui.score.scored import ScoredBatch
    from anomalymatch_ui.score.scorer import Scorer
    from anomalymatch_ui.score.search import Neighbours, similar
    from anomalymatch_ui.score.store import ScoreStore, StoreManifest
    from anomalymatch_ui.score.threads import usable_cores

__all__ = [
    "STAGES",
    "Archive",
    "DamagedStoreError",
    "FrozenMaps",
    "LocalEngine",
    "Neighbours",
    "Outcome",
    "Ranked",
    "RowTable",
    "ScoreFilter",
    "ScoreStore",
    "ScoredBatch",
    "Scorer",
    "Scores",
    "StageClock",
    "StoreManifest",
    "batch_ranges",
    "batch_size_for",
    "expected_runtime",
    "kept_maps",
    "one_writer",
    "open_embeddings",
    "read_ahead",
    "score_archive",
    "score_pool",
    "similar",
    "usable_cores",
    "write_table",
]

_HOMES = {
    "DamagedStoreError": "anomalymatch_ui.errors",
    "Archive": "anomalymatch_ui.score.archive",
    "Outcome": "anomalymatch_ui.score.archiving",
    "score_archive": "anomalymatch_ui.score.archiving",
    "batch_size_for": "anomalymatch_ui.score.batching",
    "STAGES": "anomalymatch_ui.score.clock",
    "StageClock": "anomalymatch_ui.score.clock",
    "open_embeddings": "anomalymatch_ui.score.embeddings",
    "write_table": "anomalymatch_ui.score.embeddings",
    "expected_runtime": "anomalymatch_ui.score.expected",
    "LocalEngine": "anomalymatch_ui.score.local_engine",
    "one_writer": "anomalymatch_ui.score.locking",
    "FrozenMaps": "anomalymatch_ui.score.frozen_maps",
    "kept_maps": "anomalymatch_ui.score.frozen_maps",
    "batch_ranges": "anomalymatch_ui.score.pipeline",
    "read_ahead": "anomalymatch_ui.score.pipeline",
    "score_pool": "anomalymatch_ui.score.pipeline",
    "Ranked": "anomalymatch_ui.score.queries",
    "ScoreFilter": "anomalymatch_ui.score.queries",
    "Scores": "anomalymatch_ui.score.queries",
    "RowTable": "anomalymatch_ui.score.row_table",
    "ScoredBatch": "anomalymatch_ui.score.scored",
    "Scorer": "anomalymatch_ui.score.scorer",
    "Neighbours": "anomalymatch_ui.score.search",
    "similar": "anomalymatch_ui.score.search",
    "ScoreStore": "anomalymatch_ui.score.store",
    "StoreManifest": "anomalymatch_ui.score.store",
    "usable_cores": "anomalymatch_ui.score.threads",
}

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
