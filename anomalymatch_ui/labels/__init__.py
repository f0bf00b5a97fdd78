"""What the astronomer said: an append-only journal, the current view, undo, and CSV in and out."""

from anomalymatch_ui.labels.agreement import PairAgreement, disagreements, pairwise_agreement
from anomalymatch_ui.labels.beside import read_fact
from anomalymatch_ui.labels.classes import Classes
from anomalymatch_ui.labels.entries import (
    IMPORT,
    KNOWN,
    LABELS,
    MARKS,
    MATCHING,
    SEARCHED_AS,
    WITHOUT_A_LOOK,
    JournalEntry,
    Label,
    LabelEvent,
    Look,
    Shown,
)
from anomalymatch_ui.labels.journal import Journal
from anomalymatch_ui.labels.matching import ImportReport, match_labels, match_names
from anomalymatch_ui.labels.reading import read_labels
from anomalymatch_ui.labels.repair import Repaired, repair_journal
from anomalymatch_ui.labels.table import LabelTable, read_labels_csv, write_labels_csv

__all__ = [
    "IMPORT",
    "KNOWN",
    "LABELS",
    "MARKS",
    "MATCHING",
    "SEARCHED_AS",
    "WITHOUT_A_LOOK",
    "Classes",
    "ImportReport",
    "Journal",
    "JournalEntry",
    "Label",
    "LabelEvent",
    "LabelTable",
    "Look",
    "PairAgreement",
    "Repaired",
    "Shown",
    "disagreements",
    "match_labels",
    "match_names",
    "pairwise_agreement",
    "read_fact",
    "read_labels",
    "read_labels_csv",
    "repair_journal",
    "write_labels_csv",
]
