"""What one label, one row of the journal and one event are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, get_args

Label = Literal["anomaly", "nominal", "unsure", "artefact"]

LABELS: tuple[Label, ...] = get_args(Label)
"""Every label an image can have. ``app/shared/labels.js`` has them for the browser, in this order."""

MARKS: Mapping[Label, str] = {"anomaly": "▲", "nominal": "●", "unsure": "◆", "artefact": "✕"}
"""The shape that stands for each label, wherever one is shown."""

SEARCHED_AS: Mapping[Label, Literal["anomaly", "nominal"]] = {
    "anomaly": "anomaly",
    "nominal": "nominal",
    "artefact": "nominal",
}
"""The class of the search that a label stands for; ``unsure`` decides nothing. An artefact is not what is
looked for, and what is like it shall leave the top."""

IMPORT = "import"
"""Origin of the labels that come with a table."""

MATCHING = "matching"
"""Origin of the labels given to all that a list holds, on however many pages."""

KNOWN = "known"
"""Origin of labels that were known before the search, given by a script."""

WITHOUT_A_LOOK = frozenset({IMPORT, MATCHING, KNOWN})
"""Origins of labels for which nobody looked at each image."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What the order said of an image before anybody had: a forecast that its label made true or not.

    Attributes
    ----------
    probability
        Probability of an anomaly, as on the image's card; ``None`` where the score was no probability.
    height
        How far the image's margin lies above those of the best; see
        :meth:`~anomalymatch_ui.rank.Scale.heights`.
    """

    probability: float | None
    height: float


@dataclass(frozen=True, slots=True)
class Look:
    """An image that somebody has looked at: what the order had said of it, and what it is."""

    image_id: str
    label: Label
    shown: Shown


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One row of the journal: what one event did to one image.

    Attributes
    ----------
    seq
        Number of the row; strictly increasing.
    time
        When the event happened, UTC, to the millisecond.
    image_id
        The image, by its id in the pool.
    label
        Its label from here on; ``None`` withdraws it.
    annotator
        Who did it.
    origin
        Where it came from, such as ``"key"`` or :data:`IMPORT`.
    action
        Number of the event, shared by the rows of a bulk label.
    reverts
        The action that this one takes back, ``None`` for a label or withdrawal given anew. An undo
        reverts a label; a redo reverts an undo.
    shown
        What the order said of the image when it was labelled; ``None`` where it was not seen in one, as in an
        imported table, an undo, or in a journal from before this was kept.
    mark
        What else a person says of the image, such as a tag or a note (:mod:`~anomalymatch_ui.labels.marks`);
        then the row is about no label. ``None`` for a label.
    value
        Value of the mark from here on; ``None`` takes it away.
    """

    seq: int
    time: datetime
    image_id: str
    label: Label | None
    annotator: str
    origin: str
    action: int
    reverts: int | None
    shown: Shown | None = None
    mark: str | None = None
    value: str | None = None


@dataclass(frozen=True, slots=True)
class LabelEvent:
    """One durable event: a label, a bulk label, an import, an undo or a redo.

    Attributes
    ----------
    seq
        Number of its last row.
    time
        When it happened, UTC, to the millisecond.
    action
        Number of the event.
    labels
        New label of each image touched; ``None`` where the image has no label any more.
    passed_over
        Of an undo or a redo: whether a later action was left alone, because others have relabelled it since.
    marks
        New value of each mark touched, by image and mark; ``None`` where it is not there any more.
    """

    seq: int
    time: datetime
    action: int
    labels: Mapping[str, Label | None]
    passed_over: bool = False
    marks: Mapping[tuple[str, str], str | None] = field(default_factory=dict)
