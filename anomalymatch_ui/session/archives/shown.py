"""The order that a session shows, of its own images or of the archive that it has scored, for commands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.score import OrderedScores, Scores
from anomalymatch_ui.score.archive import MANIFEST
from anomalymatch_ui.score.manifest import read_manifest
from anomalymatch_ui.session.core.folder import SessionFolder
from anomalymatch_ui.session.labelling.shortlist import RANDOM, chosen_by
from anomalymatch_ui.session.labelling.working_set import ScoredArchive
from anomalymatch_ui.session.session import Session

if TYPE_CHECKING:
    from anomalymatch_ui.score import Neighbours


@dataclass(frozen=True)
class Shown:
    """An order, and where it comes from.

    Attributes
    ----------
    scores
        Scores of all images in it.
    source
        What they are, a sentence.
    """

    scores: OrderedScores
    source: str


def whole_archive(archive: Path) -> str:
    """Return a sentence that says what an archive's scores are of."""
    return f"The whole archive, as this session had scored it in {archive}."


def is_session(path: Path) -> bool:
    """Return whether a folder is a session's, and no archive's of scores."""
    return SessionFolder(path).is_session


@contextmanager
def order_shown(path: Path) -> Iterator[Shown]:
    """Open the order that a session shows.

    Where the session itself chooses its images from an archive that it has scored, that is the archive's
    order; else the one of its own images that it keeps.

    Parameters
    ----------
    path
        Folder of the session.

    Raises
    ------
    InputError
        If it has no order yet.
    DamagedStoreError, StorageError
        If the scores cannot be read, or sorted.
    """
    archive = archive_shown(path)
    if archive is not None:
        with Scores(archive) as scores:
            yield Shown(scores, whole_archive(archive))
        return
    with Session.open(path, share=True) as session:
        ranking = session.ranking()
        if ranking.version == 0:
            raise InputError(f"{path} has no order yet. Run `anomalymatch rank {path}` first.")
        ids = [session.pool.ids[row] for row in ranking.order.tolist()]
        source = f"The images of this session, by {ranking.source}."
        with OrderedScores.of_arrays(path, ids, ranking.scores[ranking.order]) as ordered:
            yield Shown(ordered, source)


def similar_in(path: Path, ids: Sequence[str], count: int) -> Neighbours:
    """Return the images of a session that are most like some others of it.

    Raises
    ------
    InputError
        If an id is not among them, or the session has not looked at its images yet.
    """
    from anomalymatch_ui.score import Neighbours  # which imports torch

    with Session.open(path, share=True) as session:
        found = session.insight.neighbours(ids, count)
        return Neighbours(tuple(session.pool.ids[row] for row in found.indices.tolist()), found.similarities)


def archive_shown(path: Path) -> Path | None:
    """Return where the scores lie of the archive whose order a session shows; ``None`` for its own images."""
    folder = SessionFolder(path)
    former = chosen_by(folder.shortlist)
    if not former:
        return None
    for scored in reversed(ScoredArchive.kept(folder.scored)):
        # Of what is drawn at random the best take the place when the session is opened next.
        is_it = former in (scored.identity, RANDOM) and scored.images in ("", str(folder.pool_path()))
        if is_it and _is_there(scored):
            return Path(scored.folder)
    return None


def _is_there(scored: ScoredArchive) -> bool:
    """Return whether scores lie where a session has kept that they do."""
    try:
        return read_manifest(Path(scored.folder) / MANIFEST).identity == scored.identity
    except InputError:
        return False
