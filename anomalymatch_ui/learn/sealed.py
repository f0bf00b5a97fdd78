"""Safetensors files whose content is checked when they are read: a flipped bit makes no other model."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, uint8

from anomalymatch_ui.errors import DamagedStoreError
from anomalymatch_ui.files import write_bytes_atomically

_DIGEST = "digest"


def save_sealed(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write tensors and what is said of them, with a digest of both, whole or not at all.

    Raises
    ------
    StorageError
        If the disk refuses.
    """
    dense = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    write_bytes_atomically(path, save(dense, {**metadata, _DIGEST: _digest(dense, metadata)}))


def read_sealed(path: Path, *, with_tensors: bool = True) -> tuple[dict[str, str], dict[str, Tensor]]:
    """Return what is said of the tensors of a file, and the tensors.

    Parameters
    ----------
    path
        A safetensors file. One from before there were digests is read as it is.
    with_tensors
        Read them, and check the digest.

    Raises
    ------
    FileNotFoundError
        If there is none.
    DamagedStoreError
        If it cannot be read, or is not as it was written.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata: dict[str, str] = file.metadata() or {}
            names = file.keys() if with_tensors else ()
            tensors = {name: file.get_tensor(name) for name in names}
    except FileNotFoundError:
        raise
    except (OSError, SafetensorError, ValueError, RuntimeError, OverflowError) as error:
        raise DamagedStoreError(f"{path} cannot be read ({error}).") from error
    digest = metadata.pop(_DIGEST, None)
    if with_tensors and digest is not None and digest != _digest(tensors, metadata):
        raise DamagedStoreError(f"{path} is not as it was written: its digest is another one.")
    return metadata, tensors


def _digest(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> str:
    digest = hashlib.sha256(repr(sorted(metadata.items())).encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.contiguous().reshape(-1).view(uint8).numpy().tobytes())
    return digest.hexdigest()
