"""The disk that finished cycles take: the networks and scores of a few are kept, the figures of all.

A cycle's checkpoint is 6 MB on cutouts about an object and else 27 MB, and its scores some 15 bytes an image.
What a person sees of a past cycle, its figures and what it said of each image, is kept for all of them in two
bytes an image.
"""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

from anomalymatch_ui.errors import DamagedStoreError, StorageError
from anomalymatch_ui.files import storage_errors
from anomalymatch_ui.pool import ImagePool
from anomalymatch_ui.session.core.folder import SessionFolder
from anomalymatch_ui.session.core.pins import doomed, keep, remove
from anomalymatch_ui.session.work.cycles import Cycle, Cycles
from anomalymatch_ui.session.work.kept_scores import KeptScores, scores_on_disk

logger = logging.getLogger(__name__)


def needed_cycles(folder: SessionFolder, cycles: Cycles, last: int) -> frozenset[int]:
    """Return the cycles whose networks and scores are kept.

    Parameters
    ----------
    folder, cycles
        Files and finished cycles of a session.
    last
        How many of the newest are kept.

    Returns
    -------
    frozenset
        The last ones, the one in use, the one whose scores are in the order as long as those of the one in
        use are not all there, and those that are pinned.
    """
    kept = folder.kept_cycles
    return frozenset({*kept[-last:], cycles.in_use, cycles.newest_scored(), *folder.pinned_cycles} & {*kept})


def tidy(folder: SessionFolder, pool: ImagePool, cycles: Cycles, last: int) -> tuple[int, ...]:
    """Remove networks and scores of finished cycles that nothing needs; only the holder of the lock may.

    What is kept of a cycle is on disk before anything of it is removed, and a store of scores vanishes as a
    whole. A run that was killed is gone on with by the next.

    Parameters
    ----------
    folder, pool, cycles
        The files of the session, its images, and its finished cycles.
    last
        How many of the newest cycles are kept as they are.

    Returns
    -------
    tuple
        The cycles of which something was removed. One without a readable record is left as it is: without
        its network nothing would be known of it.

    Raises
    ------
    StorageError
        If the disk refuses.
    """
    needed = needed_cycles(folder, cycles, last)
    records = {cycle.number: cycle for cycle in cycles.all()}
    used = {records[number].digest for number in needed if number in records}
    removed = [
        number
        for number, cycle in records.items()
        if number not in needed and cycle.digest not in {*used, None} and _shrink(folder, pool, cycle)
    ]
    return tuple(removed)


def pin_model(model: Path) -> int | None:
    """Pin the cycle whose network a file is, before something that may take days goes by it.

    Where the disk refuses, as in a folder that may only be read, that is logged: it is no reason to stop.

    Parameters
    ----------
    model
        A checkpoint, maybe of a session.

    Returns
    -------
    int
        Number of the cycle if it was not pinned before and is now; else ``None``, as for any other file.
    """
    model = model.resolve()
    folder = SessionFolder(model.parent.parent)
    for cycle in folder.kept_cycles:
        if folder.checkpoint(cycle) == model and cycle not in folder.pinned_cycles:
            try:
                return cycle if keep(model) else None
            except StorageError as error:
                logger.warning(
                    "The cycle of %s is not pinned, so its session may remove it: %s", model, error
                )
    return None


def _shrink(folder: SessionFolder, pool: ImagePool, cycle: Cycle) -> bool:
    """Keep a cycle's figures alone; tell whether there was more of it."""
    digest, checkpoint = cycle.digest, folder.checkpoint(cycle.number)
    assert digest is not None
    stores = folder.scores_by(digest)
    if not stores and not checkpoint.exists():
        return False
    try:
        scores = scores_on_disk(folder, pool, digest)
        if scores is not None and not isinstance(scores, KeptScores):
            KeptScores.keep(folder.kept_scores(digest, pool.digest), scores, pool)
    except DamagedStoreError as error:
        logger.warning("%s", error)
    if not remove(checkpoint):  # pinned by another process, since it was looked up
        return False
    with storage_errors(checkpoint):
        for store in stores:
            shutil.rmtree(store.replace(doomed(store)))
    return True
