"""Checkpoints of a training cycle, finished or under way, as safetensors.

Opening one runs no code, so a colleague's model is safe to open.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from anomalymatch_ui import jsontext
from anomalymatch_ui.config import NetworkConfig, TrainConfig
from anomalymatch_ui.errors import DamagedModelError, DamagedStoreError, InputError
from anomalymatch_ui.learn.network import AnomalyNetwork, build_network
from anomalymatch_ui.learn.sealed import read_sealed, save_sealed
from anomalymatch_ui.learn.stem import COLOURS
from anomalymatch_ui.learn.trainer import Trainer
from anomalymatch_ui.pixels import PLAIN, Rendering

FORMAT = "anomalymatch-checkpoint/1"


@dataclass(frozen=True)
class Checkpoint:
    """A cycle as it was saved.

    Attributes
    ----------
    network, average
        The trained network and the moving average of its weights, which gives the scores.
    momentum
        The optimiser's buffer of each parameter, by name; empty for a finished cycle.
    labeller
        What the pseudo-labels rest on; empty for a finished cycle.
    recipe
        Settings and seed it was trained by, see :func:`training_recipe`.
    cycle
        Which cycle, counted from 1.
    step, steps
        Steps done and steps asked for; equal for a finished cycle.
    begun_with
        The cycle whose weights it began with; 0 for the pretrained ones, ``None`` where it is not said.
    rendering
        Rendering of the images it was trained on: their bands and how they were stretched.
    batches
        Labelled and unlabelled images of a step; ``None`` where it is not said.
    """

    network: AnomalyNetwork
    average: AnomalyNetwork
    momentum: dict[str, Tensor]
    labeller: dict[str, Tensor]
    recipe: str
    cycle: int
    step: int
    steps: int
    begun_with: int | None
    rendering: Rendering = PLAIN
    batches: tuple[int, int] | None = None

    @property
    def finished(self) -> bool:
        """Whether the cycle ran to its end."""
        return self.step >= self.steps

    def restore(self, trainer: Trainer) -> None:
        """Put the step, its batches and the optimiser's momentum into a trainer made with these networks."""
        trainer.step = self.step
        if self.batches is not None:
            trainer.batches = self.batches
        trainer.labeller.load_state_dict(self.labeller)
        for name, parameter in trainer.network.named_parameters():
            if name in self.momentum:
                buffer = self.momentum[name].to(parameter.device)
                trainer.optimizer.state[parameter]["momentum_buffer"] = buffer


def save_checkpoint(path: Path, trainer: Trainer, steps: int, rendering: Rendering = PLAIN) -> None:
    """Save a trainer's cycle, of which ``steps`` steps were asked for, whole or not at all.

    With it goes how the images were rendered that it was trained on.

    Raises
    ------
    StorageError
        If the disk refuses.
    """
    tensors = {f"network.{name}": tensor for name, tensor in trainer.network.state_dict().items()}
    tensors |= {f"average.{name}": tensor for name, tensor in trainer.average.state_dict().items()}
    if trainer.step < steps:
        tensors |= _momentum(trainer)
        tensors |= {f"labeller.{name}": tensor for name, tensor in trainer.labeller.state_dict().items()}
    metadata = {
        "format": FORMAT,
        "network": trainer.network.config.model_dump_json(),
        "recipe": training_recipe(trainer.config, trainer.seed),
        "cycle": str(trainer.cycle),
        "step": str(trainer.step),
        "steps": str(steps),
        "begun_with": str(trainer.begun_with),
        "batches": json.dumps(trainer.batches),
        "rendering": rendering.model_dump_json(),
        "bands": str(trainer.network.bands),
    }
    save_sealed(path, tensors, metadata)


@dataclass(frozen=True, slots=True)
class Interruption:
    """Where a cycle was interrupted, by which recipe, of which network, begun with which, on which images."""

    cycle: int
    step: int
    recipe: str
    network: NetworkConfig
    begun_with: int | None
    rendering: Rendering = PLAIN


def peek_checkpoint(path: Path) -> Interruption:
    """Say how far a checkpoint is, without loading its tensors. Raises as :func:`load_checkpoint`."""
    metadata, _ = _read(path, with_tensors=False)
    try:
        network = NetworkConfig.of_record(jsontext.parsed(metadata["network"]))
        return Interruption(
            int(metadata["cycle"]),
            int(metadata["step"]),
            metadata["recipe"],
            network,
            _begun_with(metadata),
            _rendering(metadata),
        )
    except (KeyError, ValueError, TypeError) as error:
        raise _damaged(path) from error


_NOT_OF_A_CYCLE = {"every", "steps", "keep_cycles", "checkpoint_every", "checkpoint_seconds"}


def training_recipe(config: TrainConfig, seed: int) -> str:
    """Return what must not change within a cycle: settings of training but when and how long, and seed."""
    settings = config.model_dump(exclude=_NOT_OF_A_CYCLE)
    return json.dumps({"seed": seed, **settings}, sort_keys=True)


def load_checkpoint(path: Path) -> Checkpoint:
    """Load what :func:`save_checkpoint` saved, onto the CPU.

    Raises
    ------
    InputError
        If the file is missing or of another format.
    DamagedModelError
        If it is damaged.
    """
    metadata, tensors = _read(path, with_tensors=True)
    try:
        saved, bands = NetworkConfig.of_record(jsontext.parsed(metadata["network"])), _bands(metadata)
        return Checkpoint(
            network=_network(saved, bands, _part(tensors, "network.")),
            average=_network(saved, bands, _part(tensors, "average.")),
            momentum=_part(tensors, "momentum."),
            labeller=_part(tensors, "labeller."),
            recipe=metadata["recipe"],
            cycle=int(metadata["cycle"]),
            step=int(metadata["step"]),
            steps=int(metadata["steps"]),
            begun_with=_begun_with(metadata),
            rendering=_rendering(metadata),
            batches=_batches(metadata),
        )
    except (KeyError, ValueError, TypeError, RuntimeError) as error:
        raise _damaged(path) from error


def _damaged(path: Path) -> DamagedModelError:
    return DamagedModelError(
        f"The checkpoint {path} is damaged. Delete it; the cycle can be trained again.", path
    )


def _read(path: Path, *, with_tensors: bool) -> tuple[dict[str, str], dict[str, Tensor]]:
    try:
        metadata, tensors = read_sealed(path, with_tensors=with_tensors)
    except FileNotFoundError as error:
        raise InputError(f"There is no checkpoint {path}.") from error
    except DamagedStoreError as error:
        if path.is_dir():
            raise InputError(
                f"{path} is a folder. Give a checkpoint; of a session, one of its "
                f"{path / 'checkpoints' / '*.safetensors'}."
            ) from error
        raise DamagedModelError(
            f"The checkpoint {path} is damaged: {error} Give another one; if it is of a session, "
            "its cycle can be trained again once it is deleted.",
            path,
        ) from error
    if metadata.get("format") != FORMAT:
        raise InputError(f"{path} is not a checkpoint of this version ({FORMAT}). Delete it, or update.")
    return metadata, tensors


def _rendering(metadata: dict[str, str]) -> Rendering:
    """Return how the images were rendered; before this was said, all were pictures."""
    return Rendering.of_record(jsontext.parsed(metadata["rendering"])) if "rendering" in metadata else PLAIN


def _bands(metadata: dict[str, str]) -> int:
    """Return how many bands the network takes; before this was said, all took three."""
    return int(metadata.get("bands", COLOURS))


def _batches(metadata: dict[str, str]) -> tuple[int, int] | None:
    if "batches" not in metadata:
        return None
    labelled, unlabelled = jsontext.parsed(metadata["batches"])
    return int(labelled), int(unlabelled)


def _begun_with(metadata: dict[str, str]) -> int | None:
    return int(metadata["begun_with"]) if "begun_with" in metadata else None


def _momentum(trainer: Trainer) -> dict[str, Tensor]:
    buffers = {}
    for name, parameter in trainer.network.named_parameters():
        buffer = trainer.optimizer.state.get(parameter, {}).get("momentum_buffer")
        if buffer is not None:
            buffers[f"momentum.{name}"] = buffer
    return buffers


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _network(saved: NetworkConfig, bands: int, state: dict[str, Tensor]) -> AnomalyNetwork:
    # Every weight comes from the file, so none is loaded or downloaded first.
    network = build_network(saved.model_copy(update={"pretrained": False}), seed=0, bands=bands)
    network.load_state_dict(state)
    network.config = saved
    return network.to(memory_format=torch.channels_last)
