"""The pool at scale: streamed through a network, its scores and features kept on disk."""

from anomalymatch_ui.score.embeddings import open_embeddings, write_embeddings
from anomalymatch_ui.score.pipeline import ScoredBatch, read_ahead, score_pool
from anomalymatch_ui.score.store import DamagedStoreError, ScoreStore, StoreManifest

__all__ = [
    "DamagedStoreError",
    "ScoreStore",
    "ScoredBatch",
    "StoreManifest",
    "open_embeddings",
    "read_ahead",
    "score_pool",
    "write_embeddings",
]
