"""Files from the network, each known by its MD5."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.files import write_bytes_atomically

ProgressCallback = Callable[[int, int], None]

_BLOCK_BYTES = 2**18
_SILENT_SECONDS = 30


@dataclass(frozen=True)
class RemoteFile:
    """A published file.

    Attributes
    ----------
    name
        What it is called on disk.
    address
        Where it is published.
    md5
        Of its content, hexadecimal; it finds damage, not forgery.
    """

    name: str
    address: str
    md5: str


def read_or_download(
    file: RemoteFile, folder: Path, *, download: bool = True, progress: ProgressCallback | None = None
) -> bytes:
    """Return the content of a file, downloading it into a folder where it is not there yet.

    Only content with the right MD5 is ever kept or given.

    Parameters
    ----------
    file
        Which.
    folder
        Where it is or shall be.
    download
        Whether the network may be used.
    progress
        Called with the kilobytes downloaded and their total, where the server tells it.

    Raises
    ------
    InputError
        If the file is absent and cannot be downloaded, or its content is not the published one.
    StorageError
        If the disk refuses.
    """
    path = folder / file.name
    if path.exists():
        return _read(file, path)
    if not download:
        raise InputError(
            f"There is no {path}, and it may not be downloaded. Fetch {file.address} and put it there."
        )
    content = _download(file, path, progress or (lambda _done, _total: None))
    if (digest := _md5(content)) != file.md5:
        raise InputError(
            f"What {file.address} gave is not the published file: its MD5 is {digest}, not {file.md5}. "
            f"Try again later, or put the right file at {path}."
        )
    write_bytes_atomically(path, content)
    return content


def _read(file: RemoteFile, path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"Cannot read {path}: {error.strerror or error}. Check its permissions, or remove it."
        ) from error
    if (digest := _md5(content)) != file.md5:
        raise InputError(
            f"{path} is damaged or another file: its MD5 is {digest}, not {file.md5}. "
            f"Remove it, and fetch it again from {file.address}."
        )
    return content


def _download(file: RemoteFile, path: Path, progress: ProgressCallback) -> bytes:
    content = bytearray()
    # Some file servers refuse Python's own name.
    request = Request(file.address, headers={"User-Agent": "anomalymatch-ui"})
    try:
        # The addresses are constants of this package.
        with urlopen(request, timeout=_SILENT_SECONDS) as response:  # nosec B310
            total = response.length
            while block := response.read(_BLOCK_BYTES):
                content += block
                if total:
                    progress(len(content) // 1000, total // 1000)
    except (OSError, HTTPException) as error:
        raise InputError(
            f"Cannot download {file.address}: {_reason(error)}. Run this again where there is a network, "
            f"or put the file at {path}."
        ) from error
    return bytes(content)


def _reason(error: Exception) -> str:
    if isinstance(error, HTTPError):
        return f"the server answered {error.code} {error.reason}"
    reason = getattr(error, "reason", error)  # what urllib wraps, such as a name that cannot be resolved
    return str(getattr(reason, "strerror", None) or reason or type(error).__name__)


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
