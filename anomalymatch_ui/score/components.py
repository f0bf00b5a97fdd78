"""The principal components of an archive: measured once on a random sample, kept beside its scores."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

from anomalymatch_ui.errors import DamagedStoreError, InputError
from anomalymatch_ui.files import write_bytes_atomically

if TYPE_CHECKING:
    from anomalymatch_ui.rank import Reduction

SAMPLE_IMAGES = 10_000
"""Images the components are measured on; more change them little."""

SMALLEST_SAMPLE = 2

WHITENING = 0.25
"""Power of its variance that a component is divided by, as in a session's embedding of photographs."""

_SEED = 42


@dataclass(frozen=True)
class Components:
    """What makes an embedding of a network's features.

    Attributes
    ----------
    reduction
        The linear map.
    """

    reduction: Reduction

    @classmethod
    def measure(cls, features: np.ndarray, components: int) -> Self:
        """Measure the components on features float16 ``(n, features)`` of a sample.

        The embedding always has ``components`` columns: where the sample varies in fewer directions, the
        last ones are zero.

        Raises
        ------
        InputError
            If the sample is too small.
        """
        from anomalymatch_ui.rank import Reduction
        from anomalymatch_ui.rank.blas import one_blas_thread

        if len(features) < SMALLEST_SAMPLE:
            raise InputError(
                "Fewer than two of the images drawn to measure the embedding on can be read. Check the "
                "images with `anomalymatch info`, or score without --embeddings."
            )
        with one_blas_thread():
            measured = Reduction.of(
                features, np.arange(len(features)), components=components, whitening=WHITENING
            )
        lacking = components - measured.axes.shape[1]
        axes = np.pad(measured.axes, ((0, 0), (0, lacking)))
        return cls(Reduction(np.ascontiguousarray(axes), np.pad(measured.offset, (0, lacking))))

    @property
    def digest(self) -> str:
        """Hexadecimal; other components have another one."""
        digest = hashlib.sha256(str(self.reduction.axes.shape).encode())
        digest.update(self.reduction.axes.astype("<f4").tobytes())
        digest.update(self.reduction.offset.astype("<f4").tobytes())
        return digest.hexdigest()

    def write(self, path: Path) -> None:
        """Write it, whole or not at all. Raises ``StorageError`` if the disk refuses."""
        from safetensors.numpy import save

        arrays = {"axes": self.reduction.axes, "offset": self.reduction.offset}
        write_bytes_atomically(path, save(arrays, {"digest": self.digest}))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Load what :meth:`write` wrote.

        Raises
        ------
        DamagedStoreError
            If it is missing or damaged.
        """
        from safetensors import SafetensorError, safe_open

        from anomalymatch_ui.rank import Reduction

        try:
            with safe_open(path, framework="np") as file:
                loaded = cls(Reduction(file.get_tensor("axes"), file.get_tensor("offset")))
                told = (file.metadata() or {}).get("digest")
        except (OSError, SafetensorError) as error:
            raise _damaged(path) from error
        if told != loaded.digest:
            raise _damaged(path)
        return loaded


def drawn_sample(images: int) -> np.ndarray:
    """Draw the pool indices to measure the components on, int64, ascending; the same in each run."""
    if images <= SAMPLE_IMAGES:
        return np.arange(images)
    drawn = np.random.default_rng(_SEED).choice(images, SAMPLE_IMAGES, replace=False)
    return np.sort(drawn)


def _damaged(path: Path) -> DamagedStoreError:
    return DamagedStoreError(
        f"The components {path} are missing or damaged. Run the `anomalymatch score` that made them once "
        "more: it makes what is damaged anew."
    )
