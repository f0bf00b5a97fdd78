"""Any path to the pool that reads it."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

from anomalymatch_ui.config import PixelsConfig
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.files import expanded
from anomalymatch_ui.pixels.files import SUFFIXES
from anomalymatch_ui.pool.base import ImagePool
from anomalymatch_ui.pool.folder import FolderPool

_HDF5_SUFFIXES = (".h5", ".hdf5")

_ZARR_MARKERS = ("zarr.json", ".zgroup", ".zarray")


def open_pool(path: str | os.PathLike[str], pixels: PixelsConfig | None = None, **options: Any) -> ImagePool:
    """Open a pool of images.

    Parameters
    ----------
    path
        A folder, which is read recursively (JPEG, PNG, TIFF, WebP, BMP, GIF, FITS, NPY); or an HDF5 file
        of the layout of GalaxyMNIST: ``images`` uint8 ``(n, height, width, 3)``, optionally ``labels``
        ``(n,)``; or a Zarr
        store with the same ``images``, optionally ``ids`` ``(n,)``.
    pixels
        How the images are read and rendered.
    **options
        The same one by one, such as ``bands=("i", "r", "g")``, ``hdu=("SCI",)`` or ``stretch="asinh"``; see
        :class:`~anomalymatch_ui.config.PixelsConfig`. They win over ``pixels``.

    Returns
    -------
    ImagePool
        No image is opened before it is read. The ids are paths relative to the folder, with ``/`` on
        every system and in the order of their characters; or the rows of the file as text; or what the
        Zarr store gives as ``ids``.

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
    resolved, mode = _found(path)
    if stat.S_ISDIR(mode) and not _is_zarr_store(resolved):
        return FolderPool(resolved, asked)
    if asked != PixelsConfig() and (stat.S_ISDIR(mode) or resolved.suffix.lower() in _HDF5_SUFFIXES):
        raise InputError(f"Bands and stretches are of folders of images; {path} is shown as it is.")
    if stat.S_ISDIR(mode):
        # As h5py below, zarr takes its time to import.
        from anomalymatch_ui.pool.zarr import ZarrPool

        return ZarrPool(resolved)
    suffix = resolved.suffix.lower()
    if suffix in _HDF5_SUFFIXES:
        # h5py takes 0.1 s to import, and few pools need it.
        from anomalymatch_ui.pool.hdf5 import Hdf5Pool

        return Hdf5Pool(resolved)
    if resolved.name.lower().endswith(SUFFIXES):
        raise InputError(f"{path} is a single image. Give the folder it lies in, {resolved.parent}.")
    raise InputError(
        f"{path} is neither a folder nor an HDF5 file ({', '.join(_HDF5_SUFFIXES)}). "
        "Give a folder of JPEG, PNG, TIFF, WebP or FITS images, or a Zarr store."
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


def _is_zarr_store(path: Path) -> bool:
    """Tell whether a folder is, or is named as, a Zarr store."""
    return path.suffix.lower() == ".zarr" or any(
        os.path.isfile(path / marker)  # unlike Path.is_file, of a closed folder it says no
        for marker in _ZARR_MARKERS
    )
