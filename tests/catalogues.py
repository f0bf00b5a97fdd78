"""Catalogues and the tiles of small surveys, for tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from astropy.io import fits
from astropy.wcs import WCS

SCALE = 0.2
"""Side of a pixel in arcseconds."""

RA, DEC = 150.0, 2.2
"""Of the middle of the first tile, degrees."""


def tile_wcs(side: int | tuple[int, int], ra: float = RA, dec: float = DEC, scale: float = SCALE) -> WCS:
    """Return the WCS of a tile ``(height, width)``, or a square one, with north up."""
    height, width = (side, side) if isinstance(side, int) else side
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval, wcs.wcs.crpix = [ra, dec], [(width + 1) / 2, (height + 1) / 2]
    wcs.wcs.cdelt = [-scale / 3600, scale / 3600]
    return wcs


def write_tile(
    path: Path, values: np.ndarray, band: str = "", wcs: WCS | None = None, **keywords: object
) -> Path:
    """Write a tile; returns its path."""
    header = (tile_wcs(values.shape) if wcs is None else wcs).to_header()
    if band:
        header["FILTER"] = band
    hdu = fits.PrimaryHDU(values, header)
    hdu.header.update(keywords)
    path.parent.mkdir(parents=True, exist_ok=True)
    hdu.writeto(path, overwrite=True)
    return path


def positions(wcs: WCS, x: Sequence[float], y: Sequence[float]) -> dict[str, np.ndarray]:
    """Return the columns RA and Dec of pixels from 0."""
    sky = wcs.pixel_to_world(np.asarray(x, float), np.asarray(y, float))
    return {"RA": sky.ra.deg, "Dec": sky.dec.deg}


def write_catalogue(folder: Path, columns: Mapping[str, object], name: str = "catalogue.csv") -> Path:
    """Write a table as CSV; returns its path."""
    pd.DataFrame(columns).to_csv(folder / name, index=False)
    return folder / name


def write_mosaic(folder: Path, images: np.ndarray, ids: Sequence[str] | None) -> Path:
    """Write squares ``(n, side, side, bands)`` side by side on a tile a band, and a catalogue of them."""
    count, side, _, bands = images.shape
    across = int(np.ceil(np.sqrt(count)))
    mosaic = np.zeros((bands, across * side, across * side), images.dtype)
    column, row = np.arange(count) % across, np.arange(count) // across
    for image, left, top in zip(images, column * side, row * side, strict=True):
        mosaic[:, top : top + side, left : left + side] = image.transpose(2, 0, 1)
    pictures = images.dtype == np.uint8 and bands == 3
    names = ("red", "green", "blue") if pictures else tuple(map(str, range(1, bands + 1)))
    for name, values in zip(names, mosaic, strict=True):
        write_tile(folder / "tiles" / f"{name}.fits", values, name if bands > 1 else "")
    # A quarter of a pixel off the middle, which lies between two.
    middle = (side - 1) / 2 + 0.25
    columns: dict[str, object] = {
        **positions(tile_wcs(across * side), column * side + middle, row * side + middle),
        "diameter_pixel": side,
        "fits_file_paths": [str([f"tiles/{name}.fits" for name in names])] * count,
    }
    return write_catalogue(folder, columns if ids is None else {"SourceID": list(ids), **columns})
