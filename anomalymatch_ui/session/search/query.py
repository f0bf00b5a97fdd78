"""What a person looks for in a pool: which images, and in what order."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any, Literal, Self

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.labels import LABELS, Label
from anomalymatch_ui.session.search.orders import ORDERS

Sort = str
"""Name of an order."""

SORTS: tuple[Sort, ...] = tuple(ORDERS)
"""The orders there are."""

LabelState = Label | Literal["unlabelled"]
LABEL_STATES: tuple[LabelState, ...] = (*LABELS, "unlabelled")
"""What an image can be labelled as, and that it has no label."""

Cone = tuple[float, float, float]
"""Right ascension and declination in degrees (ICRS), and a radius in seconds of arc."""

Bounds = tuple[float | None, float | None]
"""The least and the greatest number that is meant, both included; ``None`` leaves an end open."""


@dataclass(frozen=True, slots=True)
class Query:
    """What to look for: an image is found if it passes every filter.

    Attributes
    ----------
    sort
        Name of an order, such as ``"shown first"``, what to look at next, or ``"novelty"``; of
        :data:`~anomalymatch_ui.session.search.orders.ORDERS`, which say what comes first in each.
    reverse
        The other way round: the lowest first, or Z before A.
    labels
        Any of the labels and ``"unlabelled"``; empty for whatever label.
    score
        Least and greatest score, in [0, 1]; ``None`` for any, also none.
    text
        Part of the id, in upper or lower case.
    columns
        Column of the metadata -> least and greatest number, or part of the text.
    cone
        Only images whose position is within a radius of another; ``None`` for any position, also none.
    disagreements
        Only images on which annotators disagree.
    unreadable
        Those images that cannot be read, instead of those that can.
    ids
        Only these images; ``None`` for all.
    seed
        Seed of the random order; ``None`` takes the settings'.

    Raises
    ------
    InputError
        If a value is unknown or a range the wrong way round.
    """

    sort: Sort = "shown first"
    reverse: bool = False
    labels: tuple[LabelState, ...] = ()
    score: Bounds | None = None
    text: str = ""
    columns: Mapping[str, Bounds | str] = field(default_factory=dict)
    cone: Cone | None = None
    disagreements: bool = False
    unreadable: bool = False
    ids: frozenset[str] | None = None
    seed: int | None = None

    def __post_init__(self) -> None:
        _check_choice("order", self.sort, SORTS)
        for name in ("reverse", "disagreements", "unreadable"):
            if not isinstance(getattr(self, name), bool):
                raise InputError(f"Give {name} as true or false, not as {getattr(self, name)!r}.")
        if not isinstance(self.text, str):
            raise InputError(f"Give the text to look for as text, not as {self.text!r}.")
        if self.seed is not None and (type(self.seed) is not int or self.seed < 0):
            raise InputError(f"Give the seed as a whole number from 0 on, not as {self.seed!r}.")
        self._set("labels", _checked_labels(self.labels))
        self._set("score", None if self.score is None else _checked_bounds("score", self.score))
        self._set("cone", None if self.cone is None else _checked_cone(self.cone))
        self._set("columns", _checked_columns(self.columns))
        if self.ids is not None:
            self._set("ids", frozenset([self.ids] if isinstance(self.ids, str) else self.ids))

    @classmethod
    def validated(cls, values: Mapping[str, Any]) -> Self:
        """Make a query of values by name, as a script or the browser gives them.

        Raises
        ------
        InputError
            If a name or a value is unknown.
        """
        names = [known.name for known in fields(cls)]
        for name in values:
            _check_choice("filter", name, names)
        return cls(**values)

    def with_values(self, **changes: Any) -> Self:
        """Return a copy with other values. Raises as :meth:`validated`."""
        return self.validated({known.name: getattr(self, known.name) for known in fields(self)} | changes)

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)  # the only way to normalise a value of a frozen class


def _check_choice(what: str, value: object, choices: Iterable[str]) -> None:
    choices = tuple(choices)
    if value not in choices:
        raise InputError(f"There is no {what} {value!r}. Choose one of: {', '.join(choices)}.")


def _checked_labels(labels: object) -> tuple[LabelState, ...]:
    chosen = [labels] if isinstance(labels, str) else labels
    if not isinstance(chosen, Iterable):
        raise InputError(f"Give the labels as a list, not as {labels!r}.")
    chosen = list(chosen)
    for label in chosen:
        _check_choice("label", label, LABEL_STATES)
    return tuple(state for state in LABEL_STATES if state in chosen)


def _checked_columns(columns: object) -> Mapping[str, Bounds | str]:
    if not isinstance(columns, Mapping):
        raise InputError(f"Give the columns as column -> range or text, not as {columns!r}.")
    checked: dict[str, Bounds | str] = {}
    for name, wanted in columns.items():
        checked[str(name)] = wanted if isinstance(wanted, str) else _checked_bounds(f"{name}", wanted)
    return MappingProxyType(checked)


def _checked_cone(cone: object) -> Cone:
    if not isinstance(cone, list | tuple) or len(cone) != 3:
        raise InputError(f"Give the cone as (ra, dec, radius in seconds of arc), not as {cone!r}.")
    ra, dec, radius = (_checked_number("the cone", value) for value in cone)
    if ra is None or dec is None or radius is None or abs(ra) > 360 or abs(dec) > 90 or radius <= 0:
        raise InputError(
            f"The cone {tuple(cone)!r} is not on the sky: ra lies within 360 degrees, dec from -90 to 90, "
            "and the radius, in seconds of arc, is above 0."
        )
    return ra, dec, radius


def _checked_bounds(what: str, bounds: object) -> Bounds:
    if not isinstance(bounds, list | tuple) or len(bounds) != 2:
        raise InputError(f"Give the range of {what} as (least, greatest), not as {bounds!r}.")
    low, high = (_checked_number(what, value) for value in bounds)
    if low is not None and high is not None and low > high:
        raise InputError(f"The range of {what} from {low:g} to {high:g} is empty. Swap its ends.")
    return low, high


def _checked_number(what: str, value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        raise InputError(f"The range of {what} needs numbers, not {value!r}; None keeps an end open.")
    return float(value)
