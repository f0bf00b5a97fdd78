"""How light is spread on the sky: profiles of unit flux on a grid of pixels.

All lengths are in pixels, all angles in radians. Every profile has shape ``(height, width)`` and sums
to 1 over the grid.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from astropy.modeling.functional_models import Sersic2D
from numpy.typing import NDArray
from scipy.special import k1

Plane = NDArray[np.float64]


@dataclass(frozen=True)
class Sky:
    """Positions of a grid's samples, relative to the middle of the picture.

    Attributes
    ----------
    x, y
        Pixels, float64 ``(height, width)``.
    """

    x: Plane
    y: Plane

    @classmethod
    def square(cls, size: int, oversampling: int) -> Sky:
        """Sample a square of ``size`` pixels with ``oversampling`` samples along each pixel's side."""
        samples = (np.arange(size * oversampling) + 0.5) / oversampling - size / 2
        x, y = np.meshgrid(samples, samples)
        return cls(x, y)


@dataclass(frozen=True)
class Shape:
    """Where something is and how it is turned.

    Attributes
    ----------
    x, y
        Its middle.
    angle
        Angle of its major axis, from the x axis.
    axis_ratio
        Minor to major axis, above 0 and at most 1.
    """

    x: float = 0.0
    y: float = 0.0
    angle: float = 0.0
    axis_ratio: float = 1.0

    def along(self, sky: Sky) -> tuple[Plane, Plane]:
        """Coordinates along the major and the minor axis."""
        x, y = sky.x - self.x, sky.y - self.y
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        return x * cos + y * sin, y * cos - x * sin

    def polar(self, sky: Sky) -> tuple[Plane, Plane]:
        """Radius and azimuth in the plane of a thin disc seen at this axis ratio."""
        major, minor = self.along(sky)
        minor = minor / self.axis_ratio
        return np.hypot(major, minor), np.arctan2(minor, major)


def sersic(sky: Sky, shape: Shape, effective_radius: float, index: float) -> Plane:
    """Sérsic profile: index 1 is an exponential disc, 4 a de Vaucouleurs elliptical."""
    model = Sersic2D(
        amplitude=1.0,
        r_eff=effective_radius,
        n=index,
        x_0=shape.x,
        y_0=shape.y,
        ellip=1 - shape.axis_ratio,
        theta=shape.angle,
    )
    return _unit(model(sky.x, sky.y))


def spiral_arms(
    sky: Sky, shape: Shape, scale_length: float, arms: int, pitch: float, phase: float, sharpness: float
) -> Plane:
    """Logarithmic spiral arms in an exponential disc, without the disc between them.

    ``sharpness`` above 0 narrows the arms: the exponent of a von Mises function of the azimuth.
    """
    radius, azimuth = shape.polar(sky)
    winding = np.log(np.maximum(radius, 0.1) / scale_length) / np.tan(pitch)
    crest = np.exp(sharpness * (np.cos(arms * (azimuth - winding) + phase) - 1))
    # Inside about half a scale length arms dissolve into the bulge.
    onset = 1 - np.exp(-((radius / (0.6 * scale_length)) ** 2))
    return _unit(np.exp(-radius / (1.2 * scale_length)) * crest * onset)


def edge_on_disc(sky: Sky, shape: Shape, scale_length: float, scale_height: float) -> Plane:
    """Self-gravitating disc seen exactly from the side (van der Kruit & Searle 1981)."""
    major, minor = shape.along(sky)
    distance = np.maximum(np.abs(major) / scale_length, 1e-3)
    return _unit(distance * k1(distance) / np.cosh(minor / scale_height) ** 2)


def ring(sky: Sky, shape: Shape, radius: float, width: float, clumpiness: Plane | None = None) -> Plane:
    """Gaussian ring; ``clumpiness`` multiplies it."""
    distance, _ = shape.polar(sky)
    profile = np.exp(-0.5 * ((distance - radius) / width) ** 2)
    return _unit(profile if clumpiness is None else profile * clumpiness)


def arc(sky: Sky, shape: Shape, radius: float, width: float, azimuth: float, extent: float) -> Plane:
    """Part of a ring around ``azimuth``, fading with a Gaussian of standard deviation ``extent``."""
    distance, angle = shape.polar(sky)
    offset = np.angle(np.exp(1j * (angle - azimuth)))
    return _unit(
        np.exp(-0.5 * ((distance - radius) / width) ** 2) * np.exp(-0.5 * np.abs(offset / extent) ** 2.5)
    )


def azimuthal_clumps(sky: Sky, shape: Shape, azimuths: NDArray[np.float64], width: float) -> Plane:
    """Return a factor between 0.45 and about 2 that brightens a ring near ``azimuths``."""
    _, angle = shape.polar(sky)
    factor = np.full_like(angle, 0.45)
    for azimuth in azimuths:
        factor += np.exp((np.cos(angle - azimuth) - 1) / width**2)
    return factor


def tidal_tail(
    sky: Sky, start: tuple[float, float], direction: float, length: float, bend: float, width: float
) -> Plane:
    """Tail that leaves ``start`` in ``direction``, bends by ``bend``, fades and widens along its length."""
    steps = np.linspace(0, 1, 36)
    heading = direction + bend * steps
    x = start[0] + np.cumsum(np.cos(heading)) * length / len(steps)
    y = start[1] + np.cumsum(np.sin(heading)) * length / len(steps)
    profile = np.zeros_like(sky.x)
    for step, at_x, at_y in zip(steps, x, y, strict=True):
        spread = width * (0.7 + 0.8 * step)
        squared = ((sky.x - at_x) ** 2 + (sky.y - at_y) ** 2) / spread**2
        profile += np.exp(-0.5 * squared) * np.exp(-1.3 * step) / spread**2
    return _unit(profile)


def point(sky: Sky, shape: Shape) -> Plane:
    """Return a point source: all light in the nearest sample."""
    profile = np.zeros_like(sky.x)
    nearest = np.argmin((sky.x - shape.x) ** 2 + (sky.y - shape.y) ** 2)
    profile.flat[nearest] = 1.0
    return profile


def _unit(profile: Plane) -> Plane:
    total: float = profile.sum()
    return profile / total
