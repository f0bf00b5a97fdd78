"""Tar files of images, as WebDataset packs them: the files of one sample share a name up to the first dot.

References
----------
.. [1] https://github.com/webdataset/webdataset
"""

from __future__ import annotations

import hashlib
import os
import tarfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from anomalymatch_ui import jsontext
from anomalymatch_ui.config import PixelsConfig
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.pixels.files import SUFFIXES
from anomalymatch_ui.pool.base import PoolReport, few
from anomalymatch_ui.pool.closed import PoolClosedError
from anomalymatch_ui.pool.columns import Columns
from anomalymatch_ui.pool.ids import StoredIds
from anomalymatch_ui.pool.records import RecordError, RecordPool

# Other names of images in WebDataset shards, beside the suffixes of files.
_SUFFIXES = (*SUFFIXES, ".image", ".img")

# Notes of a sample: small, and read when a column is asked for.
_NOTES = (".json", ".cls", ".txt")


class TarPool(RecordPool):
    """The images of an uncompressed tar file [1]_; see :class:`~anomalymatch_ui.pool.ImagePool`.

    Its headers are read once, to know where each image lies; then any image is one read.

    Parameters
    ----------
    path
        The file, absolute.
    pixels
        How the images are read and rendered.

    Raises
    ------
    InputError
        If it cannot be opened or holds no images.
    """

    def __init__(self, path: Path, pixels: PixelsConfig) -> None:
        self.path = path
        self.name = path.stem
        self._notes: dict[str, list[tuple[str, int, int]]] = {}
        skipped: dict[str, str] = {}
        images = self._index_members(skipped)
        if not images:
            held = few(sorted(skipped)) or "nothing"
            raise InputError(
                f"{path} has no images: it needs files such as NAME.jpg or NAME.npy, and holds {held}."
            )
        names = _names([name for name, _, _ in images])
        self._offsets = np.array([offset for _, offset, _ in images], np.int64)
        self._sizes = np.array([size for _, _, size in images], np.int64)
        self._keys = [_key(name) for name, _, _ in images]
        self._file = path.open("rb")
        self._length = os.fstat(self._file.fileno()).st_size
        self._lock = threading.Lock()
        self.ids = self.row_ids = StoredIds(lambda start, stop: names[start:stop], len(names), str(path))
        self.report = PoolReport(len(names), skipped)
        self.columns = self._columns()
        self.look(pixels)
        self.found = {"array": f"{len(names):,} files in a tar file", "ids": "names of the files"}
        if self.columns:
            self.found["columns"] = few(list(self.columns.names))
        sizes = hashlib.sha256(self._sizes.tobytes()).hexdigest()
        self.digest = self.fingerprint(
            f"tar {self.row_ids.digest} {sizes}", "Fetch the file again, or pack it anew."
        )

    def record(self, index: int) -> bytes:
        """Read the bytes of one image's file."""
        return self._bytes(int(self._offsets[index]), int(self._sizes[index]))

    def close(self) -> None:
        """Close the file; later reads raise ``ValueError``."""
        self._file.close()

    def _bytes(self, offset: int, size: int) -> bytes:
        if self._file.closed:
            raise PoolClosedError(self.path)
        if offset + size > self._length:
            raise RecordError("the file is cut off before its end")
        if hasattr(os, "pread"):  # which needs no lock
            return os.pread(self._file.fileno(), size, offset)
        with self._lock:
            self._file.seek(offset)
            return self._file.read(size)

    def _index_members(self, skipped: dict[str, str]) -> list[tuple[str, int, int]]:
        """Return name, offset and size of each image, in the order of the file."""
        images: list[tuple[str, int, int]] = []
        try:
            with tarfile.open(self.path, "r:") as archive:
                for member in _members(archive, skipped):
                    place = member.name, member.offset_data, member.size
                    suffix = _suffix(member.name)
                    if not member.isfile() or os.path.basename(member.name).startswith("."):
                        continue
                    if member.issparse():
                        skipped[member.name] = "a sparse file"
                    elif suffix.endswith(_SUFFIXES):
                        images.append(place)
                    elif suffix.endswith(_NOTES):
                        self._notes.setdefault(_key(member.name), []).append((suffix, *place[1:]))
                    else:
                        skipped[member.name] = "not an image"
        except (OSError, tarfile.TarError) as error:
            why = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise InputError(
                f"Cannot open {self.path} as a tar file: {why}. Unpack a compressed one first, or fetch it "
                "again."
            ) from error
        return images

    def _columns(self) -> Columns:
        """Return columns of what the notes say: the first sample's tell which there are."""
        first = self._note(next((key for key in self._keys if key in self._notes), ""))

        def read(name: str) -> object:
            import pyarrow as pa

            return pa.chunked_array([pa.array([self._note(key).get(name) for key in self._keys])])

        return Columns({name: lambda name=name: read(name) for name in first})  # type: ignore[misc]

    def _note(self, key: str) -> dict[str, object]:
        """Return what the notes of a sample say; what cannot be read says nothing."""
        said: dict[str, object] = {}
        for suffix, offset, size in self._notes.get(key, ()):
            try:
                text = self._bytes(offset, size).decode()
                if suffix.endswith(".json"):
                    values = jsontext.parsed(text)
                    said.update(values if isinstance(values, dict) else {})
                else:
                    said[suffix.removeprefix(".")] = text.strip()
            except (OSError, ValueError, RecordError):
                continue
        return said


def _members(archive: tarfile.TarFile, skipped: dict[str, str]) -> Iterator[tarfile.TarInfo]:
    """Return the members of a tar file as far as they can be read."""
    members = iter(archive)
    while True:
        try:
            member = next(members)
        except StopIteration:
            return
        except tarfile.ReadError as error:
            skipped["the rest of the file"] = f"it is damaged: {error}"
            return
        # Or else each header stays in memory: 1 kB a member.
        archive.members.clear()  # type: ignore[attr-defined]
        yield member


def _key(name: str) -> str:
    """Return the name of a sample: a file's path up to the first dot of its last part."""
    folder, base = os.path.split(name)
    return os.path.join(folder, base.split(".", maxsplit=1)[0])


def _suffix(name: str) -> str:
    return name[len(_key(name)) :].lower()


def _names(files: Sequence[str]) -> list[str]:
    """Return an id for each file: the sample's name, or the file's where samples have several images."""
    keys = [_key(file) for file in files]
    if len(set(keys)) == len(keys):
        return keys
    if len(set(files)) == len(files):
        return list(files)
    seen: dict[str, int] = {}
    names = []
    for file in files:
        seen[file] = count = seen.get(file, 0) + 1
        names.append(file if count == 1 else f"{file} ({count})")
    return names
