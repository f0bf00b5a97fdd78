"""Machines on which the home folder, or the current one, cannot be written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from jupyter_core.paths import jupyter_data_dir, jupyter_path, jupyter_runtime_dir

from anomalymatch_ui.app.serving.environment import Wanted
from anomalymatch_ui.app.serving.places import can_write, writable_places
from anomalymatch_ui.errors import StorageError

PLACES = ("JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR", "JUPYTER_CONFIG_DIR", "JUPYTER_PATH", "IPYTHONDIR")


@pytest.fixture
def homeless(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder in whose place a file lies, so that not even root can write to it."""
    home = tmp_path / "home"
    home.write_text("")
    monkeypatch.setenv("HOME", str(home))
    for name in PLACES:
        monkeypatch.delenv(name, raising=False)
    return home


def test_jupyter_gets_a_folder_of_its_own_where_home_cannot_be_written(homeless: Path) -> None:
    installed = jupyter_data_dir()
    assert not can_write(Path(jupyter_runtime_dir()))
    with writable_places():
        made = Path(jupyter_runtime_dir())
        assert can_write(made)
        assert can_write(Path(jupyter_data_dir()))
        assert installed in jupyter_path()  # what is installed there is found as before
    assert not made.exists()
    assert not set(PLACES) & os.environ.keys()


def test_a_home_that_can_be_written_stays_jupyter_s(
    tmp_path: Path, homeless: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    before = jupyter_runtime_dir()
    with writable_places():
        assert jupyter_runtime_dir() == before


@pytest.fixture
def filled(full_disk: Path) -> Path:
    """A disk without room for another small file."""
    for number in range(100):
        try:
            (full_disk / str(number)).write_bytes(bytes(4096))
        except OSError:
            return full_disk
    pytest.skip("no disk of its own could be mounted, and only the size of files is limited")


def test_a_full_home_counts_as_one_that_cannot_be_written(filled: Path) -> None:
    assert not can_write(filled)


def test_without_any_place_to_write_to_the_remedy_is_said(
    homeless: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(homeless))
    with pytest.raises(StorageError, match="Set TMPDIR"), writable_places():
        pass


def test_a_current_folder_that_cannot_be_written_names_the_option(
    pool_folder: Path, filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(filled)
    with pytest.raises(StorageError, match=r"kept in the current folder, .*full, unless --session"):
        Wanted(pool_folder).open(check_only=True)
