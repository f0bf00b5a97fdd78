"""Where Jupyter and IPython write what they need to run, on machines whose home folder cannot be written."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from jupyter_core.paths import jupyter_config_dir, jupyter_data_dir, jupyter_runtime_dir

from anomalymatch_ui.errors import StorageError

_NEEDED = 4096
"""Bytes that must find room: a kernel's connection file has 300."""


@contextlib.contextmanager
def writable_places() -> Iterator[None]:
    """Give Jupyter and IPython a folder of their own where the home folder is read-only, full or missing.

    What is installed in the home folder is still found there. The folder is deleted at the end.

    Raises
    ------
    StorageError
        If there is no folder for temporary files, either.
    """
    if can_write(Path(jupyter_runtime_dir())) and can_write(Path(jupyter_data_dir())):
        yield
        return
    try:
        made = tempfile.TemporaryDirectory(prefix="anomalymatch-jupyter-", ignore_cleanup_errors=True)
    except OSError as error:
        raise StorageError(
            f"Neither the home folder nor a folder for temporary files can be written ({error.strerror}). "
            "Set TMPDIR to a folder on a disk with some space, then try again."
        ) from error
    with made as folder:
        installed = (jupyter_data_dir(), os.environ.get("JUPYTER_PATH", ""))
        others = {
            "JUPYTER_PATH": os.pathsep.join(filter(None, installed)),
            "JUPYTER_RUNTIME_DIR": f"{folder}/runtime",
            "JUPYTER_DATA_DIR": f"{folder}/data",
        }
        if not can_write(Path(jupyter_config_dir())):
            others["JUPYTER_CONFIG_DIR"] = f"{folder}/config"
        with _environment(others | {"IPYTHONDIR": f"{folder}/ipython"}):
            yield


def can_write(folder: Path) -> bool:
    """Return whether a folder is there, or can be made, and has room for a small file."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder) as file:
            file.write(bytes(_NEEDED))
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        return False
    return True


@contextlib.contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
