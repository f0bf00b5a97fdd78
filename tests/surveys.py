"""A survey of one tile and its catalogue, to cut from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from astropy.nddata import Cutout2D
from catalogues import positions, tile_wcs, write_catalogue, write_tile

SIDE = 200
X, Y = [60.3, 100.0, 140.8], [70.1, 99.6, 30.5]


def values(seed: int = 0, side: int = SIDE) -> np.ndarray:
    return np.random.default_rng(seed).normal(100, 5, (side, side)).astype(np.float32)


def survey(folder: Path, **columns: object) -> Path:
    """Write one tile and a catalogue of three objects on it."""
    write_tile(folder / "tile.fits", values())
    table = {"SourceID": ["a", "b", "c"], **positions(tile_wcs(SIDE), X, Y), "diameter_pixel": 32}
    return write_catalogue(folder, {**table, "fits_file_paths": "['tile.fits']", **columns})


def cutout2d(data: np.ndarray, x: float, y: float, side: int) -> np.ndarray:
    return Cutout2D(data, (x, y), side, mode="partial", fill_value=np.nan).data
