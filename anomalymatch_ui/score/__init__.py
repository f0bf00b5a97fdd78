"""The pool at scale: streamed through a network, its scores and features kept on disk."""

from anomalymatch_ui.score.clock import STAGES, StageClock
from anomalymatch_ui.score.embeddings import open_embeddings, write_embeddings, write_table
from anomalymatch_ui.score.pipeline import ScoredBatch, batch_ranges, read_ahead, score_pool
from anomalymatch_ui.score.scorer import Scorer
from anomalymatch_ui.score.store import DamagedStoreError, ScoreStore, StoreManifest
from anomalymatch_ui.score.threads import usable_cores

__all__ = [
    "STAGES",
    "DamagedStoreError",
    "ScoreStore",
    "ScoredBatch",
    "Scorer",
    "StageClock",
    "StoreManifest",
    "batch_ranges",
    "open_embeddings",
    "read_ahead",
    "score_pool",
    "usable_cores",
    "write_embeddings",
    "write_table",
]
