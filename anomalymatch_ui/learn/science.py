"""Weak and strong augmentation of whole batches that leave the science in the images.

What changes is what another night, another telescope or another distance would have changed: orientation,
size, pointing, seeing, exposure, sky level, colour calibration, a masked patch, noise. What stays is the
order of the grey levels, which solarise, posterise and equalise of the published recipe
(:mod:`anomalymatch_ui.learn.augment`) rewrite: a solarised galaxy is a ring.

All functions take and give float ``(n, bands, side, side)`` in [0, 1]. Random numbers are drawn from a CPU
generator, and nothing is left to a device's choice of algorithm or precision, so that one seed gives one
augmentation on every device, to rounding.

References
----------
.. [1] Dieleman, Willett & Dambre 2015, arXiv:1503.07077. Galaxy Zoo images turned by any angle, scaled by
   1/1.3 to 1.3 (uniform in the logarithm), shifted by up to 4 of 424 pixels, mirrored.
.. [2] Stein et al. 2021, arXiv:2110.13151, and its code, ssl-legacysurvey. Galaxies turned by any angle,
   mirrored, scaled by 0.9 to 1.1, shifted by up to 7 of 96 pixels, reddened, blurred and given noise as
   much as the survey's worst seeing and depth differ from its best.
.. [3] DeVries & Taylor 2017, "Cutout", arXiv:1708.04552.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Generator, Tensor
from torch.nn import functional

from anomalymatch_ui.config import Symmetry
from anomalymatch_ui.learn.augment import MAX_SHIFT, random_squares, take_pixels
from anomalymatch_ui.learn.symmetry import random_symmetry
from anomalymatch_ui.learn.views import require_square


@dataclass(frozen=True, slots=True)
class Strength:
    """The range an operation's strength is drawn from.

    Attributes
    ----------
    low, high
        Its ends.
    neutral
        The strength that changes nothing, which half of the images get: 0, or 1 for a factor, whose
        logarithm is uniform.
    """

    low: float
    high: float
    neutral: float

    def draw(self, count: int, generator: Generator, each: int = 1) -> Tensor:
        """Return float ``(count, each)``: ``each`` strengths for every image that is changed at all."""
        chosen = torch.rand(count, 1, generator=generator) < PROBABILITY
        share = torch.rand(count, each, generator=generator)
        if self.neutral == 1:
            values = self.low * (self.high / self.low) ** share
        else:
            values = self.low + (self.high - self.low) * share
        return torch.where(chosen, values, self.neutral)


PROBABILITY = 0.5
"""Chance of each of the nine operations for each image: four or five are at work, about as many as in the
published recipe (three and Cutout), and some images are changed little."""

ROTATION: dict[Symmetry, Strength] = {
    "none": Strength(-15, 15, 0),
    "mirror": Strength(-15, 15, 0),
    "square": Strength(-180, 180, 0),
}
"""Degrees: any angle where there is no up [1]_ [2]_; else half of the published recipe's 30."""

SCALE = Strength(0.8, 1.25, 1)
"""Size of what is shown; between [1]_ and [2]_."""

SHIFT = Strength(-0.1, 0.1, 0)
"""Share of the side, in both directions; [2]_ has 0.07, the published recipe 0.3, which can push the
target out of the image."""

BLUR = Strength(0, 1.2 / 64, 0)
"""Standard deviation of the added Gaussian as a share of the side, 1.2 pixels at 64: it makes a PSF of 1.2
pixels 1.7 wide. The PSFs of [2]_ vary by more, from 1.2 to 5 pixels of 96."""

GAIN = Strength(0.7, 1.4, 1)
"""Exposure and transparency: 0.4 mag to either side where the stretch is linear."""

OFFSET = Strength(-0.02, 0.05, 0)
"""Sky level; less downwards, where what is faint is cut off at black and lost."""

BAND_GAIN = Strength(0.9, 1.1, 1)
"""Of each band by itself: 0.1 mag of calibration or Galactic reddening."""

CUTOUT = Strength(0, 0.25, 0)
"""Side of the masked square [3]_ as a share of the image's; half of the published recipe's, because the
target itself may be no larger than that."""

NOISE = Strength(0, 0.05, 0)
"""Standard deviation, independent in every pixel and band; 0.05 is 13 of 255 grey levels."""

EDGE_STRIP = 0.25
"""Share of the side at each edge whose reflection fills what lies outside. Reflecting the whole image would
put a second nucleus in the corner of an image turned by 45 degrees and scaled by 0.8."""


def weak_symmetry_augment(images: Tensor, generator: Generator, symmetry: Symmetry) -> Tensor:
    """Turn or mirror each image at random, then shift it by up to 12.5 % both ways, reflecting the edge.

    Pixels are moved and never resampled.

    Raises
    ------
    InputError
        If images that are not square are to be turned.
    """
    count, _, height, width = images.shape
    images = random_symmetry(images, generator, symmetry)
    down, right = (
        torch.randint(-int(MAX_SHIFT * size), int(MAX_SHIFT * size) + 1, (count, 1), generator=generator)
        for size in (height, width)
    )
    return take_pixels(images, torch.arange(height) - down, torch.arange(width) - right)


def science_augment(
    images: Tensor, generator: Generator, symmetry: Symmetry = "square", *, masked: bool = True
) -> Tensor:
    """Return each image as another observation might have shown it.

    Turned, scaled, shifted, blurred, brightened, tinted, masked and given noise, in this order, each with
    probability 1/2. Mirror images are left to :func:`weak_symmetry_augment`, which comes before.

    Parameters
    ----------
    images
        Float ``(n, bands, side, side)`` in [0, 1].
    generator
        A generator on the CPU.
    symmetry
        ``"square"`` turns by any angle, the others by up to 15 degrees.
    masked
        Whether a patch may be masked.

    Returns
    -------
    Tensor
        Of the shape, dtype and device of ``images``, which is not changed.

    Raises
    ------
    InputError
        If the images are not square.
    """
    require_square(*images.shape[-2:])
    count, bands, side, _ = images.shape
    result = resample(
        images,
        degrees=ROTATION[symmetry].draw(count, generator)[:, 0],
        scales=SCALE.draw(count, generator)[:, 0],
        shifts=SHIFT.draw(count, generator, each=2),
    )
    result = blur(result, BLUR.draw(count, generator)[:, 0] * side)
    gains = GAIN.draw(count, generator) * BAND_GAIN.draw(count, generator, each=bands)
    offsets = OFFSET.draw(count, generator)
    result = result * gains[:, :, None, None].to(images) + offsets[:, :, None, None].to(images)
    if masked:
        squares = random_squares(CUTOUT.draw(count, generator)[:, 0], side, side, generator)
        result = torch.where(squares.to(images.device), _border_level(result), result)
    return _add_noise(result, NOISE.draw(count, generator)[:, 0], generator).clamp_(0, 1)


def resample(images: Tensor, *, degrees: Tensor, scales: Tensor, shifts: Tensor) -> Tensor:
    """Turn, scale and shift each image in one bilinear interpolation.

    Parameters
    ----------
    images
        Float ``(n, bands, side, side)``.
    degrees
        Float ``(n,)``, anticlockwise as seen on a screen.
    scales
        Float ``(n,)``; 2 shows everything twice as large.
    shifts
        Float ``(n, 2)``: to the right and down, as a share of the side.

    Returns
    -------
    Tensor
        Of the shape of ``images``. What lies outside shows the reflection of the strip at the edge.
    """
    side = images.shape[-1]
    angles = torch.deg2rad(degrees)[:, None, None]
    cosines, sines = ((wave / scales[:, None, None]).to(images) for wave in (angles.cos(), angles.sin()))
    centres = (2 * torch.arange(side) + 1) / side - 1  # of the pixels, in the grid's units: its side is 2
    x, y = ((centres - 2 * shift).to(images) for shift in shifts[:, :, None].unbind(1))
    x, y = x[:, None, :], y[:, :, None]
    grid = torch.stack([cosines * x - sines * y, sines * x + cosines * y], dim=3)
    return functional.grid_sample(images, _reflect_in_strip(grid, side), align_corners=False)


def _reflect_in_strip(grid: Tensor, side: int) -> Tensor:
    """Fold coordinates beyond the outermost pixel centres back and forth into the strip at the edge."""
    edge = 1 - 1 / side
    width = 2 * EDGE_STRIP
    beyond = (grid.abs() - edge).clamp_min_(0)
    depth = width - (beyond % (2 * width) - width).abs_()
    return grid.clamp(-edge, edge) - grid.sign() * depth


def blur(images: Tensor, widths: Tensor) -> Tensor:
    """Convolve each image with a Gaussian of its own width, reflecting the edge.

    The Gaussian is sampled at pixel centres, which makes one of 0.5 pixels 7 % narrower than asked.
    The weighted sums are written out, since CUDA runs convolutions at lower precision (TF32) by default.

    Parameters
    ----------
    images
        Float ``(n, bands, height, width)``.
    widths
        Float ``(n,)`` on the CPU: standard deviations in pixels; 0 leaves an image as it is.

    Returns
    -------
    Tensor
        Of the shape of ``images``.
    """
    chosen = torch.nonzero(widths > 0).squeeze(1)
    if len(chosen) == 0:
        return images
    widths = widths[chosen, None].clamp_min(0.1)  # which leaves 1e-22 for the next pixel: nothing
    offsets = torch.arange(int(3 * float(widths.max())) + 2)
    weights = torch.exp(-0.5 * (offsets / widths) ** 2)
    weights[offsets > 3 * widths + 1] = 0  # so that an image's result does not depend on its batch
    weights = (weights / (2 * weights.sum(1, keepdim=True) - 1)).to(images)
    rows = chosen.to(images.device)
    result = images.clone()
    result[rows] = _blur_columns(_blur_columns(images[rows], weights).mT, weights).mT
    return result


def _blur_columns(images: Tensor, weights: Tensor) -> Tensor:
    """Sum each pixel with those above and below it; ``weights`` is ``(n, 1 + reach)``, the middle first."""
    height, reach = images.shape[2], weights.shape[1] - 1
    padded = functional.pad(images, (0, 0, reach, reach), mode="reflect")
    weights = weights[:, :, None, None, None]
    result = images * weights[:, 0]
    for offset in range(1, reach + 1):
        above = padded[:, :, reach - offset : reach - offset + height]
        below = padded[:, :, reach + offset : reach + offset + height]
        result.addcmul_(above + below, weights[:, offset])
    return result


def _border_level(images: Tensor) -> Tensor:
    """Return the median of each band's outermost pixels, the sky of a cutout, as ``(n, bands, 1, 1)``."""
    edges = (images[:, :, 0], images[:, :, -1], images[..., 0], images[..., -1])
    border = torch.cat(edges, dim=2).sort(dim=2).values  # torch.median is not deterministic on CUDA
    return border[:, :, border.shape[2] // 2, None, None]


def _add_noise(images: Tensor, strengths: Tensor, generator: Generator) -> Tensor:
    """Add Gaussian noise of each image's own standard deviation; ``strengths`` is ``(n,)`` on the CPU."""
    chosen = torch.nonzero(strengths > 0).squeeze(1)
    noise = torch.randn(len(chosen), *images.shape[1:], generator=generator)
    noise *= strengths[chosen, None, None, None]
    return images.index_add(0, chosen.to(images.device), noise.to(images))
