"""The stage that runs beside the network on its GPU: the transfer of what the host has made ready.

Images are decoded and resized on the host alone, so that a score rests on the very pixels that training, the
screen and every other machine see. Cutouts are small: nvJPEG decodes images of some megapixels faster than a
processor, and has not been shown to do so for these.
"""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from anomalymatch_ui.learn import is_out_of_memory
from anomalymatch_ui.stream.pieces import Piece


class Transfer:
    """Copies images to a device, by a stream of its own.

    Parameters
    ----------
    device
        Where the network runs. To a device other than CUDA the same is copied without streams.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._local = threading.local()

    def __call__(self, piece: Piece) -> Piece:
        """Return the piece with its pixels on the device: uint8 ``(n, channels, size, size)``.

        Where the device's memory is used up it is returned as it is: the scorer then takes it in parts.
        """
        try:
            with self._own_stream():
                pixels = self._to_device(np.ascontiguousarray(piece.pixels)).permute(0, 3, 1, 2)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            return piece
        return Piece(piece.asked, piece.indices, pixels)

    def _to_device(self, pixels: np.ndarray) -> Tensor:
        tensor = torch.from_numpy(pixels)
        if self._device.type != "cuda":
            return tensor.to(self._device)
        return tensor.pin_memory().to(self._device, non_blocking=True)

    @contextmanager
    def _own_stream(self) -> Generator[None, None, None]:
        """Copy by another stream than the network's, and be done when the block ends."""
        if self._device.type != "cuda":
            yield
            return
        # One a thread, and kept: memory is kept for each stream apart.
        if not hasattr(self._local, "stream"):
            self._local.stream = torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]
        with torch.cuda.stream(self._local.stream):
            yield
            # Waiting here, in a thread that has nothing else to do, makes the results ready for any stream.
            self._local.stream.synchronize()
