"""What is painted into images to measure what a search misses, as values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anomalymatch_ui.errors import InputError

STAMP, LANE = "stamp", "dust-lane"

KINDS: tuple[str, ...] = ("arc", "ring", "tail", LANE)
"""Objects that need no stamps. Size is the radius of arcs and rings, half the length of tails and lanes."""

FAINTEST = 100.0
"""Magnitudes lie between this and its negative: beyond, light is nothing, or more than a number can hold."""

WORST_SEEING = 100.0
"""Full width in pixels at most: the point-spread function is drawn six times as far to each side."""

MOST_GAIN = 1e24
"""Photons for one unit at most, enough for images in erg/s/cm²/Å."""


@dataclass(frozen=True)
class Recipe:
    """What is painted.

    Attributes
    ----------
    kinds
        Some of :data:`KINDS`, and ``"stamp"``.
    number
        Objects of each kind.
    signal_to_noise
        Least and largest significance of an object, all bands together; drawn evenly in its logarithm.
    magnitudes
        Brightest and faintest AB magnitude, the same in all bands, drawn evenly instead; ``None`` for the
        former. Dust lanes have no magnitude to draw.
    size
        Smallest and largest size, as shares of the image's side; drawn evenly in its logarithm.
    seeing
        Full width at half maximum of a star in the images, in pixels.
    gain
        Photons for one unit of the images: the light then has noise of its own; ``None`` for none.
    seed
        Seed of all that is drawn.
    """

    kinds: tuple[str, ...] = KINDS
    number: int = 100
    signal_to_noise: tuple[float, float] = (5.0, 300.0)
    magnitudes: tuple[float, float] | None = None
    size: tuple[float, float] = (0.08, 0.25)
    seeing: float = 2.5
    gain: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        unknown = [kind for kind in self.kinds if kind not in (*KINDS, STAMP)]
        if unknown or not self.kinds:
            raise InputError(
                f"There is no kind {unknown[0]!r} to paint. Choose from: {', '.join((*KINDS, STAMP))}."
                if unknown
                else f"No kind to paint is given. Choose from: {', '.join((*KINDS, STAMP))}."
            )
        if self.number < 1:
            raise InputError(f"At least one object of each kind is painted, not {self.number}.")
        for name, (low, high), least, most in (
            ("signal_to_noise", self.signal_to_noise, 0.0, np.inf),
            ("size", self.size, 0.0, np.inf),
            ("magnitudes", self.magnitudes or (0.0, 0.0), -FAINTEST, FAINTEST),
        ):
            if not least < low <= high < most:
                within = f", between -{FAINTEST:g} and {FAINTEST:g}" if name == "magnitudes" else ""
                raise InputError(
                    f"{name} goes from a lower to a higher number{within}, not from {low:g} to {high:g}."
                )
        if self.size[1] > 0.5:
            raise InputError(
                f"A size of {self.size[1]:g} does not fit into the image: at most 0.5 of its side."
            )
        if not 0 <= self.seeing <= WORST_SEEING:
            raise InputError(f"Seeing is from 0 to {WORST_SEEING:g} pixels, not {self.seeing:g}.")
        if self.gain is not None and not 0 < self.gain <= MOST_GAIN:
            raise InputError(f"The gain is above 0 and at most {MOST_GAIN:g}, not {self.gain:g}.")


@dataclass(frozen=True)
class Injection:
    """One object in one image.

    Attributes
    ----------
    kind, number
        What it is, and its number among all, which with the recipe's seed makes its shape.
    host
        Pool index of the image.
    size
        Pixels; see :data:`KINDS`.
    strength
        Factor of its light, or the lane's optical depth.
    snr
        Significance, all bands together.
    magnitude, band
        AB, of that band; NaN and empty where no band has a zero point.
    stamp
        Index among the stamps; -1 for none.
    """

    kind: str
    number: int
    host: int
    size: float
    strength: float = 1.0
    snr: float = float("nan")
    magnitude: float = float("nan")
    band: str = ""
    stamp: int = -1
