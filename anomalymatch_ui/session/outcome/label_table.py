"""The labels of images as columns of a table."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence

from anomalymatch_ui.labels import Journal, JournalEntry
from anomalymatch_ui.session.outcome.cells import plain_of, utc
from anomalymatch_ui.session.work.cycles import Cycle
from anomalymatch_ui.tables import Column


def current_entries(journal: Journal) -> dict[str, JournalEntry]:
    """Return the row of the journal that gave each image its present label."""
    view, newest = journal.view(), {}
    for entry in journal.entries():
        if view.get(entry.image_id) == entry.label:
            newest[entry.image_id] = entry
    return {name: newest[name] for name in view if name in newest}


def label_columns(
    journal: Journal, cycles: Sequence[Cycle], ids: Sequence[str], given: Mapping[str, JournalEntry]
) -> list[Column]:
    """Return columns of labels, annotators, times (text), cycles (int64) and probabilities (float64).

    Parameters
    ----------
    journal, cycles
        The labels of the session and its finished cycles.
    ids
        The images, a row each.
    given
        What :func:`current_entries` returns.
    """
    import pyarrow as pa

    entries = [given.get(name) for name in ids]
    finished = sorted(its.finished for its in cycles if its.finished is not None)
    before = [bisect_right(finished, e.time) if e else None for e in entries]
    seen = {look.image_id: look.shown.probability for look in journal.looks()}
    return [
        Column("label", plain_of([e.label if e else None for e in entries]), ucd="meta.code.class",
               description="anomaly, nominal, unsure or artefact; none where nobody has said so"),
        Column("annotator", plain_of([e.annotator if e else None for e in entries]), ucd="meta.id.human",
               description="Who gave the label"),
        Column("time", plain_of([utc(e.time) if e else None for e in entries]), ucd="time.processing",
               description="When the label was given, UTC"),
        Column("cycle", pa.array(before, pa.int64()), ucd="meta.number",
               description="Training cycles that were finished when the label was given"),
        Column("probability_when_seen", pa.array([seen.get(name) for name in ids], pa.float64()),
               ucd="stat.probability", description="What the order said before it was looked at"),
    ]  # fmt: skip
