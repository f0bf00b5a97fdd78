"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from anomalymatch_ui.errors import StorageError
from anomalymatch_ui.files import (
    is_being_made,
    remove_leftover,
    temporary_beside,
    write_atomically,
    write_bytes_atomically,
)


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


WRITER = """
import sys
from pathlib import Path
from anomalymatch_ui.files import write_atomically

def write(temporary):
    temporary.write_text("half")
    print(temporary.name, flush=True)
    sys.stdin.readline()
    temporary.write_text("whole")

write_atomically(Path(sys.argv[1]), write)
"""


@contextmanager
def writing(path: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """Run a process that writes a file until it is given a line; return it and the temporary file."""
    command = [sys.executable, "-c", WRITER, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process, path.with_name(process.stdout.readline().strip())
        finally:
            process.kill()


def test_what_a_living_process_writes_is_left_alone_and_what_a_killed_one_wrote_is_removed(
    tmp_path: Path,
) -> None:
    path = tmp_path / "ranking.npz"
    with writing(path) as (process, temporary):
        remove_leftover(temporary)
        assert temporary.read_text() == "half"
        process.communicate("go on\n")
        assert process.returncode == 0
    assert path.read_text() == "whole"
    with writing(path) as (process, temporary):
        process.kill()
        for _ in range(300):  # also before anybody has asked how it ended
            if not is_being_made(temporary):
                break
            time.sleep(0.1)
        remove_leftover(temporary)
        assert not temporary.exists()
    assert path.read_text() == "whole"


def test_a_process_number_that_is_given_out_again_keeps_nothing(tmp_path: Path) -> None:
    temporary = temporary_beside(tmp_path / "a")
    temporary.mkdir()
    assert is_being_made(temporary)
    os.utime(temporary, (0, psutil.Process().create_time() - 60))
    assert not is_being_made(temporary)
    remove_leftover(temporary)
    assert not temporary.exists()
    assert not is_being_made(temporary)


@pytest.mark.parametrize("name", [".a.h000000-1-0.tmp", ".a.tmp"])
def test_what_another_host_or_somebody_unknown_writes_is_left_for_a_day(tmp_path: Path, name: str) -> None:
    temporary = tmp_path / name
    temporary.write_text("half")
    remove_leftover(temporary)
    assert temporary.exists()
    long_ago = time.time() - 90_000
    os.utime(temporary, (long_ago, long_ago))
    remove_leftover(temporary)
    assert not temporary.exists()
