"""What a cycle trains on, and which images a step draws."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Generator, Tensor

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.learn.network import ANOMALY


@dataclass(frozen=True)
class TrainingData:
    """Images of one cycle, in main memory.

    Attributes
    ----------
    labelled
        uint8 ``(n, bands, size, size)``.
    labels
        bool ``(n,)``, true for anomalies.
    unlabelled
        uint8 ``(m, bands, size, size)``: the window of the pool this cycle looks at.
    unlabelled_digest
        A name of these images and their order, below 2^63, for what is remembered of each of them.

    Raises
    ------
    InputError
        If one of the two classes has no labelled image.
    """

    labelled: np.ndarray
    labels: np.ndarray
    unlabelled: np.ndarray
    unlabelled_digest: int = 0

    def __post_init__(self) -> None:
        if len(self.labelled) != len(self.labels):
            raise ValueError(f"{len(self.labelled)} labelled images, but {len(self.labels)} labels")
        check_classes(int(self.labels.sum()), int((~self.labels).sum()))


def check_classes(anomalies: int, nominals: int) -> None:
    """Check that there is something to tell apart.

    Raises
    ------
    InputError
        If either count is zero.
    """
    for missing, count, key in (("anomaly", anomalies, "A"), ("nominal image", nominals, "N")):
        if count == 0:
            raise InputError(
                f"Training needs labels of both classes, and no {missing} is labelled yet. "
                f"Label at least one (key {key}), then train again."
            )


class BatchSampler:
    """Draws the images of a step.

    Labelled images are drawn with replacement, half of them anomalies; unlabelled ones without
    replacement within a step.
    """

    def __init__(self, data: TrainingData) -> None:
        self._labelled = torch.from_numpy(data.labelled)
        self._unlabelled = torch.from_numpy(data.unlabelled)
        labels = torch.from_numpy(data.labels)
        self._members = {flag: torch.nonzero(labels == flag).squeeze(1) for flag in (False, True)}

    def labelled(self, count: int, generator: Generator) -> tuple[Tensor, Tensor]:
        """Return uint8 images ``(count, bands, size, size)`` and their classes, int64 ``(count,)``."""
        anomalies = count // 2
        rows = torch.cat(
            [self._draw(True, anomalies, generator), self._draw(False, count - anomalies, generator)]
        )
        classes = torch.full((count,), 1 - ANOMALY)
        classes[:anomalies] = ANOMALY
        return self._labelled[rows], classes

    def unlabelled(self, count: int, generator: Generator) -> tuple[Tensor, Tensor]:
        """Return rows, int64 ``(count,)``, and their images; a pool smaller than the batch is repeated."""
        size = len(self._unlabelled)
        orders = [torch.randperm(size, generator=generator) for _ in range(-(-count // size))]
        rows = torch.cat(orders)[:count]
        return rows, self._unlabelled[rows]

    def _draw(self, is_anomaly: bool, count: int, generator: Generator) -> Tensor:
        members = self._members[is_anomaly]
        return members[torch.randint(len(members), (count,), generator=generator)]
