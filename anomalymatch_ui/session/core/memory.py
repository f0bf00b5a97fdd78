"""How much memory the work takes."""

from __future__ import annotations

import psutil


def used_memory(device: str | None) -> tuple[int, int | None]:
    """Return the memory in use, in bytes.

    Parameters
    ----------
    device
        Where the work runs, such as ``"cuda:0"``; ``None`` until it is known.

    Returns
    -------
    resident : int
        Memory of this process that is in RAM.
    allocated : int or None
        Memory of the CUDA device that tensors take; ``None`` on other devices, which have no memory of
        their own.
    """
    resident = int(psutil.Process().memory_info().rss)
    if device is None or not device.startswith("cuda"):
        return resident, None
    import torch  # the work that runs there has imported it already

    return resident, int(torch.cuda.memory_allocated(device))
