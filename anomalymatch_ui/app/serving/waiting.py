"""A kernel that waits for a page, so that it opens seconds sooner: all that it imports is imported."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import threading
from importlib.metadata import entry_points
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

KERNEL = "anomalymatch_ui.app.serving.kernel"
"""The module that is run for a kernel."""

WAIT = "--wait"
"""Its argument for one that waits."""

NAME = "anomalymatch-waiting"
"""Of the provisioner in the package's entry points."""

GROUP = "jupyter_client.kernel_provisioners"

REST = 20.0
"""Seconds after a page took the kernel until the next one starts, so that it does not slow that page."""


def kernel_command(*arguments: str) -> list[str]:
    """Return the command for a kernel of this interpreter; modules in the current folder are not for it."""
    return [sys.executable, "-P", "-m", KERNEL, *arguments]


class WaitingKernel:
    """One process that has imported the dashboard and becomes the kernel of the next page.

    It takes 120 MB. It ends with :meth:`end`, and by itself when the process that started it is gone.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._timer: threading.Timer | None = None
        self._wanted = False

    def start(self) -> None:
        """Let a process wait from now on, until :meth:`end`."""
        with self._lock:
            self._wanted = True
        self._begin()

    def _begin(self) -> None:
        with self._lock:
            if self._process is None and self._wanted:
                self._process = subprocess.Popen(
                    kernel_command(WAIT),
                    stdin=subprocess.PIPE,
                    start_new_session=True,  # as every kernel: Ctrl+C in the terminal is not for it
                )

    def take(self, command: list[str], environment: dict[str, str], folder: str) -> Any:
        """Let it become a kernel; another one waits some time later.

        Parameters
        ----------
        command
            As Jupyter would start the kernel.
        environment, folder
            In which it would.

        Returns
        -------
        subprocess.Popen or None
            The kernel; ``None`` if none waits, or it is not the one that the command means.
        """
        if KERNEL not in command:
            return None
        with self._lock:
            process, self._process = self._process, None
        self._start_later()
        if process is None or process.stdin is None:
            return None
        arguments = command[command.index(KERNEL) + 1 :]
        order = {"arguments": arguments, "environment": environment, "folder": folder}
        try:
            with process.stdin as pipe:
                pipe.write(json.dumps(order).encode() + b"\n")
        except OSError:  # it has ended; Jupyter starts a kernel of its own
            process.wait()
            return None
        return process

    def _start_later(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = threading.Timer(REST, self._begin)
        self._timer.daemon = True
        self._timer.start()

    def end(self) -> None:
        """End the process that waits, if one does."""
        if self._timer is not None:
            self._timer.cancel()
        with self._lock:
            self._wanted = False
            process, self._process = self._process, None
        if process is not None and process.stdin is not None:
            process.stdin.close()
            process.kill()  # it has nothing to lose
            process.wait()


WAITING = WaitingKernel()
"""Of this process; Jupyter makes provisioners itself, and asks for nothing but their class."""


class WaitingProvisioner(LocalProvisioner):
    """Provides the kernel that waits, and else starts one as Jupyter does."""

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Hand a running kernel to Jupyter."""
        environment = {**kwargs.get("env", os.environ), "JPY_PARENT_PID": str(os.getpid())}
        process = WAITING.take(cmd, environment, str(kwargs.get("cwd") or os.getcwd()))
        if process is None:
            return await super().launch_kernel(cmd, **kwargs)
        self.process, self.pid, self.pgid = process, process.pid, process.pid
        self.cwd = kwargs.get("cwd")
        return self.connection_info


@functools.cache
def is_known() -> bool:
    """Return whether Jupyter finds the provisioner: an earlier version lacks it, or has it elsewhere."""
    home = f"{WaitingProvisioner.__module__}:{WaitingProvisioner.__qualname__}"
    found = entry_points(group=GROUP, name=NAME)
    return sys.platform != "win32" and any(point.value == home for point in found)
