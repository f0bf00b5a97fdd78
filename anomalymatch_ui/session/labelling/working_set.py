"""The part of a large pool that a session chooses to work on by itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from anomalymatch_ui import jsontext
from anomalymatch_ui.config import Config
from anomalymatch_ui.errors import DamagedStoreError, InputError, SessionBusyError
from anomalymatch_ui.files import write_bytes_atomically
from anomalymatch_ui.pool import ImagePool
from anomalymatch_ui.session.core.folder import SessionFolder
from anomalymatch_ui.session.labelling.shortlist import DRAWN, RANDOM, chosen_by, listed, make_shortlist


@dataclass(frozen=True)
class ScoredArchive:
    """Scores of a whole archive that were made by what a session has learnt.

    Attributes
    ----------
    folder
        Where they lie.
    pool
        Digest of the archive.
    identity
        Identity of the scores: other ones have another.
    images
        Path of the archive; empty where a version before has not kept it.
    """

    folder: str
    pool: str
    identity: str
    images: str = ""

    def keep(self, path: Path) -> None:
        """Write it down in the session, in place of former scores of the same archive.

        Raises ``StorageError`` if the disk refuses.
        """
        others = [archive for archive in self.kept(path) if archive.pool != self.pool]
        listed = [asdict(archive) for archive in (*others, self)]
        write_bytes_atomically(path, json.dumps({"archives": listed}).encode(), root=path.parent)

    @classmethod
    def kept(cls, path: Path) -> tuple[Self, ...]:
        """Read what :meth:`keep` wrote, one for each archive, the newest last; empty if it cannot be read."""
        try:
            told = jsontext.parsed(path.read_text(encoding="utf-8"))
            listed = told.get("archives", [told])  # a version before kept the last one alone
            return tuple(cls(**archive) for archive in listed)
        except (OSError, ValueError, TypeError, AttributeError):
            return ()

    @classmethod
    def of(cls, path: Path, pool: str) -> Self | None:
        """Return the scores of one archive, by its digest, that a session has kept; ``None`` for none."""
        return next((archive for archive in cls.kept(path) if archive.pool == pool), None)


def choose_working_set(
    folder: SessionFolder,
    archive: ImagePool,
    config: Config,
    *,
    labels: str | Path | None = None,
    classes: str | Mapping[str, str] | None = None,
    annotator: str | None = None,
    renew: bool = True,
) -> str:
    """Choose which images of a large pool a session works on, where that has to be chosen, or chosen anew.

    A new session on more images than its settings allow for begins with some drawn at random. When it has
    scored the whole pool, its best take their place. What a person has chosen stays.

    Parameters
    ----------
    folder
        The files of the session.
    archive
        All images.
    config
        Says how many a session works on.
    labels, classes, annotator
        As for :meth:`Session.open`; what the table labels is among the images.
    renew
        Whether others may take the place of those that the session works on.

    Returns
    -------
    str
        What was chosen, as a sentence, and at each opening that the images are no more than a random sample;
        else empty.

    Raises
    ------
    InputError
        As :func:`~anomalymatch_ui.session.make_shortlist`.
    StorageError
        If the disk refuses.
    """
    most = config.working_set
    if len(archive) <= most:
        return ""
    # One that does not say its images any more has its labels, and maybe a list, nevertheless.
    if not (folder.is_session or folder.journal.exists() or folder.shortlist.exists()):
        make_shortlist(
            folder.path,
            archive,
            drawn=most,
            labels=labels,
            classes=classes,
            annotator=annotator,
            seed=config.seed,
            chosen_by=RANDOM,
        )
        return _drawn(archive, most)
    scored, former = ScoredArchive.of(folder.scored, archive.digest), chosen_by(folder.shortlist)
    if renew and former and scored is not None:
        chosen = "" if scored.identity == former else _renewed(folder, archive, config, scored, annotator)
        if chosen:
            return chosen
    return _drawn(archive, listed(folder.shortlist)) if former == RANDOM else ""


def _drawn(archive: ImagePool, images: int) -> str:
    """Return on how few of all images a session works that knows nothing of the others."""
    return (
        f"{archive.path} holds {len(archive):,} images, and this session works on {images:,} of them, "
        "drawn at random. Label, then let `anomalymatch score --session` find the best of all: this "
        "session works on them when it is opened again."
    )


def _renewed(
    folder: SessionFolder, archive: ImagePool, config: Config, scored: ScoredArchive, annotator: str | None
) -> str:
    """Take the best by new scores; where they have gone, or another process works here, nothing changes."""
    from anomalymatch_ui.score import Scores

    drawn = min(DRAWN, config.working_set // 2)
    try:
        with Scores(Path(scored.folder)) as scores:
            if scores.archive.manifest.identity != scored.identity:
                return ""
            best, readable = scores.top(config.working_set - drawn).ids, len(scores)
        made = make_shortlist(
            folder.path,
            archive,
            best,
            drawn=drawn,
            scored=readable,
            annotator=annotator,
            seed=config.seed,
            chosen_by=scored.identity,
        )
    except (InputError, DamagedStoreError, SessionBusyError):
        return ""
    return (
        f"This session now works on {len(made.ids):,} of {len(archive):,} images: the best {len(best):,} by "
        f"its scores in {scored.folder}, {drawn:,} drawn at random, and those with a label."
    )


def sentence_on(images: int, config: Config) -> str:
    """Return what a new session makes of so many images, a sentence; empty where it works on all."""
    if images <= config.working_set:
        return ""
    return (
        f"A session on them works on {config.working_set:,} at a time: drawn at random first, and the best "
        "of all once it has scored them (`anomalymatch score --session`). `anomalymatch shortlist` chooses "
        "others."
    )
