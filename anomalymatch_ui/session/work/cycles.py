"""The finished training cycles: what each was trained on, how it went, and what it said of an image."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field, FiniteFloat, NonNegativeInt, TypeAdapter, ValidationError

from anomalymatch_ui.config import Config
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.files import storage_errors, write_bytes_atomically
from anomalymatch_ui.pool import ImagePool, index_in
from anomalymatch_ui.score import DamagedStoreError
from anomalymatch_ui.session.core.folder import SessionFolder
from anomalymatch_ui.session.core.pins import keep
from anomalymatch_ui.session.work.curves import CURVE_POINTS
from anomalymatch_ui.session.work.kept_scores import KeptScores, StoredScores, scores_on_disk

logger = logging.getLogger(__name__)

_Curve = Annotated[tuple[FiniteFloat, ...], Field(max_length=CURVE_POINTS)]


@dataclass(frozen=True, slots=True)
class Cycle:
    """A finished training cycle. All but its number is ``None`` or empty where no record was kept.

    Attributes
    ----------
    number
        Counted from 1.
    finished
        When, UTC.
    anomalies, nominals
        Labels it was trained on.
    last_seq
        Number of the journal's last row then.
    steps
        Optimiser steps.
    seconds
        Time spent in them, without pauses.
    device
        Where it ran, such as ``"cpu"`` or ``"cuda:0"``.
    digest
        Digest of the averaged network, which gives the scores.
    loss, pseudo_label_share
        At most 200 means over equal spans of steps: the training loss, and the share of unlabelled images
        whose pseudo-label was used.
    """

    number: int
    finished: datetime | None = None
    anomalies: NonNegativeInt | None = None
    nominals: NonNegativeInt | None = None
    last_seq: NonNegativeInt | None = None
    steps: NonNegativeInt | None = None
    seconds: FiniteFloat | None = None
    device: str | None = None
    # It becomes part of a path, and a session's folder may come from somebody else.
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")] | None = None
    loss: _Curve = ()
    pseudo_label_share: _Curve = ()

    @property
    def labels(self) -> int | None:
        """How many labels it was trained on."""
        if self.anomalies is None or self.nominals is None:
            return None
        return self.anomalies + self.nominals


_RECORD = TypeAdapter(Cycle)


def save_cycle(path: Path, cycle: Cycle) -> None:
    """Write a cycle's record, whole or not at all.

    Raises
    ------
    StorageError
        If the disk refuses.
    """
    write_bytes_atomically(path, _RECORD.dump_json(cycle, indent=2))


def load_cycle(path: Path, number: int) -> Cycle:
    """Read a cycle's record; where it is missing or damaged nothing but the number is known."""
    try:
        return replace(_RECORD.validate_json(path.read_bytes()), number=number)
    except FileNotFoundError:
        return Cycle(number)
    except (OSError, ValidationError) as error:
        logger.warning("The record %s cannot be read, so cycle %d has no figures: %s", path, number, error)
        return Cycle(number)


class Cycles:
    """The finished cycles of a session, read from its folder whenever they are asked for.

    Parameters
    ----------
    folder, pool
        The files of the session and its images.
    """

    def __init__(self, folder: SessionFolder, pool: ImagePool) -> None:
        self._folder = folder
        self._pool = pool
        self._changed: tuple[tuple[Path, Path], np.ndarray] | None = None

    def all(self) -> tuple[Cycle, ...]:
        """Return the finished cycles, the oldest first."""
        folder = self._folder
        return tuple(load_cycle(folder.cycle_record(number), number) for number in folder.cycles)

    @property
    def in_use(self) -> int:
        """Number of the cycle whose network orders the images; 0 if the labels alone do."""
        return self._folder.cycle_in_use

    def check(self, cycle: int) -> None:
        """Check that there is such a cycle, or that it is 0, which stands for the labels alone.

        Raises
        ------
        InputError
            If there is none, or its network is not kept any more.
        """
        if cycle == 0 or cycle in self.kept:
            return
        known = ", ".join(map(str, self.kept)) or "none yet"
        missing = f"There is no cycle {cycle}. Choose a finished one"
        if cycle in self._folder.cycles:
            missing = (
                f"The network of cycle {cycle} is no longer on disk, where those of the last cycles and of "
                "the pinned ones are kept (train.keep_cycles). Choose another one"
            )
        raise InputError(f"{missing} ({known}), or 0 for the labels alone.")

    @property
    def kept(self) -> tuple[int, ...]:
        """Numbers of the cycles whose networks are on disk, so that one can go back to them; ascending."""
        return self._folder.kept_cycles

    @property
    def pinned(self) -> tuple[int, ...]:
        """Numbers of the cycles that are kept for good, ascending."""
        return self._folder.pinned_cycles

    def pin(self, cycle: int, pinned: bool = True) -> None:
        """Keep a cycle's network and scores for good, or no longer than those of other cycles.

        Of the others, the last ``train.keep_cycles`` are kept, and the one in use. Any process may pin.

        Parameters
        ----------
        cycle
            Number of the cycle, from 1.
        pinned
            Whether it is kept for good; false takes that back.

        Raises
        ------
        InputError
            If there is no such cycle, or its network is not kept any more.
        StorageError
            If the disk refuses.
        """
        if cycle == 0:
            raise InputError("The labels are always kept. Give the number of a cycle.")
        if not pinned:
            pin = self._folder.pin(cycle)
            with storage_errors(pin):
                pin.unlink(missing_ok=True)
            return
        self.check(cycle)
        if not keep(self._folder.checkpoint(cycle)):  # another process has removed it in this moment
            self.check(cycle)

    def disk_bytes(self, cycle: Cycle) -> int:
        """Return how many bytes a cycle's network, record and scores take."""
        folder = self._folder
        files = [folder.checkpoint(cycle.number), folder.cycle_record(cycle.number)]
        if cycle.digest is not None:
            files += folder.kept_scores_by(cycle.digest)
            for store in folder.scores_by(cycle.digest):  # of one removed meanwhile nothing is listed
                files += [Path(place, name) for place, _, names in os.walk(store) for name in names]
        return sum(_size(path) for path in files)

    def newest_scored(self) -> int:
        """Return the newest cycle up to the one in use whose scores of the whole pool are kept; 0 for none.

        They are in the order until those of the cycle in use are all there.
        """
        for cycle in reversed(self.all()):
            if cycle.number > self.in_use:
                continue
            scores = self._whole_scores(cycle)
            if scores is not None and not isinstance(scores, KeptScores):
                return cycle.number
        return 0

    def use(self, cycle: int) -> None:
        """Let a cycle order the images until the next one is finished, also after opening again.

        Raises
        ------
        InputError
            If there is no such cycle, its checkpoint is damaged, or the images were rendered otherwise when
            it was trained.
        StorageError
            If the disk refuses.
        """
        self.check(cycle)
        if cycle != 0:
            from anomalymatch_ui.learn import load_checkpoint  # imports torch

            trained = load_checkpoint(self._folder.checkpoint(cycle)).rendering
            trained.check_fits(
                self._pool.rendering, f"The network of cycle {cycle}", "the images of this session"
            )
        self._folder.use_cycle(cycle)

    def interrupted_step(self, config: Config) -> int | None:
        """Return the step from which training goes on by these settings; ``None`` if it begins anew."""
        if not self._folder.interrupted.exists():  # torch is imported only where there is something to read
            return None
        from anomalymatch_ui.session.work.interrupted import interrupted_cycle

        try:
            found = interrupted_cycle(self._folder, config, self._pool.rendering)
        except InputError as error:
            logger.warning("%s", error)
            return None
        return None if found is None else found.step

    def score_history(self, image_id: str) -> tuple[tuple[int, float], ...]:
        """Return what the network of each cycle said of an image: ``(cycle, score)``, the oldest first.

        The scores are the network's own, in [0, 1], before the linear head and calibration; of a cycle whose
        network is not kept any more to 1.5e-5. A cycle that has not scored the image, or whose scores are
        gone, is left out.

        Raises
        ------
        InputError
            If the image is not in the pool.
        """
        index_in(self._pool, image_id)
        history = []
        for cycle in self.all():
            try:
                scores = self._scores(cycle)
                score = None if scores is None else scores.score_of(self._pool, image_id)
            except DamagedStoreError as error:
                logger.warning("%s", error)
                continue
            if score is not None:
                history.append((cycle.number, score))
        return tuple(history)

    def change(self) -> np.ndarray:
        """Return by how much the network in use scores each image higher than the one ranked before it did.

        Returns
        -------
        numpy.ndarray
            float32 ``(len(pool),)`` by pool index, in [-1, 1], read-only; NaN where either score is
            unknown, and everywhere before two cycles have ranked the pool.
        """
        unknown = _read_only(np.full(len(self._pool), np.nan, np.float32))
        found: list[StoredScores] = []
        for cycle in reversed(self.all()):
            if cycle.number > self.in_use or len(found) == 2:
                continue
            scores = self._whole_scores(cycle)
            if scores is not None:
                found.append(scores)
        if len(found) < 2:
            return unknown
        newer, older = found
        folders = newer.folder, older.folder
        known = self._changed
        if known is not None and known[0] == folders:
            return known[1]
        try:
            change = _read_only(newer.scores(self._pool) - older.scores(self._pool))
        except DamagedStoreError as error:
            logger.warning("%s", error)
            return unknown
        self._changed = folders, change
        return change

    def _whole_scores(self, cycle: Cycle) -> StoredScores | None:
        """Open the scores of a cycle that has ranked the whole pool."""
        try:
            scores = self._scores(cycle)
        except DamagedStoreError as error:
            logger.warning("%s", error)
            return None
        return scores if scores is not None and scores.is_whole else None

    def _scores(self, cycle: Cycle) -> StoredScores | None:
        """Open a cycle's scores; ``None`` without any."""
        return None if cycle.digest is None else scores_on_disk(self._folder, self._pool, cycle.digest)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # not there, or removed since it was listed
        return 0


def _read_only(values: np.ndarray) -> np.ndarray:
    values.flags.writeable = False
    return values
