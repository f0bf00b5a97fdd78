"""From light above the atmosphere to the files of a survey: seeing, noise, a colour picture, or FITS."""

from __future__ import annotations

import numpy as np
from astropy.modeling.functional_models import Moffat2D
from astropy.visualization import make_lupton_rgb
from numpy.typing import NDArray

from anomalymatch_ui.demo.colours import MINIMUM, SOFTENING, STRETCH, WEIGHTS
from anomalymatch_ui.pixels.profiles import Plane, Sky

SIZE = 64
"""Side of a cutout, in pixels."""

MARGIN = 8
"""Pixels drawn beyond each edge, so that light is also scattered into the cutout."""

OVERSAMPLING = 2
"""Samples along a pixel's side, so that the centres of galaxies are not cut off."""

SKY_COUNTS = 100.0
"""Brightness of the night sky in counts a pixel, which makes the noise 10 counts."""


def canvas() -> Sky:
    """Return the grid on which scenes are drawn."""
    return Sky.square(SIZE + 2 * MARGIN, OVERSAMPLING)


def seeing_transfer(full_width: float) -> NDArray[np.complex128]:
    """Fourier transform of a Moffat profile with ``full_width`` pixels at half maximum.

    The wings fall with a power of 2.5 as in real seeing (Trujillo et al. 2001 give 2.5 to 4.8).
    """
    sky = canvas()
    power = 2.5
    core = full_width / (2 * np.sqrt(2 ** (1 / power) - 1))
    centre = sky.x[0, sky.x.shape[1] // 2]
    profile = Moffat2D(1.0, centre, centre, core, power)(sky.x, sky.y)
    transfer: NDArray[np.complex128] = np.fft.rfft2(np.fft.ifftshift(profile / profile.sum()))
    return transfer


def expose(scene: Plane, transfer: NDArray[np.complex128], random: np.random.Generator) -> Plane:
    """Expose a scene, and subtract the sky.

    Parameters
    ----------
    scene
        Counts in g, r and i on :func:`canvas`, float64 ``(3, height, width)``.
    transfer
        Transfer of the seeing, from :func:`seeing_transfer`.
    random
        Draws the photons.

    Returns
    -------
    ndarray
        Counts in g, r and i, float64 ``(3, 64, 64)``.
    """
    blurred = np.fft.irfft2(np.fft.rfft2(scene) * transfer, s=scene.shape[1:])
    side = SIZE + 2 * MARGIN
    binned = blurred.reshape(3, side, OVERSAMPLING, side, OVERSAMPLING).sum(axis=(2, 4))
    inner = slice(MARGIN, MARGIN + SIZE)
    expected = np.maximum(binned[:, inner, inner], 0) + SKY_COUNTS
    counts: Plane = random.poisson(expected) - SKY_COUNTS
    return counts


def colour_picture(counts: Plane) -> NDArray[np.uint8]:
    """Return an exposure as a picture, uint8 ``(64, 64, 3)``: red from i, green from r, blue from g."""
    g, r, i = (weight * band for weight, band in zip(WEIGHTS, counts, strict=True))
    # Where all bands are below the sky Astropy divides by zero, and then sets the pixel black.
    with np.errstate(divide="ignore", invalid="ignore"):
        picture: NDArray[np.uint8] = make_lupton_rgb(i, r, g, minimum=MINIMUM, stretch=STRETCH, Q=SOFTENING)
    return picture
