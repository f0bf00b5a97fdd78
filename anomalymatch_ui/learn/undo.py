"""A step that can be taken back: one that was broken off has moved a part of the weights."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor


class Undo:
    """Keeps what a step changes: the parameters, and what the optimizer has learnt of each.

    Parameters
    ----------
    optimizer
        Takes the steps.
    """

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        self._optimizer = optimizer
        self._kept: list[Tensor] = []

    @torch.no_grad()
    def keep(self) -> None:
        """Keep all as it is now. The room for it is taken once, before the first and the second step."""
        tensors = list(self._tensors())
        if len(self._kept) != len(tensors):  # before its first step an optimizer has learnt nothing
            self._kept = [tensor.clone() for tensor in tensors]
            return
        for kept, tensor in zip(self._kept, tensors, strict=True):
            kept.copy_(tensor)

    @torch.no_grad()
    def undo(self) -> None:
        """Make all as it was when it was kept."""
        if len(self._kept) == sum(1 for _ in self._parameters()):
            self._optimizer.state.clear()
        for kept, tensor in zip(self._kept, self._tensors(), strict=True):
            tensor.copy_(kept)

    def _parameters(self) -> Iterator[Tensor]:
        for group in self._optimizer.param_groups:
            yield from group["params"]

    def _tensors(self) -> Iterator[Tensor]:
        yield from self._parameters()
        for parameter in self._parameters():
            state = self._optimizer.state.get(parameter, {})
            yield from (state[name] for name in sorted(state) if isinstance(state[name], Tensor))
