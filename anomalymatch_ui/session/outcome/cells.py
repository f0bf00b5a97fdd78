"""Texts and times as the tables of results hold them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from anomalymatch_ui.tables import plain

if TYPE_CHECKING:
    import pyarrow as pa


def plain_of(texts: Sequence[str | None]) -> pa.Array:
    """Return texts as a column."""
    import pyarrow as pa

    values = plain(pa.array(list(texts), pa.string()))
    assert values is not None
    return values


def utc(moment: datetime) -> str:
    """Return a moment in ISO 8601, in UTC and to the millisecond."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
