"""The kernel behind a served page: IPython's own, with the dashboard imported before the page asks for it.

``python -m anomalymatch_ui.app.serving.kernel -f CONNECTION_FILE`` starts one. With ``--wait`` instead, it
imports what a page needs and reads from standard input, as one line of JSON, what it is to be:
``{"arguments": […], "environment": {…}, "folder": …}``. Where the input ends before, it ends as well.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import threading

from anomalymatch_ui.app.serving.waiting import WAIT
from anomalymatch_ui.process import prepare_process

DASHBOARD = "anomalymatch_ui.app.serving.opening"


def main(arguments: list[str]) -> None:
    """Start a kernel now, or when it is told to."""
    # Nobody sets breakpoints in a served page, and to import the debugger takes 0.2 s.
    sys.modules["debugpy"] = None  # type: ignore[assignment]
    import ipywidgets  # these two would import the debugger
    from ipykernel.kernelapp import IPKernelApp

    waits = arguments == [WAIT]
    if waits:
        importlib.import_module(DASHBOARD)
        line = sys.stdin.readline()
        if not line:
            return
        order = json.loads(line)
        arguments = order["arguments"]
        os.environ.clear()
        os.environ.update(order["environment"])
        os.chdir(order["folder"])
    prepare_process()
    # By this it ends with the server. IPython reads it when it is imported, here maybe before it was told.
    app = IPKernelApp.instance(parent_handle=int(os.environ.get("JPY_PARENT_PID") or 0))
    app.initialize(arguments)  # type: ignore[no-untyped-call]
    ipywidgets.register_comm_target()  # by itself it does so only where IPython is there before it
    if not waits:
        # While Voilà and the kernel still shake hands; not before: the widgets look for a whole IPython.
        threading.Thread(target=importlib.import_module, args=(DASHBOARD,), daemon=True).start()
    app.start()  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main(sys.argv[1:])
