"""How far annotators agree: images on which they differ, and Cohen's kappa for each pair.

References
----------
.. [1] Cohen 1960, "A coefficient of agreement for nominal scales", Educational and Psychological
   Measurement 20, 37.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

from anomalymatch_ui.labels.entries import LABELS, Label


@dataclass(frozen=True, slots=True)
class PairAgreement:
    """How far two annotators agree on the images that both have labelled.

    Attributes
    ----------
    first, second
        The annotators.
    shared
        Images that both have labelled.
    agreed
        Those of them on which they say the same.
    kappa
        Cohen's kappa [1]_: 1 for full agreement, 0 for as much as chance gives. ``None`` with fewer than
        two shared images, or where it is undefined because both say one and the same of all of them.
    """

    first: str
    second: str
    shared: int
    agreed: int
    kappa: float | None


def disagreements(words: Mapping[str, Mapping[str, Label]]) -> tuple[str, ...]:
    """Return the ids of the images on which annotators differ, sorted.

    ``unsure`` against a decision counts: somebody has decided what another could not, and that image is
    worth talking about.

    Parameters
    ----------
    words
        Label by annotator and image id.
    """
    said: dict[str, Label] = {}
    differing: set[str] = set()
    for own in words.values():
        for image_id, label in own.items():
            if said.setdefault(image_id, label) != label:
                differing.add(image_id)
    return tuple(sorted(differing))


def pairwise_agreement(words: Mapping[str, Mapping[str, Label]]) -> tuple[PairAgreement, ...]:
    """Compare each pair of annotators on the images that both have labelled.

    As in :func:`disagreements`, ``unsure`` is an answer like the others.

    Parameters
    ----------
    words
        Label by annotator and image id.
    """
    return tuple(_compare(first, second, words) for first, second in combinations(words, 2))


def _compare(first: str, second: str, words: Mapping[str, Mapping[str, Label]]) -> PairAgreement:
    shared = sorted(words[first].keys() & words[second].keys())
    ones, others = ([words[name][image_id] for image_id in shared] for name in (first, second))
    agreed = sum(one == other for one, other in zip(ones, others, strict=True))
    return PairAgreement(first, second, len(shared), agreed, _kappa(ones, others))


def _kappa(ones: list[Label], others: list[Label]) -> float | None:
    if len(ones) < 2 or len({*ones, *others}) < 2:
        return None
    from sklearn.metrics import cohen_kappa_score  # here, because it takes longer than a command's start

    return float(cohen_kappa_score(ones, others, labels=list(LABELS)))
