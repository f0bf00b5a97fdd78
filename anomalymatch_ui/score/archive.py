"""The scores of an archive of images on disk: Parquet shards, each whole and checked, or absent."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

from anomalymatch_ui.errors import DamagedStoreError, InputError
from anomalymatch_ui.files import TEMPORARY_SUFFIX, remove_leftover, storage_errors, write_bytes_atomically
from anomalymatch_ui.score.components import Components
from anomalymatch_ui.score.locking import one_writer
from anomalymatch_ui.score.manifest import ArchiveManifest, check_kind, read_manifest
from anomalymatch_ui.score.shards import EncodedShard, Shard, check_shard, encode_shard, read_shard

if TYPE_CHECKING:
    from anomalymatch_ui.pool import ImagePool

MANIFEST, LOCK, COMPONENTS = "manifest.json", "run.lock", "components.safetensors"
UNDER_WAY = "under-way.rows"
"""Scores by row of shards that are not whole yet, where each image counts at once, as in a session."""

ORDER = "order.npz"
"""What a session had learnt when it began to score the archive."""

RANKING, BY_ID, NEIGHBOURS = "ranking.parquet", "by-id.parquet", "neighbours.usearch"
SORTING = re.compile(rf"\.sorting\.(\d+)-\d+{re.escape(TEMPORARY_SUFFIX)}")
"""Folder in which a process, of the first number, keeps what does not fit into memory while it sorts."""

_DERIVED = (RANKING, BY_ID, NEIGHBOURS)
_OTHERS = (MANIFEST, LOCK, COMPONENTS, ORDER, UNDER_WAY, *_DERIVED)
_NAMES = "|".join([r"shard-\d{7}\.parquet(?:\.damaged)?", *map(re.escape, _OTHERS)])
_HALF_WRITTEN = re.compile(rf"\.(?:{_NAMES})\..*{re.escape(TEMPORARY_SUFFIX)}|{SORTING.pattern}")
_OURS = re.compile(_NAMES)
_CHECKING_THREADS = 4


@dataclass(frozen=True, slots=True)
class Survey:
    """What is to be done in an archive.

    Attributes
    ----------
    missing
        Numbers of the shards that are not there, the damaged ones among them, ascending.
    damaged
        Those that were there and cannot be used.
    scored, unreadable
        Images in the shards that are there.
    """

    missing: tuple[int, ...]
    damaged: tuple[int, ...]
    scored: int
    unreadable: int


class Archive:
    """The folder of an archive's scores.

    It holds ``manifest.json`` and ``shard-0000000.parquet`` … with the columns ``id``, ``score`` and, on
    request, ``embedding``; images that cannot be read have no row. What the shards depend on is in the
    manifest, so that the same manifest means the same bytes. ``ranking.parquet``, ``by-id.parquet`` and
    ``neighbours.usearch`` are made from the shards, and deleted as soon as one of them is written anew.

    Parameters
    ----------
    folder
        Where it lies.
    manifest
        What it belongs to.
    components
        What makes an embedding of features, where one is asked for.
    """

    def __init__(self, folder: Path, manifest: ArchiveManifest, components: Components | None) -> None:
        self.folder = folder
        self.manifest = manifest
        self.components = components
        told = manifest.identity + (components.digest if components is not None else "")
        self._owner = hashlib.sha256(told.encode()).hexdigest()

    @classmethod
    def existing(cls, folder: Path) -> Self:
        """Open an archive to read it, whatever it belongs to.

        Raises
        ------
        InputError
            If there is none, or its scores are not all there yet.
        DamagedStoreError
            If it cannot be read.
        """
        archive = cls.begun(folder)
        missing, shards = len(archive.missing), archive.manifest.shard_count
        if missing:
            raise InputError(
                f"{folder} is not finished: {shards - missing:,} of {shards:,} shards are there. Run the "
                "`anomalymatch score` that began it once more; it goes on where it was."
            )
        return archive

    @classmethod
    def begun(cls, folder: Path) -> Self:
        """Open an archive to read it, though its scores may not all be there yet.

        Raises
        ------
        InputError
            If there is none.
        DamagedStoreError
            If it cannot be read.
        """
        manifest = read_manifest(folder / MANIFEST)
        return cls(folder, manifest, Components.load(folder / COMPONENTS) if manifest.components else None)

    @property
    def missing(self) -> tuple[int, ...]:
        """Numbers of the shards that are not there, ascending; one that is there may be damaged."""
        shards = range(self.manifest.shard_count)
        return tuple(number for number in shards if not self.shard(number).exists())

    @property
    def is_whole(self) -> bool:
        """Whether every shard is there."""
        return not self.missing

    def shard(self, number: int) -> Path:
        """Return the path of a shard, whether it is there or not."""
        return self.folder / f"shard-{number:07d}.parquet"

    def shards(self) -> list[Path]:
        """Return the paths of all shards, in the pool's order."""
        return [self.shard(number) for number in range(self.manifest.shard_count)]

    def read(self, number: int) -> Shard:
        """Read a shard and check it. Raises :class:`DamagedStoreError`."""
        return read_shard(self.shard(number), self._owner, number)

    def unscored(self) -> np.ndarray:
        """Return which images are in shards that are not there, bool ``(images,)`` by pool index."""
        unscored = np.zeros(self.manifest.images, bool)
        for number in self.missing:
            indices = self.manifest.indices(number)
            unscored[indices.start : indices.stop] = True
        return unscored

    def scores(self, pool: ImagePool) -> np.ndarray:
        """Return all scores that are there, checked; for a pool that fits into memory.

        Returns
        -------
        numpy.ndarray
            float32 ``(len(pool),)`` by pool index; NaN where there is none.

        Raises
        ------
        DamagedStoreError
            If a shard cannot be read, or is of another pool.
        """
        scores = np.full(len(pool), np.nan, dtype=np.float32)
        for number in sorted(set(range(self.manifest.shard_count)).difference(self.missing)):
            shard = self.read(number)
            try:
                scores[[pool.index(image_id) for image_id in shard.ids]] = shard.scores
            except KeyError as error:
                raise DamagedStoreError(
                    f"The scores in {self.shard(number)} are of other images, such as {error.args[0]}."
                ) from error
        return scores

    def score_of(self, pool: ImagePool, image_id: str) -> float | None:
        """Return the score of one image of the pool, of which one shard is read; ``None`` if it has none.

        Raises
        ------
        DamagedStoreError
            If the shard cannot be read.
        """
        number = pool.index(image_id) // self.manifest.shard_size
        if not self.shard(number).exists():
            return None
        shard = self.read(number)
        return float(shard.scores[shard.ids.index(image_id)]) if image_id in shard.ids else None

    def survey(self, advance: Callable[[int, int], None]) -> Survey:
        """Read and check every shard that is there.

        Parameters
        ----------
        advance
            Told how many of how many shards are checked.
        """
        missing = set(self.missing)
        there = [number for number in range(self.manifest.shard_count) if number not in missing]
        damaged, scored, unreadable = [], 0, 0
        with ThreadPoolExecutor(_CHECKING_THREADS, thread_name_prefix="check-shards") as threads:
            for done, (number, counts) in enumerate(
                zip(there, threads.map(self._counts, there), strict=True)
            ):
                if counts is None:
                    damaged.append(number)
                else:
                    scored, unreadable = scored + counts[0], unreadable + counts[1]
                advance(done + 1, len(there))
        return Survey(tuple(sorted(missing.union(damaged))), tuple(damaged), scored, unreadable)

    def encode(self, number: int, shard: Shard) -> EncodedShard:
        """Make a shard's file, in memory."""
        return encode_shard(shard, self._owner, number)

    def write(self, encoded: EncodedShard) -> None:
        """Write a shard's file, whole or not at all. Raises ``StorageError`` if the disk refuses."""
        write_bytes_atomically(self.shard(encoded.number), encoded.content)

    def set_aside(self, numbers: Iterable[int]) -> None:
        """Rename those of some shards that are there, to be made again.

        Raises ``StorageError`` if the disk refuses.
        """
        with storage_errors(self.folder):
            for path in filter(Path.exists, map(self.shard, numbers)):
                path.replace(path.with_name(f"{path.name}.damaged"))

    def forget_derived(self) -> None:
        """Delete what was made from the shards, before one of them is written."""
        with storage_errors(self.folder):
            for name in _DERIVED:
                (self.folder / name).unlink(missing_ok=True)

    def _counts(self, number: int) -> tuple[int, int] | None:
        """Return how many images of a shard have a score, and how many not; ``None`` where it is damaged."""
        try:
            scored, unreadable = check_shard(self.shard(number), self._owner, number)
        except DamagedStoreError:
            return None
        return scored, unreadable


@contextlib.contextmanager
def begin(
    folder: Path, manifest: ArchiveManifest, *, restart: bool = False, patience: float = 0
) -> Iterator[None]:
    """Hold an archive's folder to write scores of ``manifest`` into it; a new folder gets the manifest.

    Parameters
    ----------
    folder
        Made on first use.
    manifest
        What the scores belong to.
    restart
        Delete what the folder holds of an archive before.
    patience
        Seconds to wait for another process that writes it.

    Raises
    ------
    InputError
        If it holds scores of something else, or files that are no archive's.
    DamagedStoreError
        If its manifest cannot be read.
    StoreBusyError
        If another process writes it.
    StorageError
        If the disk refuses.
    """
    check_folder(folder)
    with one_writer(folder / LOCK, patience):
        _sweep(folder, everything=restart)
        path = folder / MANIFEST
        if path.exists():
            manifest.check_against(read_manifest(path), folder)
        else:
            manifest.write(path)
        yield


def check_ids(pool: ImagePool) -> None:
    """Check that no id of a pool is there twice.

    Raises
    ------
    InputError
        If one is; it is named.
    """
    # 8 bytes an image instead of a set of strings: 0.8 GB for 10^8 images, and 30 s.
    hashes = np.fromiter(map(hash, pool.ids), np.int64, count=len(pool))
    ordered = np.sort(hashes)
    suspects = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    if not len(suspects):
        return
    seen: set[str] = set()
    for index in np.flatnonzero(np.isin(hashes, suspects)).tolist():
        image_id = pool.ids[index]
        if image_id in seen:
            raise InputError(
                f"The id {image_id} is there twice in {pool.path}, so that a score would not tell of which "
                "image it is. Give each image an id of its own."
            )
        seen.add(image_id)


def check_folder(folder: Path) -> None:
    """Check that there is nothing else in a folder that shall become an archive.

    Raises
    ------
    InputError
        If there is.
    """
    if os.path.exists(folder) and not folder.is_dir():  # Path.exists raises of a folder it may not enter
        raise InputError(f"{folder} is a file. Give a folder for the scores.")
    if not os.path.exists(folder):
        return
    if (folder / MANIFEST).exists():
        check_kind(folder / MANIFEST)
        return
    foreign = next((path.name for path in sorted(folder.iterdir()) if not _is_ours(path)), None)
    if foreign is not None:
        raise InputError(
            f"{folder} holds other files ({foreign} …) and no scores. Give an empty or a new folder."
        )


def _sweep(folder: Path, *, everything: bool) -> None:
    """Delete what a run that was killed left half-written; ``everything``: the scores, too."""
    with storage_errors(folder):
        # The manifest goes last: while shards are there, it says whose they are.
        for path in sorted(folder.iterdir(), key=lambda path: path.name == MANIFEST):
            if _HALF_WRITTEN.fullmatch(path.name):
                remove_leftover(path)
            elif everything and path.name != LOCK and _is_ours(path):
                path.unlink()


def _is_ours(path: Path) -> bool:
    return bool(_OURS.fullmatch(path.name) or _HALF_WRITTEN.fullmatch(path.name))
