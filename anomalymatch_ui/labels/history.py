"""The state that follows from the rows of a journal: current labels, and what can be undone."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from anomalymatch_ui.labels.entries import WITHOUT_A_LOOK, JournalEntry, Label, Look

Touched = tuple[str, str | None]
"""What a row is about: an image, and which mark of it; ``None`` for its label."""


@dataclass(frozen=True, slots=True)
class Before:
    """What an undo or a redo brings back.

    Attributes
    ----------
    action
        Number of the action that it reverts.
    values
        Label, or value of the mark, of all that the action touched and nobody else has touched since.
    passed_over
        Whether a later action was left alone, because others have changed all of it since.
    """

    action: int
    values: dict[Touched, str | None]
    passed_over: bool


@dataclass(slots=True)
class _Action:
    annotator: str
    origin: str
    is_undo: bool
    root: int  # the label that this takes back or gives again; of a label itself
    stands: bool = True  # of a label: whether it was not undone, or was redone
    reverted: bool = False
    touched: list[Touched] = field(default_factory=list)


class History:
    """Rows replayed in order; the same rows always give the same state.

    Each annotator has two stacks of actions. A label goes onto the first and clears the second; an
    undo moves the action it reverts from the first to itself on the second; a redo reverts an undo
    and goes back onto the first.
    """

    def __init__(self) -> None:
        self.labels: dict[str, Label] = {}
        self.marks: defaultdict[str, dict[str, str]] = defaultdict(dict)  # value by image and mark
        self.last_seq = 0
        self.last_action = 0
        self._actions: dict[int, _Action] = {}
        self._shown: defaultdict[str, list[JournalEntry]] = defaultdict(list)  # rows with a label of its own
        self._touches: defaultdict[str, list[tuple[int, Label | None]]] = defaultdict(list)
        self._marked: defaultdict[Touched, list[tuple[int, str | None]]] = defaultdict(list)
        self._undoable: defaultdict[str, list[int]] = defaultdict(list)
        self._redoable: defaultdict[str, list[int]] = defaultdict(list)

    def add(self, entry: JournalEntry) -> None:
        """Replay one row."""
        if entry.action not in self._actions:
            self._begin(entry)
        self._actions[entry.action].touched.append((entry.image_id, entry.mark))
        if entry.mark is None:
            self._add_label(entry)
        else:
            self._marked[entry.image_id, entry.mark].append((entry.action, entry.value))
            if entry.value is None:
                self.marks[entry.image_id].pop(entry.mark, None)
            else:
                self.marks[entry.image_id][entry.mark] = entry.value
        self.last_seq = entry.seq
        self.last_action = max(self.last_action, entry.action)

    def _add_label(self, entry: JournalEntry) -> None:
        self._touches[entry.image_id].append((entry.action, entry.label))
        if entry.label is None:
            self.labels.pop(entry.image_id, None)
        else:
            self.labels[entry.image_id] = entry.label
            if entry.reverts is None:
                self._shown[entry.image_id].append(entry)

    @property
    def touched(self) -> frozenset[str]:
        """Ids of all images of which any row names the label."""
        return frozenset(self._touches)

    def looks(self) -> tuple[Look, ...]:
        """Return what was looked at in an order, in the order of the first labels, with the current labels.

        What was said of an image later, when its label had been learnt from, is no forecast of it. A label
        that came without a look, such as an import, counts as the first one unless it was undone.
        """
        first = (self._first_look_or_label(image_id) for image_id in self.labels)
        looks = [(entry, entry.shown) for entry in first if entry is not None and entry.shown is not None]
        looks.sort(key=lambda look: look[0].seq)
        return tuple(Look(entry.image_id, self.labels[entry.image_id], shown) for entry, shown in looks)

    def _first_look_or_label(self, image_id: str) -> JournalEntry | None:
        for entry in self._shown.get(image_id, ()):
            if entry.shown is not None or self._actions[entry.action].stands:
                return entry
        return None

    def words(self) -> dict[str, dict[str, Label]]:
        """Return each annotator's own present word on each image, by annotator, sorted, and image id.

        It is the annotator's last label of the image that they have not undone; a withdrawn one is no word.
        The rows of an undo do not count: they may restore somebody else's label.
        """
        words: defaultdict[str, dict[str, Label]] = defaultdict(dict)
        for image_id, touches in self._touches.items():
            for number, label in touches:
                action = self._actions[number]
                if action.root != number or not action.stands:
                    continue
                if label is None:
                    words[action.annotator].pop(image_id, None)
                else:
                    words[action.annotator][image_id] = label
        return {annotator: words[annotator] for annotator in sorted(words) if words[annotator]}

    def seen(self) -> frozenset[str]:
        """Return the ids of the images on which somebody has a word now that they gave at a look.

        Unlike :meth:`looked_at` it has those that came with a label, too, once somebody has looked at them.
        """
        words = self.words()
        return frozenset(
            image_id
            for image_id, touches in self._touches.items()
            for number, label in touches
            if label is not None
            and self._actions[number].origin not in WITHOUT_A_LOOK
            and self._actions[number].stands
            and self._actions[number].root == number
            and image_id in words.get(self._actions[number].annotator, ())
        )

    def looked_at(self) -> frozenset[str]:
        """Return the ids of the images that have a label now, and got their first one from a look.

        Whether it did, the first label tells that was not undone: one that came with a table, was known
        before, or was given to all of a list at once is no look, nor is a correction of it.
        """
        return frozenset(
            image_id for image_id in self.labels if self._first_origin(image_id) not in WITHOUT_A_LOOK
        )

    def _first_origin(self, image_id: str) -> str | None:
        for number, label in self._touches[image_id]:
            action = self._actions[number]
            if label is not None and action.stands and action.root == number:
                return action.origin
        return None

    def undoable(self, annotator: str) -> Before | None:
        """Return what was there before the annotator's last action that still shows."""
        return self._last_that_shows(self._undoable[annotator])

    def redoable(self, annotator: str) -> Before | None:
        """Return what was there before the annotator's last undo that still shows."""
        return self._last_that_shows(self._redoable[annotator])

    def _begin(self, entry: JournalEntry) -> None:
        undoable, redoable = self._undoable[entry.annotator], self._redoable[entry.annotator]
        is_undo, root = False, entry.action
        if entry.reverts is None:
            redoable.clear()
            undoable.append(entry.action)
        else:
            # Where a repair could not save what is taken back, nobody can take this back either.
            reverted = self._actions.get(entry.reverts)
            root = entry.reverts if reverted is None else reverted.root
            is_undo = reverted is None or not reverted.is_undo
            if root in self._actions:
                self._actions[root].stands = not is_undo
            if reverted is not None:
                reverted.reverted = True
                source, target = (undoable, redoable) if is_undo else (redoable, undoable)
                if entry.reverts in source:
                    source.remove(entry.reverts)
                target.append(entry.action)
        self._actions[entry.action] = _Action(entry.annotator, entry.origin, is_undo, root)

    def _last_that_shows(self, stack: list[int]) -> Before | None:
        for number in reversed(stack):
            if values := self._values_before(number):
                return Before(number, values, number != stack[-1])
        return None

    def _values_before(self, number: int) -> dict[Touched, str | None]:
        """Return what was there before an action, of all that no other annotator has touched since."""
        action = self._actions[number]
        before: dict[Touched, str | None] = {}
        for touched in action.touched:
            image_id, mark = touched
            previous: str | None = None
            taken_over = False
            for toucher, value in self._touches[image_id] if mark is None else self._marked[touched]:
                if toucher < number:
                    previous = value
                elif toucher > number:
                    taken_over |= self._stands_against(toucher, action.annotator)
            if not taken_over:
                before[touched] = previous
        return before

    def _stands_against(self, number: int, annotator: str) -> bool:
        action = self._actions[number]
        return action.annotator != annotator and not action.is_undo and not action.reverted
