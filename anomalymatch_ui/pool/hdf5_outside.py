"""Which files outside of its folder an HDF5 file refers to; see :mod:`~anomalymatch_ui.pool.links`."""

from __future__ import annotations

import fnmatch
import os
from pathlib import Path

import h5py

from anomalymatch_ui.pool.links import is_inside

# Links to links and sources of sources: nobody has more, and those that lead in circles have no end.
_DEPTH = 4


def led_outside(group: h5py.Group | h5py.Dataset, name: str, folder: Path, depth: int = _DEPTH) -> str:
    """Return which file outside of a folder something in an HDF5 file is read from; empty if none is.

    Nothing outside is opened for it.

    Parameters
    ----------
    group
        Group of an open file; or an array of it, where the path begins with a slash.
    name
        Path of the thing in the group, or, with a slash before it, in the file.
    folder
        In which its other files have to lie.
    depth
        How many files are followed, one from the other.
    """
    here: h5py.Group = group.file["/"] if name.startswith("/") else group
    parts = [part for part in name.split("/") if part not in ("", ".")]
    for place, part in enumerate(parts):
        if "%b" in part:  # of a virtual source: an array a block, whose number HDF5 puts in
            others = [other for other in here if fnmatch.fnmatchcase(other, part.replace("%b", "*"))]
            inner = ("/".join([other, *parts[place + 1 :]]) for other in others)
            return next(filter(None, (led_outside(here, path, folder, depth) for path in inner)), "")
        link = here.get(part, getlink=True) if part in here.keys() else None  # noqa: SIM118 - follows no link
        rest = "/".join(parts[place + 1 :])
        if isinstance(link, h5py.ExternalLink):
            return _of_other(here.file, link.filename, f"/{link.path.strip('/')}/{rest}", folder, depth)
        if isinstance(link, h5py.SoftLink):
            if depth == 0:
                return str(link.path)
            return led_outside(here, f"{link.path}/{rest}", folder, depth - 1)
        if link is None:
            return ""
        item = here[part]
        if isinstance(item, h5py.Dataset):
            return _of_dataset(item, folder, depth)
        if not isinstance(item, h5py.Group):
            return ""
        here = item
    return ""


def _of_dataset(dataset: h5py.Dataset, folder: Path, depth: int) -> str:
    """Return which file outside a dataset takes its values from."""
    for name, _, _ in dataset.external or ():
        # Which of several HDF5 takes here depends on its version.
        places = [place for place in _places(dataset.file, name) if place.exists()]
        if not all(is_inside(place, folder) for place in places or _places(dataset.file, name)):
            return str(name)
    if not dataset.is_virtual:
        return ""
    for source in dataset.virtual_sources():
        inner = f"/{source.dset_name.strip('/')}"
        if source.file_name == ".":  # an array of this file, which may be a link itself
            found = led_outside(dataset, inner, folder, depth - 1) if depth else inner
            if found:
                return found
            continue
        names = [source.file_name]
        if "%b" in source.file_name:  # a file a block, whose number HDF5 puts in
            near = Path(dataset.file.filename).parent
            pattern = source.file_name.replace("%b", "*")
            names += [] if os.path.isabs(pattern) else [str(path) for path in near.glob(pattern)]
        for name in names:
            found = _of_other(dataset.file, name, inner, folder, depth)
            if found:
                return found
    return ""


def _of_other(file: h5py.File, name: str, inner: str, folder: Path, depth: int) -> str:
    """Return which file outside is read where one file refers to something in another."""
    there = [place for place in _places(file, name) if place.exists()]
    if not there:
        return "" if is_inside(_places(file, name)[0], folder) else name
    for place in there:
        if depth == 0 or not is_inside(place, folder):
            return name
        if not place.is_file():  # such as a pipe, which would never open
            continue
        try:
            with h5py.File(place, "r", locking=False) as other:
                return led_outside(other["/"], inner, folder, depth - 1)
        except OSError:  # said when it is read; some versions of HDF5 go on to the next place
            continue
    return ""


def _places(file: h5py.File, name: str) -> tuple[Path, ...]:
    """Return where HDF5 looks for a file to which another one refers, in its order.

    As it is written, seen from the other file; beside that; here; and where the other file really lies, if a
    link leads to it.
    """
    beside, real = Path(file.filename).parent, Path(os.path.realpath(file.filename)).parent
    return beside / name, beside / Path(name).name, Path(name), real / name
