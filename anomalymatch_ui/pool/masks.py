"""Arrays beside images of their shape that tell how good the pixels are: masks, variances, weights."""

from __future__ import annotations

from collections.abc import Iterable

from anomalymatch_ui.pool.contents import Entry, is_companion

_CLEAN = {"image_array": "image_mask"}
"""Name of an array of images -> that of its mask, which is true where a pixel is clean.

It is the Multimodal Universe's (arXiv:2412.02527). Elsewhere true may as well mean bad.
"""


def mask_of(entries: Iterable[Entry], images: Entry) -> Entry | None:
    """Return the mask of images, true where a pixel means something.

    Parameters
    ----------
    entries
        All arrays of the file.
    images
        The one of images. Those of integers, which have no value for a pixel without meaning, are not
        masked.

    Returns
    -------
    Entry or None
        ``None`` where there is none whose meaning is known.
    """
    if images.dtype.kind != "f":
        return None
    for entry in _beside(entries, images):
        fits = entry.shape == images.shape and entry.dtype.kind in "bui" and entry.dtype.itemsize == 1
        if fits and entry.label == _CLEAN.get(images.label):
            return entry
    return None


def companions(entries: Iterable[Entry], images: Entry, mask: Entry | None) -> tuple[str, ...]:
    """Return the arrays that tell how good pixels are, and what becomes of each, for a person."""
    return tuple(
        f"'{entry.name}' marks the bad pixels" if entry is mask else f"'{entry.name}' is not used"
        for entry in _beside(entries, images)
        if is_companion(entry) and entry.shape[:1] == images.shape[:1] and len(entry.shape) > 2
    )


def _beside(entries: Iterable[Entry], images: Entry) -> list[Entry]:
    return [entry for entry in entries if entry.group == images.group and entry is not images]
