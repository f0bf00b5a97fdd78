"""A real JupyterLab."""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from anomalymatch_ui.app.serving.serve import free_port


@dataclass(frozen=True)
class Lab:
    """Where it answers, with a slash at the end, and its token."""

    address: str
    token: str


@contextlib.contextmanager
def jupyter_lab(
    folder: Path,
    environment: Mapping[str, str] = {},
    base_url: str = "/",
    extensions: Sequence[str] | None = None,
) -> Iterator[Lab]:
    """Serve a folder by JupyterLab, as a hub does if there is a base URL.

    With ``extensions`` it is one whose own environment has no more than these, by their names; the kernel has
    all it needs.
    """
    port, token = free_port(), secrets.token_urlsafe(16)
    options = []
    if extensions is not None:
        there = folder / ".labextensions"
        for name in extensions:
            (there / name).parent.mkdir(parents=True, exist_ok=True)
            (there / name).symlink_to(Path(sys.prefix) / "share/jupyter/labextensions" / name)
        there.mkdir(exist_ok=True)
        options.append(f"--LabApp.labextensions_path={there}")
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1"),
            *(f"--port={port}", f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={folder}"),
            f"--ServerApp.base_url={base_url}",
            *("--LabApp.news_url=None", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"),
            *options,
        ],
        env={**os.environ, **environment, "JUPYTER_CONFIG_DIR": str(folder / ".jupyter")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 400
        answered = False
        while not answered:
            assert process.poll() is None, "JupyterLab has ended"
            assert time.monotonic() < deadline, "JupyterLab does not answer"
            with contextlib.suppress(OSError):  # a refusal, or an answer that took too long
                urllib.request.urlopen(f"http://127.0.0.1:{port}{base_url}api", timeout=30).close()
                answered = True
            time.sleep(0.25)
        yield Lab(f"http://127.0.0.1:{port}{base_url}", token)
    finally:
        process.terminate()
        process.wait(300)
