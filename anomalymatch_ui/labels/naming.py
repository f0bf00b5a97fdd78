"""Which of the fields that stand with an image names it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from anomalymatch_ui.labels.spelling import looks_like_a_file

NAMES = (
    "filename", "id", "image", "file", "imagename", "imagefile", "imageid", "objectid", "objid",
    "sourceid", "name",
)  # fmt: skip
"""What a field that names an image is often called, without case, spaces and marks; the first counts."""


def naming_field(records: Sequence[Mapping[str, object]]) -> str | None:
    """Return the field that names the images; ``None`` if none seems to.

    The one whose values most often look like the name of an image file; where there is none such, one that is
    called as those in :data:`NAMES` and is there in at least half of the records.

    Parameters
    ----------
    records
        What stands with each image, by the name of the field.
    """
    files: Counter[str] = Counter()
    there: Counter[str] = Counter()
    for record in records:
        for field, value in record.items():
            text = text_of(value)
            there[field] += bool(text)
            files[field] += looks_like_a_file(text)
    # of the fields that are equally often a file, the one that is called like it
    best = max(there, key=lambda field: (files[field], -_preference(field)), default=None)
    if best is not None and files[best]:
        return best
    called = [field for field in there if _bare(field) in NAMES and 2 * there[field] >= len(records)]
    return min(called, key=_preference, default=None)


def text_of(value: object) -> str:
    """Return a text or a number as text; empty for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return str(value).strip()


def _preference(field: str) -> int:
    bare = _bare(field)
    return NAMES.index(bare) if bare in NAMES else len(NAMES)


def _bare(field: str) -> str:
    return "".join(character for character in field.casefold() if character.isalnum())
