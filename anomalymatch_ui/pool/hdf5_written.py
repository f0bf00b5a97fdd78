"""Which images of an HDF5 dataset were ever written."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from anomalymatch_ui.pool.absent import unwritten_perhaps
from anomalymatch_ui.pool.hdf5_contents import for_reading

NEVER_WRITTEN = "never written"

# Sources of sources: nobody has more, and a file whose sources lead in circles has no end.
_DEPTH = 4


class Written:
    """Tells which rows of a dataset hold images that somebody wrote.

    The files that a virtual dataset takes its values from stay open until :meth:`close`.

    Parameters
    ----------
    dataset
        Dataset of which rows are images.
    depth
        How many levels of virtual datasets are followed.
    """

    def __init__(self, dataset: h5py.Dataset, depth: int = _DEPTH) -> None:
        self._dataset = dataset
        self._fill = dataset.fillvalue
        self._files: dict[Path, h5py.File] = {}
        self._sources = list(_sources(dataset, depth, self._files)) if dataset.is_virtual else None
        # Contiguous data takes its space when the first value is written.
        self._nothing = dataset.chunks is None and self._sources is None and not dataset.external
        self._nothing = self._nothing and dataset.id.get_storage_size() == 0

    def missing(self, first: int, rows: np.ndarray) -> dict[int, str]:
        """Return place -> reason, of rows of which a part was never written.

        Parameters
        ----------
        first
            Row of the dataset with which ``rows`` begin.
        rows
            As they were read.
        """
        if self._nothing:
            return dict.fromkeys(range(len(rows)), NEVER_WRITTEN)
        if self._sources is not None:
            return self._without_source(first, rows)
        if self._dataset.chunks is None:
            return {}
        found: dict[int, str] = {}
        chunks = self._dataset.chunks
        for cell, places in unwritten_perhaps(rows, self._fill, chunks):
            numbers = (first + places) // chunks[0]
            for number in np.unique(numbers).tolist():
                corner = tuple(place * step for place, step in zip((number, *cell), chunks, strict=True))
                if self._dataset.id.get_chunk_info_by_coord(corner).byte_offset is None:
                    found.update(dict.fromkeys(places[numbers == number].tolist(), NEVER_WRITTEN))
        return found

    def close(self) -> None:
        """Close the files of the sources; nothing can be told afterwards."""
        for source in self._sources or ():
            if source.written is not None:
                source.written.close()
        for file in self._files.values():
            file.close()
        self._files.clear()

    def _without_source(self, first: int, rows: np.ndarray) -> dict[int, str]:
        """Return the rows of a virtual dataset that no file, or one that is gone, gives values for."""
        reasons: dict[int, str] = {}
        covered = np.zeros(len(rows), np.int64)
        for source in self._sources or ():
            start, stop = max(source.start - first, 0), min(source.stop - first, len(rows))
            if start >= stop:
                continue
            if source.gone:
                reasons.update(dict.fromkeys(range(start, stop), source.gone))
            covered[start:stop] += source.values
            if source.written is not None and not source.gone:
                inner = source.written.missing(first + start - source.start + source.offset, rows[start:stop])
                reasons.update((start + place, reason) for place, reason in inner.items())
        whole = math.prod(rows.shape[1:])
        for place in np.flatnonzero(covered < whole).tolist():
            reasons.setdefault(place, NEVER_WRITTEN)
        return reasons


@dataclass(frozen=True, slots=True)
class _Source:
    """Where some rows of a virtual dataset come from.

    Attributes
    ----------
    start, stop
        Those rows.
    values
        How many values of each.
    offset
        Row of the source that is the first of them.
    gone
        Why it cannot be read; empty if it can.
    written
        Of the source, where its rows are whole rows of the virtual dataset.
    """

    start: int
    stop: int
    values: int
    offset: int
    gone: str
    written: Written | None


def _sources(dataset: h5py.Dataset, depth: int, files: dict[Path, h5py.File]) -> Iterator[_Source]:
    """Return where the rows of a virtual dataset come from; the files that are opened go into ``files``."""
    folder = Path(dataset.file.filename).parent
    for mapped in dataset.virtual_sources():
        low, high = mapped.vspace.get_select_bounds()
        start, stop = int(low[0]), int(high[0]) + 1
        values = mapped.vspace.get_select_npoints() // (stop - start)
        offset = 0
        if "%b" in mapped.file_name:  # a file a block, whose number HDF5 puts in
            yield _Source(start, stop, values, offset, "", None)
            continue
        source, gone = _opened(dataset, folder, mapped.file_name, mapped.dset_name, files)
        written = None
        if source is not None and source.shape[1:] == dataset.shape[1:] and depth > 0:
            if mapped.src_space.get_select_type() == h5py.h5s.SEL_HYPERSLABS:
                offset = int(mapped.src_space.get_select_bounds()[0][0])
            written = Written(source, depth - 1)
        yield _Source(start, stop, values, offset, gone, written)


def _opened(
    dataset: h5py.Dataset, folder: Path, file_name: str, name: str, files: dict[Path, h5py.File]
) -> tuple[h5py.Dataset | None, str]:
    """Return a source, or why there is none."""
    if file_name == ".":
        source = dataset.file.get(name)
        return (source, "") if isinstance(source, h5py.Dataset) else (None, f"its source {name} is not there")
    # As HDF5 looks for it: beside the file, then in the current folder.
    path = next((path for path in (folder / file_name, Path(file_name)) if path.is_file()), None)
    if path is None:
        return None, f"its source {file_name} is not there"
    try:
        if path not in files:
            files[path] = for_reading(path)
        source = files[path].get(name)
    except OSError:
        return None, f"its source {file_name} cannot be opened"
    return (
        (source, "") if isinstance(source, h5py.Dataset) else (None, f"its source {file_name} has no {name}")
    )
