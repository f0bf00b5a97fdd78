"""What lies where in a session folder, and which pool it belongs to."""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from anomalymatch_ui import jsontext
from anomalymatch_ui.config import PixelsConfig
from anomalymatch_ui.errors import InputError, StorageError
from anomalymatch_ui.files import TEMPORARY_SUFFIX, remove_leftover, storage_errors, write_bytes_atomically
from anomalymatch_ui.pool import ImagePool, open_pool
from anomalymatch_ui.session.core.pins import DOOMED, pin_of, settle
from anomalymatch_ui.session.core.poolrecord import PoolRecord, check_pool, save_record

_CYCLE = re.compile(r"cycle-(\d+)\.(safetensors|json|pinned)")


DAMAGED = ".damaged"
"""Ends the name of what was set aside."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class SessionFolder:
    """The files of a session. What people gave cannot be computed again, all else can (docs/commands.md).

    Attributes
    ----------
    path
        The folder.
    shared
        Where the embeddings are kept instead, for sessions on the same images to share them.
    notices
        Sentences on damage that was met and mended, for the person; taken by who tells them.
    """

    path: Path
    shared: Path | None = None
    notices: list[str] = field(default_factory=list, compare=False, repr=False)

    def set_aside(self, path: Path) -> None:
        """Rename what is damaged, so that it is made again; where the disk refuses, it stays as it is."""
        aside = path.with_name(f"{path.name}{DAMAGED}")
        try:
            if aside.is_dir():
                shutil.rmtree(aside)
            path.replace(aside)
        except OSError as error:
            logger.warning("%s is damaged, and could not be set aside: %s", path, error)

    @property
    def config(self) -> Path:
        """Settings."""
        return self.path / "config.toml"

    @property
    def journal(self) -> Path:
        """Labels."""
        return self.path / "journal.sqlite"

    @property
    def writer_lock(self) -> Path:
        """Who trains; labels need no lock."""
        return self.path / "session.lock"

    @property
    def under_way(self) -> Path:
        """What runs in the background, to go on with when the session is opened again; absent if nothing."""
        return self.path / "under-way.json"

    @property
    def ranking(self) -> Path:
        """The newest ranking."""
        return self.path / "ranking.npz"

    @property
    def completeness(self) -> Path:
        """What was last measured of what the search misses."""
        return self.path / "completeness.json"

    @property
    def known(self) -> Path:
        """Which images show objects that somebody has catalogued."""
        return self.path / "known.parquet"

    @property
    def shortlist(self) -> Path:
        """Which images of an archive the session works on; absent if on all."""
        return self.path / "shortlist.parquet"

    @property
    def scored(self) -> Path:
        """Where the scores lie that what this session has learnt has given to whole archives."""
        return self.path / "scored.json"

    @property
    def interrupted(self) -> Path:
        """The cycle under way, from which training goes on after a stop or a crash."""
        return self.path / "checkpoints" / "current.safetensors"

    @property
    def interrupted_curves(self) -> Path:
        """How the cycle under way went so far."""
        return self.interrupted.with_suffix(".json")

    @property
    def cycles(self) -> tuple[int, ...]:
        """Numbers of the finished cycles, ascending, also of those whose network is not kept any more."""
        kept = self.kept_cycles
        # The record of a cycle is written before its checkpoint: the last one may lack that for a crash.
        figures = {number for number in self._cycles_with("json") if number < max(kept, default=0)}
        return tuple(sorted(figures.union(kept)))

    @property
    def kept_cycles(self) -> tuple[int, ...]:
        """Numbers of the finished cycles whose networks are on disk, ascending."""
        return self._cycles_with("safetensors")

    @property
    def pinned_cycles(self) -> tuple[int, ...]:
        """Numbers of the cycles that a person has pinned, ascending."""
        return self._cycles_with("pinned")

    def pin(self, cycle: int) -> Path:
        """File that tells that a cycle is pinned."""
        return pin_of(self.checkpoint(cycle))

    def _cycles_with(self, suffix: str) -> tuple[int, ...]:
        found = (_CYCLE.fullmatch(path.name) for path in self.interrupted.parent.glob(f"cycle-*.{suffix}"))
        return tuple(sorted(int(match[1]) for match in found if match))

    @property
    def cycle(self) -> int:
        """Number of the last finished cycle; 0 if there is none."""
        return max(self.kept_cycles, default=0)

    @property
    def cycle_in_use(self) -> int:
        """Number of the cycle that orders the images: the last one, unless somebody went back; 0 for none."""
        newest = self.cycle
        try:
            choice = jsontext.parsed(self._choice.read_text(encoding="utf-8"))
            cycle, newest_then = int(choice["cycle"]), int(choice["newest"])
        except (OSError, ValueError, KeyError, TypeError):  # nobody has chosen, or it is damaged
            return newest
        # A choice among the cycles that there were holds until a newer one is finished.
        known = cycle == 0 or self.checkpoint(cycle).exists()
        return cycle if known and newest <= newest_then else newest

    def use_cycle(self, cycle: int) -> None:
        """Let an earlier cycle order the images until the next one is finished; 0 for none.

        Raises
        ------
        StorageError
            If the disk refuses.
        """
        write_bytes_atomically(
            self._choice, json.dumps({"cycle": cycle, "newest": self.cycle}).encode(), self.path
        )

    @property
    def _choice(self) -> Path:
        return self.path / "checkpoints" / "in-use.json"

    def checkpoint(self, cycle: int) -> Path:
        """Networks of a finished cycle."""
        return self.path / "checkpoints" / f"cycle-{cycle:04d}.safetensors"

    def cycle_record(self, cycle: int) -> Path:
        """File that tells what a finished cycle was trained on and how it went."""
        return self.checkpoint(cycle).with_suffix(".json")

    def scores(self, model_digest: str, pool_digest: str) -> Path:
        """Archive of the scores of a network."""
        return self.path / "scores" / f"{model_digest}-{pool_digest[:8]}"

    def scores_by(self, model_digest: str, pool_digest: str = "") -> list[Path]:
        """Return the archives of a network's scores, one for each symmetry, the newest last.

        Without a pool, those of whatever images.
        """
        named = f"{model_digest}-*{pool_digest[:8]}/manifest.json"
        return [path.parent for path in sorted((self.path / "scores").glob(named), key=_modified)]

    def kept_scores(self, model_digest: str, pool_digest: str) -> Path:
        """Scores of a network in two bytes each, once its archive is gone."""
        return self.path / "scores" / f"{model_digest}-{pool_digest[:8]}.npy"

    def kept_scores_by(self, model_digest: str) -> list[Path]:
        """Such scores of a network, of whatever images."""
        return sorted((self.path / "scores").glob(f"{model_digest}-*.npy"))

    def embeddings(self, digest: str, pool_digest: str) -> Path:
        """Embedding of some images; beside it with the suffix ``.npz`` what it was made by."""
        return self._embeddings / f"{digest}-{pool_digest[:8]}.npy"

    def embeddings_of(self, pool_digest: str) -> list[Path]:
        """Embeddings of some images, by whatever settings."""
        return sorted(self._embeddings.glob(f"*-{pool_digest[:8]}.npy"))

    def frozen_maps(self, recipe: str) -> Path:
        """Folder of what the frozen blocks of a network make of some images."""
        return self._embeddings / f"frozen-{recipe}"

    def traits(self, pool_digest: str, looked: str) -> Path:
        """Traits of a pool's images, as they were measured by a way of looking."""
        return self._embeddings / f"symmetry-{'-'.join(filter(None, (pool_digest[:8], looked)))}.json"

    def backbone(self, recipe: str) -> Path:
        """Name of the backbone that a recipe gives, as it was found."""
        return self._embeddings / f"backbone-{recipe}.json"

    def adapted(self, recipe: str) -> Path:
        """Weights of the backbone as it was adapted to a pool by a recipe."""
        return self._embeddings / f"adapted-{recipe}.safetensors"

    def adapting(self, recipe: str) -> Path:
        """State of an adaptation under way, which goes on from there after a stop or a crash."""
        return self._embeddings / f"adapting-{recipe}.safetensors"

    @property
    def adaptations(self) -> list[Path]:
        """States of adaptations under way, whatever their recipes."""
        return list(self._embeddings.glob("adapting-*.safetensors"))

    def draw_order(self, pool_digest: str, seed: int) -> Path:
        """Order in which the images of a large pool are drawn at random."""
        return self.path / "embeddings" / f"lottery-{pool_digest[:16]}-{seed}.bin"

    @property
    def _embeddings(self) -> Path:
        return self.shared or self.path / "embeddings"

    def prepare(self) -> None:
        """Make the folder.

        Raises
        ------
        InputError
            If there is a file of that name, or a folder that holds something else.
        StorageError
            If the disk refuses.
        """
        with storage_errors(self.path):
            if self.path.exists() and not self.path.is_dir():
                raise InputError(f"{self.path} is a file. Choose a folder for the session.")
            # Listed before it is asked what is there: another process may be making this session now.
            there = list(self.path.iterdir()) if self.path.is_dir() else []
            others = [path for path in there if not self._begins(path)]
            kept = self.is_session or self.journal.exists() or self.shortlist.exists()
            if others and not kept:
                raise InputError(
                    f"{self.path} holds other files and is not a session. Choose an empty or a new folder."
                )
            self.path.mkdir(parents=True, exist_ok=True)

    def _begins(self, path: Path) -> bool:
        """Return whether a file is one that a session has before it says which images it is about."""
        half_written = path.name.startswith(".") and path.name.endswith(TEMPORARY_SUFFIX)
        return path == self.writer_lock or half_written

    def open_pool(self, pixels: PixelsConfig | None = None) -> ImagePool:
        """Open the pool this session was made with, read and rendered as its settings say.

        Raises
        ------
        InputError
            If this is no session folder, or the pool is not where it was, or cannot be opened.
        """
        path = self.pool_path()
        if not path.exists():
            raise InputError(
                f"The images of the session {self.path} were in {path}, where there is nothing now. If they "
                f"have moved, open it once with `anomalymatch serve IMAGES --session {self.path}`, or run "
                f"`anomalymatch relink {self.path} IMAGES`."
            )
        return open_pool(path, pixels)

    def pool_path(self) -> Path:
        """Return the path of the pool this session was made with."""
        if not self.is_session and os.path.exists(self.journal):
            raise InputError(
                f"The session {self.path} no longer says which images it is about. Open it once with "
                f"`anomalymatch serve IMAGES --session {self.path}`; its labels are there."
            )
        if not self.is_session:
            raise InputError(
                f"{self.path} is not a session folder. Start one with `anomalymatch serve IMAGES`."
            )
        return Path(PoolRecord.load(self._pool_file).path)

    def check_pool(self, pool: ImagePool, *, relink: bool = False) -> str:
        """Check that this session is about ``pool``, or about none yet.

        A pool is the same if it holds the same images, wherever it lies now; or if it lies where it
        lay, though images have come or gone; or if most of its files agree by name and size. With ``relink``
        most of the names are enough.

        Returns
        -------
        str
            What has changed since the last time, as a sentence; empty if nothing has.

        Raises
        ------
        InputError
            If the session belongs to another pool, or to rows of an array that have changed: these have
            numbers for names, so a label would be found on another image.
        """
        return check_pool(self._pool_file, pool, relink=relink) if self.is_session else ""

    def is_rendered_otherwise(self, pool: ImagePool) -> bool:
        """Return whether the images are rendered otherwise than when this session was last open."""
        if not self.is_session:
            return False
        return PoolRecord.load(self._pool_file).rendering != pool.rendering.digest

    def keep_pool(self, pool: ImagePool) -> None:
        """Write down that this session is about ``pool``.

        Raises
        ------
        StorageError
            If the disk refuses.
        """
        save_record(self._pool_file, pool)

    @contextmanager
    def as_it_was_on_failure(self) -> Iterator[None]:
        """Write back who trains, the pool, the settings and the cycle in use, if the body raises anything."""
        files = (self.writer_lock, self._pool_file, self.config, self._choice)
        before = {path: path.read_bytes() if path.is_file() else None for path in files}
        try:
            yield
        except BaseException:
            for path, content in before.items():
                with suppress(
                    OSError, StorageError
                ):  # the disk that refused may refuse again; what failed counts
                    if content is None:
                        path.unlink(missing_ok=True)
                    elif not path.is_file() or path.read_bytes() != content:
                        write_bytes_atomically(path, content)
            raise

    @property
    def settings_stamp(self) -> int:
        """When the settings were written, in nanoseconds; 0 if they are not there."""
        return modified_ns(self.config)

    def sweep(self) -> None:
        """Remove what a process that was killed had half written."""
        for leftover in list(self.path.rglob(f".*{TEMPORARY_SUFFIX}")):
            remove_leftover(leftover)
        for store in (self.path / "scores").glob(f"{DOOMED}*"):
            shutil.rmtree(store, ignore_errors=True)
        for checkpoint in self.interrupted.parent.glob(f"{DOOMED}*"):
            with suppress(StorageError):
                settle(checkpoint)
        embeddings = self.path / "embeddings"
        made = {path.stem for path in embeddings.glob("*.npy")}
        for folder in list(embeddings.glob(".features-*")):
            # Features that an embedding still waits for are gone on with.
            if folder.name.removeprefix(".features-") in made:
                shutil.rmtree(folder, ignore_errors=True)

    @property
    def _pool_file(self) -> Path:
        return self.path / "pool.json"

    @property
    def is_session(self) -> bool:
        """Whether the folder says which images it is about."""
        return os.path.exists(self._pool_file)  # unlike Path.exists, of a name too long it says no


def modified_ns(path: Path) -> int:
    """When a file was written, in nanoseconds; 0 if it is not there or the disk does not answer."""
    try:
        return path.stat().st_mtime_ns
    except OSError:  # then a write will say so
        return 0


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:  # deleted since it was listed
        return 0.0
