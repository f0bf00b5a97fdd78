"""The stages that run beside the network on its GPU: transfer, decoding by nvJPEG, resizing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from anomalymatch_ui.pixels.files import Content
from anomalymatch_ui.score.jpeg import as_tensor, ordinary_frame, torchvision_decoder
from anomalymatch_ui.score.pieces import HostStages, Piece, RawPiece

DecodeJpegs = Callable[[list[Tensor], torch.device], list[Tensor]]


class DeviceStages:
    """What is done on the device before the network; each of its threads has a stream of its own.

    Parameters
    ----------
    host
        Decodes what the device cannot.
    size
        Side of the network's images, in pixels.
    device
        Where the network runs. On a CPU the same is computed without streams.
    decoder
        Decodes a list of JPEGs on the device; torchvision's if not given.
    """

    def __init__(
        self, host: HostStages, size: int, device: torch.device, decoder: DecodeJpegs | None = None
    ) -> None:
        self._host = host
        self._size = size
        # With its number, which torchvision's decoder wants to be told.
        unnumbered = device.type == "cuda" and device.index is None
        self._device = torch.device("cuda", torch.cuda.current_device()) if unnumbered else device
        self._decoder = decoder or torchvision_decoder()
        self._local = threading.local()

    def transfer(self, piece: Piece) -> Piece:
        """Copy images to the device as uint8, and cut out and scale their squares there if need be."""
        with self._own_stream():
            tensor = self._to_device(np.ascontiguousarray(piece.pixels)).permute(0, 3, 1, 2)
            return Piece(piece.asked, piece.indices, resize_on_device(tensor, self._size))

    def decode(self, piece: RawPiece) -> Piece:
        """Decode JPEGs on the device, and the rest on the host; cut out and scale their squares.

        What cannot be decoded is noted in the pool's report and left out.
        """
        indices, decoder = piece.fetched.indices.tolist(), piece.fetched.decoder
        contents: Sequence[Content] = list(piece.fetched.contents)
        ordinary = {
            place: content
            for place, content in enumerate(contents)
            if isinstance(content, bytes) and ordinary_frame(content) is not None
        }
        squares: dict[int, Tensor] = {}
        with self._own_stream():
            decoded = self._decode_jpegs(list(map(as_tensor, ordinary.values())))
            readable = {
                place: image for place, image in zip(ordinary, decoded, strict=True) if image is not None
            }
            squares.update(self._squares(readable))
            for place in sorted(set(range(len(contents))) - set(squares)):
                image = self._host.decode_one(indices[place], contents[place], decoder)
                if image is not None:
                    square = self._to_device(np.array(self._host.square(image), order="C"))
                    squares[place] = square.permute(2, 0, 1)
            kept = sorted(squares)
            shape = (0, self._host.channels, self._size, self._size)
            pixels = (
                torch.stack([squares[place] for place in kept])
                if kept
                else torch.empty(shape, dtype=torch.uint8, device=self._device)
            )
            return Piece(piece.asked, piece.fetched.indices[kept], pixels)

    def _decode_jpegs(self, contents: list[Tensor]) -> list[Tensor | None]:
        """Decode a list on the device; ``None`` in the place of what it refuses, found by halving."""
        if not contents or self._decoder is None:
            return [None] * len(contents)
        try:
            return list(self._decoder(contents, self._device))
        except RuntimeError:
            if len(contents) == 1:
                return [None]
        middle = len(contents) // 2
        return self._decode_jpegs(contents[:middle]) + self._decode_jpegs(contents[middle:])

    def _squares(self, images: dict[int, Tensor]) -> dict[int, Tensor]:
        """Resize images of one size together."""
        places: dict[tuple[int, ...], list[int]] = {}
        for place, image in images.items():
            places.setdefault(tuple(image.shape), []).append(place)
        result: dict[int, Tensor] = {}
        for alike in places.values():
            if images[alike[0]].shape[-2:] == (self._size, self._size):
                result.update((place, images[place]) for place in alike)
                continue
            stacked = torch.stack([images[place] for place in alike])
            result.update(zip(alike, resize_on_device(stacked, self._size), strict=True))
        return result

    def _to_device(self, pixels: np.ndarray) -> Tensor:
        tensor = torch.from_numpy(pixels)
        if self._device.type != "cuda":
            return tensor.to(self._device)
        return tensor.pin_memory().to(self._device, non_blocking=True)

    @contextmanager
    def _own_stream(self) -> Generator[None, None, None]:
        """Work on another stream than the network's, done when the block ends."""
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


def resize_on_device(images: Tensor, size: int) -> Tensor:
    """Cut out and scale the central squares, as :func:`anomalymatch_ui.pixels.square.square` does.

    Parameters
    ----------
    images
        uint8 ``(n, channels, height, width)``.
    size
        Side of the squares, in pixels.

    Returns
    -------
    Tensor
        uint8 ``(n, channels, size, size)``; a value may differ by 1 from Pillow's, which rounds between the
        two directions.
    """
    height, width = images.shape[-2:]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    images = images[..., top : top + side, left : left + side]
    if side == size:
        return images
    scaled = nn.functional.interpolate(
        images.float(), (size, size), mode="bilinear", align_corners=False, antialias=True
    )
    return scaled.round().clamp(0, 255).to(torch.uint8)
