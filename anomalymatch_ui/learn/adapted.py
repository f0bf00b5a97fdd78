"""What an adaptation leaves on disk: the blocks it changed, and its state while it is under way.

Both are safetensors, which run no code when they are opened.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from anomalymatch_ui.errors import DamagedModelError, DamagedStoreError, InputError
from anomalymatch_ui.learn.adapt import Adapter, trained_parameters
from anomalymatch_ui.learn.network import AnomalyNetwork
from anomalymatch_ui.learn.sealed import read_sealed, save_sealed

FORMAT = "anomalymatch-adapted/1"
STATE_FORMAT = "anomalymatch-adapting/1"


def save_adapted(path: Path, adapter: Adapter) -> None:
    """Save the averaged weights that an adaptation has come to, whole or not at all.

    Raises
    ------
    StorageError
        If the disk refuses.
    """
    names = trained_parameters(adapter.network)
    average = dict(adapter.average.named_parameters())
    # Nothing else beside the format: safetensors 0.8 writes two entries in a random order, and the bytes of
    # this file are the name of what is computed with it.
    save_sealed(path, {name: average[name] for name in names}, {"format": FORMAT})


def load_adapted(path: Path, network: AnomalyNetwork) -> None:
    """Put saved weights into the blocks of ``network`` that they were adapted from.

    Raises
    ------
    InputError
        If the file is missing or damaged, or belongs to another network.
    """
    tensors = _read(path, FORMAT)[1]
    parameters = dict(network.named_parameters())
    fits = bool(tensors) and all(
        name in parameters and parameters[name].shape == tensor.shape for name, tensor in tensors.items()
    )
    if not fits:
        raise InputError(f"The adapted weights in {path} are of another network. Delete the file.")
    with torch.no_grad():
        for name, tensor in tensors.items():
            parameters[name].copy_(tensor)


def save_state(path: Path, adapter: Adapter) -> None:
    """Save how far an adaptation is, for :func:`restore_state` to go on from, whole or not at all.

    Raises
    ------
    StorageError
        If the disk refuses.
    """
    tensors: dict[str, Tensor] = {}
    for name, values in _learnt(adapter).items():
        state = adapter.optimizer.state[values]
        tensors |= {f"value.{name}": values.data, f"mean.{name}": state["exp_avg"]}
        tensors |= {f"square.{name}": state["exp_avg_sq"]}
    average = dict(adapter.average.named_parameters())
    tensors |= {f"average.{name}": average[name] for name in trained_parameters(adapter.network)}
    save_sealed(path, tensors, {"format": STATE_FORMAT, "step": str(adapter.step)})


def restore_state(path: Path, adapter: Adapter) -> None:
    """Put a saved state into an adapter that was made as the saved one was.

    Raises
    ------
    InputError
        If the file is missing or damaged, or belongs to another adaptation; the adapter is then as it was.
    """
    metadata, tensors = _read(path, STATE_FORMAT)
    learnt, average = _learnt(adapter), dict(adapter.average.named_parameters())
    try:
        step = int(metadata["step"])
        for name, values in learnt.items():
            for kind in ("value", "mean", "square"):
                _same_shape(values, tensors[f"{kind}.{name}"])
        for name in trained_parameters(adapter.network):
            _same_shape(average[name], tensors[f"average.{name}"])
    except (KeyError, ValueError) as error:
        raise InputError(f"The adaptation in {path} is damaged. Delete it; it then begins anew.") from error
    adapter.step = step
    with torch.no_grad():
        for name, values in learnt.items():
            values.copy_(tensors[f"value.{name}"])
            adapter.optimizer.state[values] = {
                "step": torch.tensor(float(step)),
                "exp_avg": tensors[f"mean.{name}"].to(values.device),
                "exp_avg_sq": tensors[f"square.{name}"].to(values.device),
            }
        for name in trained_parameters(adapter.network):
            average[name].copy_(tensors[f"average.{name}"])


def _learnt(adapter: Adapter) -> dict[str, nn.Parameter]:
    projection = {f"projection.{name}": value for name, value in adapter.projection.named_parameters()}
    return {**trained_parameters(adapter.network), **projection}


def _same_shape(values: Tensor, saved: Tensor) -> None:
    if values.shape != saved.shape:
        raise ValueError


def _read(path: Path, kind: str) -> tuple[dict[str, str], dict[str, Tensor]]:
    try:
        metadata, tensors = read_sealed(path)
    except FileNotFoundError as error:
        raise InputError(f"There are no adapted weights in {path}.") from error
    except DamagedStoreError as error:
        raise DamagedModelError(
            f"The adapted weights in {path} are damaged: {error} Delete the file; they can be made anew.",
            path,
        ) from error
    if metadata.get("format") != kind:
        raise InputError(f"{path} holds no adapted weights of this version ({kind}). Delete it, or update.")
    return metadata, tensors
