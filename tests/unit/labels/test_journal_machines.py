"""Whatever annotators do, in whatever order: journals by property."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from anomalymatch_ui.labels import LABELS, Journal

ME, YOU = "me", "you"

IDS = st.sampled_from(["a", "b", "c", "d/ä, 'e'.jpg"])
ANNOTATORS = st.sampled_from([ME, YOU])


class JournalMachine(RuleBasedStateMachine):
    """Against a model with whole snapshots: one annotator undoes, a second one labels other images."""

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "journal.sqlite"
        self.journal = Journal(self.path)
        self.labels: dict[str, str] = {}
        self.done: list[tuple[dict[str, str | None], dict[str, str | None]]] = []
        self.undone: list[tuple[dict[str, str | None], dict[str, str | None]]] = []
        self.rows = []

    def teardown(self):
        self.journal.close()
        self.folder.cleanup()

    def _apply(self, labels):
        self.labels |= labels
        self.labels = {name: label for name, label in self.labels.items() if label is not None}

    @rule(ids=st.lists(IDS, min_size=1), label=st.sampled_from([*LABELS, None]))
    def label(self, ids, label):
        before = {name: self.labels.get(name) for name in ids}
        self.journal.append(ids, label, ME, "key")
        self.done.append((before, dict.fromkeys(ids, label)))
        self.undone.clear()
        self._apply(dict.fromkeys(ids, label))

    @rule(labels=st.dictionaries(IDS, st.sampled_from([*LABELS, None]), min_size=1))
    def import_labels(self, labels):
        self.done.append(({name: self.labels.get(name) for name in labels}, labels))
        self.journal.append_many(labels, ME, "import")
        self.undone.clear()
        self._apply(labels)

    @rule(label=st.sampled_from(LABELS))
    def label_as_another_annotator(self, label):
        self.journal.append(["theirs"], label, YOU, "key")
        self._apply({"theirs": label})

    @precondition(lambda self: self.done)
    @rule()
    def undo(self):
        before, after = self.done.pop()
        assert self.journal.undo(ME, "key").labels == before
        self.undone.append((before, after))
        self._apply(before)

    @precondition(lambda self: self.undone)
    @rule()
    def redo(self):
        before, after = self.undone.pop()
        assert self.journal.redo(ME, "key").labels == after
        self.done.append((before, after))
        self._apply(after)

    @precondition(lambda self: not self.done)
    @rule()
    def undo_of_nothing(self):
        assert self.journal.undo(ME, "key") is None

    @precondition(lambda self: not self.undone)
    @rule()
    def redo_of_nothing(self):
        assert self.journal.redo(ME, "key") is None

    @rule()
    def reopen(self):
        self.journal.close()
        self.journal = Journal(self.path)

    @invariant()
    def the_view_is_the_models(self):
        assert self.journal.view() == self.labels

    @invariant()
    def rows_never_change_and_their_numbers_increase(self):
        rows = self.journal.entries()
        assert rows[: len(self.rows)] == self.rows
        numbers = [row.seq for row in rows]
        assert numbers == sorted(set(numbers))
        self.rows = rows


TestJournalMachine = JournalMachine.TestCase
TestJournalMachine.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)


class AnnotatorsMachine(RuleBasedStateMachine):
    """Two annotators on the same images: what reopening must keep, and what undo must not touch."""

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "journal.sqlite"
        self.journal, self.other = Journal(self.path), Journal(self.path)

    def teardown(self):
        self.journal.close()
        self.other.close()
        self.folder.cleanup()

    @rule(ids=st.lists(IDS, min_size=1), label=st.sampled_from([*LABELS, None]), annotator=ANNOTATORS)
    def label(self, ids, label, annotator):
        self.journal.append(ids, label, annotator, "key")

    @rule(annotator=ANNOTATORS, redo=st.booleans())
    def revert(self, annotator, redo):
        theirs = {
            entry.image_id: entry
            for entry in self.journal.entries()
            if entry.annotator != annotator and entry.reverts is None
        }
        before = self.journal.view()
        event = (self.journal.redo if redo else self.journal.undo)(annotator, "key")
        rows = self.journal.entries()
        if event is None:
            assert self.journal.view() == before
            return
        reverted = next(row.reverts for row in rows if row.action == event.action)
        taken_back = {row.reverts for row in rows}
        for name in event.labels:
            later = theirs.get(name)
            assert later is None or later.action < reverted or later.action in taken_back

    @rule()
    def swap(self):
        self.journal, self.other = self.other, self.journal

    @invariant()
    def both_see_the_last_row_of_each_image(self):
        last = {row.image_id: row.label for row in self.journal.entries()}
        expected = {name: label for name, label in last.items() if label is not None}
        assert self.journal.view() == self.other.view() == expected


TestAnnotatorsMachine = AnnotatorsMachine.TestCase
TestAnnotatorsMachine.settings = settings(max_examples=30, stateful_step_count=25, deadline=None)
