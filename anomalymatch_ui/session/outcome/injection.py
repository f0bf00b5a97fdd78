"""Which objects are painted into which images: drawn once, and the same whenever they are looked at."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from types import MappingProxyType

import numpy as np
from scipy.optimize import brentq

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.pixels import NativeImage
from anomalymatch_ui.pixels.painting import (
    flux_of,
    grid,
    magnitude,
    major_axis,
    noise_of,
    on_pixels,
    shadow,
    signal_to_noise,
    sky_of,
    smooth_light,
    with_light,
)
from anomalymatch_ui.pixels.profiles import Plane, Shape, Sky, arc, ring, tidal_tail
from anomalymatch_ui.pool import ImagePool, UnreadableImageError
from anomalymatch_ui.pool.painted import PaintedPool
from anomalymatch_ui.session.outcome.recipe import LANE, STAMP, Injection, Recipe

THICKEST = 8.0
"""Optical depth of a dust lane at most: it is black then."""

_REDDENING = (
    1.3  # power of the wavelength by which dust is thinner: 1.2, 0.85, 0.64 in g, r, i as in the Galaxy
)
_CANDIDATES = 500  # images drawn for one object, of which those that are nominal are tried
_MOST_LIGHT = 1e38  # of one object: float32 ends at 3.4e38
_MOST_PHOTONS = 1e18  # of one object with noise of its own: NumPy's Poisson numbers end at 9.2e18
_TRIES = 30  # images tried for one object: some cannot be read, or have no light that a lane could dim

Profile = Callable[[Sky, float, np.random.Generator], Plane]


def _arc(sky: Sky, size: float, random: np.random.Generator) -> Plane:
    circle = Shape(*_middle(random), random.uniform(0, np.pi), random.uniform(0.88, 1.0))
    azimuth, extent = random.uniform(0, 2 * np.pi), random.uniform(0.4, 0.9)
    return arc(sky, circle, size, size * random.uniform(0.06, 0.1), azimuth, extent)


def _ring(sky: Sky, size: float, random: np.random.Generator) -> Plane:
    shape = Shape(*_middle(random), random.uniform(0, np.pi), random.uniform(0.6, 1.0))
    return ring(sky, shape, size, size * random.uniform(0.09, 0.15))


def _tail(sky: Sky, size: float, random: np.random.Generator) -> Plane:
    bend = random.choice([-1, 1]) * random.uniform(0.6, 2.8)
    width = size * random.uniform(0.1, 0.16)
    return tidal_tail(sky, _middle(random), random.uniform(0, 2 * np.pi), 2 * size, bend, width)


def _middle(random: np.random.Generator) -> tuple[float, float]:
    """Return a place as near to the middle as catalogues put their objects."""
    x, y = random.normal(0, 0.7, 2)
    return float(x), float(y)


PROFILES: Mapping[str, Profile] = MappingProxyType({"arc": _arc, "ring": _ring, "tail": _tail})
"""Objects of light: from a grid, a size in pixels and a generator to a profile of unit flux."""


def lane(sky: Sky, size: float, angle: float, random: np.random.Generator) -> Plane:
    """Return how thick a dust lane is, 1 in its middle; its angle is about that of the object."""
    shape = Shape(*_middle(random), angle + random.normal(0, 0.1))
    major, minor = shape.along(sky)
    thickness = size * random.uniform(0.1, 0.2)
    return np.asarray(np.exp(-0.5 * (minor / thickness) ** 2) * np.exp(-((major / size) ** 4)))


class Painter:
    """Draws objects, and paints them.

    Parameters
    ----------
    pool
        Whose images are painted into.
    recipe
        What is painted.
    stamps
        Images of a user's own objects, for the kind ``"stamp"``.

    Raises
    ------
    InputError
        If stamps are missing or do not fit the pool's bands, or magnitudes are asked for without zero points.
    """

    def __init__(self, pool: ImagePool, recipe: Recipe, stamps: Sequence[NativeImage] = ()) -> None:
        if STAMP in recipe.kinds and not stamps:
            raise InputError("There are no stamps to paint. Give a folder of their images.")
        for stamp in stamps:
            if len(stamp.bands) > 1 and not stamp.bands.have(pool.bands.names):
                raise InputError(
                    f"The stamps have the bands {', '.join(stamp.bands.names)}, and the images in "
                    f"{pool.path} {', '.join(pool.bands.names)}. Give stamps of the same bands, or of one."
                )
        self._pool, self._recipe, self._stamps = pool, recipe, stamps

    def draw(self, weights: np.ndarray) -> list[Injection]:
        """Draw all objects of the recipe.

        Parameters
        ----------
        weights
            How likely each image of the pool is taken when it is drawn, float ``(len(pool),)``, 0 to 1.

        Raises
        ------
        InputError
            If there is no image to paint into.
        """
        if not weights.sum() > 0:
            raise InputError("There is no image to paint into: all are labelled anomaly, artefact or unsure.")
        kinds = [kind for kind in self._recipe.kinds for _ in range(self._recipe.number)]
        return [self._drawn(kind, number, weights) for number, kind in enumerate(kinds)]

    def pool(self, injections: Sequence[Injection]) -> PaintedPool:
        """Return the images with one object each, as a pool."""
        hosts = np.array([its.host for its in injections], np.int64)
        made_by = json.dumps([asdict(self._recipe), [asdict(its) for its in injections]])
        digests = [stamp.values.tobytes().hex() for stamp in self._stamps]
        return PaintedPool(
            self._pool,
            hosts,
            lambda number, host: self.painted(injections[number], host),
            made_by + str(digests),
        )

    def painted(self, injection: Injection, host: NativeImage) -> NativeImage:
        """Return an image with its object, each time the same."""
        light = injection.strength * self._light(injection, host)
        if injection.kind == LANE:
            light = self._shade(injection, host, injection.strength)
        random = np.random.default_rng([self._recipe.seed, injection.number, 2])
        return with_light(host, light, random, self._recipe.gain)

    def _drawn(self, kind: str, number: int, weights: np.ndarray) -> Injection:
        recipe = self._recipe
        random = np.random.default_rng([recipe.seed, number, 0])
        # Taken or passed over one by one, so that weights that change a little change few of the hosts.
        candidates = random.integers(len(weights), size=_CANDIDATES)
        taken = candidates[random.random(_CANDIDATES) < weights[candidates]]
        for host in taken[:_TRIES].tolist():
            try:
                image = self._pool.native(host)
            except UnreadableImageError:
                continue
            side = min(image.values.shape[1:])
            size = side * _log_uniform(random, *recipe.size)
            wanted = _log_uniform(random, *recipe.signal_to_noise)
            one = Injection(kind, number, host, size)
            if kind == STAMP:
                which = int(random.integers(len(self._stamps)))
                one = replace(one, stamp=which, size=max(self._stamps[which].values.shape[1:]) / 2)
            made = (
                self._dark(one, image, wanted) if kind == LANE else self._bright(one, image, wanted, random)
            )
            if made is not None:
                return made
        raise InputError(
            f"No image to paint a {kind} into was found among those drawn: they are likely anomalies, cannot "
            f"be read{', or have too little light for a lane of that size' if kind == LANE else ''}."
        )

    def _bright(
        self, one: Injection, image: NativeImage, wanted: float, random: np.random.Generator
    ) -> Injection:
        """Return an object with the light that its significance or its magnitude asks for."""
        noise = noise_of(image)
        with np.errstate(invalid="ignore", over="ignore"):
            light = self._light(one, image)
        if not 0 < light.sum() < np.inf:
            raise InputError(
                f"A {one.kind} of a size of {one.size:.3g} pixels is too small for the pixels of the images. "
                "Paint larger ones (--size)."
            )
        strength = wanted / signal_to_noise(light, noise)
        if self._recipe.magnitudes is not None:
            strength = float(10 ** (-0.4 * random.uniform(*self._recipe.magnitudes)))
        gain = self._recipe.gain
        most = _MOST_LIGHT if gain is None else min(_MOST_LIGHT, _MOST_PHOTONS / gain)
        total = strength * float(light.sum())  # of Python's numbers, which overflow without a warning
        if not 0 < total < most:
            by_gain = "" if gain is None else f" with a gain of {gain:g}"
            raise InputError(
                f"A {one.kind} would have {total:.3g} units of light, more or less than can be painted"
                f"{by_gain}. Change --magnitude, --snr or --gain."
            )
        return _measured(replace(one, strength=strength), image, strength * light, noise)

    def _dark(self, one: Injection, image: NativeImage, wanted: float) -> Injection | None:
        """Make a lane as thick as its significance asks for; ``None`` where the image lacks the light."""
        noise = noise_of(image)

        def significance(depth: float) -> float:
            return signal_to_noise(self._shade(one, image, depth), noise)

        most = significance(THICKEST)
        if not most >= self._recipe.signal_to_noise[0]:
            return None
        depth = THICKEST
        if most > wanted:
            depth = float(brentq(lambda depth: significance(depth) - wanted, 0, THICKEST, xtol=1e-3))
        return _measured(replace(one, strength=depth), image, self._shade(one, image, depth), noise)

    def _light(self, one: Injection, image: NativeImage) -> np.ndarray:
        """Return light of strength 1, float64 ``(bands, height, width)``."""
        if one.kind == LANE:
            return np.zeros(image.values.shape)
        if one.kind == STAMP:
            return self._of_stamp(one, image)
        height, width = image.values.shape[1:]
        random = np.random.default_rng([self._recipe.seed, one.number, 1])
        profile = PROFILES[one.kind](grid(height, width), one.size, random)
        return self._in_bands(on_pixels(profile, height, width, self._recipe.seeing), image)

    def _in_bands(self, plane: Plane, image: NativeImage) -> np.ndarray:
        """Return a profile in all bands: of magnitude 0, or as significant in each as in the others."""
        if self._recipe.magnitudes is None:
            return noise_of(image)[:, None, None] * plane
        points = [band.zero_point for band in image.bands]
        if any(point is None for point in points):
            raise InputError(
                f"Not every band of the images in {self._pool.path} has a zero point, so magnitudes mean "
                "nothing. Draw by signal to noise instead."
            )
        return 10 ** (0.4 * np.array(points, float))[:, None, None] * plane

    def _of_stamp(self, one: Injection, image: NativeImage) -> np.ndarray:
        stamp = self._stamps[one.stamp]
        if len(stamp.bands) > 1:
            stamp = stamp.chosen(image.bands.names)
        # What stands out by less than its noise is left out: the host has noise of its own.
        noise = noise_of(stamp)[:, None, None]
        light = stamp.values - sky_of(stamp)[:, None, None]
        light = np.where(np.isfinite(light) & (light > noise), light, 0.0)
        random = np.random.default_rng([self._recipe.seed, one.number, 1])
        light = np.rot90(light, int(random.integers(4)), axes=(1, 2))[..., :: random.choice([-1, 1])]
        placed = _centred(light, image.values.shape[1:])
        total = float(placed.sum())
        if not total > 0:
            raise InputError(f"Stamp {one.stamp + 1} has nothing that stands out from its sky. Leave it out.")
        if len(stamp.bands) == 1 or self._recipe.magnitudes is not None:
            return self._in_bands(placed.sum(axis=0) / total, image)
        return np.asarray(placed / total)

    def _shade(self, one: Injection, image: NativeImage, depth: float) -> np.ndarray:
        """Return what a lane of an optical depth at 550 nm takes away."""
        height, width = image.values.shape[1:]
        random = np.random.default_rng([self._recipe.seed, one.number, 1])
        fine = grid(height, width)
        shape = lane(fine, one.size, major_axis(smooth_light(image)), random)
        plane = on_pixels(shape, height, width, self._recipe.seeing) * (height * width / fine.x.size)
        depths = [depth * (550 / (band.wavelength or 550)) ** _REDDENING for band in image.bands]
        return shadow(image, np.exp(-np.array(depths)[:, None, None] * plane))


def _measured(one: Injection, image: NativeImage, light: np.ndarray, noise: np.ndarray) -> Injection:
    value, band = magnitude(image, flux_of(light))
    return replace(one, snr=signal_to_noise(light, noise), magnitude=value, band=band)


def _centred(light: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return light in the middle of a frame of another shape, what does not fit cut off."""
    placed = np.zeros((len(light), *shape))
    ours, theirs = [slice(None)], [slice(None)]
    for there, side in zip(light.shape[1:], shape, strict=True):
        length = min(there, side)
        ours.append(slice((side - length) // 2, (side - length) // 2 + length))
        theirs.append(slice((there - length) // 2, (there - length) // 2 + length))
    placed[tuple(ours)] = light[tuple(theirs)]
    return placed


def _log_uniform(random: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(random.uniform(np.log(low), np.log(high))))
