"""How much of the sky the images of a session cover, and which of them are of one place."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from anomalymatch_ui._version import __version__
from anomalymatch_ui.config import Config
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.labels import Label
from anomalymatch_ui.pool import ImagePool, UnreadableImageError
from anomalymatch_ui.pool.placed import place_of
from anomalymatch_ui.session.search.finding import Finding
from anomalymatch_ui.session.search.folding import USUAL
from anomalymatch_ui.sky import members, separations
from anomalymatch_ui.sky.footprint import covered, occupied, smallest_range
from anomalymatch_ui.tables import Column, ResultTable
from anomalymatch_ui.wording import counted

CELL = 0.5
"""Degrees: side of the cells that are counted."""

_OPENED = 16
"""Images whose size on the sky is looked up, where the side is not given."""


class Searched(Protocol):
    """What is needed of a session."""

    path: Path
    pool: ImagePool
    finding: Finding

    @property
    def config(self) -> Config:
        """The settings."""

    def labels(self) -> Mapping[str, Label]:
        """Return the labels by image id."""


@dataclass(frozen=True, eq=False)
class Footprint:
    """Where the images of a session are.

    Attributes
    ----------
    images, placed
        All, and those whose position a table tells.
    ra, dec
        From where to where, in degrees; in right ascension the shortest arc, from west to east.
    cell, cells, area
        Side of a cell in degrees; how many cells have an image; their area in square degrees.
    side
        Side of an image in seconds of arc; ``None`` where that is not known.
    covered, overlapping
        Square degrees that the images cover, and how many overlap another; ``None`` without a side.
    radius
        Seconds of arc within which images are at one place.
    groups
        Rows of the images of each place with more than one, int64, ascending.
    differing
        How many of these places have images with different labels.
    duplicates
        The images of these places, a row each: ``place``, ``images``, ``id``, ``ra``, ``dec``,
        ``separation`` and ``label``.
    """

    images: int
    placed: int
    ra: tuple[float, float]
    dec: tuple[float, float]
    cell: float
    cells: int
    area: float
    side: float | None
    covered: float | None
    overlapping: int | None
    radius: float
    groups: tuple[np.ndarray, ...]
    differing: int
    duplicates: ResultTable

    @property
    def together(self) -> int:
        """How many images lie at a place with more than one."""
        return sum(len(rows) for rows in self.groups)

    @property
    def most(self) -> int:
        """How many images lie at one place at most."""
        return max((len(rows) for rows in self.groups), default=1)

    def sentence(self) -> str:
        """Return all of it in words."""
        said = [
            f"{self.placed:,} of {counted(self.images, 'image')} have a position, at right ascensions from "
            f"{self.ra[0]:.4f} to {self.ra[1]:.4f} and declinations from {self.dec[0]:.4f} to "
            f"{self.dec[1]:.4f} degrees. They occupy {counted(self.cells, 'cell')} {self.cell:g}° on a "
            f"side, {self.area:.4g} square degrees in all."
        ]
        if self.covered is None or self.side is None:
            said.append(
                "The size of an image on the sky is not known; give the side to learn what area they cover."
            )
        else:
            said.append(
                f"Images {self.side:.3g}″ on a side cover {self.covered:.4g} square degrees, and "
                f"{self.overlapping:,} of them overlap another."
            )
        if not self.groups:
            said.append(f"No two are within {self.radius:g}″.")
            return " ".join(said)
        places = counted(len(self.groups), "place")
        said.append(
            f"{places} {'has' if len(self.groups) == 1 else 'have'} more than one image within "
            f"{self.radius:g}″: {self.together:,} images in all, at most {self.most:,} at one place."
        )
        if self.differing:
            said.append(f"At {counted(self.differing, 'place')} the images have different labels.")
        return " ".join(said)


def measure_footprint(
    session: Searched, radius: float | None = None, *, side: float | None = None, cell: float = CELL
) -> Footprint:
    """Return where the images of a session are, by the positions that tables tell.

    Parameters
    ----------
    session
        The session.
    radius
        Seconds of arc within which images are at one place; ``None`` takes ``acquisition.same_place``.
    side
        Side of an image in seconds of arc; ``None`` takes the median of some images whose WCS tells.
    cell
        Side of the cells that are counted, in degrees.

    Raises
    ------
    InputError
        If no table tells a position, or a length is out of range.
    """
    radius = (session.config.acquisition.same_place or USUAL) if radius is None else radius
    for name, value, most in (("radius", radius, 3600.0), ("side", side, 36_000.0), ("cell", cell, 90.0)):
        if value is not None and not 0 < value <= most:
            raise InputError(f"The {name} lies above 0 and is {most:g} at most, not {value!r}.")
    ra, dec = session.finding.places.known()
    here = np.flatnonzero(np.isfinite(ra) & np.isfinite(dec))
    if len(here) == 0:
        raise InputError(f"None of the positions of {session.pool.path} is on the sky. Check their columns.")
    groups = tuple(members(session.finding.folding.groups(radius)))
    side = _side_of(session.pool, here) if side is None else side
    area, overlapping = (None, None) if side is None else covered(ra[here], dec[here], side)
    cells, of_cells = occupied(ra[here], dec[here], cell)
    labels = session.labels()
    told = [{labels.get(session.pool.ids[row]) for row in rows.tolist()} - {None} for rows in groups]
    return Footprint(
        len(ra),
        len(here),
        smallest_range(ra[here]),
        (float(dec[here].min()), float(dec[here].max())),
        cell,
        cells,
        of_cells,
        side,
        area,
        overlapping,
        radius,
        groups,
        sum(len(labels_here) > 1 for labels_here in told),
        _duplicates(session, groups, (ra, dec), labels, radius),
    )


def _side_of(pool: ImagePool, rows: np.ndarray) -> float | None:
    """Return the median side of some images on the sky, in seconds of arc; ``None`` where no WCS tells."""
    sides = []
    for row in rows[np.linspace(0, len(rows) - 1, min(_OPENED, len(rows))).astype(np.int64)].tolist():
        try:
            place = place_of(pool, row)
            if place is None or place.scale is None:
                continue
            *_, height, width = pool.native(row).values.shape
        except UnreadableImageError:
            continue
        sides.append(place.scale * math.sqrt(height * width))
    return float(np.median(sides)) if sides else None


def _duplicates(
    session: Searched,
    groups: tuple[np.ndarray, ...],
    degrees: tuple[np.ndarray, np.ndarray],
    labels: Mapping[str, str],
    radius: float,
) -> ResultTable:
    import pyarrow as pa

    ra, dec = degrees
    rows = np.concatenate(groups) if groups else np.empty(0, np.int64)
    sizes = [len(group) for group in groups]
    apart = [
        separations(ra[group], dec[group], (float(ra[group[0]]), float(dec[group[0]]))) for group in groups
    ]
    names = [session.pool.ids[row] for row in rows.tolist()]
    columns = (
        Column("place", pa.array(np.repeat(np.arange(1, len(groups) + 1), sizes)), ucd="meta.number",
               description="Number of the place on the sky"),
        Column("images", pa.array(np.repeat(sizes, sizes).astype(np.int64)), ucd="meta.number",
               description="How many images there are at it"),
        Column("id", pa.array(names, pa.string()), ucd="meta.id;meta.main",
               description="Name of the image in its pool"),
        Column("ra", pa.array(ra[rows]), "deg", "pos.eq.ra;meta.main", "Right ascension"),
        Column("dec", pa.array(dec[rows]), "deg", "pos.eq.dec;meta.main", "Declination"),
        Column("separation", pa.array(np.concatenate(apart) if apart else np.empty(0)), "arcsec",
               "pos.angDistance", "How far it is from the first image of its place"),
        Column("label", pa.array([labels.get(name) for name in names], pa.string()), ucd="meta.code.class",
               description="anomaly, nominal, unsure or artefact; none where nobody has said so"),
    )  # fmt: skip
    provenance = {
        "software": f"anomalymatch-ui {__version__}",
        "session": str(session.path),
        "images": f"{len(ra)} in {session.pool.path}",
        "pool_digest": session.pool.digest,
        "table": f"images at one place within {radius:g} arcsec, {len(rows)} rows",
    }
    return ResultTable(columns, provenance)
