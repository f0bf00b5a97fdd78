"""The pool at scale: streamed through a network, its scores and features kept on disk."""

from anomalymatch_ui.score.embeddings import open_embeddings, write_embeddings, write_table
from anomalymatch_ui.score.pipeline import ScoredBatch, features_of, read_ahead, score_pool
from anomalymatch_ui.score.store import DamagedStoreError, ScoreStore, StoreManifest

__all__ = [
    "DamagedStoreError",
    "ScoreStore",
    "ScoredBatch",
    "StoreManifest",
    "features_of",
    "open_embeddings",
    "read_ahead",
    "score_pool",
    "write_embeddings",
    "write_table",
]
