"""The scores of an archive in order: by rank, and by id, as Parquet files of which a query reads little.

DuckDB sorts, within a bounded memory; what does not fit waits in the archive's own folder.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from anomalymatch_ui.errors import DamagedStoreError, StorageError
from anomalymatch_ui.files import TEMPORARY_SUFFIX, storage_errors, write_atomically
from anomalymatch_ui.limits import memory_limit
from anomalymatch_ui.score.archive import BY_ID, RANKING, Archive

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MEMORY_LIMIT = "1GB"
"""Of DuckDB; sorting 10^8 rows then spills some gigabytes, and takes as long as with more."""

_LEAST_MEMORY = 128 * 10**6  # with less it does not sort

_connections = itertools.count()

ROW_GROUP = 61_440
"""Rows that are read to show one of them: 1 ms. A multiple of DuckDB's vector of 2,048."""

_SORT = """
copy (
    select row_number() over () as rank, id, score, shard, "row"
    from (
        select id, score, "row",
            regexp_extract(filename, 'shard-(\\d+)\\.parquet$', 1)::integer as shard
        from (select id, score, filename, file_row_number::integer as "row"
              from read_parquet({shards}, filename = true, file_row_number = true, hive_partitioning = false))
        order by score desc, id
    )
) to {to} (format parquet, compression zstd, row_group_size {rows})
"""
_SORT_BY_ID = """
copy (select id, rank, score, shard, "row" from {ranking} order by id)
to {to} (format parquet, compression zstd, row_group_size {rows})
"""


def sort_scores(archive: Archive, *, check: bool = False) -> None:
    """Write an archive's ``ranking.parquet`` and ``by-id.parquet``, unless they are there.

    ``ranking.parquet`` has the columns ``rank`` (int64, from 1), ``id``, ``score``, ``shard`` and ``row``
    (where the image is among the shards), by descending score and, where scores are equal, by id;
    ``by-id.parquet`` the same by id.

    Parameters
    ----------
    archive
        Whose scores.
    check
        Read what is there to its end, and make it anew if it is damaged.

    Raises
    ------
    DamagedStoreError
        If a shard cannot be read.
    StorageError
        If the disk refuses.
    """
    ranking, by_id = archive.folder / RANKING, archive.folder / BY_ID
    if check and not all(_is_whole(path) for path in (ranking, by_id) if path.exists()):
        archive.forget_derived()
    if ranking.exists() and by_id.exists():
        return
    with connection(archive.folder) as database:
        if not ranking.exists():
            shards = f"[{', '.join(literal(path) for path in archive.shards())}]"
            _write(database, ranking, lambda to: _SORT.format(shards=shards, to=to, rows=ROW_GROUP))
        _write(
            database,
            by_id,
            lambda to: _SORT_BY_ID.format(ranking=table(ranking), to=to, rows=ROW_GROUP),
        )


@contextlib.contextmanager
def connection(folder: Path) -> Iterator[DuckDBPyConnection]:
    """Return a DuckDB of bounded memory that works in a folder and fetches nothing from a network."""
    import duckdb

    spill = folder / f".sorting.{os.getpid()}-{next(_connections)}{TEMPORARY_SUFFIX}"
    database = duckdb.connect(
        config={
            "memory_limit": _memory(),
            "temp_directory": str(spill),
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
    )
    try:
        database.execute("set enable_progress_bar = false")
        # Of a ranking of 10^8 rows a page takes 42 ms instead of 85 if the 1,600 row groups' bounds are kept.
        database.execute("set parquet_metadata_cache = true")
        yield database
    finally:
        database.close()
        shutil.rmtree(spill, ignore_errors=True)


def _memory() -> str:
    """Return what DuckDB may use: :data:`MEMORY_LIMIT`, or a quarter of what this process may."""
    most = memory_limit() // 4
    return MEMORY_LIMIT if most >= 10**9 else f"{max(most, _LEAST_MEMORY) // 10**6}MB"


def literal(path: Path) -> str:
    """Write the path of one file as DuckDB's SQL reads it: nothing in it is a pattern."""
    escaped = "".join(f"[{letter}]" if letter in "[*?" else letter for letter in str(path.absolute()))
    return quoted(escaped)


def table(path: Path) -> str:
    """Write a sorted file as DuckDB's SQL reads it; a folder named ``field=7`` gives it no column."""
    return f"read_parquet({literal(path)}, hive_partitioning = false)"


def quoted(text: str) -> str:
    """Write a text as SQL reads it."""
    return "'" + text.replace("'", "''") + "'"


@contextlib.contextmanager
def query_errors(folder: Path) -> Iterator[None]:
    """Turn what DuckDB raises about the files of an archive into a sentence."""
    import duckdb

    try:
        yield
    except duckdb.Error as error:
        reason = str(error).splitlines()[0]
        if "No space left" in reason or "max_temp_directory_size" in str(error):
            raise StorageError(
                f"Cannot write into {folder}: the disk is full. Free some space, then try again."
            ) from error
        if "Permission denied" in reason:
            raise StorageError(
                f"Cannot read or write in {folder}: permission denied. Ask for the right, or copy the folder."
            ) from error
        raise DamagedStoreError(
            f"The scores in {folder} cannot be read ({reason}). Run the `anomalymatch score` that made them "
            "once more: it makes what is damaged anew."
        ) from error


def _is_whole(path: Path) -> bool:
    """Return whether every page of a sorted file can be read."""
    try:
        with connection(path.parent) as database, query_errors(path.parent):
            database.execute(f'select sum(hash(rank, id, score, shard, "row")) from {table(path)}').fetchall()
    except DamagedStoreError:
        return False
    return True


def _write(database: DuckDBPyConnection, path: Path, statement: Callable[[str], str]) -> None:
    def write(temporary: Path) -> None:
        with query_errors(path.parent):
            database.execute(statement(quoted(str(temporary.absolute()))))  # else ~ is the home folder

    with storage_errors(path):
        write_atomically(path, write)
