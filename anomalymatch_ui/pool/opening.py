"""Any path to the pool that reads it."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from anomalymatch_ui.config import PixelsConfig
from anomalymatch_ui.errors import AnomalyMatchError, InputError
from anomalymatch_ui.files import expanded
from anomalymatch_ui.pixels.files import FITS, SUFFIXES
from anomalymatch_ui.pixels.spec import listed as listed_names
from anomalymatch_ui.pool.base import ImagePool
from anomalymatch_ui.pool.containers import KINDS, TEXT_TABLES, VOTABLES, container_kind
from anomalymatch_ui.pool.containers import SUFFIXES as CONTAINERS
from anomalymatch_ui.pool.folder import FolderPool, listed
from anomalymatch_ui.pool.handles import allow_open_files
from anomalymatch_ui.pool.hats import objects_once, partitions_of
from anomalymatch_ui.pool.parts import JoinedPool


def open_pool(path: str | os.PathLike[str], pixels: PixelsConfig | None = None, **options: Any) -> ImagePool:
    """Open a pool of images.

    Parameters
    ----------
    path
        A folder of image files (JPEG, PNG, TIFF, WebP, BMP, GIF, FITS, NPY), which is read recursively; a
        file or a store of many images (HDF5, Zarr as a folder or a zip file); a folder of several of
        these, which are one pool; or a catalogue of positions (CSV, Parquet, FITS, VOTable), whose images are
        cut from tiles.
    pixels
        How the images are found, read and rendered.
    **options
        The same one by one, such as ``bands=("i", "r", "g")``, ``array="cutouts"`` or ``stretch="asinh"``;
        see :class:`~anomalymatch_ui.config.PixelsConfig`. They win over ``pixels``.

    Returns
    -------
    ImagePool
        No image is opened before it is read. The ids of image files are paths relative to the folder, with
        ``/`` on every system and in the order of their characters; of other images what the file names them,
        or else the numbers of their rows.

    Raises
    ------
    InputError
        If there is nothing at ``path``, it holds no images, or it cannot be opened or rendered so.

    Examples
    --------
    >>> pool = open_pool("cutouts")  # doctest: +SKIP
    >>> pool.read([0, 1], size=64).pixels.shape  # doctest: +SKIP
    (2, 3, 64, 64)
    >>> open_pool("survey", bands=("i", "r", "g"), stretch="asinh").rendering.rgb  # doctest: +SKIP
    ('i', 'r', 'g')
    """
    asked = PixelsConfig() if pixels is None else pixels
    if options:
        asked = PixelsConfig.of({**asked.model_dump(), **options})
    if asked.tiles is not None:  # kept with a session, which may be opened from another folder
        tiles, _ = _found(asked.tiles)
        asked = asked.model_copy(update={"tiles": str(tiles)})
    resolved, mode = _found(path)
    is_folder = stat.S_ISDIR(mode)
    kind = container_kind(str(resolved), is_folder=is_folder)
    if is_catalogue(resolved, asked):
        from anomalymatch_ui.pool.catalogue import CataloguePool

        return CataloguePool(resolved, asked)
    if kind is not None:
        return open_container(kind, resolved, asked)
    if is_folder:
        return _open_folder(resolved, asked)
    if resolved.name.lower().endswith(SUFFIXES):
        raise InputError(f"{path} is a single image. Give the folder it lies in, {resolved.parent}.")
    raise InputError(
        f"{path} is neither a folder nor a file of many images. Give a folder of JPEG, PNG, TIFF, WebP or "
        f"FITS images, {' or '.join(KINDS.values())} ({', '.join(CONTAINERS)}), or a catalogue of positions "
        "as CSV, Parquet, FITS or VOTable."
    )


def _found(path: str | os.PathLike[str]) -> tuple[Path, int]:
    """Return where a path leads, and what kind of file is there."""
    try:
        resolved = expanded(path).resolve(strict=True)
        return resolved, resolved.stat().st_mode
    except FileNotFoundError as error:
        raise InputError(f"There is no folder or file {path}. Check the spelling of the path.") from error
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"Cannot open {path}: {reason}. Check the path and its permissions.") from error


def is_catalogue(path: Path, pixels: PixelsConfig) -> bool:
    """Return whether a file, or a folder in HATS, is a table of positions to cut images at."""
    name = path.name.lower()
    if path.is_dir():
        partitions, _ = partitions_of(path, follow_links=pixels.follow_links)
        return pixels.array is None and bool(partitions) and is_catalogue(partitions[0], pixels)
    if name.endswith((*TEXT_TABLES, *VOTABLES)):
        return True
    if name.endswith(".parquet"):
        from anomalymatch_ui.pool.parquet import has_only_positions

        return pixels.array is None and has_only_positions(path)
    if name.endswith(FITS):
        from anomalymatch_ui.pool.catalogue_table import has_fits_table

        return has_fits_table(path)
    return False


def open_container(kind: str, path: Path, pixels: PixelsConfig, parts: int = 1) -> ImagePool:
    """Open one file, or one store, of many images, of as many that are open at one time.

    Raises
    ------
    InputError
        If it cannot be opened or holds no images.
    """
    try:
        return _opened(kind, path, pixels, parts)
    except AnomalyMatchError:
        raise
    except Exception as error:  # of damaged files the libraries of these formats raise all kinds
        why = str(error).partition("\n")[0] or type(error).__name__
        raise InputError(f"Cannot open {path}, which is damaged: {why}. Fetch it again.") from error


def _opened(kind: str, path: Path, pixels: PixelsConfig, parts: int) -> ImagePool:
    # The libraries of these formats take 0.1 s and more to import, and few pools need them.
    if kind == "hdf5":
        from anomalymatch_ui.pool.hdf5 import open_hdf5

        return open_hdf5(path, pixels, parts)
    if kind == "tar":
        from anomalymatch_ui.pool.tar import TarPool

        return TarPool(path, pixels)
    if kind == "parquet":
        from anomalymatch_ui.pool.parquet import ParquetPool

        return ParquetPool(path, pixels)
    if kind == "avro":
        from anomalymatch_ui.pool.avro import AlertPool

        return AlertPool(path, pixels)
    if kind == "asdf":
        from anomalymatch_ui.pool.asdf import AsdfPool

        return AsdfPool(path, pixels)
    from anomalymatch_ui.pool.zarr import open_zarr

    return open_zarr(path, pixels)


def _open_folder(path: Path, pixels: PixelsConfig) -> ImagePool:
    """Open a folder of images, or of files and stores of many images each."""
    listing = listed(path, pixels)
    held = {kind: sorted(names) for kind, names in listing.containers.items()}
    if listing.images or not held:
        for kind, names in held.items():
            why = f"one of the {KINDS[kind]}: open it by its own path"
            listing.skipped.update(dict.fromkeys(names, why))
        asked_for = {"--array": pixels.array, "--ids": pixels.ids}
        named = [f"{option} {value}" for option, value in asked_for.items() if value is not None]
        if named and listing.images:
            raise InputError(
                f"{path} holds image files, which are called by their own names, so that {named[0]} finds "
                "nothing there. Leave it out, or give the file that has it."
            )
        return FolderPool(path, pixels, listing)
    kind = max(held, key=lambda kind: len(held[kind]))
    skipped = dict(listing.skipped)
    for other in held.keys() - {kind}:
        skipped.update(dict.fromkeys(held[other], f"not one of the {KINDS[kind]}"))
    return open_parts(path, kind, held[kind], skipped, pixels)


def open_parts(
    path: Path, kind: str, names: Sequence[str], skipped: dict[str, str], pixels: PixelsConfig
) -> ImagePool:
    """Open several files or stores of one folder as one pool.

    A part that cannot be used, or has other bands than the first, is passed over.

    Raises
    ------
    InputError
        If none can be used.
    """
    if kind == "parquet":
        names = objects_once(path, names, skipped)
    allow_open_files(len(names))
    parts: dict[str, ImagePool] = {}
    for name in names:
        try:
            part = open_container(kind, path / name, pixels, len(names))
        except InputError as error:
            skipped[name] = str(error).rstrip(".")
            continue
        first = next(iter(parts.values()), part)
        if part.rendering != first.rendering or set(part.bands.names) != set(first.bands.names):
            skipped[name] = (
                f"the bands {listed_names(part.bands.names)} where {next(iter(parts))} has "
                f"{listed_names(first.bands.names)}"
            )
            part.close()
            continue
        parts[name.removesuffix("/images.zarr") if kind == "zarr" else name] = part
    return JoinedPool(path, parts, skipped)
