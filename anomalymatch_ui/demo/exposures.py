"""Exposures of the simulated survey as FITS files: an extension a band, each with a WCS."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from astropy.io import fits

from anomalymatch_ui.demo.camera import SIZE
from anomalymatch_ui.demo.colours import BANDS
from anomalymatch_ui.pixels.profiles import Plane

PIXEL_SCALE = 0.2
"""Seconds of arc a pixel, as of the cameras of HSC and Rubin."""

ZERO_POINT = 27.0
"""AB magnitude of a source of one count."""

_CUTOUTS_IN_ROW = 10
_SPACING = 0.02
"""Degrees between the centres of two neighbouring cutouts of a field, 72 seconds of arc."""

_FIELDS_IN_ROW = 5
_FIRST_FIELD = (149.0, -2.0)
"""Right ascension and declination of the first field, in degrees: at the equator."""


def position(field: int, cutout: int) -> tuple[float, float]:
    """Return right ascension and declination of a cutout of a field, in degrees (ICRS)."""
    row, column = divmod(field, _FIELDS_IN_ROW)
    inner_row, inner_column = divmod(cutout, _CUTOUTS_IN_ROW)
    ra = _FIRST_FIELD[0] + column + _SPACING * inner_column
    dec = _FIRST_FIELD[1] + row + _SPACING * inner_row
    return round(ra, 6), round(dec, 6)


def write_exposure(path: Path, counts: Plane, ra: float, dec: float) -> None:
    """Write an exposure.

    Parameters
    ----------
    path
        Path of the new file.
    counts
        In g, r and i, ``(3, 64, 64)``; kept as float32 in the extensions ``G``, ``R`` and ``I``.
    ra, dec
        RA and Dec of the centre, in degrees (ICRS); also in the primary header, as ``RA`` and ``DEC``.
    """
    primary = fits.PrimaryHDU()
    primary.header["OBJECT"] = (path.stem, "simulated")
    primary.header["RADESYS"] = "ICRS"
    primary.header["RA"] = (ra, "[deg] of the centre")
    primary.header["DEC"] = (dec, "[deg] of the centre")
    hdus = [primary]
    for name, plane in zip(BANDS, counts, strict=True):
        hdu = fits.ImageHDU(plane.astype(np.float32), name=name.upper())
        hdu.header.update(_header(name, ra, dec))
        hdus.append(hdu)
    fits.HDUList(hdus).writeto(path)


def _header(band: str, ra: float, dec: float) -> fits.Header:
    header = fits.Header()
    header["FILTER"] = band
    header["BUNIT"] = "ct"
    header["MAGZERO"] = (ZERO_POINT, "AB magnitude of one count")
    header["RADESYS"] = "ICRS"
    for axis, (kind, value, step) in enumerate(
        [("RA---TAN", ra, -PIXEL_SCALE / 3600), ("DEC--TAN", dec, PIXEL_SCALE / 3600)], start=1
    ):
        header[f"CTYPE{axis}"] = kind
        header[f"CUNIT{axis}"] = "deg"
        header[f"CRPIX{axis}"] = (SIZE + 1) / 2
        header[f"CRVAL{axis}"] = value
        header[f"CDELT{axis}"] = step
    return header
