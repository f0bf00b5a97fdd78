"""Learning: the network, its augmentations, FixMatch, the training loop and its checkpoints.

Names are imported when they are first used, for nearly all of these modules need torch; those that tell of a
frozen backbone without it do not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from anomalymatch_ui.lazy import lazy_names

if TYPE_CHECKING:
    from anomalymatch_ui.learn.adapt import Adapter, AdaptReport, steps_for
    from anomalymatch_ui.learn.adapted import (
        load_adapted,
        restore_state,
        save_adapted,
        save_state,
    )
    from anomalymatch_ui.learn.checkpoint import (
        Checkpoint,
        load_checkpoint,
        peek_checkpoint,
        save_checkpoint,
        training_recipe,
    )
    from anomalymatch_ui.learn.data import TrainingData, check_classes
    from anomalymatch_ui.learn.device import (
        compute_reproducibly,
        is_out_of_memory,
        multiplies_bfloat16,
        resolve_device,
    )
    from anomalymatch_ui.learn.fused import fused_for_inference
    from anomalymatch_ui.learn.network import (
        ANOMALY,
        AnomalyNetwork,
        backbone_digest,
        build_network,
        frozen_digest,
        network_digest,
    )
    from anomalymatch_ui.learn.representation import layers_of, represented, width
    from anomalymatch_ui.learn.runtime import choose_runtime
    from anomalymatch_ui.learn.symmetry import symmetries
    from anomalymatch_ui.learn.trainer import StepReport, StopTraining, Trainer
    from anomalymatch_ui.learn.verdict import Runtime

__all__ = [
    "ANOMALY",
    "AdaptReport",
    "Adapter",
    "AnomalyNetwork",
    "Checkpoint",
    "Runtime",
    "StepReport",
    "StopTraining",
    "Trainer",
    "TrainingData",
    "backbone_digest",
    "build_network",
    "check_classes",
    "choose_runtime",
    "compute_reproducibly",
    "frozen_digest",
    "fused_for_inference",
    "is_out_of_memory",
    "layers_of",
    "load_adapted",
    "load_checkpoint",
    "multiplies_bfloat16",
    "network_digest",
    "peek_checkpoint",
    "represented",
    "resolve_device",
    "restore_state",
    "save_adapted",
    "save_checkpoint",
    "save_state",
    "steps_for",
    "symmetries",
    "training_recipe",
    "width",
]

_HOMES = {
    "Adapter": "anomalymatch_ui.learn.adapt",
    "AdaptReport": "anomalymatch_ui.learn.adapt",
    "steps_for": "anomalymatch_ui.learn.adapt",
    "load_adapted": "anomalymatch_ui.learn.adapted",
    "restore_state": "anomalymatch_ui.learn.adapted",
    "save_adapted": "anomalymatch_ui.learn.adapted",
    "save_state": "anomalymatch_ui.learn.adapted",
    "Checkpoint": "anomalymatch_ui.learn.checkpoint",
    "load_checkpoint": "anomalymatch_ui.learn.checkpoint",
    "peek_checkpoint": "anomalymatch_ui.learn.checkpoint",
    "save_checkpoint": "anomalymatch_ui.learn.checkpoint",
    "training_recipe": "anomalymatch_ui.learn.checkpoint",
    "TrainingData": "anomalymatch_ui.learn.data",
    "check_classes": "anomalymatch_ui.learn.data",
    "compute_reproducibly": "anomalymatch_ui.learn.device",
    "is_out_of_memory": "anomalymatch_ui.learn.device",
    "multiplies_bfloat16": "anomalymatch_ui.learn.device",
    "resolve_device": "anomalymatch_ui.learn.device",
    "fused_for_inference": "anomalymatch_ui.learn.fused",
    "ANOMALY": "anomalymatch_ui.learn.network",
    "AnomalyNetwork": "anomalymatch_ui.learn.network",
    "backbone_digest": "anomalymatch_ui.learn.network",
    "build_network": "anomalymatch_ui.learn.network",
    "frozen_digest": "anomalymatch_ui.learn.network",
    "network_digest": "anomalymatch_ui.learn.network",
    "layers_of": "anomalymatch_ui.learn.representation",
    "represented": "anomalymatch_ui.learn.representation",
    "width": "anomalymatch_ui.learn.representation",
    "choose_runtime": "anomalymatch_ui.learn.runtime",
    "symmetries": "anomalymatch_ui.learn.symmetry",
    "StepReport": "anomalymatch_ui.learn.trainer",
    "StopTraining": "anomalymatch_ui.learn.trainer",
    "Trainer": "anomalymatch_ui.learn.trainer",
    "Runtime": "anomalymatch_ui.learn.verdict",
}

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
