"""A frozen backbone as arrays in a file: what it computes, and what torch made of some images by it.

By the latter whoever computes it otherwise is tried, on each machine anew, without torch.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from anomalymatch_ui import jsontext
from anomalymatch_ui.errors import DamagedStoreError
from anomalymatch_ui.files import write_bytes_atomically
from anomalymatch_ui.learn.plan import Bottleneck, ByteScaling, Convolution, Plan, Taken

FORMAT = "anomalymatch-frozen-backbone/1"
"""Counts up when the same network comes to another file."""

_DIGEST, _CONTENT = "digest", "content"


@dataclass(frozen=True, slots=True)
class FrozenBackbone:
    """A backbone that only looks, and what is taken of it.

    Attributes
    ----------
    name
        Of the network.
    plan
        The layers that the parts need.
    scaling
        How the bytes of images are scaled.
    parts
        What is taken.
    widths
        Columns of each part.
    pixels
        Images to try it on, uint8 ``(n, height, width, bands)``.
    features
        What torch makes of them, float32 ``(n, columns)``.
    """

    name: str
    plan: Plan
    scaling: ByteScaling
    parts: tuple[Taken, ...]
    widths: tuple[int, ...]
    pixels: np.ndarray
    features: np.ndarray


def save_frozen(path: Path, frozen: FrozenBackbone) -> None:
    """Write a backbone with a digest of all of it, whole or not at all.

    Raises
    ------
    StorageError
        If the disk refuses.
    """
    arrays: dict[str, np.ndarray] = {"pixels": frozen.pixels, "features": frozen.features}
    arrays |= {"mean": frozen.scaling.mean, "deviation": frozen.scaling.deviation}
    plan = frozen.plan
    content = {
        "name": frozen.name,
        "activation": plan.activation,
        "stem": _noted("stem", plan.stem, arrays),
        "blocks": {number: _noted_block(number, block, arrays) for number, block in plan.blocks.items()},
        "end": _noted("end", plan.end, arrays),
        "spread": frozen.scaling.spread,
        "parts": frozen.parts,
        "widths": frozen.widths,
    }
    told = json.dumps(content)
    arrays = {name: np.ascontiguousarray(values) for name, values in arrays.items()}
    metadata = {"format": FORMAT, _CONTENT: told, _DIGEST: _digest(told, arrays)}
    write_bytes_atomically(path, save(arrays, metadata))


def load_frozen(path: Path) -> FrozenBackbone:
    """Read what :func:`save_frozen` has written.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    DamagedStoreError
        If it is not as it was written.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            metadata: dict[str, str] = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
        told = metadata[_CONTENT]
        if metadata["format"] != FORMAT or metadata[_DIGEST] != _digest(told, arrays):
            raise DamagedStoreError(f"{path} is not as it was written: its digest is another one.")
        return _read(jsontext.parsed(told), arrays)
    except FileNotFoundError:
        raise
    except (OSError, SafetensorError, ValueError, TypeError, LookupError, OverflowError) as error:
        raise DamagedStoreError(f"{path} cannot be read ({error}).") from error


def _read(content: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> FrozenBackbone:
    blocks = {int(number): _block(block, arrays) for number, block in content["blocks"].items()}
    stem, end = (_convolution(content[name], arrays) for name in ("stem", "end"))
    return FrozenBackbone(
        content["name"],
        Plan(content["activation"], stem, blocks, end),
        ByteScaling(content["spread"], arrays["mean"], arrays["deviation"]),
        tuple(Taken(tuple(layers), place, tuple(which)) for layers, place, which in content["parts"]),
        tuple(content["widths"]),
        arrays["pixels"],
        arrays["features"],
    )


def _noted(name: str, part: Convolution | None, arrays: dict[str, np.ndarray]) -> dict[str, Any] | None:
    """Return all of a convolution but its arrays, which are added to the others."""
    if part is None:
        return None
    arrays[f"{name}.weights"] = part.weights
    if part.bias is not None:
        arrays[f"{name}.bias"] = part.bias
    sizes = {"strides": part.strides, "dilations": part.dilations, "before": part.before, "after": part.after}
    return {"name": name, "groups": part.groups, **sizes}


_CONVOLUTIONS = ("expand", "depthwise", "reduce", "restore", "project")


def _noted_block(number: int, block: Bottleneck, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    parts = {name: _noted(f"{number}.{name}", getattr(block, name), arrays) for name in _CONVOLUTIONS}
    return {"activation": block.activation, "adds": block.adds, **parts}


def _convolution(noted: Mapping[str, Any] | None, arrays: Mapping[str, np.ndarray]) -> Convolution | None:
    if noted is None:
        return None
    name = noted["name"]
    pairs = [tuple(noted[size]) for size in ("strides", "dilations", "before", "after")]
    return Convolution(arrays[f"{name}.weights"], arrays.get(f"{name}.bias"), noted["groups"], *pairs)


def _block(noted: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Bottleneck:
    parts: dict[str, Any] = {name: _convolution(noted[name], arrays) for name in _CONVOLUTIONS}
    return Bottleneck(activation=noted["activation"], adds=noted["adds"], **parts)


def _digest(told: str, arrays: Mapping[str, np.ndarray]) -> str:
    digest = hashlib.sha256(told.encode())
    for name, values in sorted(arrays.items()):
        digest.update(f"{name} {values.dtype} {values.shape}".encode())
        digest.update(np.ascontiguousarray(values).data)
    return digest.hexdigest()
