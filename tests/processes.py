"""The program's commands, each in a process of its own that has its imports behind it.

Importing torch, Voilà and pandas takes 3 to 10 s of a processor, many times what most commands do. A server
of :mod:`multiprocessing` imports them once, and forks itself for each command: exit code, streams, signals
and folder are those of a process. What is read while a library is imported, such as ``OMP_NUM_THREADS``, is
the server's; :func:`run_fresh` is for tests of that.
"""

from __future__ import annotations

import atexit
import contextlib
import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from multiprocessing.context import ForkServerProcess
from pathlib import Path

IMPORTED = (
    "anomalymatch_ui.cli",
    "anomalymatch_ui.app.serving.serve",
    "anomalymatch_ui.evaluate",
    "anomalymatch_ui.learn",
    "anomalymatch_ui.session",
    "torch",
    "torchvision",
)
FRESH = (sys.executable, "-m", "anomalymatch_ui.cli")

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(list(IMPORTED))


def run_fresh(
    *arguments: object, cwd: Path | None = None, timeout: float = 580
) -> subprocess.CompletedProcess[str]:
    """Run a command by an interpreter of its own, and return how it ended."""
    return subprocess.run(
        [*FRESH, *map(str, arguments)], capture_output=True, text=True, cwd=cwd, timeout=timeout, check=False
    )


def run(
    *arguments: object, cwd: Path | None = None, timeout: float = 580
) -> subprocess.CompletedProcess[str]:
    """Run a command by a process forked for it, and return how it ended."""
    with started(*arguments, cwd=cwd) as command:
        return command.finished(timeout)


def run_script(script: Path, *arguments: object, timeout: float = 580) -> subprocess.CompletedProcess[str]:
    """Run a script, such as a benchmark, by a process forked for it, and return how it ended."""
    with started(*arguments, script=script) as command:
        return command.finished(timeout)


@contextlib.contextmanager
def started(*arguments: object, cwd: Path | None = None, script: Path | None = None) -> Iterator[Command]:
    """Start a command by a process forked for it, which is killed at the end if it still runs."""
    with tempfile.TemporaryDirectory(prefix="command-") as name:
        given = [str(argument) for argument in arguments]
        command = Command(given, Path(name), cwd or Path.cwd(), script)
        try:
            yield command
        finally:
            command.kill()


class Command:
    """A command that was started.

    Parameters
    ----------
    arguments
        What follows ``anomalymatch``, or the name of the script.
    folder
        Where its streams are kept.
    cwd
        The folder that it runs in.
    script
        What is run instead of ``anomalymatch``.
    """

    def __init__(self, arguments: list[str], folder: Path, cwd: Path, script: Path | None = None) -> None:
        self.arguments = arguments
        self._out, self._err = folder / "out", folder / "err"
        self._out.touch()
        self._err.touch()
        given = (arguments, str(cwd), dict(os.environ), str(self._out), str(self._err), script)
        self._process: ForkServerProcess = _context.Process(target=_be, args=given)
        self._process.start()

    @property
    def stdout(self) -> str:
        """What it has written to standard output so far."""
        return self._out.read_text()

    @property
    def stderr(self) -> str:
        """What it has written to standard error so far."""
        return self._err.read_text()

    def first_line(self, timeout: float = 120) -> str:
        """Wait for the first whole line of its output, and return it; empty if it ended without one."""
        deadline = time.monotonic() + timeout
        while "\n" not in (text := self.stdout):
            if not self._process.is_alive():
                text = self.stdout
                break
            assert time.monotonic() < deadline, f"no output within {timeout} s: {self.stderr}"
            time.sleep(0.02)
        return text.split("\n")[0]

    @property
    def pid(self) -> int:
        """Its number among the processes."""
        assert self._process.pid is not None
        return self._process.pid

    def is_alive(self) -> bool:
        """Return whether it still runs."""
        return self._process.is_alive()

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.is_alive():
            os.kill(self.pid, number)

    def wait(self, timeout: float = 580) -> int:
        """Wait for its end, and return its exit code."""
        self._process.join(timeout)
        code = self._process.exitcode
        if code is None:
            raise subprocess.TimeoutExpired(self.arguments, timeout, self.stdout, self.stderr)
        return code

    def finished(self, timeout: float = 580) -> subprocess.CompletedProcess[str]:
        """Wait for its end, and return its exit code and what it wrote."""
        code = self.wait(timeout)
        return subprocess.CompletedProcess(self.arguments, code, self.stdout, self.stderr)

    def kill(self) -> None:
        """End it at once, if it still runs."""
        self._process.kill()
        self._process.join()


def _be(
    arguments: list[str], cwd: str, environment: dict[str, str], out: str, err: str, script: Path | None
) -> None:
    """Be the command, in the process forked for it."""
    for path, number in ((out, 1), (err, 2)):
        opened = os.open(path, os.O_WRONLY | os.O_APPEND)
        os.dup2(opened, number)
        os.close(opened)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(cwd)
    sys.argv = [str(script or "anomalymatch"), *arguments]
    from anomalymatch_ui.cli import main

    try:
        if script is None:
            main()
        else:
            sys.path.insert(0, str(script.parent))  # as for a script that is named to an interpreter
            runpy.run_path(str(script), run_name="__main__")
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        atexit._run_exitfuncs()  # which a process of multiprocessing does not
