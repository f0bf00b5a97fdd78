"""What a score archive belongs to, so that scores of two models, pools or settings are never mixed."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, NonNegativeInt, PositiveInt, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked_dataclass

from anomalymatch_ui import jsontext
from anomalymatch_ui.config import Symmetry
from anomalymatch_ui.errors import DamagedStoreError, InputError
from anomalymatch_ui.files import write_bytes_atomically

FORMAT = 1
"""Number of this layout of an archive; a larger one is of newer software, and is not read."""

SMALLEST_SHARD, LARGEST_SHARD, USUAL_SHARDS = 4_096, 65_536, 1_000


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """Where, in which number format and by what a network runs: all show in the last digits of a score.

    Attributes
    ----------
    device
        Kind of device: ``cpu``, ``cuda`` or ``mps``.
    dtype
        Such as ``bfloat16``.
    runtime
        What computes it: ``torch``, or OpenVINO with its version.
    """

    device: str
    dtype: str
    runtime: str = "torch"

    def __str__(self) -> str:
        by = "" if self.runtime == "torch" else f", by {self.runtime}"
        return f"{self.dtype} on {self.device}{by}"


@dataclass(frozen=True, slots=True)
class Plan:
    """How an archive's images are read, settled when it is begun: it shows in the last digits of a score.

    Attributes
    ----------
    batch_size
        Images that the network sees at one time.
    """

    batch_size: int


@checked_dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class ArchiveManifest:
    """All that the bytes of an archive's shards depend on.

    Attributes
    ----------
    model
        Digest of the network.
    pool
        Digest of the pool.
    images
        Length of the pool.
    software
        Version of anomalymatch-ui.
    image_size
        Side of the square that the network sees, in pixels.
    symmetry
        Views over which an image's scores are averaged.
    device, dtype, runtime
        See :class:`Arithmetic`.
    components
        Components of the embedding of each image; 0 for none.
    batch_size
        See :class:`Plan`.
    decode
        Where JPEGs were decoded. Version 0.1 could ask a GPU to; what it began so is not mixed with this.
    compiled
        Whether ``torch.compile`` has made the network.
    shard_size
        Pool indices that a shard covers: shard ``k`` begins at index ``k * shard_size``, and a batch never
        lies in two shards.
    """

    model: str
    pool: str
    images: PositiveInt
    software: str
    image_size: PositiveInt
    symmetry: Symmetry
    device: str
    dtype: str
    components: NonNegativeInt
    batch_size: PositiveInt
    compiled: bool
    shard_size: PositiveInt
    decode: Literal["cpu", "gpu"] = "cpu"
    runtime: str = "torch"  # of archives that were begun when there was nothing else

    @property
    def shard_count(self) -> int:
        """How many shards the pool has."""
        return -(-self.images // self.shard_size)

    @property
    def arithmetic(self) -> Arithmetic:
        """Where and in which number format the scores are computed."""
        return Arithmetic(self.device, self.dtype, self.runtime)

    @property
    def plan(self) -> Plan:
        """How the images are read."""
        return Plan(self.batch_size)

    @property
    def identity(self) -> str:
        """Hexadecimal; two manifests that differ in anything have different ones."""
        values = asdict(self)
        if self.runtime == "torch":  # as it was before there was a choice
            del values["runtime"]
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()

    def indices(self, shard: int) -> range:
        """Return the pool indices that a shard covers."""
        first = shard * self.shard_size
        return range(first, min(first + self.shard_size, self.images))

    def write(self, path: Path) -> None:
        """Write it as JSON, whole or not at all. Raises ``StorageError`` if the disk refuses."""
        write_bytes_atomically(path, json.dumps({"format": FORMAT, **asdict(self)}, indent=2).encode())

    def check_against(self, stored: ArchiveManifest, folder: Path) -> None:
        """Check that scores of this belong beside those of ``stored``, which lie in ``folder``.

        Raises
        ------
        InputError
            If they do not; the sentence names the first difference that a person would.
        """
        for field in fields(self):
            here, there = getattr(self, field.name), getattr(stored, field.name)
            if here != there:
                difference = _DIFFERENCES.get(field.name, _SETTING)
                told = difference.format(field=field.name.replace("_", " "), there=there, here=here)
                raise InputError(
                    f"{folder} {told}. "
                    "Choose another folder, or start again with --restart, which deletes what it holds."
                )


_SETTING = "was begun with the {field} {there}, not {here}; scores of two settings are never mixed"
_DIFFERENCES = {
    "model": "holds the scores of another model ({there}, and this one is {here})",
    "pool": "holds the scores of other images, or the images have changed since",
    "images": "holds the scores of {there:,} images, and now there are {here:,}",
    "software": "was begun by version {there} of anomalymatch-ui, and this is {here}: scores of two versions "
    "are never mixed",
    "runtime": "was begun with {there}, and here {here} computes: their last digits differ, and they are "
    "never mixed. Install what it was begun with, or name it by --runtime",
    "components": "was begun with embeddings of {there} components, not {here} (0: none)",
}


_ADAPTER = TypeAdapter(ArchiveManifest)


def read_manifest(path: Path) -> ArchiveManifest:
    """Read what :meth:`ArchiveManifest.write` wrote.

    Raises
    ------
    InputError
        If there is none, or newer software wrote it.
    DamagedStoreError
        If it cannot be read.
    """
    check_kind(path)
    try:
        values: dict[str, Any] = jsontext.parsed(path.read_text(encoding="utf-8"))
        number = values.pop("format")
        if isinstance(number, int) and number > FORMAT:
            raise InputError(
                f"{path.parent} was written by a newer version of anomalymatch-ui "
                f"({values.get('software', 'unknown')}). Update anomalymatch-ui, or choose another folder."
            )
        return _ADAPTER.validate_python(values)
    except FileNotFoundError as error:
        raise InputError(
            f"{path.parent} holds no scores. Give the --out folder of `anomalymatch score`."
        ) from error
    except OSError as error:
        raise InputError(
            f"Cannot read {path}: {error.strerror or error}. Check the path and its permissions."
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError, ValidationError) as error:
        raise DamagedStoreError(
            f"The manifest {path} is damaged. Start again with --restart, which deletes the scores there."
        ) from error


def check_kind(path: Path) -> None:
    """Check that a manifest that can be read is an archive's.

    Raises
    ------
    InputError
        If something else is called by that name, such as what a session keeps.
    """
    try:
        values = jsontext.parsed(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    if not isinstance(values, dict) or "format" not in values:
        raise InputError(
            f"{path.parent} holds something else than an archive's scores. Give an empty or a new folder."
        )


def usual_shard_size(images: int, batch_size: int) -> int:
    """Return a shard size for a pool: some thousand shards, none too small to be worth a file.

    A shard is what an interruption repeats at most and what a worker of a cluster is given; 4,096 images
    of 64 px are 6 s of two CPU cores. It is a multiple of ``batch_size``.
    """
    size = min(max(images // USUAL_SHARDS, SMALLEST_SHARD), LARGEST_SHARD)
    return -(-size // batch_size) * batch_size
