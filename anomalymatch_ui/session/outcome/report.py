"""What a search has come to: labels, finds, cycles, and how far its annotators agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from anomalymatch_ui.labels import LABELS, Label, PairAgreement
from anomalymatch_ui.pool import ImagePool
from anomalymatch_ui.session.core.status import Counts, Status
from anomalymatch_ui.session.labelling.importing import TABLE
from anomalymatch_ui.session.labelling.labelling import counts_of
from anomalymatch_ui.session.labelling.people import People
from anomalymatch_ui.wording import counted

_NAMED = 3
"""Images on which annotators differ that the lines name; the object holds all."""


@dataclass(frozen=True, slots=True)
class AnnotatorReport:
    """One annotator's present words.

    Attributes
    ----------
    name
        Who; ``table <file name>`` for an imported table.
    labelled
        Images that they have a word on.
    anomalies, nominals, unsure, artefacts
        Those of them with each label.
    """

    name: str
    labelled: int
    anomalies: int
    nominals: int
    unsure: int
    artefacts: int

    @classmethod
    def of(cls, name: str, words: Mapping[str, Label]) -> Self:
        """Count somebody's words."""
        counted = Counter(words.values())
        return cls(name, len(words), *(counted[label] for label in LABELS))

    def sentence(self) -> str:
        """Say it in one line."""
        by_label = _labels(self.labelled, self.anomalies, self.nominals, self.unsure, self.artefacts)
        return f"{self.name}: {by_label}"


@dataclass(frozen=True, slots=True)
class Report:
    """What a session has come to, at one moment.

    Attributes
    ----------
    session
        The folder.
    counts
        Images of the pool and their labels now; of each image the last word counts.
    looked_at
        Images that somebody has a word on that they gave at a look: not with a table, not with all of a
        list at once, and not as known before.
    found
        Anomalies among these now that no imported table had named.
    cycles
        Finished training cycles.
    annotators
        Each annotator's numbers, sorted by name.
    agreement
        Each pair of annotators.
    disagreements
        Ids of the images on which annotators differ, sorted.
    aim
        What is sought, in the words of whoever wrote it last; empty if nobody did.
    """

    session: Path
    counts: Counts
    looked_at: int
    found: int
    cycles: int
    annotators: tuple[AnnotatorReport, ...]
    agreement: tuple[PairAgreement, ...]
    disagreements: tuple[str, ...]
    aim: str

    @classmethod
    def of(
        cls, session: Path, pool: ImagePool, view: Mapping[str, Label], people: People, status: Status
    ) -> Self:
        """Report on a session.

        Parameters
        ----------
        session
            Its folder.
        pool, people
            The images of the session, and who labels it.
        view
            The labels now.
        status
            Its newest; it tells the finished cycles, and what is sought.
        """
        words = people.words()
        tables = [own for name, own in words.items() if name.startswith(TABLE)]
        looked_at = people.looked_at()
        return cls(
            session=session,
            counts=counts_of(pool, view),
            looked_at=len(looked_at),
            found=sum(
                view.get(name) == "anomaly" and all(own.get(name) != "anomaly" for own in tables)
                for name in looked_at
            ),
            cycles=status.cycle,
            annotators=tuple(AnnotatorReport.of(name, own) for name, own in words.items()),
            agreement=people.agreement(),
            disagreements=people.disagreements(),
            aim=status.aim,
        )

    def as_dict(self) -> dict[str, Any]:
        """Return everything as what JSON can hold."""
        counts = self.counts
        return {
            "session": str(self.session),
            "looking_for": self.aim,
            "images": counts.images,
            "labelled": counts.labelled,
            "anomalies": counts.anomaly,
            "nominals": counts.nominal,
            "unsure": counts.unsure,
            "artefacts": counts.artefact,
            "looked_at": self.looked_at,
            "found": self.found,
            "cycles": self.cycles,
            "annotators": [asdict(annotator) for annotator in self.annotators],
            "agreement": [asdict(pair) for pair in self.agreement],
            "disagreements": list(self.disagreements),
        }

    def lines(self) -> list[str]:
        """Say everything in lines for a person."""
        counts = self.counts
        labels = _labels(counts.labelled, counts.anomaly, counts.nominal, counts.unsure, counts.artefact)
        lines = [
            f"{self.session}: {counted(counts.images, 'image')}, {labels}; "
            f"{counted(self.cycles, 'training cycle')}",
            *([f"Looking for: {self.aim}"] if self.aim else []),
            f"{counted(self.looked_at, 'image')} looked at, {self.found:,} found to be anomalies",
            *(annotator.sentence() for annotator in self.annotators),
            *(_compared(pair) for pair in self.agreement),
        ]
        if self.disagreements:
            named = [_printable(name) for name in self.disagreements[:_NAMED]]
            more = ", …" * (len(self.disagreements) > _NAMED)
            images = counted(len(self.disagreements), "image")
            lines.append(f"Annotators differ on {images}: {', '.join(named)}{more}")
        return lines


def _compared(pair: PairAgreement) -> str:
    words = f"{pair.first} and {pair.second}: {counted(pair.shared, 'image')} labelled by both"
    if pair.shared == 0:
        return words
    kappa = "undefined" if pair.kappa is None else f"{pair.kappa:.2f}"
    return f"{words}, {pair.agreed:,} of them alike; Cohen's kappa {kappa}"


def _labels(labelled: int, anomalies: int, nominals: int, unsure: int, artefacts: int) -> str:
    by_label = f"{anomalies:,} anomaly, {nominals:,} nominal, {unsure:,} unsure"
    by_label += f", {artefacts:,} artefact" * (artefacts > 0)
    return f"{counted(labelled, 'label')} ({by_label})"


def _printable(name: str) -> str:
    """Return a file name that need not be UTF-8 as text that any terminal takes."""
    return name.encode("utf-8", "backslashreplace").decode()
