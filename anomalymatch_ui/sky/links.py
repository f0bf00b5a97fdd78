"""Addresses at which other archives show a position. Nothing is asked of the network here."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

FIELD = 60.0
"""Seconds of arc shown around an object, unless its image is wider."""

RADIUS = 10.0
"""Seconds of arc around an object in which known ones are looked up."""


@dataclass(frozen=True, slots=True)
class Link:
    """An archive, and its page about a position."""

    name: str
    address: str


def links_at(ra: float, dec: float, field: float = FIELD) -> tuple[Link, ...]:
    """Return pages about a position: images of it, and what is known there.

    Parameters
    ----------
    ra, dec
        Degrees, ICRS.
    field
        Side of the part of the sky to show, in seconds of arc.

    Examples
    --------
    >>> [link.name for link in links_at(150.1, 2.2)]
    ['ESASky', 'Aladin Lite', 'Legacy Survey', 'SIMBAD', 'NED']
    """
    ra %= 360
    degrees = max(field, FIELD) / 3600
    at = quote(f"{ra:.6f} {dec:+.6f}")
    plain = f"ra={ra:.6f}&dec={dec:.6f}"
    return (
        Link("ESASky", f"https://sky.esa.int/esasky/?target={at}&fov={degrees:.5f}&cooframe=J2000&sci=true"),
        Link("Aladin Lite", f"https://aladin.cds.unistra.fr/AladinLite/?target={at}&fov={degrees:.5f}"),
        Link(
            "Legacy Survey",
            f"https://www.legacysurvey.org/viewer?{plain}&layer=ls-dr10&zoom=15&mark={ra:.6f},{dec:.6f}",
        ),
        Link(
            "SIMBAD",
            f"https://simbad.cds.unistra.fr/simbad/sim-coo?Coord={at}&CooFrame=ICRS&Radius={RADIUS:g}"
            "&Radius.unit=arcsec",
        ),
        Link(
            "NED",
            "https://ned.ipac.caltech.edu/conesearch?search_type=Near%20Position%20Search"
            f"&coordinates={ra:.6f}d%20{quote(f'{dec:+.6f}')}d&radius={RADIUS / 60:.4f}"
            "&in_csys=Equatorial&in_equinox=J2000",
        ),
    )


def sexagesimal(ra: float, dec: float) -> str:
    """Return a position as papers write it, to a hundredth of a second of time and a tenth of arc.

    Examples
    --------
    >>> sexagesimal(150.0999999, -0.0999)
    '10:00:24.00 -00:05:59.6'
    """
    hundredths = round(ra % 360 / 15 * 360_000) % (24 * 360_000)
    tenths = round(abs(dec) * 36_000)
    hours, rest = divmod(hundredths, 360_000)
    minutes, seconds = divmod(rest, 6_000)
    degrees, remainder = divmod(tenths, 36_000)
    arcminutes, arcseconds = divmod(remainder, 600)
    return (
        f"{hours:02}:{minutes:02}:{seconds // 100:02}.{seconds % 100:02} "
        f"{'-' if dec < 0 else '+'}{degrees:02}:{arcminutes:02}:{arcseconds // 10:02}.{arcseconds % 10}"
    )
