"""Which images a session is about, as its folder says it, and whether others are these."""

from __future__ import annotations

import json
import shlex
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from anomalymatch_ui import jsontext
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.files import write_bytes_atomically
from anomalymatch_ui.pixels import PLAIN
from anomalymatch_ui.pool import ImagePool, content_probe, numbered_rows
from anomalymatch_ui.session.core.likeness import MOST, Sketch


@dataclass(frozen=True)
class PoolRecord:
    """What is written down of a pool.

    Attributes
    ----------
    path
        Where it lies.
    digest
        Digest of its images.
    images
        How many there are.
    numbered
        Digest of the array whose row numbers are the images' names; empty where they have names.
    rendering
        Digest of how they are rendered.
    """

    path: str
    digest: str
    images: int
    numbered: str
    rendering: str

    @classmethod
    def of(cls, pool: ImagePool) -> Self:
        """Describe a pool."""
        path = str(pool.path.resolve())
        return cls(path, pool.digest, len(pool), numbered_rows(pool), pool.rendering.digest)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what :func:`save_record` wrote. Raises ``InputError`` if it is missing or damaged."""
        record = _load(path)
        try:
            return cls(
                str(record["path"]),
                record["digest"],
                int(record["images"]),
                record.get("numbered", ""),
                record.get("rendering", PLAIN.digest),  # before it was written all were pictures
            )
        except (ValueError, KeyError, TypeError) as error:
            raise _damaged(path, error) from error


def save_record(path: Path, pool: ImagePool) -> None:
    """Write down what a pool is, and a sketch of its images; not in a folder that is gone.

    Raises
    ------
    StorageError
        If the disk refuses.
    """
    record = asdict(PoolRecord.of(pool)) | {"sketch": _sketch(path, pool), "probe": content_probe(pool)}
    write_bytes_atomically(path, json.dumps(record).encode(), root=path.parent)


def _sketch(path: Path, pool: ImagePool) -> dict[str, list[int]]:
    """Return the sketch of a pool: that which is written down, if it is of the very same one."""
    try:
        known = _load(path)
        if known["digest"] == pool.digest and known["images"] == len(pool):
            return Sketch.of_record(known).record() if known["sketch"] else Sketch.of(pool).record()
    except (InputError, KeyError, TypeError, ValueError, AttributeError):
        pass
    return Sketch.of(pool).record()


def check_pool(path: Path, pool: ImagePool, *, relink: bool) -> str:
    """Check that a pool is the one that is written down.

    Parameters
    ----------
    path
        Path of what was written down, in the folder of a session.
    pool
        The pool.
    relink
        Whether a person says that it is: then it is enough that most names agree, or that nothing is known.

    Returns
    -------
    str
        What has changed since, as a sentence; empty if nothing has.

    Raises
    ------
    InputError
        If it is another pool, or rows without names have changed.
    """
    session, known, now = path.parent, PoolRecord.load(path), PoolRecord.of(pool)
    if known.numbered and now.numbered and known.numbered != now.numbered:
        raise InputError(
            f"The images in {pool.path} are not those that the session {session} was made with. Their "
            "rows have numbers for names, so its labels could now be those of others. Give the former images "
            "back, or choose another session folder."
        )
    if known.digest == now.digest and (relink or known.path == now.path or not _differs(path, pool)):
        return ""
    likeness = Sketch.of_record(_load(path)).likeness(Sketch.of(pool))
    others_by_name = likeness.names < MOST  # not where nothing is known of them
    is_same = not others_by_name if relink else likeness.contents >= MOST
    if known.path != now.path and not is_same:
        command = f"anomalymatch relink {shlex.quote(str(session))} {shlex.quote(str(pool.path))}"
        raise InputError(
            f"The session {session} belongs to the images in {known.path}, not to {pool.path}. "
            + (
                "Choose another session folder for these images."
                if others_by_name
                else f"If they are the same images, though their files have changed, run `{command}`; else "
                "choose another session folder for them."
            )
        )
    return likeness.sentence()


def _differs(path: Path, pool: ImagePool) -> bool:
    """Return whether some files hold something else than those that are written down."""
    before, now = _load(path).get("probe", ""), content_probe(pool)
    return bool(before and now and before != now)


def _load(path: Path) -> dict[str, Any]:
    try:
        record = jsontext.parsed(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _damaged(path, error) from error
    if not isinstance(record, dict):
        raise _damaged(path, TypeError(type(record).__name__))
    return record


def _damaged(path: Path, error: Exception) -> InputError:
    return InputError(f"{path} is damaged ({error!r}). Delete it, then open the session with its images.")
