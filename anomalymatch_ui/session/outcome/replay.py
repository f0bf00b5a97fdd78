"""A search repeated from its journal: whether the same labels give the same order again."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.labels import JournalEntry, Label
from anomalymatch_ui.session.core.context import Context
from anomalymatch_ui.session.core.folder import SessionFolder
from anomalymatch_ui.session.core.jobs import Reporter, Start
from anomalymatch_ui.session.labelling.evidence import Evidence
from anomalymatch_ui.session.work.ranking import Ranking

FIRST = 100
"""Images of the top that are compared by themselves: a page."""


@dataclass(frozen=True)
class Replay:
    """An order beside the one that the same labels gave before.

    Attributes
    ----------
    labels
        Images with a label, then.
    later
        Rows of the journal that came after the order was kept, and are left out.
    images
        In the order that was kept.
    source
        What made it, as ``"linear head"`` or ``"cycle 2 and linear head"``.
    anew
        Whether every image was looked at anew.
    same
        Whether every image stands where it stood.
    differs
        First place at which another image stands, from 1 on; 0 if none does.
    kept_first
        How many of the first :data:`FIRST` are among the first again.
    largest
        Largest difference of a score.
    """

    labels: int
    later: int
    images: int
    source: str
    anew: bool
    same: bool
    differs: int
    kept_first: int
    largest: float

    def sentence(self) -> str:
        """Return what is to be said of it."""
        how = ", every image looked at anew," if self.anew else ""
        told = (
            f"The order of {self.images:,} images by {self.labels:,} labels ({self.source}), repeated{how} is"
        )
        if self.same:
            result = f"{told} the same, to the last place."
        else:
            first = min(FIRST, self.images)
            result = (
                f"{told} another: from place {self.differs:,} on, with {self.kept_first:,} of the first "
                f"{first:,} among the first again, and scores that differ by {self.largest:.2g} at most."
            )
        if self.later:
            rows = "1 row" if self.later == 1 else f"{self.later:,} rows"
            result += f" {rows} of the journal came after that order, and were left out."
        return result


class Replays:
    """Repeats the order of a session.

    Parameters
    ----------
    context
        What the parts of the session share.
    evidence
        Returns what labels say of the unlabelled images.
    start
        Runs a job in the background and waits for its end.
    """

    def __init__(
        self, context: Context, evidence: Callable[[Mapping[str, Label]], Evidence], start: Start
    ) -> None:
        self._context, self._evidence, self._start = context, evidence, start
        self._folder, self._pool, self._journal = context.folder, context.pool, context.journal

    def replay(self, *, anew: bool = False) -> Replay:
        """Make the order that is kept on disk once more, from the labels that it was made by.

        The network of a training cycle is the one that is kept; it is not trained again.

        Parameters
        ----------
        anew
            Look at every image anew instead of taking what is kept of the last look; that takes as long as
            at first.

        Raises
        ------
        InputError
            If there is no order yet, a job runs already, or this one is stopped.
        SessionBusyError
            If another process holds the lock.
        """
        from anomalymatch_ui.session.work.scoring import PoolScorer

        kept = Ranking.load(self._folder.ranking, self._pool.digest, len(self._pool))
        if kept is None or kept.version == 0:
            raise InputError(
                f"{self._folder.path} keeps no order of its images to repeat. Run `anomalymatch rank "
                f"{self._folder.path}` first."
            )
        entries = self._journal.entries()
        view = labels_at(entries, kept.last_seq)
        scores: list[np.ndarray] = []

        def work(reporter: Reporter) -> None:
            with tempfile.TemporaryDirectory(prefix="anomalymatch-") as temporary:
                shared = Path(temporary) if anew else self._folder.shared
                folder = SessionFolder(self._folder.path, shared)
                scorer = PoolScorer(folder, self._pool, self._context.config, self._evidence)
                scores.append(np.array(scorer.scores(lambda: view, reporter).values))

        self._start("replay", work)
        if not scores:
            raise InputError("Repeating the search was stopped. Ask again to repeat it.")
        later = sum(entry.seq > kept.last_seq for entry in entries)
        return compared(kept, scores[0], labels=len(view), later=later, anew=anew)


def labels_at(entries: Iterable[JournalEntry], last_seq: int) -> dict[str, Label]:
    """Return the labels after a row of the journal, by image id."""
    view: dict[str, Label] = {}
    for entry in entries:
        if entry.seq > last_seq:
            continue
        if entry.label is None:
            view.pop(entry.image_id, None)
        else:
            view[entry.image_id] = entry.label
    return view


def compared(kept: Ranking, scores: np.ndarray, *, labels: int, later: int, anew: bool) -> Replay:
    """Compare an order with new scores of the same images, float32 ``(n,)``; NaN for those without one."""
    order = Ranking.of_scores(0, kept.source, scores).order
    length = min(len(order), len(kept.order))
    moved = np.flatnonzero(order[:length] != kept.order[:length])
    same = len(moved) == 0 and len(order) == len(kept.order)
    differences = np.abs(scores.astype(np.float64) - kept.scores.astype(np.float64))
    known = differences[np.isfinite(differences)]
    return Replay(
        labels,
        later,
        len(kept.order),
        kept.source,
        anew,
        same,
        0 if same else int(moved[0]) + 1 if len(moved) else length + 1,
        int(np.isin(order[:FIRST], kept.order[:FIRST]).sum()),
        float(known.max()) if len(known) else 0.0,
    )
