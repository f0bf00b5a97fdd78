"""A process that has torch, for one that has not: it is told which backbones are wanted, and makes them.

Each line of its standard input is a list in JSON: where to write, or nothing where only the name is asked
for, and what :meth:`~anomalymatch_ui.learn.wanted.WantedBackbone.told` tells. Each line of its output is
one in return: the name, or why there is none. It ends with its input, or when nobody has asked for long.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
from pathlib import Path

from anomalymatch_ui.errors import AnomalyMatchError
from anomalymatch_ui.learn.frozen import save_frozen
from anomalymatch_ui.learn.verdict import Refusal, first_line
from anomalymatch_ui.learn.wanted import WantedBackbone
from anomalymatch_ui.process import prepare_process

PATIENCE_SECONDS = 20
"""It holds some 500 MB, and is started again in three seconds."""


def main() -> None:
    """Answer line by line."""
    prepare_process()
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(lines,), daemon=True).start()
    while True:
        try:
            line = lines.get(timeout=PATIENCE_SECONDS)
        except queue.Empty:
            line = ""
        if not line:
            sys.stdout.flush()
            os._exit(0)  # unloading torch takes a fifth of a second, for which somebody may wait
        print(json.dumps(_answer(line)), flush=True)


def _read(lines: queue.SimpleQueue[str]) -> None:
    for line in sys.stdin:
        lines.put(line)
    lines.put("")


def _answer(line: str) -> dict[str, str]:
    from anomalymatch_ui.learn.freezing import freeze, name_of

    path, told = json.loads(line)
    wanted = WantedBackbone.heard(told)
    try:
        if path is None:
            return {"name": name_of(wanted)}
        save_frozen(Path(path), freeze(wanted))
    except (AnomalyMatchError, Refusal, OSError, RuntimeError) as error:
        return {"why_not": first_line(error)}
    return {"name": path}


if __name__ == "__main__":
    main()
