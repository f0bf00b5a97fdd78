"""The options of all commands that open images: which bands, from where, and how they are shown."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Annotated, Any, Literal, get_type_hints

import typer

from anomalymatch_ui.files import expanded

Bands = Annotated[
    str | None, typer.Option("--bands", help="Names, as in i,r,g; three are shown as red, green and blue.")
]
Hdu = Annotated[
    str | None,
    typer.Option("--hdu", help="HDUs of FITS files that are the bands: names or numbers, as in G,R,I."),
]
Planes = Annotated[
    str | None,
    typer.Option("--planes", help="Names for the planes of cubes that have none, as in g,r,i,z,y."),
]
Template = Annotated[
    str | None,
    typer.Option("--template", help="Of file names, if each band has its own: {name}_{band}.fits."),
]
Stretch = Annotated[
    str | None,
    typer.Option("--stretch", help="auto, linear, sqrt, log, asinh, lupton, zscale, …: see docs/formats.md."),
]
Limits = Annotated[
    str | None,
    typer.Option(
        "--limits", help="0.5%:99.5% of each image, minmax, zscale; or in the images' units, as in -0.1:5."
    ),
]
Array = Annotated[
    str | None,
    typer.Option(
        "--array", help="Name of the array of images in a file; found if not given.", metavar="NAME"
    ),
]
Ids = Annotated[
    str | None,
    typer.Option(
        "--ids", help="Name of what names the images of a file; found if not given.", metavar="NAME"
    ),
]

Tiles = Annotated[
    str | None,
    typer.Option(
        "--tiles", help="Folder of the tiles that a catalogue's cutouts are cut from.", metavar="DIR"
    ),
]
Size = Annotated[
    str | None,
    typer.Option(
        "--size", help="Side of a catalogue's cutouts: pixels, as in 64, or 10arcsec.", metavar="SIZE"
    ),
]
CutoutLimit = Annotated[
    float | None,
    typer.Option(
        "--cutout-limit", help="Millions of pixels that an image may have; 50 if not given.", metavar="MPX"
    ),
]
FollowLinks = Annotated[
    bool | None,
    typer.Option(
        "--follow-links",
        help="Follow links, and references in files, that lead out of the folder.",
    ),
]
Network = Annotated[
    Literal["auto", "rgb", "bands"] | None,
    typer.Option(
        "--network",
        help="What the network sees: rgb, as a person, or all bands; auto: rgb of three bands and pictures.",
    ),
]

PixelOptions = dict[str, Any]
"""What was given, as :class:`~anomalymatch_ui.config.PixelsConfig` takes it."""

_OPTIONS: dict[str, Any] = {
    "bands": Bands,
    "hdu": Hdu,
    "planes": Planes,
    "template": Template,
    "stretch": Stretch,
    "limits": Limits,
    "network": Network,
    "array": Array,
    "ids": Ids,
    "tiles": Tiles,
    "size": Size,
    "cutout_limit": CutoutLimit,
    "follow_links": FollowLinks,
}


def takes_pixels(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command with all options of this module in the place of its argument ``pixels``."""
    hints = get_type_hints(command, include_extras=True)
    parameters: list[inspect.Parameter] = []
    for name, parameter in inspect.signature(command).parameters.items():
        if name == "pixels":
            options = (parameter.replace(name=option, default=None) for option in _OPTIONS)
            parameters += [option.replace(annotation=_OPTIONS[option.name]) for option in options]
        else:
            parameters.append(parameter.replace(annotation=hints[name]))

    def run(**given: Any) -> None:
        options = {name: given.pop(name) for name in _OPTIONS}
        command(**given, pixels=pixel_options(**options))

    run.__name__, run.__doc__, run.__module__ = command.__name__, command.__doc__, command.__module__
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def pixel_options(
    bands: str | None = None,
    hdu: str | None = None,
    planes: str | None = None,
    template: str | None = None,
    stretch: str | None = None,
    limits: str | None = None,
    network: str | None = None,
    array: str | None = None,
    ids: str | None = None,
    tiles: str | None = None,
    size: str | None = None,
    cutout_limit: float | None = None,
    follow_links: bool | None = None,
) -> dict[str, Any]:
    """Return what was given, as :class:`~anomalymatch_ui.config.PixelsConfig` takes it.

    Raises
    ------
    typer.BadParameter
        If the limits cannot be read.

    Examples
    --------
    >>> pixel_options(hdu="SCI,2", limits="0.5%:99.5%")
    {'hdu': ('SCI', 2), 'limits': 'percentile', 'percentiles': (0.5, 99.5)}
    """
    options: dict[str, Any] = {
        "bands": _names(bands),
        "hdu": tuple(int(name) if name.isdecimal() else name for name in _names(hdu) or ()) or None,
        "planes": _names(planes),
        "template": template,
        "stretch": stretch,
        "network": network,
        "array": array,
        "ids": ids,
        # The dashboard's kernel works in another folder.
        "tiles": None if tiles is None else str(expanded(tiles).absolute()),
        "size": size,
        "cutout_limit": cutout_limit,
        "follow_links": follow_links,
    }
    if limits is not None:
        options |= _limits(limits)
    return {name: value for name, value in options.items() if value is not None}


def _names(text: str | None) -> tuple[str, ...] | None:
    names = tuple(name for name in (part.strip() for part in (text or "").split(",")) if name)
    return names or None


def _limits(text: str) -> dict[str, Any]:
    if text in ("percentile", "minmax", "zscale"):
        return {"limits": text}
    try:
        if "%" in text:
            low, high = (float(part.strip().removesuffix("%")) for part in text.split(":"))
            return {"limits": "percentile", "percentiles": (low, high)}
        pairs = [tuple(map(float, pair.split(":"))) for pair in text.split(",")]
    except ValueError as error:
        raise typer.BadParameter(_WRITE) from error
    if any(len(pair) != 2 for pair in pairs):
        raise typer.BadParameter(_WRITE)
    return {"limits": pairs[0] if len(pairs) == 1 else tuple(pairs)}


_WRITE = "limits are written as in 0.5%:99.5%, minmax, zscale, -0.1:5, or -0.1:5,0:9 for two bands"
