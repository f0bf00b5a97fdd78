"""What the simulated survey shows: ordinary galaxies and stars, and the oddities among them.

Every scene is the light above the atmosphere in the bands g, r and i: counts, float64
``(3, height, width)``. Sizes are in pixels, colours in magnitudes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from anomalymatch_ui.pixels.profiles import (
    Plane,
    Shape,
    Sky,
    arc,
    azimuthal_clumps,
    edge_on_disc,
    point,
    ring,
    sersic,
    spiral_arms,
    tidal_tail,
)

Random = np.random.Generator
Scene = Callable[[Sky, Random], Plane]

_RED = (0.85, 0.42)
_WHITE = (0.60, 0.30)
_BLUE = (0.30, 0.12)
_LENSED_BLUE = (0.05, -0.05)


def smooth_galaxy(sky: Sky, random: Random) -> Plane:
    """Elliptical or lenticular."""
    shape = _shape(random, axis_ratio=(0.45, 1.0))
    radius = random.uniform(2.0, 7.5)
    profile = sersic(sky, shape, radius, random.uniform(1.2, 5.0))
    return _light(profile, _flux(random, 12_000, 150_000), _varied(random, _RED, 0.15))


def disc_galaxy(sky: Sky, random: Random) -> Plane:
    """Exponential disc with a bulge and spiral arms."""
    shape = _shape(random, axis_ratio=(0.35, 1.0))
    length = random.uniform(3.8, 7.5)
    flux = length**2 * _flux(random, 1_200, 5_000)
    bulge_share = random.uniform(0.05, 0.35)
    arm_share = random.uniform(0.35, 0.75) * (1 - bulge_share)
    colour = _varied(random, _BLUE, 0.12)
    arms = spiral_arms(
        sky,
        shape,
        length,
        arms=int(random.choice([2, 2, 2, 3, 4])),
        pitch=random.choice([-1, 1]) * random.uniform(0.25, 0.55),
        phase=random.uniform(0, 2 * np.pi),
        sharpness=random.uniform(1.2, 4.0),
    )
    disc = sersic(sky, shape, 1.68 * length, 1.0)
    bulge_shape = Shape(shape.x, shape.y, shape.angle, 0.5 + 0.5 * shape.axis_ratio)
    bulge = sersic(sky, bulge_shape, length * random.uniform(0.25, 0.5), random.uniform(1.5, 4.0))
    return (
        _light(disc, flux * (1 - bulge_share - arm_share), _redder(colour, 0.15))
        + _light(arms, flux * arm_share, _redder(colour, -0.1))
        + _light(bulge, flux * bulge_share, _varied(random, _RED, 0.1))
    )


def edge_on_galaxy(sky: Sky, random: Random) -> Plane:
    """Disc seen from the side, without dust."""
    shape = _shape(random, axis_ratio=(1.0, 1.0))
    length = random.uniform(3.5, 7.0)
    flux = _flux(random, 15_000, 90_000)
    bulge_share = random.uniform(0.0, 0.35)
    disc = edge_on_disc(sky, shape, length, length * random.uniform(0.16, 0.28))
    bulge = sersic(sky, Shape(shape.x, shape.y, shape.angle, 0.75), 0.4 * length, 2.5)
    return _light(disc, flux * (1 - bulge_share), _varied(random, _WHITE, 0.2)) + _light(
        bulge, flux * bulge_share, _varied(random, _RED, 0.1)
    )


def stars(sky: Sky, random: Random) -> Plane:
    """One star, or a blend of two or three, or of a star and a galaxy."""
    scene = _star(sky, random, _shape(random), _flux(random, 3_000, 150_000))
    for _ in range(random.choice([0, 0, 1, 2])):
        scene += _star(sky, random, _beside(random, 3, 12), _flux(random, 2_000, 60_000))
    if random.random() < 0.25:
        beside = _beside(random, 4, 14)
        scene += _light(
            sersic(sky, beside, random.uniform(1.5, 4), random.uniform(1, 4)),
            _flux(random, 2_000, 20_000),
            _varied(random, _RED, 0.3),
        )
    return scene


def empty_field(sky: Sky, _random: Random) -> Plane:
    """Nothing but what is in the background everywhere."""
    return np.zeros((3, *sky.x.shape))


def ring_galaxy(sky: Sky, random: Random) -> Plane:
    """Hoag-type: a red nucleus within a detached blue ring."""
    shape = _shape(random, axis_ratio=(0.6, 1.0))
    radius = random.uniform(8, 14)
    flux = _flux(random, 40_000, 120_000)
    ring_share = random.uniform(0.5, 0.7)
    # The nucleus is often a little off the middle of its ring.
    nucleus_shape = Shape(
        shape.x + random.normal(0, 0.06 * radius), shape.y + random.normal(0, 0.06 * radius), shape.angle, 0.9
    )
    nucleus = sersic(sky, nucleus_shape, random.uniform(1.6, 2.6), random.uniform(1.5, 3))
    clumps = azimuthal_clumps(
        sky, shape, random.uniform(0, 2 * np.pi, random.integers(4, 9)), random.uniform(0.2, 0.5)
    )
    light = ring(sky, shape, radius, random.uniform(0.09, 0.15) * radius, clumps)
    return _light(nucleus, flux * (1 - ring_share), _varied(random, _RED, 0.1)) + _light(
        light, flux * ring_share, _varied(random, _BLUE, 0.12)
    )


def merger(sky: Sky, random: Random) -> Plane:
    """Two nuclei, the debris around them, and a tidal tail from each."""
    flux = _flux(random, 60_000, 160_000)
    angle = random.uniform(0, 2 * np.pi)
    separation = random.uniform(6, 13)
    turn = random.choice([-1.0, 1.0])
    share = random.uniform(0.35, 0.65)
    colour = _varied(random, _WHITE, 0.12)
    debris_shape = Shape(0, 0, angle + random.normal(0, 0.3), random.uniform(0.55, 0.8))
    scene = _light(
        sersic(sky, debris_shape, separation * random.uniform(0.8, 1.1), 1.0),
        0.3 * flux,
        _redder(colour, -0.1),
    )
    for side, part in ((1, share), (-1, 1 - share)):
        x, y = side * separation / 2 * np.cos(angle), side * separation / 2 * np.sin(angle)
        shape = Shape(x, y, random.uniform(0, np.pi), random.uniform(0.55, 0.9))
        nucleus = sersic(sky, shape, random.uniform(1.8, 4.0), random.uniform(1.5, 3.5))
        direction = angle + (np.pi if side < 0 else 0) + turn * random.uniform(0.2, 1.5)
        tail = tidal_tail(
            sky,
            (x, y),
            direction,
            length=random.uniform(16, 38),
            bend=turn * random.uniform(-2.8, -0.6),
            width=random.uniform(1.2, 2.2),
        )
        scene += _light(nucleus, 0.4 * part * flux, _redder(colour, 0.15))
        scene += _light(tail, random.uniform(0.15, 0.45) * part * flux, _redder(colour, -0.2))
    return scene


def lensed_arc(sky: Sky, random: Random) -> Plane:
    """Red elliptical that bends a blue galaxy behind it into an arc, often with a counter-image."""
    shape = _shape(random, axis_ratio=(0.75, 1.0))
    flux = _flux(random, 45_000, 110_000)
    lens = sersic(sky, shape, random.uniform(2.5, 4.0), random.uniform(3, 5))
    radius = random.uniform(9, 15)
    azimuth = random.uniform(0, 2 * np.pi)
    circle = Shape(shape.x, shape.y, shape.angle, random.uniform(0.88, 1.0))
    bow = arc(sky, circle, radius, random.uniform(0.7, 1.1), azimuth, random.uniform(0.4, 0.9))
    arc_flux = flux * random.uniform(0.12, 0.25)
    colour = _varied(random, _LENSED_BLUE, 0.1)
    scene = _light(lens, flux, _varied(random, (0.95, 0.5), 0.06)) + _light(bow, arc_flux, colour)
    if random.random() < 0.7:
        counter = arc(sky, circle, radius * random.uniform(0.6, 0.85), 0.8, azimuth + np.pi, 0.2)
        scene += _light(counter, arc_flux * random.uniform(0.12, 0.3), colour)
    return scene


def dust_lane(sky: Sky, random: Random) -> Plane:
    """Disc and bulge seen from the side, cut in two by a lane of dust."""
    shape = _shape(random, axis_ratio=(1.0, 1.0))
    length = random.uniform(5.0, 8.0)
    height = length * random.uniform(0.42, 0.58)
    flux = _flux(random, 110_000, 240_000)
    bulge_share = random.uniform(0.25, 0.5)
    disc = edge_on_disc(sky, shape, length, height)
    bulge = sersic(sky, Shape(shape.x, shape.y, shape.angle, 0.7), random.uniform(0.5, 0.7) * length, 2.0)
    stellar = _light(disc, flux * (1 - bulge_share), _varied(random, _WHITE, 0.12)) + _light(
        bulge, flux * bulge_share, _varied(random, _RED, 0.08)
    )
    major, minor = shape.along(sky)
    offset = random.uniform(-0.25, 0.25) * height
    thickness = random.uniform(1.1, 1.6)
    lane = np.exp(-0.5 * ((minor - offset) / thickness) ** 2) * np.exp(-((major / (2.6 * length)) ** 4))
    # Optical depth falls from g to i about as the extinction curve of the Milky Way, 1.2 : 0.85 : 0.64.
    depth = random.uniform(4.0, 7.0) * np.array([1.2, 0.85, 0.64])
    screened = np.exp(-depth[:, None, None] * lane)
    # Some of the stars stand before the dust.
    return np.asarray(stellar * (0.05 + 0.95 * screened))


def background(sky: Sky, random: Random) -> Plane:
    """Faint neighbours: what any cutout of the sky holds besides its subject."""
    half = np.abs(sky.x).max()
    scene = np.zeros((3, *sky.x.shape))
    for _ in range(random.poisson(2.2)):
        x, y = random.uniform(-half, half, 2)
        flux = _flux(random, 300, 6_000)
        if random.random() < 0.35:
            scene += _star(sky, random, Shape(x, y), flux)
        else:
            shape = Shape(x, y, random.uniform(0, np.pi), random.uniform(0.4, 1))
            profile = sersic(sky, shape, random.uniform(1.0, 2.5), random.uniform(1, 3))
            scene += _light(profile, flux, _varied(random, _WHITE, 0.3))
    return scene


COMMON: Mapping[str, tuple[float, Scene]] = {
    "smooth": (0.32, smooth_galaxy),
    "disc": (0.31, disc_galaxy),
    "edge-on": (0.09, edge_on_galaxy),
    "stars": (0.18, stars),
    "empty": (0.10, empty_field),
}
"""Ordinary kinds: their share of the survey, and how they are drawn."""

ODD: Mapping[str, Scene] = {
    "ring": ring_galaxy,
    "merger": merger,
    "arc": lensed_arc,
    "dust-lane": dust_lane,
}
"""Odd kinds, as many of one as of another."""


def _light(profile: Plane, flux: float, colour: tuple[float, float]) -> Plane:
    """Return a profile its counts in r and its colours g - r and r - i."""
    g_r, r_i = colour
    counts = flux * np.array([10 ** (-0.4 * g_r), 1.0, 10 ** (0.4 * r_i)])
    return np.asarray(counts[:, None, None] * profile)


def _star(sky: Sky, random: Random, shape: Shape, flux: float) -> Plane:
    # Along the stellar locus r - i follows g - r, and turns up for M dwarfs.
    g_r = random.triangular(-0.1, 0.5, 1.5)
    return _light(point(sky, shape), flux, (g_r, 0.35 * g_r + 0.25 * max(0.0, g_r - 1.1)))


def _flux(random: Random, faintest: float, brightest: float) -> float:
    """Draw counts between two limits from a power law of slope -1.6: many more faint ones."""
    low, high = faintest**-0.6, brightest**-0.6
    return float(random.uniform(high, low) ** (-1 / 0.6))


def _shape(random: Random, axis_ratio: tuple[float, float] = (0.5, 1.0)) -> Shape:
    """Return an object in the middle, as well as a catalogue's position puts it there."""
    x, y = random.normal(0, 0.7, 2)
    return Shape(x, y, random.uniform(0, np.pi), random.uniform(*axis_ratio))


def _beside(random: Random, nearest: float, farthest: float) -> Shape:
    distance, azimuth = random.uniform(nearest, farthest), random.uniform(0, 2 * np.pi)
    return Shape(
        distance * np.cos(azimuth),
        distance * np.sin(azimuth),
        random.uniform(0, np.pi),
        random.uniform(0.4, 1),
    )


def _varied(random: Random, colour: tuple[float, float], scatter: float) -> tuple[float, float]:
    change = random.normal(0, scatter)
    return _redder(colour, change)


def _redder(colour: tuple[float, float], change: float) -> tuple[float, float]:
    return colour[0] + change, colour[1] + 0.5 * change
