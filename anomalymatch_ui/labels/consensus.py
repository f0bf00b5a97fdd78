"""From what several people answered about an image to its label."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from anomalymatch_ui.labels.entries import Label
from anomalymatch_ui.wording import counted


@dataclass(frozen=True, slots=True)
class Answer:
    """What one person said of one image.

    Attributes
    ----------
    name
        Name of the image, as the table has it.
    annotator
        Who said it.
    words
        The answers to each question, first question first, as they are written.
    about
        What else the table says of the image, by column.
    """

    name: str
    annotator: str
    words: tuple[str, ...]
    about: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Consensus:
    """What comes of all answers.

    Attributes
    ----------
    labels
        Label by the name of an image.
    annotators
        How many people gave an answer that stands for a label.
    differing
        Images on which they differ.
    undecided
        Those of them where no answer has more than half of the people, which are unsure.
    outvoted
        How many images have no label, since more than half of the people answered what stands for none.
    wordless
        The answers that stand for no label, and how often each came.
    """

    labels: Mapping[str, Label]
    annotators: int
    differing: tuple[str, ...]
    undecided: tuple[str, ...]
    wordless: Counter[str]
    outvoted: int = 0

    def notes(self) -> tuple[str, ...]:
        """Return how the labels were arrived at, as parts of a sentence."""
        said = []
        if self.annotators > 1:
            rule = f"by what more than half of the people who saw an image said, {self.annotators:,} in all"
            if self.differing:
                rule += f": they differ on {counted(len(self.differing), 'image')}"
                if self.undecided:
                    rule += f", {len(self.undecided):,} of them with no majority, so marked unsure"
                if self.outvoted:
                    rule += f", {self.outvoted:,} without a label, because most people gave another answer"
            said.append(rule)
        return tuple(said)


def consensus(answers: Sequence[Answer], meaning: Mapping[str, Label | None]) -> Consensus:
    """Return what more than half of the people who answered about an image agree on, else ``unsure``.

    Each person counts once for an image, by their last answer, also where it stands for no label. Of several
    questions the first counts whose answer stands for a label.

    Parameters
    ----------
    answers
        In the order in which they were given.
    meaning
        Label by word; ``None`` for a word that stands for none on purpose. Other words are unknown.
    """
    said: dict[str, dict[str, Label | None]] = {}
    wordless: Counter[str] = Counter()
    for answer in answers:
        label = next((meaning[word] for word in answer.words if meaning.get(word)), None)
        if answer.words:
            said.setdefault(answer.name, {})[answer.annotator] = label
        if label is None and answer.words and not any(word in meaning for word in answer.words):
            wordless[answer.words[0]] += 1
    labels: dict[str, Label] = {}
    differing, undecided, outvoted = [], [], 0
    for name, given in said.items():
        counts = Counter(given.values())
        if counts[None] == len(given):
            continue
        chosen, count = counts.most_common(1)[0]
        if len(counts) > 1:
            differing.append(name)
        if 2 * count <= len(given):
            labels[name] = "unsure"
            undecided.append(name)
        elif chosen is None:
            outvoted += 1
        else:
            labels[name] = chosen
    people = {annotator for given in said.values() for annotator in given}
    return Consensus(labels, len(people), tuple(differing), tuple(undecided), wordless, outvoted)
