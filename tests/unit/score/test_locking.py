"""One process at a time writes an archive."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from anomalymatch_ui.errors import StorageError, StoreBusyError
from anomalymatch_ui.score.locking import one_writer

HOLDER = """
import sys, time
from pathlib import Path
from anomalymatch_ui.score.locking import one_writer
with one_writer(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def test_the_lock_names_its_holder_and_ends_with_its_process_even_if_that_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "archive" / "run.lock"
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline()
        with pytest.raises(StoreBusyError, match=f"process {holder.pid} on "), one_writer(path):
            pass
        holder.kill()
    with one_writer(path):
        assert f"process {os.getpid()}" in path.read_text()


@pytest.mark.skipif(sys.platform == "win32", reason="flock is of POSIX systems")
@pytest.mark.parametrize("code", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_disk_without_locks_is_written_without_one_and_gets_no_marker_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def no_locks(descriptor: int, operation: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("fcntl.flock", no_locks)
    for _ in range(2):
        with one_writer(tmp_path / "run.lock"):
            pass
    assert [path.name for path in tmp_path.iterdir()] == ["run.lock"]


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with (
        pytest.raises(StorageError, match=r"Cannot write .*run\.lock"),
        one_writer(tmp_path / "file" / "run.lock"),
    ):
        pass
