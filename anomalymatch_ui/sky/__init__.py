"""Where objects are on the sky: positions, separations, links to archives. Arrays and texts; no widget."""

from anomalymatch_ui.sky.links import Link, links_at, sexagesimal
from anomalymatch_ui.sky.place import Place
from anomalymatch_ui.sky.separation import (
    directions,
    group_numbers,
    groups_within,
    members,
    nearest_within,
    separations,
    unit_vectors,
    within_cone,
)

__all__ = [
    "Link",
    "Place",
    "directions",
    "group_numbers",
    "groups_within",
    "links_at",
    "members",
    "nearest_within",
    "separations",
    "sexagesimal",
    "unit_vectors",
    "within_cone",
]
