"""What is asked of one damaged file, and what must not come of it; this runs in a process of its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import traceback
import warnings
from pathlib import Path

import numpy as np
from fuzzing.seeds import TEXTS, Seed

from anomalymatch_ui.config import Config
from anomalymatch_ui.errors import AnomalyMatchError
from anomalymatch_ui.labels import read_labels
from anomalymatch_ui.pool import UnreadableImageError, open_pool
from anomalymatch_ui.session.catalogue.metadata_table import read_metadata

Pictures = dict[str, np.ndarray]


def written(folder: Path, files: dict[str, bytes]) -> None:
    """Write files into an emptied folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def read(reader: str, path: Path) -> Pictures:
    """Read all that there is, as a session does; returns the images that can be read, by their ids.

    Raises
    ------
    AnomalyMatchError
        If it is refused in a sentence.
    """
    if reader == "labels":
        read_labels(path, {"*": "nominal"} if path.suffix == ".json" else None)
        return {}
    if reader == "metadata":
        read_metadata(path)
        return {}
    if reader == "config":
        Config.load(path)
        return {}
    pool = open_pool(path)
    try:
        some = np.arange(min(len(pool), 32))
        batch = pool.read(some, 32)
        pool.fetch(some)
        pool.read(some[:2], 32, "network")
        for index in some[:2].tolist():
            with contextlib.suppress(UnreadableImageError):
                pool.native(index)
        for name in pool.columns.names:
            pool.columns[name]
        pool.report.sentence()
        return {pool.ids[index]: pixels for index, pixels in zip(batch.indices, batch.pixels, strict=True)}
    finally:
        pool.close()


def verdict(seed: Seed, files: dict[str, bytes], is_missing: bool, known: Pictures, folder: Path) -> str:
    """Return what is wrong with how damaged files were read; empty if nothing is.

    Parameters
    ----------
    seed
        Of which they were made.
    files
        The damaged files.
    is_missing
        Whether nothing but a part is missing: then an image is as it was, or is none.
    known
        The images of the seed.
    folder
        To write into.
    """
    written(folder, files)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = read(seed.reader, folder / seed.opened)
    except AnomalyMatchError as error:
        said = str(error).replace(str(folder), "FOLDER")
        return "" if said and "\n" not in said else f"a sentence of several lines: {said!r}"[:300]
    except Exception as error:  # noqa: BLE001 - which is what is looked for
        last = traceback.extract_tb(error.__traceback__)
        ours = next((f for f in reversed(last) if f"{os.sep}anomalymatch_ui{os.sep}" in f.filename), last[-1])
        place = f"{Path(ours.filename).name}:{ours.lineno}"
        return f"traceback: {type(error).__name__} at {place}: {str(error)[:100]}"
    if is_missing and seed.reader not in (*TEXTS, "catalogue"):
        wrong = [
            name
            for name, pixels in found.items()
            if name in known and not np.array_equal(pixels, known[name])
        ]
        if wrong:
            return f"a wrong picture: {len(wrong)} of {len(found)} images"
    return ""
