"""Native values -> what the network and a person see. The only implementation of that step.

A :class:`Rendering` is a value: it can be written down, and its digest is part of the name of all that is
computed from pixels.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.pixels.colours import Row, as_levels, check_picture, default_colours, placed, weighted
from anomalymatch_ui.pixels.limits import How, Limits, found_limits, limits_of_each
from anomalymatch_ui.pixels.mismatch import mismatch
from anomalymatch_ui.pixels.spec import RGB, Bands, NativeImage, PixelError
from anomalymatch_ui.pixels.stretches import Curve, Stretch, apply_curves, fitsbolt, lupton

MOST_BANDS = 16
"""Bands that a network takes at most."""

View = Literal["picture", "network"]
"""For whom an image is rendered: a person, who sees red, green and blue, or the network."""

VERSION = 1
"""Counts up when the same rendering comes to give other pixels."""

GivenLimits = tuple[float, float]

_CURVES: dict[str, Curve] = {"sqrt": "sqrt", "log": "log", "asinh": "asinh"}
_OWN_LIMITS = ("percentile", "zscale")
_FITSBOLT = "fitsbolt-"

Name = Annotated[str, Field(min_length=1)]


class Rendering(BaseModel):
    """How the native values of an image become visible.

    Unbound, as a person asks for it, it may leave open which bands there are; :meth:`bound` says so for a
    pool. One that is bound to pictures, or to images of a single plane, has no bands: grey stays grey, and
    colour colour.

    Examples
    --------
    >>> bands = Bands.named("g", "r", "i", "z")
    >>> rendering = Rendering(stretch="asinh").bound(bands)
    >>> rendering.rgb
    ('z', 'r', 'g')
    >>> image = NativeImage(np.zeros((4, 8, 8), np.float32), None, bands)
    >>> rendering.picture(image).shape
    (8, 8, 3)
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False)

    bands: tuple[Name, ...] | None = Field(
        None,
        min_length=1,
        description="names of the bands that are used; unless given, all that the images have. Three are "
        "shown as red, green and blue in the order given",
    )
    stretch: Stretch = Field(
        "auto",
        description="how pixel values become brightness. auto: images of 8 bits stay as they are, others "
        "are stretched linearly. lupton keeps colours; percentile and zscale are linear between such "
        "limits; those that begin with fitsbolt- are fitsbolt's, with its own limits",
    )
    limits: Literal["percentile", "minmax", "zscale"] | GivenLimits | tuple[GivenLimits, ...] = Field(
        "percentile",
        description="what is shown as black and as white: found in each image; or given for the whole pool "
        "in the images' own units, as one pair for all bands or a pair for each of `bands`",
    )
    percentiles: tuple[float, float] = Field(
        (0.1, 99.9),
        description="percentiles of the good pixels of an image that are shown as black and as white. By "
        "default four pixels of a 64 x 64 cutout may be clipped at either end: enough for cosmic rays, too "
        "few for a galaxy's core",
    )
    joint: bool | None = Field(
        None,
        description="whether the bands of an image have the same limits; unless given, colour pictures do, "
        "and bands of a survey, whose sky levels differ, do not",
    )
    softening: float | None = Field(
        None,
        gt=0,
        description="softening of asinh: the part of the range that is nearly linear, 0.1 unless given; "
        "of lupton: Q, 8 unless given",
    )
    rgb: tuple[Name, Name, Name] | tuple[Row, Row, Row] | None = Field(
        None,
        description="which bands are shown as red, green and blue; or, for each of these, a weight for each "
        "of `bands`. Unless given, the reddest, the middle and the bluest",
    )
    network: Literal["auto", "rgb", "bands"] = Field(
        "auto",
        description="what the network sees. rgb: the red, green and blue that a person sees; bands: every "
        "band, 16 at most, each stretched to 8 bits; auto: rgb of three bands, and of pictures, else bands",
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        low, high = self.percentiles
        if not 0 <= low < high <= 100:
            raise ValueError(f"percentiles must be 0 <= low < high <= 100, not {low:g} and {high:g}")
        for below, above in self._given_limits():
            if not below < above:
                raise ValueError(f"the lower limit must be below the upper one, not {below:g} and {above:g}")
        if self.limits != "percentile" and (
            self.stretch in _OWN_LIMITS or self.stretch.startswith(_FITSBOLT)
        ):
            raise ValueError(f"the stretch {self.stretch} finds its limits itself; give no limits with it")
        if self.bands is not None and len(set(self.bands)) < len(self.bands):
            raise ValueError("a band is named twice")
        if self._pairs() and len(self._pairs()) != len(self.bands or ()):
            raise ValueError("limits of single bands go with `bands`, one pair for each of these")
        if self._matrix() and any(len(row) != len(self.bands or ()) for row in self._matrix()):
            raise ValueError("weights of red, green and blue go with `bands`, one for each of these")
        return self

    def bound(self, bands: Bands) -> Rendering:
        """Return the rendering for images of certain bands, with nothing left open.

        Raises
        ------
        PixelError
            If they lack a band.
        """
        if self.bands is None and not self.rgb and (len(bands) == 1 or bands.names == RGB.names):
            return self
        names = self.bands or bands.by_colour()
        chosen = bands.chosen(names)
        rgb = self.rgb or default_colours(chosen, in_order=self.bands is not None)
        if all(isinstance(part, str) for part in rgb):
            red, green, blue = (names[chosen.position(str(name))] for name in rgb)
            rgb = (red, green, blue)
        joint = names == RGB.names if self.joint is None else self.joint
        network = self._for_network(names)
        bound = self.model_copy(update={"bands": names, "rgb": rgb, "joint": joint, "network": network})
        return bound._in_order() if network == "bands" else bound

    @property
    def is_plain(self) -> bool:
        """Whether pictures of 8 bits come out as they are."""
        return self.bands is None and self.rgb is None and self.stretch == "auto"

    @property
    def channels(self) -> int:
        """How many planes the network gets of an image."""
        return len(self.bands) if self.bands and self.network == "bands" else 3

    def channels_of(self, view: View) -> int:
        """Return how many planes a person gets, or the network."""
        return self.channels if view == "network" else 3

    @property
    def digest(self) -> str:
        """Hexadecimal; of two renderings that show anything otherwise they differ."""
        # Left out where it is red, green and blue, which was all there was: earlier names stay.
        left_out = set() if self.network == "bands" else {"network"}
        written = self.model_dump_json(exclude=left_out)
        return hashlib.sha256(f"rendering {VERSION} {written}".encode()).hexdigest()

    @classmethod
    def of_record(cls, record: dict[str, object]) -> Self:
        """Return a rendering that was kept, maybe when networks saw red, green and blue alone."""
        as_before = {"network": "rgb"} if record.get("bands") else {}
        return cls.model_validate({**as_before, **record})

    def check_fits(self, other: Rendering, model: str, images: str) -> None:
        """Check that a model trained on this rendering may score images of another one.

        Parameters
        ----------
        other
            Of the images, bound to their bands.
        model, images
            What to call them in the sentence.

        Raises
        ------
        InputError
            If they would look otherwise to it.
        """
        if self.digest == other.digest:
            return
        raise InputError(mismatch(self.model_dump(), other.model_dump(), model, images))

    def network_bands(self, image: NativeImage) -> np.ndarray:
        """Return what the network sees: red, green and blue as a person does, or every band.

        Bands of any number format have 8 bits then, after the stretch, as pictures have: training and
        scoring hold and move a quarter of what they would in float32.

        Parameters
        ----------
        image
            Its bands are found by name, whatever their order.

        Returns
        -------
        numpy.ndarray
            uint8 ``(channels, height, width)``; bands from the reddest to the bluest. Bad pixels are 0.

        Raises
        ------
        PixelError
            If the image lacks a band.
        """
        if self.network != "bands" or self.bands is None:
            return self.picture(image).transpose(2, 0, 1)
        image = image.chosen(self.bands)
        levels = self._as_they_are(image)
        if levels is None:
            levels = as_levels(self.stretched(image))
        return levels[::-1]

    def rendered(self, image: NativeImage, view: View) -> np.ndarray:
        """Return what a person or the network sees, uint8 ``(height, width, channels)``."""
        return self.picture(image) if view == "picture" else self.network_bands(image).transpose(1, 2, 0)

    def channels_by_band(self, bands: Bands, view: View) -> list[int] | None:
        """Return which band each channel shows; ``None`` where bands are not each stretched by itself."""
        if self._depends_on_all() or (self.bands is None and len(bands) > 1):
            return None
        if view == "network" and self.network == "bands" and self.bands:
            return list(bands.positions(self.bands[::-1]))
        return self._places(bands)

    def levels_of(self, planes: np.ndarray) -> np.ndarray:
        """Return planes ``(n, height, width)`` of whatever images, each stretched by itself, as uint8."""
        if self.stretch == "auto" and planes.dtype == np.uint8:
            return planes
        curve = _CURVES.get(self.stretch, "linear")
        return as_levels(apply_curves(planes, self._limits_of_each(planes, None), curve, self.softening))

    def picture(self, image: NativeImage, limits: Sequence[Limits] | None = None) -> np.ndarray:
        """Return what a person sees.

        Parameters
        ----------
        image
            Its bands are found by name, whatever their order.
        limits
            Limits of the image, from :meth:`limits_of`, where they have been found before.

        Returns
        -------
        numpy.ndarray
            uint8 ``(height, width, 3)``, RGB, C-contiguous. Bad pixels are black.

        Raises
        ------
        PixelError
            If the image lacks a band.
        """
        image = self._used(image, in_order=limits is not None)
        levels = self._as_they_are(image)
        if matrix := self._matrix():
            return weighted(self.stretched(image, limits) if levels is None else levels / 255, matrix)
        if levels is None:
            levels = as_levels(self.stretched(image, limits))
        return placed(levels, self._places(image.bands))

    def limits_of(self, image: NativeImage) -> tuple[Limits, ...]:
        """Return what is black and what is white in each band of an image that shows in its picture.

        The stretches called after fitsbolt find limits of their own, which these are not. Raises as
        :meth:`picture`.
        """
        return tuple(self._limits(self._used(image)))

    @property
    def limiting(self) -> Rendering:
        """The part of the rendering that limits depend on; of two with equal ones they are the same."""
        stretch = self.stretch if self.stretch in _OWN_LIMITS or self._depends_on_all() else "auto"
        return self.model_copy(update={"stretch": stretch, "softening": None})

    def stretched(self, image: NativeImage, limits: Sequence[Limits] | None = None) -> np.ndarray:
        """Return the bands of an image between 0 and 1, in its own order; ``limits`` as in :meth:`picture`.

        Returns
        -------
        numpy.ndarray
            float64 ``(bands, height, width)``; bad pixels are 0.
        """
        planes, bad = image.values, image.bad
        if self.stretch.startswith(_FITSBOLT):
            shown = fitsbolt(planes, bad, self.stretch.removeprefix(_FITSBOLT))
        elif self.stretch == "lupton":
            shown = lupton(planes, list(limits or self._limits(image)), self.softening)
        else:
            curve = _CURVES.get(self.stretch, "linear")
            shown = apply_curves(planes, limits or self._limits(image), curve, self.softening)
        if bad is not None:
            shown[bad] = 0
        return shown

    def _as_they_are(self, image: NativeImage) -> np.ndarray | None:
        """Return values of 8 bits that are not stretched, bad pixels black; ``None`` of other images."""
        if self.stretch != "auto" or image.values.dtype != np.uint8:
            return None
        return image.values if image.bad is None else np.where(image.bad, np.uint8(0), image.values)

    def _for_network(self, names: tuple[str, ...]) -> Literal["rgb", "bands"]:
        """Return what the network sees of images of these bands."""
        if self.network == "auto":
            return "rgb" if len(names) == 3 or len(names) > MOST_BANDS else "bands"
        if self.network == "bands" and len(names) > MOST_BANDS:
            raise PixelError(f"the network takes {MOST_BANDS} bands, not {len(names)}: choose by --bands")
        return self.network

    def _in_order(self) -> Self:
        """Return the same with the bands from blue to red, whatever order they were named in."""
        names = self.bands or ()
        places = [names.index(name) for name in Bands.named(*names).by_colour()]
        update: dict[str, object] = {"bands": tuple(names[place] for place in places)}
        if pairs := self._pairs():
            update["limits"] = tuple(pairs[place] for place in places)
        if matrix := self._matrix():
            update["rgb"] = tuple(tuple(row[place] for place in places) for row in matrix)
        return self.model_copy(update=update)

    def _used(self, image: NativeImage, *, in_order: bool = True) -> NativeImage:
        """Return the bands of an image that have a part in its picture, in the order that mixes them."""
        if self.bands is None:
            check_picture(image)
            return image
        if self._depends_on_all():
            return image.chosen(self.bands)
        picked = self._picked()
        if not in_order and len(picked) == len(image.bands) and image.bands.have(picked):
            return image  # not copied into another order, which takes as long as to stretch it
        return image.chosen(picked)

    def _depends_on_all(self) -> bool:
        """Whether a band that is not shown has a part in how the others are."""
        own = self.joint or self._matrix() or self._pairs()
        return bool(own) or self.stretch.startswith(("lupton", _FITSBOLT))

    def _picked(self) -> tuple[str, ...]:
        """Return the names of the bands that are shown as red, green and blue, each once."""
        return tuple(dict.fromkeys(str(name) for name in self.rgb or ()))

    def _limits(self, image: NativeImage) -> list[Limits]:
        """Return the limits of each band of an image."""
        joint = image.bands.names == RGB.names if self.joint is None else self.joint
        if joint and not isinstance(self.limits, tuple):
            return [found_limits(image.values, image.bad, self._how, self.percentiles)] * len(image.values)
        return self._pairs() or self._limits_of_each(image.values, image.bad)

    def _limits_of_each(self, planes: np.ndarray, bad: np.ndarray | None) -> list[Limits]:
        """Return the limits of planes each by itself."""
        if isinstance(self.limits, tuple):
            return [*self._given_limits()] * len(planes)
        return limits_of_each(planes, bad, self._how, self.percentiles)

    @property
    def _how(self) -> How:
        """How limits are found, where none are given."""
        if "zscale" in (self.stretch, self.limits):
            return "zscale"
        return "minmax" if self.limits == "minmax" else "percentile"

    def _places(self, bands: Bands) -> list[int]:
        """Return which of the bands that :meth:`_used` leaves are red, green and blue."""
        if self.rgb is None or self.bands is None:
            return [0, 0, 0] if len(bands) == 1 else [0, 1, 2]
        return [bands.position(str(name)) for name in self.rgb]

    def _given_limits(self) -> tuple[GivenLimits, ...]:
        """Return the pairs that are given, whether one for all bands or one for each."""
        pairs = self._pairs()
        if pairs or not isinstance(self.limits, tuple):
            return tuple(pairs)
        return (self.limits,)  # type: ignore[return-value]

    def _pairs(self) -> list[GivenLimits]:
        """Return the limits of single bands, if such are given."""
        if not isinstance(self.limits, tuple):
            return []
        return [pair for pair in self.limits if isinstance(pair, tuple)]

    def _matrix(self) -> tuple[Row, ...]:
        """Return the weights of red, green and blue, if such are given."""
        return tuple(row for row in self.rgb or () if isinstance(row, tuple))


PLAIN = Rendering()
"""Of pictures, unless something else is asked for."""
