"""A session of ESA's AnomalyMatch: its labels, and the scores of its last prediction."""

from __future__ import annotations

import hashlib
import sqlite3
import struct
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.labels.classes import Classes
from anomalymatch_ui.labels.table import LabelTable, read_labels_csv

LABELS_FILE = "labeled_data.csv"
PREDICTIONS_FILE = "predictions.db"

SCORE_COLUMN = "anomalymatch_score"
"""The column in which the scores of that search stand beside the images."""

MOST_SCORES = 100_000
"""How many scores are taken, the highest: they are kept by name in the journal."""

_SCHEMA = 4  # up to 3 a score was the bits of a float16
_NAN = 0


def read_anomalymatch_session(path: Path, classes: Classes | None = None) -> LabelTable:
    """Read a folder that AnomalyMatch 1.x or 2.0 has saved a session in.

    ``labeled_data.csv`` has ``filename,label`` (1.x) or ``id,label`` (2.0), and the iteration of each label,
    which is kept. Scores of ``predictions.db``, in the folder or in one below, are read beside it.

    Raises
    ------
    InputError
        If the folder is no such session, or its table cannot be read.
    """
    table = path / LABELS_FILE
    if not table.is_file():
        raise InputError(
            f"{path} is a folder without {LABELS_FILE}. Give a CSV file with the labels, or the folder of a "
            "session of AnomalyMatch."
        )
    read = read_labels_csv(table, classes)
    found = sorted([*path.glob(PREDICTIONS_FILE), *path.glob(f"*/{PREDICTIONS_FILE}")])
    if not found:
        return read
    try:
        scores, number = _scores(found[-1])
    except (sqlite3.Error, InputError) as error:
        return replace(read, notes=(*read.notes, f"the scores of {found[-1].name} are left out: {error}"))
    note = f"{len(scores):,} scores of that search as the column {SCORE_COLUMN}"
    if number > len(scores):
        note += f", the highest of {number:,}"
    digest = hashlib.sha256(f"{read.digest} {sorted(scores.items())}".encode("utf-8", "surrogateescape"))
    return replace(read, scores=scores, notes=(*read.notes, note), digest=digest.hexdigest())


def _scores(path: Path) -> tuple[dict[str, float], int]:
    """Return the highest scores by file name, and how many there are in all."""
    # A database that AnomalyMatch still writes is not touched; nor is one on a disk that is read-only.
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        connection.text_factory = lambda text: text.decode("utf-8", "surrogateescape")
        kept = connection.execute("SELECT value FROM run_metadata WHERE key = 'schema_version'").fetchone()
        version = "unknown" if kept is None else str(kept[0]).strip('"')
        if version != str(_SCHEMA):
            raise InputError(f"its layout is version {version}, and only {_SCHEMA} can be read")
        (number,) = connection.execute("SELECT count(*) FROM results").fetchone()
        rows = connection.execute(
            "SELECT filename, score FROM results ORDER BY score DESC LIMIT ?", (MOST_SCORES,)
        )
        # The bits of a float32 as a whole number, which keep the order of scores.
        return {
            name: struct.unpack("<f", struct.pack("<I", bits))[0]
            for name, bits in rows
            if isinstance(name, str) and isinstance(bits, int) and 0 <= bits < 2**32 and bits != _NAN
        }, number
