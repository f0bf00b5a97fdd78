"""Archives of scores: every image of a pool scored, kept on disk, asked for by rank, score or likeness.

Names are imported when they are first used: what reads an archive's scores needs no torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from anomalymatch_ui.lazy import lazy_names

if TYPE_CHECKING:
    from anomalymatch_ui.errors import DamagedStoreError
    from anomalymatch_ui.score.archive import Archive
    from anomalymatch_ui.score.archiving import Outcome, score_archive
    from anomalymatch_ui.score.embeddings import open_embeddings, write_table
    from anomalymatch_ui.score.local_engine import LocalEngine
    from anomalymatch_ui.score.locking import one_writer
    from anomalymatch_ui.score.queries import OrderedScores, Ranked, ScoreFilter, Scores
    from anomalymatch_ui.score.row_table import RowTable
    from anomalymatch_ui.score.search import Neighbours, similar

__all__ = [
    "Archive",
    "DamagedStoreError",
    "LocalEngine",
    "Neighbours",
    "OrderedScores",
    "Outcome",
    "Ranked",
    "RowTable",
    "ScoreFilter",
    "Scores",
    "one_writer",
    "open_embeddings",
    "score_archive",
    "similar",
    "write_table",
]

_HOMES = {
    "DamagedStoreError": "anomalymatch_ui.errors",
    "Archive": "anomalymatch_ui.score.archive",
    "Outcome": "anomalymatch_ui.score.archiving",
    "score_archive": "anomalymatch_ui.score.archiving",
    "open_embeddings": "anomalymatch_ui.score.embeddings",
    "write_table": "anomalymatch_ui.score.embeddings",
    "LocalEngine": "anomalymatch_ui.score.local_engine",
    "one_writer": "anomalymatch_ui.score.locking",
    "OrderedScores": "anomalymatch_ui.score.queries",
    "Ranked": "anomalymatch_ui.score.queries",
    "ScoreFilter": "anomalymatch_ui.score.queries",
    "Scores": "anomalymatch_ui.score.queries",
    "RowTable": "anomalymatch_ui.score.row_table",
    "Neighbours": "anomalymatch_ui.score.search",
    "similar": "anomalymatch_ui.score.search",
}

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
