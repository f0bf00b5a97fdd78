"""Images whose bands are files of their own, found by a template of their names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.pixels import Bands

_MOST_BANDS = 64
_PARTS = re.compile(r"(\{name\}|\{band\}|\*)")
_PATTERNS = {"{name}": "(?P<name>[^/]+)", "{band}": "(?P<band>[^/]+)", "*": "[^/]*"}


@dataclass(frozen=True, slots=True)
class Grouped:
    """Files put together.

    Attributes
    ----------
    images
        Id of each image -> its file of each band, by name.
    bands
        Names of all bands that occur, from blue to red.
    others
        Files that the template does not fit, or that are there twice, with the reason.
    """

    images: dict[str, dict[str, str]]
    bands: tuple[str, ...]
    others: dict[str, str]


def group_files(files: Iterable[str], template: str, wanted: tuple[str, ...] | None = None) -> Grouped:
    """Put the files of each image together.

    Parameters
    ----------
    files
        Paths relative to the pool's folder, with ``/``.
    template
        How the name of a file is made of the image's ``{name}`` and the ``{band}``, such as
        ``"{name}_{band}.fits"`` or ``"{band}/{name}.fits"``. The folders before it are part of the image's
        id. ``*`` stands for any text, and so one image may have its files under names that differ there.
    wanted
        Names of the bands that are used; unless given, all that occur.

    Raises
    ------
    InputError
        If the template lacks a part, fits no file, or takes for bands what are none.

    Examples
    --------
    >>> group_files(["a_g.fits", "a_r.fits"], "{name}_{band}.fits").images
    {'a': {'g': 'a_g.fits', 'r': 'a_r.fits'}}
    """
    pattern = _compiled(template)
    images: dict[str, dict[str, str]] = {}
    others: dict[str, str] = {}
    for file in sorted(files):
        found = pattern.fullmatch(file)
        if found is None:
            others[file] = "the template does not fit its name"
            continue
        if wanted is not None and found["band"] not in wanted:
            continue
        of_image = images.setdefault(found["folder"] + found["name"], {})
        if found["band"] in of_image:
            others[file] = f"{of_image[found['band']]} is the same band of the same image"
            continue
        of_image[found["band"]] = file
    names = {band for of_image in images.values() for band in of_image}
    if not images:
        example = next(iter(others), "")
        raise InputError(f"The template {template} fits no file{f', such as {example}' if example else ''}.")
    if len(names) > _MOST_BANDS:
        raise InputError(
            f"By the template {template} the images have {len(names):,} bands, such as "
            f"{', '.join(sorted(names)[:3])}. Put {{name}} and {{band}} where they belong."
        )
    return Grouped(images, wanted or Bands.named(*names).by_colour(), others)


def missing(files: Mapping[str, str], bands: tuple[str, ...]) -> str:
    """Return which bands an image has no file of, a sentence fragment; empty if it has all."""
    lacking = [repr(band) for band in bands if band not in files]
    return f"there is no file of its band {' and '.join(lacking[:3])}" if lacking else ""


def _compiled(template: str) -> re.Pattern[str]:
    parts = _PARTS.split(template)
    for part in ("{name}", "{band}"):
        if parts.count(part) != 1:
            raise InputError(f"The template {template} must have {part} once, as in {{name}}_{{band}}.fits.")
    pattern = "".join(_PATTERNS.get(part, re.escape(part)) for part in parts)
    return re.compile(f"(?P<folder>(?:.*/)?){pattern}", re.DOTALL)
