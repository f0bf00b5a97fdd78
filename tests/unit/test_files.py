"""Files that are written whole or not at all."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from anomalymatch_ui.errors import StorageError
from anomalymatch_ui.files import write_atomically, write_bytes_atomically


def test_threads_that_write_one_file_at_the_same_time_leave_one_whole(tmp_path: Path) -> None:
    path = tmp_path / "symmetry.json"
    threads = 4
    together = threading.Barrier(threads)

    def write(temporary: Path, content: bytes) -> None:
        temporary.write_bytes(content)
        together.wait(300)

    contents = [bytes([65 + number]) * 10_000 for number in range(threads)]
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda content: write_atomically(path, lambda file: write(file, content)), contents))

    assert path.read_bytes() in contents
    assert [found.name for found in tmp_path.iterdir()] == [path.name]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    write_bytes_atomically(path, b"old")

    def fail(temporary: Path) -> None:
        temporary.write_bytes(b"ne")
        raise OSError(28, "No space left on device")

    with pytest.raises(StorageError, match="No space left on device"):
        write_atomically(path, fail)

    assert path.read_bytes() == b"old"
    assert [found.name for found in tmp_path.iterdir()] == [path.name]
