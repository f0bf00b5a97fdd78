"""The part of an archive that a session works on: its best by the last full pass, and a random share.

An archive of 10^8 images is scored shard by shard, in hours. A cycle does not need all of it: the anomalies
that a person will meet are among the best of the last pass, and what the pass has missed is told by images
drawn at random from the whole archive, however few. So a session can hold these alone: it embeds, trains on
and ranks a shortlist in minutes, and its estimate of what is unfound is that of the archive.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from pathlib import Path

import numpy as np

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.files import write_bytes_atomically
from anomalymatch_ui.labels import Journal, match_labels
from anomalymatch_ui.pool import ImagePool, SubsetPool, rows_of
from anomalymatch_ui.pool.ids import RowIds
from anomalymatch_ui.session.core.folder import SessionFolder
from anomalymatch_ui.session.core.writer_lock import WriterLock
from anomalymatch_ui.session.labelling.importing import import_labels, read_table
from anomalymatch_ui.session.labelling.people import annotator_name

DRAWN = 10_000
"""Images drawn at random for a shortlist where nobody says otherwise. The 500 places that a person looks at
hold 25 of them (every twentieth), so it lasts for 400 pages of 500."""

_IMAGES, _RENEWAL, _CHOSEN = b"archive_images", b"renewal", b"chosen_by"


@dataclass(frozen=True)
class Population:
    """What a pool's random share is a sample of.

    Attributes
    ----------
    images
        How many images there are; ``None`` for those of the pool that can be read.
    drawable
        Those of the pool that are a uniform sample of them, bool ``(len(pool),)``; ``None`` for all.
    """

    images: int | None = None
    drawable: np.ndarray | None = None


class ShortlistPool(SubsetPool):
    """The images of an archive that a session works on; see :class:`~anomalymatch_ui.pool.SubsetPool`.

    Parameters
    ----------
    archive
        All images.
    shortlist
        Which of them; those that have gone since are left out.

    Attributes
    ----------
    population
        The archive, and which images were drawn from it.

    Raises
    ------
    InputError
        If none of the images is in the archive.
    """

    def __init__(self, archive: ImagePool, shortlist: Shortlist) -> None:
        rows = rows_of(archive, shortlist.ids)
        is_present = rows >= 0
        present: Sequence[str] = shortlist.ids
        if not is_present.all():
            present = list(compress(shortlist.ids, is_present.tolist()))
        if not present:
            raise InputError(
                f"None of the images of the shortlist is in {archive.path}. Make another with "
                "`anomalymatch shortlist`, or give the images that the session was made with."
            )
        super().__init__(archive, present, rows[is_present])
        drawable = np.array(shortlist.is_drawn, dtype=bool)[is_present][
            np.unique(rows[is_present], return_index=True)[1]
        ]
        drawable.flags.writeable = False
        self.population = Population(shortlist.archive_images, drawable)


def check_scores_of(archive: ImagePool, scored: str, folder: Path) -> None:
    """Check that scores are of an archive where its ids would not tell.

    Images that have names are found by them, also in an archive to which some were added since. Rows of an
    array have none: every file has a row "0".

    Parameters
    ----------
    archive
        What a shortlist is made of.
    scored
        Digest of the pool that was scored.
    folder
        Folder of the scores, for the error.

    Raises
    ------
    InputError
        If they are of another one.
    """
    if archive.digest != scored and isinstance(archive.ids, RowIds):
        raise InputError(
            f"The scores in {folder} are of other images than those in {archive.path}, whose rows have "
            "numbers for names. Give the scores of this file, or score it."
        )


def population_of(pool: ImagePool) -> Population:
    """Return what a pool's random share is a sample of: the pool itself, unless it is a shortlist."""
    return pool.population if isinstance(pool, ShortlistPool) else Population()


@dataclass(frozen=True)
class Shortlist:
    """Images of an archive.

    Attributes
    ----------
    ids
        The best by a full pass, those drawn, and all that have a label.
    is_drawn
        Which of them are a uniform sample of the archive.
    archive_images
        How many images of the archive this sample stands for.
    renewal
        Counted from 1; each renewal draws others.
    chosen_by
        What the session itself has chosen them by: the identity of an archive's scores, or :data:`RANDOM`;
        empty where a person has chosen them.
    """

    ids: tuple[str, ...]
    is_drawn: tuple[bool, ...]
    archive_images: int
    renewal: int = 1
    chosen_by: str = ""

    @property
    def drawn(self) -> frozenset[str]:
        """Ids of the images that are a uniform sample of the archive."""
        return frozenset(compress(self.ids, self.is_drawn))

    def save(self, path: Path) -> None:
        """Write it as Parquet with the columns ``id`` and ``drawn``.

        Raises
        ------
        StorageError
            If the disk refuses.
        """
        import pyarrow
        import pyarrow.parquet as parquet

        table = pyarrow.table({"id": self.ids, "drawn": self.is_drawn})
        facts = {_IMAGES: str(self.archive_images), _RENEWAL: str(self.renewal)}
        if self.chosen_by:
            facts[_CHOSEN] = self.chosen_by
        buffer = io.BytesIO()
        parquet.write_table(table.replace_schema_metadata(facts), buffer)
        write_bytes_atomically(path, buffer.getvalue())

    @classmethod
    def load(cls, path: Path) -> Shortlist | None:
        """Read what :meth:`save` wrote; ``None`` if there is none.

        Raises
        ------
        InputError
            If it is damaged.
        """
        import pyarrow.parquet as parquet

        if not path.exists():
            return None
        try:
            table = parquet.read_table(path)
            ids = tuple(table["id"].to_pylist())
            is_drawn = tuple(table["drawn"].to_pylist())
            facts = table.schema.metadata or {}
            chosen_by = facts.get(_CHOSEN, b"").decode()
            return cls(ids, is_drawn, int(facts[_IMAGES]), int(facts[_RENEWAL]), chosen_by)
        except (OSError, ValueError, KeyError, IndexError) as error:  # pyarrow's errors are of these kinds
            raise InputError(
                f"{path} is damaged. Make it again with `anomalymatch shortlist`; labels are not in it."
            ) from error


RANDOM = "random"
"""Value of :attr:`Shortlist.chosen_by` where the images were drawn, and nothing is known of them yet."""


def chosen_by(path: Path) -> str:
    """Return :attr:`Shortlist.chosen_by` of a file; empty if it is not there, or damaged."""
    import pyarrow.parquet as parquet

    try:
        facts = parquet.read_schema(path).metadata or {}
    except (OSError, ValueError):
        return ""
    return str(facts.get(_CHOSEN, b"").decode())


def listed(path: Path) -> int:
    """Return how many images a file lists, without reading them."""
    import pyarrow.parquet as parquet

    return int(parquet.read_metadata(path).num_rows)


def shortlisted(folder: SessionFolder, pool: ImagePool) -> ImagePool:
    """Return the part of a pool that a session works on: its shortlist if it has one, else all of it."""
    shortlist = Shortlist.load(folder.shortlist)
    return pool if shortlist is None else ShortlistPool(pool, shortlist)


def make_shortlist(
    path: str | Path,
    archive: ImagePool,
    best: Iterable[str] = (),
    *,
    drawn: int = DRAWN,
    labels: str | Path | None = None,
    scored: int | None = None,
    seed: int = 0,
    annotator: str | None = None,
    classes: str | Mapping[str, str] | None = None,
    chosen_by: str = "",
) -> Shortlist:
    """Choose the images of an archive that a session works on from now on; its labels stay.

    A session without labels or a full pass begins with images drawn alone. Images with a label stay on the
    shortlist whatever they score.

    Parameters
    ----------
    path
        Folder of the session; made if there is none.
    archive
        All images.
    best
        Ids of the best by the last full pass.
    drawn
        How many images to draw at random from the whole archive, other ones at each renewal.
    labels
        A table with the columns ``filename,label``, imported once, before the images are chosen.
    scored
        How many images of the archive could be read, where a full pass has told; ``None`` takes all.
    seed
        Seed of the draw.
    annotator
        Who does it; ``None`` takes the user's name.
    classes
        What the classes of the table of labels stand for, as :meth:`Session.open` takes it.
    chosen_by
        See :class:`Shortlist`.

    Raises
    ------
    InputError
        If nothing would be on it, an id is not in the archive, or the folder belongs to other images.
    SessionBusyError
        If the session is open elsewhere.
    StorageError
        If the disk refuses.
    """
    folder = SessionFolder(Path(path))
    table = None if labels is None else read_table(Path(labels), classes, folder.journal)
    chosen = _present(best, archive)
    folder.prepare()
    folder.check_pool(archive)
    lock = WriterLock.take(folder.writer_lock, annotator_name(annotator))
    try:
        labelled: list[str] = []
        if folder.journal.exists():
            with Journal(folder.journal) as journal:
                labelled += [image_id for image_id in journal.view() if image_id in archive]
        if table is not None:
            labelled += match_labels(table, archive.ids)[0]
        renewal = _renewals(folder.shortlist) + 1
        sample = _draw(archive, drawn, (seed, renewal))
        ids = tuple(dict.fromkeys([*chosen, *labelled, *sample]))
        if not ids:
            raise InputError("Nothing is asked for: give scores, labels, or a number of images to draw.")
        is_drawn = tuple(map(frozenset(sample).__contains__, ids))
        shortlist = Shortlist(ids, is_drawn, scored or len(archive), renewal, chosen_by)
        pool = ShortlistPool(archive, shortlist)
        # In this order a kill at any moment leaves no session that works on the whole archive.
        shortlist.save(folder.shortlist)
        folder.keep_pool(pool)
        if table is not None:
            with Journal(folder.journal) as journal:
                import_labels(table, archive, journal)
    finally:
        lock.release()
    return shortlist


def _renewals(path: Path) -> int:
    """Count how often it was chosen; a damaged one, which is about to be replaced, does not count."""
    try:
        former = Shortlist.load(path)
    except InputError:
        return 0
    return 0 if former is None else former.renewal


def _draw(archive: ImagePool, count: int, seed: tuple[int, int]) -> list[str]:
    random = np.random.default_rng(seed)
    rows = random.choice(len(archive), min(count, len(archive)), replace=False)
    # In order, for names that lie in a file are read by blocks.
    ordered = np.sort(rows).tolist()
    return list(map(str, ordered)) if type(archive.ids) is RowIds else [archive.ids[row] for row in ordered]


def _present(ids: Iterable[str], archive: ImagePool) -> list[str]:
    listed = list(ids)
    missing = np.flatnonzero(rows_of(archive, listed) < 0)
    if len(missing):
        raise InputError(
            f"There is no image {listed[missing[0]]!r} in {archive.path}. The scores belong to other images: "
            "score these first with `anomalymatch score`."
        )
    return listed
