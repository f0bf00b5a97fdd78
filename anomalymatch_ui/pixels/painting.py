"""Objects painted into native images: light that is added, light that dust takes away. Pure functions.

A profile, unit flux on the grid of pixels, comes from :mod:`~anomalymatch_ui.pixels.profiles`; painted, it
has a flux in each band. What is painted can be painted into again.

References
----------
.. [1] Stoehr et al. 2008, "DER_SNR: A Simple & General Spectroscopic Signal-to-Noise Measurement Algorithm",
   ASP Conf. Ser. 394, 505.
.. [2] Trujillo et al. 2001, "The effects of seeing on Sérsic profiles - II. The Moffat PSF", MNRAS 328, 977.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.signal import fftconvolve

from anomalymatch_ui.pixels.profiles import Plane, Sky
from anomalymatch_ui.pixels.spec import NativeImage

FINE, FINE_UP_TO = 2, 256
"""Samples along a pixel's side on which profiles are drawn, and in frames of how many pixels at most."""

_POWER = 3.0  # of the wings; Trujillo et al. find 2.5 to 4.8
_REACH = 6.0  # of the point-spread function, in full widths: a thousandth of the light lies beyond
_BRIGHT = 5.0  # times the noise of a pixel from which light is taken as it is
_ROUNDING = 1 / np.sqrt(12)  # noise of whole numbers


def grid(height: int, width: int) -> Sky:
    """Return samples of an image's pixels, relative to the middle of the image; of small ones two by two."""
    fine = _oversampling(height, width)
    x, y = ((np.arange(side * fine) + 0.5) / fine - side / 2 for side in (width, height))
    return Sky(*np.meshgrid(x, y))


def on_pixels(profile: Plane, height: int, width: int, seeing: float = 0.0) -> Plane:
    """Return a profile on :func:`grid` as a camera sees it.

    Parameters
    ----------
    profile
        On the grid of an image of that height and width.
    height, width
        Height and width of the image.
    seeing
        Full width at half maximum in pixels, of a Moffat profile, whose wings are those of real seeing [2]_;
        0 for none.

    Returns
    -------
    numpy.ndarray
        float64 ``(height, width)``, with the profile's sum, but for light that leaves the image.
    """
    fine = _oversampling(height, width)
    blurred = profile
    if seeing > 0:
        blurred = np.maximum(fftconvolve(profile, _point_spread(fine * seeing), mode="same"), 0)
    summed: Plane = blurred.reshape(height, fine, width, fine).sum(axis=(1, 3))
    return summed


def noise_of(image: NativeImage) -> np.ndarray:
    """Return the noise of each band, float64 ``(bands,)``, from second differences of pixels two apart [1]_.

    Objects, which are smooth at that distance, hardly count. At least the rounding of whole numbers.
    """
    values = _good(image)
    wide = 2 * values[..., 2:-2] - values[..., :-4] - values[..., 4:]
    floor = _ROUNDING if image.values.dtype.kind in "iu" else 0.0
    found = np.empty(len(values))
    for band, differences in enumerate(wide):
        known = differences[np.isfinite(differences)]
        noise = 1.482602 / np.sqrt(6) * float(np.median(np.abs(known))) if len(known) else 0.0
        if noise == 0:  # more than half of the frame is blank
            finite = values[band][np.isfinite(values[band])]
            noise = float(finite.std()) if len(finite) else 0.0
        found[band] = max(noise, floor) or 1.0
    return found


def sky_of(image: NativeImage) -> np.ndarray:
    """Return the level of the sky in each band, float64 ``(bands,)``: the median along the frame's edge."""
    values = _good(image)
    rim = np.ones(values.shape[1:], bool)
    depth = max(1, min(rim.shape) // 10)
    rim[depth:-depth, depth:-depth] = False
    levels = [plane[rim & np.isfinite(plane)] for plane in values]
    return np.array([float(np.median(its)) if len(its) else 0.0 for its in levels])


def signal_to_noise(difference: np.ndarray, noise: np.ndarray) -> float:
    """Return with what significance an object stands out, all bands together.

    Parameters
    ----------
    difference
        What it adds or takes away, float ``(bands, height, width)``.
    noise
        Noise of a pixel in each band, float ``(bands,)``.
    """
    return float(np.sqrt(np.square(difference / noise[:, None, None]).sum()))


def with_light(
    image: NativeImage, light: np.ndarray, random: np.random.Generator, gain: float | None = None
) -> NativeImage:
    """Return an image with light added, or taken away.

    Parameters
    ----------
    image
        Bad pixels stay bad.
    light
        In the image's units, float64 ``(bands, height, width)``; negative where it is taken away.
    random
        Draws the photons, and rounds whole numbers up or down so that faint light is not lost.
    gain
        Photons (or electrons) for one unit, which the light gets the noise of; ``None`` adds no noise, as for
        objects fainter than the sky.
    """
    if gain is not None:
        light = random.poisson(np.maximum(light, 0) * gain) / gain + np.minimum(light, 0)
    kind, values = image.values.dtype, image.values + light
    if kind.kind in "iu":
        bounds = np.iinfo(kind)
        values = np.clip(np.floor(values + random.random(values.shape)), bounds.min, bounds.max)
    return NativeImage(values.astype(kind), image.bad, image.bands)


def shadow(image: NativeImage, transmission: np.ndarray) -> np.ndarray:
    """Return what dust takes away of an image's light, as light that is not positive.

    What is dimmed is the light above the sky, smoothed: the noise of the sky lies before the dust.

    Parameters
    ----------
    image
        Image of which light is taken.
    transmission
        Share that is left, float64 ``(bands, height, width)``.

    Returns
    -------
    numpy.ndarray
        float64 ``(bands, height, width)``.
    """
    taken: np.ndarray = (transmission - 1) * smooth_light(image)
    return taken


def smooth_light(image: NativeImage) -> np.ndarray:
    """Return the light above the sky without the sky's noise, float64 ``(bands, height, width)``.

    Smoothed by a pixel where it is faint, and as it is where it is far above the noise.
    """
    values = _good(image) - sky_of(image)[:, None, None]
    values[~np.isfinite(values)] = 0
    smoothed = np.maximum([gaussian_filter(plane, 1.0) for plane in values], 0)
    bright = smoothed**2 / (smoothed**2 + (_BRIGHT * noise_of(image)[:, None, None]) ** 2)
    light: np.ndarray = np.maximum(smoothed + bright * (values - smoothed), 0)
    return light


def major_axis(light: np.ndarray) -> float:
    """Return the angle of the longest axis of an object in the middle, from the x axis, in radians.

    Parameters
    ----------
    light
        From :func:`smooth_light`.
    """
    height, width = light.shape[1:]
    y, x = np.mgrid[:height, :width]
    x, y = x - (width - 1) / 2, y - (height - 1) / 2
    weight = light.sum(axis=0) * np.exp(-(x**2 + y**2) / (0.25 * min(height, width)) ** 2)
    return float(0.5 * np.arctan2(2 * (weight * x * y).sum(), (weight * (x**2 - y**2)).sum()))


def flux_of(difference: np.ndarray) -> np.ndarray:
    """Return how much light an object adds to each band, or takes away, float64 ``(bands,)``."""
    fluxes: np.ndarray = np.abs(difference.sum(axis=(1, 2)))
    return fluxes


def magnitude(image: NativeImage, fluxes: np.ndarray, names: Sequence[str] = ()) -> tuple[float, str]:
    """Return an AB magnitude, and of which band: the first with a zero point; NaN and empty without one.

    Parameters
    ----------
    image
        Knows the zero points.
    fluxes
        Fluxes of each of its bands.
    names
        Bands that are asked for before the others.
    """
    ordered = sorted(image.bands, key=lambda band: (band.name not in names, image.bands.position(band.name)))
    for band in ordered:
        flux = fluxes[image.bands.position(band.name)]
        if band.zero_point is not None and flux > 0:
            return float(band.zero_point - 2.5 * np.log10(flux)), band.name
    return float("nan"), ""


def _good(image: NativeImage) -> np.ndarray:
    values = image.values.astype(np.float64)
    if image.bad is not None:
        values[image.bad] = np.nan
    return values


def _point_spread(full_width: float) -> Plane:
    """Return a Moffat profile that sums to 1; its full width at half maximum is in samples."""
    reach = int(np.ceil(_REACH * full_width))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    core = full_width / (2 * np.sqrt(2 ** (1 / _POWER) - 1))
    profile = (1 + (x**2 + y**2) / core**2) ** -_POWER
    unit: Plane = profile / profile.sum()
    return unit


def _oversampling(height: int, width: int) -> int:
    return FINE if max(height, width) <= FINE_UP_TO else 1
