"""What the network of a past cycle said of each image, in two bytes each, once its archive is gone."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Protocol, Self

import numpy as np

from anomalymatch_ui.errors import DamagedStoreError, InputError
from anomalymatch_ui.files import write_bytes_atomically
from anomalymatch_ui.pool import ImagePool
from anomalymatch_ui.score import Archive
from anomalymatch_ui.sealed import UNREADABLE, is_damaged, seal
from anomalymatch_ui.session.core.folder import SessionFolder
from anomalymatch_ui.session.work.earlier_scores import EarlierScores, is_earlier

_LEVELS, _UNREADABLE, _NOT_SCORED = 65_533, 65_534, 65_535


class StoredScores(Protocol):
    """What a network said of each image of a session's pool, on disk."""

    folder: Path

    @property
    def is_whole(self) -> bool:
        """Whether the network had come to the end of the pool."""

    def scores(self, pool: ImagePool) -> np.ndarray:
        """Return all scores, float32 ``(len(pool),)``; NaN where there is none."""

    def score_of(self, pool: ImagePool, image_id: str) -> float | None:
        """Return the score of one image; ``None`` if it has none."""

    def unscored(self) -> np.ndarray:
        """Return which images the network had not come to, bool ``(images,)``."""


class KeptScores:
    """Scores of a pool to 1.5e-5, by pool index, read from a file as far as they are asked for.

    Parameters
    ----------
    path
        The file, uint16 ``(n,)`` as NumPy keeps it; made by :meth:`keep`.

    Raises
    ------
    DamagedStoreError
        If it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.folder = path
        try:
            is_whole = not is_damaged(path)
            codes: np.ndarray = np.load(path, mmap_mode="r")
        except UNREADABLE as error:
            raise self._damaged() from error
        if not is_whole or codes.dtype != np.uint16 or codes.ndim != 1:
            raise self._damaged()
        self._codes = codes

    @classmethod
    def keep(cls, path: Path, stored: StoredScores, pool: ImagePool) -> Self:
        """Keep what is on disk in two bytes each, whole or not at all.

        Raises
        ------
        DamagedStoreError
            If a shard cannot be read.
        StorageError
            If the disk refuses.
        """
        scores = stored.scores(pool)
        is_known = np.isfinite(scores)
        codes = np.full(len(scores), _UNREADABLE, np.uint16)
        codes[stored.unscored()] = _NOT_SCORED
        codes[is_known] = np.rint(np.clip(scores[is_known], 0, 1) * _LEVELS).astype(np.uint16)
        buffer = io.BytesIO()
        np.save(buffer, codes)
        content = buffer.getvalue()
        write_bytes_atomically(path, content + seal(zlib.crc32(content)))
        return cls(path)

    @property
    def is_whole(self) -> bool:
        """Whether the network had come to the end of the pool."""
        return not self.unscored().any()

    def unscored(self) -> np.ndarray:
        """Return which images the network had not come to, bool ``(images,)``."""
        not_scored: np.ndarray = np.asarray(self._codes) == _NOT_SCORED
        return not_scored

    def scores(self, pool: ImagePool) -> np.ndarray:
        """Return all scores, float32 ``(len(pool),)``; NaN where there is none.

        Raises
        ------
        DamagedStoreError
            If they are of another number of images.
        """
        self._check(pool)
        codes = np.asarray(self._codes)
        return np.where(codes <= _LEVELS, codes / _LEVELS, np.nan).astype(np.float32)

    def score_of(self, pool: ImagePool, image_id: str) -> float | None:
        """Return the score of one image; ``None`` if it has none. Raises as :meth:`scores`."""
        self._check(pool)
        code = int(self._codes[pool.index(image_id)])
        return code / _LEVELS if code <= _LEVELS else None

    def _check(self, pool: ImagePool) -> None:
        if len(self._codes) != len(pool):
            raise self._damaged()

    def _damaged(self) -> DamagedStoreError:
        return DamagedStoreError(
            f"The scores of a past cycle in {self.folder} are damaged. Delete the file; the chart of an "
            "image's scores then leaves this cycle out."
        )


def open_scores(folder: Path) -> StoredScores:
    """Open the scores of a network in a folder of their own, which may be of a version before.

    Raises
    ------
    DamagedStoreError
        If they cannot be read.
    """
    if is_earlier(folder):
        return EarlierScores(folder)
    try:
        return Archive.begun(folder)
    except DamagedStoreError:
        raise
    except InputError as error:  # its manifest is no archive's, or has gone
        raise DamagedStoreError(str(error)) from error


def scores_on_disk(folder: SessionFolder, pool: ImagePool, digest: str) -> StoredScores | None:
    """Return what a network has said of a pool: the newest whole scores, or else the newest of a part of it.

    There are several where the pool's symmetry was set anew, and the ranking by that may have been stopped.

    Parameters
    ----------
    folder, pool
        Files and images of a session.
    digest
        Digest of the network.

    Returns
    -------
    StoredScores or None
        ``None`` where there are none.

    Raises
    ------
    DamagedStoreError
        If there are some, and none can be opened.
    """
    there: list[Callable[[], StoredScores]] = [
        partial(open_scores, store) for store in reversed(folder.scores_by(digest, pool.digest))
    ]
    kept = folder.kept_scores(digest, pool.digest)
    if kept.exists():
        there.append(partial(KeptScores, kept))
    parts: list[StoredScores] = []
    damage: list[DamagedStoreError] = []
    for opened in there:
        try:
            scores = opened()
        except DamagedStoreError as error:
            damage.append(error)
            continue
        if scores.is_whole:
            return scores
        parts.append(scores)
    if damage and not parts:
        raise damage[0]
    return parts[0] if parts else None
