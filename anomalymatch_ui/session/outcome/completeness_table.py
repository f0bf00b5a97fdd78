"""The completeness of a search as a table for a paper: a row a bin, or a row a painted object."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict

import numpy as np

from anomalymatch_ui.session.outcome.completeness import BY, Completeness
from anomalymatch_ui.session.outcome.recipe import LANE
from anomalymatch_ui.tables import Column, ResultTable


def share_table(measured: Completeness, provenance: Mapping[str, str]) -> ResultTable:
    """Return the recovered shares against each property, of each kind and of all, with 95 % intervals."""
    import pyarrow as pa

    rows = share_rows(measured)
    kinds = {"kind": pa.string(), "against": pa.string(), "painted": pa.int64(), "recovered": pa.int64()}
    columns = [
        Column(name, pa.array([row[place] for row in rows], kinds.get(name, pa.float64())), description=its)
        for place, (name, its) in enumerate(_DESCRIPTIONS.items())
    ]
    return ResultTable(tuple(columns), {**provenance, **_provenance(measured)})


def share_rows(measured: Completeness) -> list[tuple[object, ...]]:
    """Return a row for each bin: kind, against what, its ends, painted, recovered, share and its interval."""
    rows: list[tuple[object, ...]] = []
    for kind in measured.kinds:
        for by in BY:
            shares = measured.shares(by, kind)
            values = (shares.low, shares.high, shares.painted, shares.recovered, shares.fraction)
            bins = zip(*(each.tolist() for each in (*values, *shares.interval)), strict=True)
            rows += [(kind, by, *each) for each in bins]
    return rows


def object_table(measured: Completeness, provenance: Mapping[str, str]) -> ResultTable:
    """Return each painted object: what it is, in which image, and the place it would have had."""
    import pyarrow as pa

    objects = measured.objects
    unread = measured.places == 0
    columns = (
        Column("host", pa.array(measured.hosts), ucd="meta.id", description="Image it was painted into"),
        Column("kind", pa.array([one.kind for one in objects]), description="What was painted"),
        Column("size", pa.array(measured.values("size")), "pix", description=_SIZE),
        Column("signal_to_noise", pa.array(measured.values("signal to noise")), ucd="stat.snr",
               description="Significance, all bands together"),
        Column("magnitude", pa.array(measured.values("magnitude")), "mag", "phot.mag",
               "AB magnitude in the band of the next column; a dust lane has none"),
        Column("band", pa.array(["" if one.kind == LANE else one.band for one in objects]),
               description="Band of the magnitude"),
        Column("place", pa.array(measured.places, pa.int64(), mask=unread), ucd="meta.number",
               description="Place it would have had in the order"),
        Column("recovered", pa.array(measured.recovered, pa.bool_(), mask=unread),
               description=f"Whether that is among the first {measured.first}"),
    )  # fmt: skip
    return ResultTable(columns, {**provenance, **_provenance(measured)}, _unread(unread))


_SIZE = "Radius of an arc or a ring, half the length of a tail or a lane, half the side of a stamp"

_DESCRIPTIONS = {
    "kind": "What was painted; all for every kind",
    "against": "What the share is told against: images looked at (first), or a property of the objects",
    "from": "Lower end of the bin",
    "to": "Upper end of the bin",
    "painted": "Objects in the bin",
    "recovered": "Those that would have stood among the first images of the order",
    "fraction": "Recovered of painted",
    "fraction_low": "Lower end of the exact binomial interval of 95 %",
    "fraction_high": "Upper end of the exact binomial interval of 95 %",
}


def _provenance(measured: Completeness) -> dict[str, str]:
    return {
        "completeness": measured.sentence(),
        "completeness_made": measured.made.isoformat(timespec="seconds"),
        "completeness_order": measured.source,
        "completeness_first": str(measured.first),
        "completeness_recipe": json.dumps(asdict(measured.recipe), sort_keys=True),
    }


def _unread(unread: np.ndarray) -> tuple[str, ...]:
    count = int(unread.sum())
    return (f"{count:,} painted images could not be read, and have no place.",) if count else ()
