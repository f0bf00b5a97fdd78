"""One shard of an archive as Parquet, with what it takes to notice any damage."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from anomalymatch_ui import jsontext
from anomalymatch_ui.errors import DamagedStoreError

_KEY = "anomalymatch"
_BLANK = "0" * 64
"""Where the checksum will be, while it is computed."""


@dataclass(frozen=True)
class Shard:
    """The scores of a range of a pool.

    Attributes
    ----------
    ids
        Ids of the images that could be read, in the pool's order.
    scores
        float32 ``(n,)``, in [0, 1].
    embedding
        float16 ``(n, components)``; ``None`` if none was asked for.
    unreadable
        Id -> reason of the others.
    """

    ids: Sequence[str]
    scores: np.ndarray
    embedding: np.ndarray | None = None
    unreadable: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EncodedShard:
    """A shard as it will be on disk.

    Attributes
    ----------
    number
        Which shard.
    content
        Content of its file.
    scored, unreadable
        Images that have a score, and that could not be read.
    """

    number: int
    content: bytes
    scored: int
    unreadable: int


def encode_shard(shard: Shard, owner: str, number: int) -> EncodedShard:
    """Return a Parquet file with the columns ``id``, ``score`` and, where there is one, ``embedding``.

    The same shard gives the same bytes. The file's last part says whose shard it is and which, and holds
    a checksum of all the rest of the file, so that any damage shows.

    Parameters
    ----------
    shard
        What to write.
    owner
        Digest of what the archive belongs to.
    number
        Number of the shard.
    """
    import pyarrow
    import pyarrow.parquet as parquet

    columns: dict[str, Any] = {
        "id": pyarrow.array(shard.ids, pyarrow.string()),
        "score": pyarrow.array(shard.scores, pyarrow.float32()),
    }
    if shard.embedding is not None:
        flat = pyarrow.array(shard.embedding.ravel(), pyarrow.float16())
        columns["embedding"] = pyarrow.FixedSizeListArray.from_arrays(flat, shard.embedding.shape[1])
    table = pyarrow.table(columns)
    told = {"owner": owner, "number": number, "unreadable": dict(shard.unreadable), "sha256": _BLANK}
    buffer = io.BytesIO()
    # Ids are all different: a dictionary of them would be the column once more.
    with parquet.ParquetWriter(buffer, table.schema, compression="zstd", use_dictionary=False) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({_KEY: json.dumps(told)})
    content = buffer.getvalue()
    place = content.rindex(_BLANK.encode())
    digest = hashlib.sha256(content).hexdigest()
    content = content[:place] + digest.encode() + content[place + len(_BLANK) :]
    return EncodedShard(number, content, len(shard.ids), len(shard.unreadable))


def check_shard(path: Path, owner: str, number: int) -> tuple[int, int]:
    """Check a shard; give how many images have a score and how many could not be read.

    Raises
    ------
    DamagedStoreError
        If it is missing, damaged, or not that shard of that owner.
    """
    with _damage(path):
        file, told = _checked(path.read_bytes(), owner, number)
        return int(file.metadata.num_rows), len(told["unreadable"])


def read_shard(path: Path, owner: str, number: int) -> Shard:
    """Check a shard and read it. Raises as :func:`check_shard`."""
    with _damage(path):
        file, told = _checked(path.read_bytes(), owner, number)
        table = file.read()
        embedding = _embedding(table) if "embedding" in table.column_names else None
        return Shard(table["id"].to_pylist(), table["score"].to_numpy(), embedding, told["unreadable"])


def read_embedding(path: Path) -> np.ndarray:
    """Read the embedding of a shard alone, float16 ``(n, components)``.

    Raises
    ------
    DamagedStoreError
        If it cannot be read.
    """
    with _damage(path):
        return _embedding(_columns(path, "embedding"))


def read_ids(path: Path) -> list[str]:
    """Read the ids of a shard alone.

    Raises
    ------
    DamagedStoreError
        If they cannot be read.
    """
    with _damage(path):
        ids: list[str] = _columns(path, "id")["id"].to_pylist()
        return ids


def _checked(content: bytes, owner: str, number: int) -> tuple[Any, dict[str, Any]]:
    """Return a file's reader and what it says of itself, if its checksum is right."""
    import pyarrow
    import pyarrow.parquet as parquet

    file = parquet.ParquetFile(pyarrow.BufferReader(content))
    told: dict[str, Any] = jsontext.parsed(file.metadata.metadata[_KEY.encode()])
    written = told["sha256"].encode()
    place = content.rindex(written)
    digest = hashlib.sha256(memoryview(content)[:place])
    digest.update(_BLANK.encode())
    digest.update(memoryview(content)[place + len(written) :])
    if digest.hexdigest().encode() != written or (told["owner"], told["number"]) != (owner, number):
        raise ValueError("its checksum, owner or number is another")
    return file, told


def _columns(path: Path, *names: str) -> Any:
    import pyarrow.parquet as parquet

    with parquet.ParquetFile(path) as file:
        return file.read(list(names))


def _embedding(table: Any) -> np.ndarray:
    column = table["embedding"].combine_chunks()
    width = column.type.list_size
    if column.null_count or column.values.null_count:  # which `flatten` drops, and all rows after it move up
        raise ValueError("an embedding is missing")
    flat: np.ndarray = column.flatten().to_numpy(zero_copy_only=False).copy()  # which torch may hold
    return flat.reshape(-1, width)


@contextlib.contextmanager
def _damage(path: Path) -> Iterator[None]:
    """Turn what pyarrow raises of a damaged file into a sentence."""
    import pyarrow

    try:
        yield
    except (OSError, ValueError, LookupError, TypeError, MemoryError, pyarrow.ArrowException) as error:
        raise DamagedStoreError(
            f"The scores in {path} are damaged. Run the `anomalymatch score` that made them once more: "
            "it makes what is damaged anew."
        ) from error
