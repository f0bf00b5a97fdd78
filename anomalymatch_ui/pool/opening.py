"""Any path to the pool that reads it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.files import expanded
from anomalymatch_ui.pool.base import ImagePool
from anomalymatch_ui.pool.decode import SUFFIXES
from anomalymatch_ui.pool.folder import FolderPool

_HDF5_SUFFIXES = (".h5", ".hdf5")

_ZARR_MARKERS = ("zarr.json", ".zgroup", ".zarray")


def open_pool(path: str | os.PathLike[str]) -> ImagePool:
    """Open a pool of images.

    Parameters
    ----------
    path
        A folder, which is read recursively (JPEG, PNG, TIFF, WebP); or an HDF5 file of the layout of
        GalaxyMNIST: ``images`` uint8 ``(n, height, width, 3)``, optionally ``labels`` ``(n,)``; or a Zarr
        store with the same ``images``, optionally ``ids`` ``(n,)``.

    Returns
    -------
    ImagePool
        No image is opened before it is read. The ids are paths relative to the folder, with ``/`` on
        every system and in the order of their characters; or the rows of the file as text; or what the
        Zarr store gives as ``ids``.

    Raises
    ------
    InputError
        If there is nothing at ``path``, it holds no images, or it cannot be opened.

    Examples
    --------
    >>> pool = open_pool("cutouts")  # doctest: +SKIP
    >>> pool.read([0, 1], size=64).pixels.shape  # doctest: +SKIP
    (2, 3, 64, 64)
    """
    try:
        resolved = expanded(path).resolve(strict=True)
        mode = resolved.stat().st_mode
    except FileNotFoundError as error:
        raise InputError(f"There is no folder or file {path}. Check the spelling of the path.") from error
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"Cannot open {path}: {reason}. Check the path and its permissions.") from error
    if stat.S_ISDIR(mode):
        if _is_zarr_store(resolved):
            # As h5py below, zarr takes its time to import.
            from anomalymatch_ui.pool.zarr import ZarrPool

            return ZarrPool(resolved)
        return FolderPool(resolved)
    suffix = resolved.suffix.lower()
    if suffix in _HDF5_SUFFIXES:
        # h5py takes 0.1 s to import, and few pools need it.
        from anomalymatch_ui.pool.hdf5 import Hdf5Pool

        return Hdf5Pool(resolved)
    if suffix in SUFFIXES:
        raise InputError(f"{path} is a single image. Give the folder it lies in, {resolved.parent}.")
    raise InputError(
        f"{path} is neither a folder nor an HDF5 file ({', '.join(_HDF5_SUFFIXES)}). "
        "Give a folder of JPEG, PNG, TIFF or WebP images, or a Zarr store."
    )


def _is_zarr_store(path: Path) -> bool:
    """Tell whether a folder is, or is named as, a Zarr store."""
    return path.suffix.lower() == ".zarr" or any(
        os.path.isfile(path / marker)  # unlike Path.is_file, of a closed folder it says no
        for marker in _ZARR_MARKERS
    )
