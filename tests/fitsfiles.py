"""Small FITS files for tests: a source on a noisy sky, in any layout."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from astropy.io import fits


def sky(seed: int = 0, size: int = 24, ring: bool = False) -> np.ndarray:
    """Return the values of an image, float32 ``(size, size)``."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size] - size / 2
    radius = np.hypot(y, x)
    profile = np.exp(-np.square(radius - 7 * ring) / 8)
    return (random.normal(0, 0.05, (size, size)) + profile).astype(np.float32)


def write_extensions(path: Path, bands: dict[str, np.ndarray], **keywords: object) -> Path:
    """Write an empty primary HDU and an image extension for each band."""
    hdus = [fits.PrimaryHDU(), *(fits.ImageHDU(values, name=name) for name, values in bands.items())]
    for name, value in keywords.items():
        hdus[1].header[name] = value
    path.parent.mkdir(parents=True, exist_ok=True)
    fits.HDUList(hdus).writeto(path, overwrite=True)
    return path


def write_survey(folder: Path, images: int = 30, rings: int = 5) -> list[str]:
    """Write three-band files, of which the ids given back are rings."""
    for number in range(images):
        bands = {
            name: 100 * place + (1 + place) * sky(10 * number + place, ring=number < rings)
            for place, name in enumerate(("g", "r", "i"))
        }
        write_extensions(folder / f"{number:03d}.fits", bands)
    return [f"{number:03d}.fits" for number in range(rings)]
