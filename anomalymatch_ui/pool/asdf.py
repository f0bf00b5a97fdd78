"""ASDF files, in which Roman's images come: one image a file.

References
----------
.. [1] https://roman-pipeline.readthedocs.io: ``roman.data`` with ``roman.err``, ``roman.weight`` and others
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np

from anomalymatch_ui.config import PixelsConfig
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.pixels import PixelError, as_native
from anomalymatch_ui.pixels.largest import check_shape
from anomalymatch_ui.pool.base import PoolReport, few
from anomalymatch_ui.pool.closed import PoolClosedError
from anomalymatch_ui.pool.contents import IMAGES, is_one_image, one_image
from anomalymatch_ui.pool.ids import StoredIds
from anomalymatch_ui.pool.links import ALLOWED_BY, is_inside
from anomalymatch_ui.pool.records import RecordError, RecordPool, as_file

# What the library and its compressions raise of damaged files, or of tags of other versions.
_ERRORS = (OSError, RuntimeError, ValueError, LookupError, TypeError, AttributeError, EOFError)

_DEPTH = 6

_FILES = 4
"""Files that are followed, one from the other: those that lead in circles have no end."""


class AsdfPool(RecordPool):
    """The image of an ASDF file [1]_, called as the file; see :class:`~anomalymatch_ui.pool.ImagePool`.

    Parameters
    ----------
    path
        The file, absolute.
    pixels
        How the image is found, read and rendered; ``array`` is its place in the tree, as in ``roman.data``.

    Raises
    ------
    InputError
        If it cannot be opened or has no image.
    """

    def __init__(self, path: Path, pixels: PixelsConfig) -> None:
        self.path = path
        self.name = path.stem
        self._closed = False
        self.pixels = pixels
        try:
            outside = "" if pixels.follow_links else _led_outside(path, path.resolve().parent)
            if outside:
                raise InputError(f"{path} takes arrays from {outside}, {ALLOWED_BY}.")
            with _opened(path) as file:
                arrays = dict(_arrays(file.tree))
        except _ERRORS as error:
            why = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise InputError(f"Cannot open {path} as an ASDF file: {why}. Fetch it again.") from error
        self._array = _image(arrays, pixels.array, path)
        shape, dtype = arrays[self._array]
        self.ids = self.row_ids = StoredIds(lambda start, stop: [path.stem][start:stop], 1, str(path))
        self.report = PoolReport(1)
        self.look(pixels)
        self.found = {"array": f"'{self._array}', {dtype.name} of shape {shape}", "ids": "name of the file"}
        self.digest = self.fingerprint(f"asdf {path.stem}", "Fetch the file again.")

    def record(self, index: int) -> bytes:
        """Read the image as a file."""
        if self._closed:
            raise PoolClosedError(self.path)
        try:
            with _opened(self.path) as file:
                found: Any = file.tree
                for name in self._array.split("."):
                    found = found[name]
                check_shape(found.shape, self.pixels.largest)
                return as_file(one_image(as_native(np.array(found))))
        except (FileNotFoundError, PixelError):
            raise
        except Exception as error:  # of a compression, which may raise a kind of its own
            raise RecordError("damaged") from error

    def close(self) -> None:
        """Refuse later reads, which raise ``ValueError``; no file stays open between two reads."""
        self._closed = True


def _led_outside(path: Path, folder: Path, depth: int = _FILES) -> str:
    """Return to what outside a folder, such as an address, the tree of a file refers; empty if to nothing.

    Nothing outside is opened or asked for it.
    """
    _library()
    from asdf.util import load_yaml

    for text in _references(load_yaml(path)):
        address = urlsplit(text)
        if not (address.scheme or address.netloc or address.path):
            continue  # to another part of the tree
        beside = path.parent / unquote(address.path)
        if depth == 0 or address.scheme or address.netloc or not is_inside(beside, folder):
            return text
        found = _led_outside(beside, folder, depth - 1) if beside.is_file() else ""
        if found:
            return found
    return ""


def _references(tree: Any) -> Iterator[str]:
    """Iterate over the addresses of other trees, and of arrays that are kept elsewhere."""
    pending: list[Any] = [tree]
    seen: set[int] = set()
    while pending:
        node = pending.pop()
        if id(node) in seen:  # of an anchor
            continue
        seen.add(id(node))
        if isinstance(node, Mapping):
            names = ("$ref", *(["source"] if "byteorder" in node else []))
            yield from (node[name] for name in names if isinstance(node.get(name), str))
            pending += node.values()
        elif isinstance(node, list):
            pending += node


def _opened(path: Path) -> Any:
    return _library().open(path, ignore_unrecognized_tag=True)


def _library() -> Any:
    try:
        import asdf
    except ImportError as error:
        raise InputError("ASDF is read by asdf. Install it: pip install 'anomalymatch-ui[asdf]'.") from error
    return asdf


def _arrays(
    tree: Any, prefix: str = "", depth: int = _DEPTH
) -> Iterator[tuple[str, tuple[tuple[int, ...], np.dtype]]]:
    """Return place, shape and dtype of each array of a tree."""
    if depth == 0:
        return
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from _arrays(value, f"{prefix}{name}.", depth - 1)
        elif hasattr(value, "shape") and hasattr(value, "dtype"):
            yield f"{prefix}{name}", (tuple(value.shape), np.dtype(value.dtype))


def _image(arrays: Mapping[str, tuple[tuple[int, ...], np.dtype]], wanted: str | None, path: Path) -> str:
    """Return the place of the image."""
    if wanted is not None:
        if wanted not in arrays or not is_one_image(*arrays[wanted]):
            raise InputError(f"{path} has no image {wanted!r}, but {few(list(arrays)) or 'no arrays'}.")
        return wanted
    fitting = [name for name, (shape, dtype) in arrays.items() if is_one_image(shape, dtype)]
    for label in ("data", *IMAGES):
        alike = sorted((name for name in fitting if name.rpartition(".")[2].casefold() == label), key=len)
        if alike:
            return alike[0]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise InputError(f"{path} has {len(fitting):,} images: {few(fitting)}. Choose one (--array).")
    raise InputError(
        f"{path} has no image, but {few(list(arrays))}." if arrays else f"{path} has no image, nor any array."
    )
