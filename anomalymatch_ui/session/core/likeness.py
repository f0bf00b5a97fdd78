"""Whether a pool holds the images of a session, though some have come, gone or been saved anew meanwhile."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from anomalymatch_ui.pool import ImagePool, content_stamps

KEPT = 1000
"""Of the names and stamps of a pool the lowest hashes are kept: a random sample, which two pools that are
alike share (Broder 1997). Up to this many images it is all of them."""

LARGEST = 2_000_000
"""Images of a pool of which hashes are taken; of larger ones it would take seconds at each opening."""

MOST = 0.5
"""Share of images that have to agree."""


@dataclass(frozen=True)
class Likeness:
    """How far two pools agree.

    Attributes
    ----------
    names
        Estimated share of the images of either that both have by name; NaN where it is not known.
    contents
        The same by name and size of their files; NaN where it is not known.
    come, gone, changed
        How many images are new, gone, and of another size; ``None`` where there are too many to tell.
    """

    names: float
    contents: float
    come: int | None = None
    gone: int | None = None
    changed: int | None = None

    def sentence(self) -> str:
        """Return what has changed, for a person."""
        if self.come is None or self.gone is None or self.changed is None:
            share = "" if np.isnan(self.names) else f": about {100 * (1 - self.names):.1f} % by name"
            return f"Images have come or gone since this session was last open{share}."
        parts = [(self.come, "new"), (self.gone, "gone"), (self.changed, "saved anew")]
        told = ", ".join(f"{count:,} {what}" for count, what in parts if count)
        return f"Images have come or gone since this session was last open{f': {told}' if told else ''}."


@dataclass(frozen=True)
class Sketch:
    """The lowest hashes of what a pool's images are called, and of that with the sizes of their files.

    Attributes
    ----------
    images
        How many there are.
    names, contents
        Hashes, ascending; empty where they are not known.
    """

    images: int
    names: tuple[int, ...] = ()
    contents: tuple[int, ...] = ()

    @classmethod
    def of(cls, pool: ImagePool) -> Self:
        """Take the sketch of a pool."""
        if len(pool) > LARGEST:
            return cls(len(pool))
        stamps = content_stamps(pool)
        names = (zlib.crc32(name.encode("utf-8", "surrogateescape")) for name in pool.ids)
        return cls(len(pool), _lowest(names), () if stamps is None else _lowest(stamps))

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> Self:
        """Read what :meth:`record` gave; records from before it was kept tell nothing."""
        kept = record.get("sketch", {})
        return cls(int(record["images"]), tuple(kept.get("names", ())), tuple(kept.get("contents", ())))

    def record(self) -> dict[str, list[int]]:
        """Return it as what JSON can hold."""
        return {"names": list(self.names), "contents": list(self.contents)}

    def likeness(self, other: Sketch) -> Likeness:
        """Compare a pool as it was recorded with one as it is now."""
        names, contents = _shared(self.names, other.names), _shared(self.contents, other.contents)
        all_known = max(self.images, other.images) <= KEPT and self.names and other.names
        if not all_known:
            return Likeness(names, contents)
        before, now = set(self.names), set(other.names)
        come, gone = len(now - before), len(before - now)
        changed = len(set(other.contents) - set(self.contents)) - come if self.contents else 0
        return Likeness(names, contents, come, gone, max(0, changed))


def _lowest(hashes: Iterable[int]) -> tuple[int, ...]:
    ordered = np.sort(np.fromiter(hashes, np.uint32))  # of a million ten times as fast as np.unique
    is_first = np.ones(len(ordered), bool)
    is_first[1:] = ordered[1:] != ordered[:-1]
    return tuple(ordered[is_first][:KEPT].tolist())


def _shared(before: tuple[int, ...], now: tuple[int, ...]) -> float:
    """Return the estimated share of all that both have; NaN where either is not known."""
    if not before or not now:
        return float("nan")
    lowest = sorted({*before, *now})[:KEPT]
    return len({*before} & {*now} & {*lowest}) / len(lowest)
