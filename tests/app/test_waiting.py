from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest
from jupyter_client.manager import KernelManager

from anomalymatch_ui.app.serving.serve import ThisInterpreter
from anomalymatch_ui.app.serving.waiting import WAITING, WaitingKernel, is_known, kernel_command

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kernels wait on POSIX systems only")

STATE = """
import sys
before = "anomalymatch_ui.app.serving.opening" in sys.modules
import ipywidgets
targets = get_ipython().kernel.comm_manager.targets
print(before, "jupyter.widget.control" in targets, __import__("os").getcwd())
"""


@pytest.fixture
def waiting() -> Iterator[WaitingKernel]:
    assert is_known(), "the provisioner is not among the entry points: install the package again"
    WAITING.start()
    yield WAITING
    WAITING.end()


def process_of(kernel: WaitingKernel) -> psutil.Process:
    assert kernel._process is not None
    return psutil.Process(kernel._process.pid)


def asked(code: str) -> tuple[int, str]:
    """Start a kernel as a page does; gives its process and what the code prints in it."""
    manager = KernelManager(kernel_spec_manager=ThisInterpreter(), kernel_name="python3")
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=300)
        printed: list[str] = []

        def keep(message: dict) -> None:
            printed.append(message["content"].get("text", ""))

        client.execute_interactive(f"import os; print(os.getpid())\n{code}", output_hook=keep, timeout=300)
        pid, *rest = "".join(printed).split("\n")
        return int(pid), " ".join(rest).strip()
    finally:
        client.stop_channels()
        manager.shutdown_kernel()


def test_a_page_takes_the_kernel_that_waits_with_all_that_it_needs(waiting: WaitingKernel) -> None:
    waited = process_of(waiting).pid
    pid, said = asked(STATE)
    assert pid == waited
    assert said == f"True True {os.getcwd()}"


def test_a_page_gets_a_kernel_where_none_waits_or_the_one_that_did_is_gone(waiting: WaitingKernel) -> None:
    waited = process_of(waiting)
    waited.kill()
    waited.wait(300)
    pid, said = asked(
        "import ipywidgets; print('jupyter.widget' in get_ipython().kernel.comm_manager.targets)"
    )
    assert pid != waited.pid
    assert said == "True"
    pid, said = asked("print(1)")
    assert said == "1"


def test_what_waits_ends_with_the_server_even_if_that_is_killed() -> None:
    code = (
        "import time; from anomalymatch_ui.app.serving.waiting import WAITING; WAITING.start(); "
        "print(WAITING._process.pid, flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        waited = psutil.Process(int(server.stdout.readline()))
        server.send_signal(signal.SIGKILL)
        gone, _ = psutil.wait_procs([waited], 300)
        assert gone or waited.status() == psutil.STATUS_ZOMBIE


SERVER_OF_A_PAGE = """
import time
from jupyter_client.manager import KernelManager
from anomalymatch_ui.app.serving.serve import ThisInterpreter
from anomalymatch_ui.app.serving.waiting import WAITING

WAITING.start()
waited = WAITING._process.pid
manager = KernelManager(kernel_spec_manager=ThisInterpreter(), kernel_name="python3")
manager.start_kernel()
client = manager.client()
client.start_channels()
client.wait_for_ready(timeout=300)
assert manager.provisioner.pid == waited
print("kernel", waited, flush=True)
time.sleep(600)
"""


def test_a_page_s_kernel_that_had_waited_ends_with_the_server_even_if_that_is_killed() -> None:
    # Or else it would go on holding the session's lock, and nobody else could label.
    with subprocess.Popen(
        [sys.executable, "-c", SERVER_OF_A_PAGE], stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        said = next(line for line in server.stdout if line.startswith("kernel "))
        kernel = psutil.Process(int(said.split()[1]))
        server.send_signal(signal.SIGKILL)
        gone, _ = psutil.wait_procs([kernel], 300)
        assert gone or kernel.status() == psutil.STATUS_ZOMBIE


def test_once_it_is_ended_no_other_one_waits(waiting: WaitingKernel) -> None:
    process = process_of(waiting)
    waiting.end()
    assert not process.is_running()
    waiting._begin()  # as the timer does that a page has set
    assert waiting._process is None
    waiting.start()
    assert process_of(waiting).is_running()


def test_modules_of_the_current_folder_are_not_the_kernels() -> None:
    assert kernel_command("-f", "x")[1] == "-P"
