"""The people who label one session: their names, their own words, and how far they agree."""

from __future__ import annotations

from collections.abc import Mapping

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.labels import Journal, Label, PairAgreement, disagreements, pairwise_agreement
from anomalymatch_ui.pool import ImagePool
from anomalymatch_ui.session.core.writer_lock import user_name
from anomalymatch_ui.session.labelling.importing import TABLE

LONGEST_NAME = 100
"""Characters of an annotator's name; it stands in every row of the journal and in the report."""


class People:
    """The annotators of a session and what each says of the images that are in its pool now.

    An imported table is an annotator, too, named ``table <file name>``.

    Parameters
    ----------
    pool, journal
        The images of the session and its labels.
    """

    def __init__(self, pool: ImagePool, journal: Journal) -> None:
        self._pool = pool
        self._journal = journal

    def words(self) -> Mapping[str, Mapping[str, Label]]:
        """Return each annotator's own present word on each image; see :meth:`Journal.by_annotator`."""
        return {
            annotator: {name: label for name, label in own.items() if name in self._pool}
            for annotator, own in self._journal.by_annotator().items()
        }

    def looked_at(self) -> frozenset[str]:
        """Return the ids of the images that somebody has looked at and has a word on.

        Tables look at nothing, nor does who labels all of a list at once; who confirms or corrects such a
        label does.
        """
        return frozenset(name for name in self._journal.seen() if name in self._pool)

    def annotators(self) -> tuple[str, ...]:
        """Return the names of all who have a word on any image, sorted."""
        return tuple(annotator for annotator, own in self.words().items() if own)

    def disagreements(self) -> tuple[str, ...]:
        """Return the ids of the images on which annotators differ, sorted; ``unsure`` is an answer, too."""
        return disagreements(self.words())

    def agreement(self) -> tuple[PairAgreement, ...]:
        """Compare each pair of annotators by Cohen's kappa on the images that both have labelled."""
        return pairwise_agreement({annotator: own for annotator, own in self.words().items() if own})


def annotator_name(given: str | None) -> str:
    """Check an annotator's name; ``None`` takes the user's.

    Raises
    ------
    InputError
        If it is empty, too long, holds what cannot be shown, or begins as an imported table's does.
    """
    name = (user_name() if given is None else given).strip()
    if not name:
        raise InputError("The annotator's name is empty. Give the name to keep with your labels.")
    if len(name) > LONGEST_NAME:
        raise InputError(
            f"The annotator's name has {len(name)} characters. Give one of at most {LONGEST_NAME}."
        )
    if not name.isprintable():
        raise InputError(f"The annotator's name {name!a} holds what cannot be shown. Give one plain line.")
    if name.startswith(TABLE):
        raise InputError(f"The annotator's name {name!r} is kept for an imported table. Give another one.")
    return name
