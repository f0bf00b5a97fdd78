"""How images are shown: the settings of the stretch that the browser applies."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from anomalymatch_ui.errors import InputError

Stretch = Literal["linear", "asinh", "log", "sqrt"]
Limits = Literal["full", "99.5", "99", "95", "zscale"]
ColourMap = Literal["none", "grey", "viridis", "magma", "cubehelix"]

_CHOICES = {"stretch": Stretch, "limits": Limits, "colour_map": ColourMap}


@dataclass(frozen=True, slots=True)
class Look:
    """How images are shown. It acts on the 8 bits a band that the pool gives, and changes no data.

    Attributes
    ----------
    stretch
        Curve between black and white [1]_: ``"linear"``, ``"asinh"`` (softened at 0.1), ``"log"`` (of
        1000) or ``"sqrt"``.
    limits
        What is black and what is white: 0 and 255 (``"full"``), percentiles that hold the central
        ``"99.5"``, ``"99"`` or ``"95"`` per cent of an image's values, or IRAF's ``"zscale"``.
    brightness
        In [0, 1]; 1 minus the bias of DS9. 0.5 changes nothing.
    contrast
        Slope at mid-grey, in [0.1, 10]; 1 changes nothing.
    invert
        Show black as white and white as black.
    bands
        Those shown, in the order ``"RGB"``; the others are black.
    colour_map
        ``"none"``, or what colours the luminance of the bands: ``"grey"``, ``"viridis"``, ``"magma"`` or
        ``"cubehelix"``.

    Raises
    ------
    InputError
        If a value is not one of these.

    References
    ----------
    .. [1] Astropy Collaboration 2022, ApJ 935, 167; ``astropy.visualization``, whose curves these are.
    """

    stretch: Stretch = "linear"
    limits: Limits = "full"
    brightness: float = 0.5
    contrast: float = 1.0
    invert: bool = False
    bands: str = "RGB"
    colour_map: ColourMap = "none"

    def __post_init__(self) -> None:
        for name, choice in _CHOICES.items():
            value, allowed = getattr(self, name), get_args(choice)
            if value not in allowed:
                raise InputError(f"A look's {name} cannot be {value!r}. Use one of: {', '.join(allowed)}.")
        _check_number("brightness", self.brightness, 0, 1)
        _check_number("contrast", self.contrast, 0.1, 10)
        if not isinstance(self.invert, bool):
            raise InputError(f"A look's invert is True or False, not {self.invert!r}.")
        if self.bands not in ("RGB", "RG", "RB", "GB", "R", "G", "B"):
            raise InputError(f"A look's bands cannot be {self.bands!r}. Give some of RGB, in this order.")


def _check_number(name: str, value: float, low: float, high: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InputError(f"A look's {name} must be a number, not {value!r}.")
    if not low <= value <= high:
        raise InputError(f"A look's {name} must be between {low} and {high}, not {value}.")


def look_to_json(look: Look | None, _widget: Any) -> dict[str, Any] | None:
    """Return a look as the browser reads it."""
    return None if look is None else asdict(look)


def look_from_json(values: Mapping[str, Any] | None, _widget: Any) -> Look | None:
    """Read a look that a browser sends back.

    Raises
    ------
    InputError
        If it is not one.
    """
    if values is None:
        return None
    known = {field.name for field in fields(Look)}
    return Look(**{name: value for name, value in values.items() if name in known})
