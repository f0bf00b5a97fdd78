"""What a process that trains and scores asks of torch before torch is loaded."""

from __future__ import annotations

import os

DEFAULTS = {
    # Threads of torch and scikit-learn that wait for each other sleep instead of spinning. On idle cores that
    # costs a fifth (0.68 s a training step for 0.56 s); beside busy programs spinning took over 3 s for 0.9 s
    # (docs/benchmark.md).
    "OMP_WAIT_POLICY": "PASSIVE",
    # Tensors of 2 MB and more lie in pages of that size, where Linux leaves it to programs to ask for them: a
    # training step gives back and takes anew 400 MB, 100,000 pages of the usual size (docs/benchmark.md).
    "THP_MEM_ALLOC_ENABLE": "1",
}
"""Environment variables and their values; those libraries read them when they are loaded."""


def prepare_process() -> None:
    """Set what this process and those that it starts ask of torch; a user's own choice stands.

    Called where a process of this package begins: a command, a kernel of a served page, a worker of a
    cluster, and :func:`anomalymatch_ui.launch`. Importing the package sets nothing; only the module that a
    worker loads, :mod:`anomalymatch_ui.score.dask_worker`, does.
    """
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)
