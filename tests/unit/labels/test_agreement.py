from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from anomalymatch_ui.labels import LABELS, Journal, disagreements, pairwise_agreement

ADA, BOB = "ada", "bob <script>"


@pytest.fixture
def journal(tmp_path):
    with Journal(tmp_path / "journal.sqlite") as journal:
        yield journal


def test_each_annotator_keeps_their_own_word_whatever_the_other_says_later(journal):
    journal.append(["a", "b"], "anomaly", ADA, "key")
    journal.append(["a"], "nominal", BOB, "key")
    assert journal.view() == {"a": "nominal", "b": "anomaly"}
    assert journal.by_annotator() == {ADA: {"a": "anomaly", "b": "anomaly"}, BOB: {"a": "nominal"}}
    assert journal.disagreements() == ("a",)


def test_an_undo_restores_the_former_word_of_who_undoes_not_the_label_of_another(journal):
    journal.append(["a"], "unsure", BOB, "key")
    journal.append(["a"], "anomaly", ADA, "key")
    journal.append(["a"], "nominal", BOB, "key")
    journal.undo(BOB, "key")
    assert journal.view() == {"a": "anomaly"}
    assert journal.by_annotator() == {ADA: {"a": "anomaly"}, BOB: {"a": "unsure"}}
    assert journal.disagreements() == ("a",)
    journal.redo(BOB, "key")
    assert journal.by_annotator()[BOB] == {"a": "nominal"}


def test_undoing_a_bulk_label_takes_back_the_word_on_an_image_another_has_labelled_since(journal):
    journal.append(["a", "b"], "anomaly", ADA, "key")
    journal.append(["a"], "nominal", BOB, "key")
    journal.undo(ADA, "key")
    assert journal.view() == {"a": "nominal"}
    assert journal.by_annotator() == {BOB: {"a": "nominal"}}
    journal.redo(ADA, "key")
    assert journal.by_annotator()[ADA] == {"a": "anomaly", "b": "anomaly"}


def test_a_withdrawn_label_is_no_word(journal):
    journal.append(["a"], "anomaly", ADA, "key")
    journal.append(["a"], None, BOB, "key")
    assert journal.view() == {}
    assert journal.by_annotator() == {ADA: {"a": "anomaly"}}
    assert journal.disagreements() == ()


def test_words_cannot_be_changed_and_do_not_change_later(journal):
    journal.append(["a"], "anomaly", ADA, "key")
    words = journal.by_annotator()
    with pytest.raises(TypeError):
        words[ADA]["a"] = "nominal"
    journal.append(["a"], "nominal", ADA, "key")
    assert words == {ADA: {"a": "anomaly"}}


def test_only_rows_that_others_wrote_are_foreign(journal):
    journal.append(["a"], "anomaly", ADA, "key")
    assert (journal.last_seq, journal.last_foreign_seq) == (1, 0)
    with Journal(journal.path) as other:
        assert other.last_foreign_seq == 1
        other.append(["b", "c"], "nominal", BOB, "key")
        assert other.last_foreign_seq == 1
    journal.append(["d"], "nominal", ADA, "key")
    assert (journal.last_seq, journal.last_foreign_seq) == (4, 3)


def test_unsure_against_a_decision_is_a_disagreement():
    assert disagreements({ADA: {"b": "unsure", "a": "unsure"}, BOB: {"a": "anomaly", "b": "unsure"}}) == (
        "a",
    )


def test_kappa_is_one_for_full_agreement_and_zero_for_as_much_as_chance_gives():
    ones = dict(zip("abcd", ["anomaly", "anomaly", "nominal", "nominal"], strict=True))
    others = dict(zip("abcd", ["anomaly", "nominal", "anomaly", "nominal"], strict=True))
    (same,) = pairwise_agreement({ADA: ones, BOB: ones})
    assert (same.first, same.second, same.shared, same.agreed, same.kappa) == (ADA, BOB, 4, 4, 1)
    (chance,) = pairwise_agreement({ADA: ones, BOB: others})
    assert (chance.shared, chance.agreed, chance.kappa) == (4, 2, 0)


def test_kappa_of_a_published_example():
    # Cohen's kappa of 20 yes-yes, 5 yes-no, 10 no-yes and 15 no-no is (0.7 - 0.5) / (1 - 0.5).
    pairs = [("anomaly", "anomaly")] * 20 + [("anomaly", "nominal")] * 5
    pairs += [("nominal", "anomaly")] * 10 + [("nominal", "nominal")] * 15
    ones = {str(number): one for number, (one, _) in enumerate(pairs)}
    others = {str(number): other for number, (_, other) in enumerate(pairs)}
    assert pairwise_agreement({ADA: ones, BOB: others})[0].kappa == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("ones", "others", "shared"),
    [
        ({"a": "anomaly"}, {"b": "anomaly"}, 0),
        ({"a": "anomaly", "b": "nominal"}, {"a": "nominal"}, 1),
        ({"a": "nominal", "b": "nominal"}, {"a": "nominal", "b": "nominal"}, 2),
    ],
)
def test_there_is_no_kappa_of_fewer_than_two_images_or_of_one_and_the_same_answer(ones, others, shared):
    (pair,) = pairwise_agreement({ADA: ones, BOB: others})
    assert (pair.shared, pair.kappa) == (shared, None)


WORDS = st.dictionaries(st.sampled_from("abcdef"), st.sampled_from(LABELS))


@pytest.mark.filterwarnings("error")
@given(st.dictionaries(st.sampled_from([ADA, BOB, "cyd"]), WORDS))
def test_agreement_is_a_matter_of_shared_images_and_of_no_order(words):
    pairs = pairwise_agreement(words)
    assert len(pairs) == len(words) * (len(words) - 1) // 2
    backwards = pairwise_agreement(dict(reversed(words.items())))
    assert {(frozenset((p.first, p.second)), p.shared, p.agreed) for p in pairs} == {
        (frozenset((p.first, p.second)), p.shared, p.agreed) for p in backwards
    }
    for pair in pairs:
        assert pair.agreed <= pair.shared
        assert pair.kappa is None or -1 <= pair.kappa <= 1
        assert pair.kappa is None or (pair.kappa == 1) == (pair.agreed == pair.shared)
    everybody_agrees = all(pair.agreed == pair.shared for pair in pairs)
    assert everybody_agrees == (disagreements(words) == ())


IDS = st.sampled_from(["a", "b", "c"])
ANNOTATORS = st.sampled_from([ADA, BOB])


class WordsMachine(RuleBasedStateMachine):
    """Each annotator's labels in order, of which those that are not undone make up their words."""

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "journal.sqlite"
        self.journal, self.other = Journal(self.path), Journal(self.path)
        self.given = {ADA: {}, BOB: {}}
        self.standing = set()
        self.label_behind = {}

    def teardown(self):
        self.journal.close()
        self.other.close()
        self.folder.cleanup()

    def words(self):
        words = {}
        for annotator, actions in self.given.items():
            own = {}
            for action in sorted(self.standing & actions.keys()):
                own |= actions[action]
            own = {name: label for name, label in own.items() if label is not None}
            words |= {annotator: own} if own else {}
        return words

    @rule(ids=st.lists(IDS, min_size=1), label=st.sampled_from([*LABELS, None]), annotator=ANNOTATORS)
    def label(self, ids, label, annotator):
        action = self.journal.append(ids, label, annotator, "key").action
        self.given[annotator][action] = dict.fromkeys(ids, label)
        self.standing.add(action)
        self.label_behind[action] = action

    @rule(ids=st.lists(IDS, min_size=1), label=st.sampled_from(LABELS), annotator=ANNOTATORS)
    def label_and_undo(self, ids, label, annotator):
        before = self.words()
        self.label(ids, label, annotator)
        self.revert(annotator, redo=False)
        assert self.journal.by_annotator() == before

    @rule(annotator=ANNOTATORS, redo=st.booleans())
    def revert(self, annotator, redo):
        event = (self.journal.redo if redo else self.journal.undo)(annotator, "key")
        if event is None:
            return
        (reverts,) = {row.reverts for row in self.journal.entries() if row.action == event.action}
        label = self.label_behind[event.action] = self.label_behind[reverts]
        assert label in self.given[annotator]
        assert (label in self.standing) != redo
        self.standing ^= {label}

    @rule()
    def swap(self):
        self.journal, self.other = self.other, self.journal

    @rule()
    def reopen(self):
        self.journal.close()
        self.journal = Journal(self.path)

    @invariant()
    def both_see_the_words_of_the_model(self):
        assert self.journal.by_annotator() == self.other.by_annotator() == self.words()

    @invariant()
    def disagreements_are_the_images_with_two_words(self):
        said = {}
        for own in self.words().values():
            for name, label in own.items():
                said.setdefault(name, set()).add(label)
        assert self.journal.disagreements() == tuple(
            sorted(n for n, labels in said.items() if len(labels) > 1)
        )


TestWordsMachine = WordsMachine.TestCase
TestWordsMachine.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
