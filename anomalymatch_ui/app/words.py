"""Numbers as people think of them: a probability, a place and a network's score never look alike."""

from __future__ import annotations

import math
from typing import Literal

from anomalymatch_ui.prevalence import in_per_cent
from anomalymatch_ui.rank import Count

Kind = Literal["probability", "place", "score"]
"""What a number from 0 to 1 is: a probability, a place among all images by novelty, or a network's."""

MEANINGS: dict[Kind, str] = {
    "probability": "probability of an anomaly",
    "place": "place by novelty among all images, whatever the labels",
    "score": "score of the network, which is not a probability",
}


def said(value: float, kind: Kind, images: int) -> str | None:
    """Return a score in words: ``"93 %"``, ``"top 0.3 %"``, ``"score 0.931"``; ``None`` without one.

    Of as many ``images``, the first place is no higher than one in all of them.
    """
    if not math.isfinite(value):
        return None
    if kind == "place":
        return f"top {in_per_cent(max(1 - value, 1 / max(images, 1)))}"
    if kind == "score":
        return f"score {value:.3f}"
    if value >= 0.995:
        return "> 99 %"
    return "< 0.01 %" if value < 1e-4 else in_per_cent(value)


def whole(number: float) -> int:
    """Round as people do: a half is one."""
    return int(number + 0.5)


def counted(count: Count) -> str:
    """Put a number that is not known into words: ``"12 (8–17)"``."""
    return f"{whole(count.expected):,} ({count.low:,}–{count.high:,})"


FEW_LABELLED = 40
"""Nobody is advised to stop before as many have a label: of ten looks the intervals say too much."""


def advice(found: int, labelled: int, following: Count, looks: int, unfound: Count) -> str:
    """Return whether to go on, with the reason, in a sentence.

    Parameters
    ----------
    found, labelled
        Anomalies found, of how many images with a label.
    following
        Anomalies among the next ``looks``.
    unfound
        Anomalies among all images without a label.
    """
    if looks == 0:
        return "Every image has been looked at."
    few = f"the next {looks:,} looks should bring none"
    over = unfound.high <= max(1, 0.02 * found)
    if (over or whole(following.expected) == 0) and labelled < min(FEW_LABELLED, looks):
        return f"Too early to stop: only {labelled:,} images have a label."
    if over:
        are = "is" if unfound.high == 1 else "are"
        left = f"at most {unfound.high:,} {are}" if unfound.high else "nothing is"
        return f"Time to stop: {left} left to find, with 95 % confidence."
    if whole(following.expected) == 0:
        if whole(unfound.expected) == 0:
            return f"Time to stop: {few}, and hardly anything is left to find."
        return f"Time to stop: {few}; what is left lies scattered among the others."
    rate = looks / following.expected
    if found and rate > 5 * max(labelled / found, 1) and following.high < 0.1 * found:
        return f"Nearly time to stop: a find now takes some {whole(rate):,} looks, and {found:,} are found."
    return (
        f"Worth going on: about one look in {max(whole(rate), 1):,} should be a find."
        if rate >= 1.5
        else ("Worth going on: most of the next looks should be finds.")
    )


def in_words(source: str) -> str:
    """Return where a ranking comes from in words that need no explanation."""
    return source.replace("linear head", "your labels")
