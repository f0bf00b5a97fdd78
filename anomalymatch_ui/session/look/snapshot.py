"""The embedding of a pool while its images are still being looked at: what there is, as immutable files."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

import numpy as np

from anomalymatch_ui.errors import DamagedStoreError
from anomalymatch_ui.files import write_atomically
from anomalymatch_ui.score import open_embeddings, write_table
from anomalymatch_ui.sealed import UNREADABLE
from anomalymatch_ui.session.look.embedded import Embedded, Pairs

_NAME = re.compile(r"snapshot-(\d+)\.npz")


def write_snapshot(
    folder: Path, blocks: Iterable[np.ndarray], columns: int, depth: np.ndarray, pairs: Pairs | None
) -> Embedded:
    """Keep a snapshot in place of the one before, which whoever has it open keeps.

    Parameters
    ----------
    folder
        Where the features lie.
    blocks
        The table's rows, float ``(n, columns)``, in order.
    columns
        Columns of the table.
    depth, pairs
        See :class:`~anomalymatch_ui.session.look.embedded.Embedded`.

    Returns
    -------
    Embedded
        Its table float16, on disk.

    Raises
    ------
    StorageError
        If the disk refuses; the one before stays.
    """
    former = _numbers(folder)
    path = folder / f"snapshot-{max(former, default=0) + 1}.npy"
    write_table(path, blocks, images=len(depth), columns=columns)
    arrays = {"depth": depth}
    if pairs is not None:
        arrays |= {"rows": pairs.rows, "coarse": pairs.coarse}

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            np.savez(file, **cast(Any, arrays))

    write_atomically(path.with_suffix(".npz"), write)  # last, and with it the table counts
    for number in former:
        for suffix in (".npz", ".npy"):
            with contextlib.suppress(OSError):  # one that is open cannot be deleted everywhere
                (folder / f"snapshot-{number}{suffix}").unlink(missing_ok=True)
    return Embedded(open_embeddings(path), depth, pairs)


def newest_snapshot(folder: Path, images: int) -> Embedded | None:
    """Open the newest snapshot; ``None`` if there is none, or it is damaged: it can be made again."""
    for number in reversed(_numbers(folder)):
        path = folder / f"snapshot-{number}.npy"
        try:
            table = open_embeddings(path)
            with np.load(path.with_suffix(".npz"), allow_pickle=False) as kept:
                depth = kept["depth"]
                pairs = Pairs(kept["rows"], kept["coarse"]) if "rows" in kept.files else None
        except (DamagedStoreError, *UNREADABLE):
            continue
        if depth.shape == (images,) and len(table) == images:
            return Embedded(table, depth, pairs)
    return None


def _numbers(folder: Path) -> list[int]:
    try:
        found = (_NAME.fullmatch(path.name) for path in folder.iterdir())
        return sorted(int(match[1]) for match in found if match)
    except OSError:  # there is no such folder
        return []
