"""Learning: the network, its augmentations, FixMatch, the training loop and its checkpoints."""

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
from anomalymatch_ui.learn.runtime import Runtime, choose_runtime
from anomalymatch_ui.learn.symmetry import symmetries
from anomalymatch_ui.learn.trainer import StepReport, StopTraining, Trainer

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
