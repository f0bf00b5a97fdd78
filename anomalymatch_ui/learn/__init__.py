"""Learning: the network, its augmentations, FixMatch, the training loop and its checkpoints."""

from anomalymatch_ui.learn.checkpoint import Checkpoint, checkpoint_step, load_checkpoint, save_checkpoint
from anomalymatch_ui.learn.data import TrainingData, check_classes
from anomalymatch_ui.learn.device import inference_dtype, is_out_of_memory, resolve_device
from anomalymatch_ui.learn.network import ANOMALY, AnomalyNetwork, build_network, network_digest
from anomalymatch_ui.learn.trainer import StepReport, StopTraining, Trainer

__all__ = [
    "ANOMALY",
    "AnomalyNetwork",
    "Checkpoint",
    "StepReport",
    "StopTraining",
    "Trainer",
    "TrainingData",
    "build_network",
    "check_classes",
    "checkpoint_step",
    "inference_dtype",
    "is_out_of_memory",
    "load_checkpoint",
    "network_digest",
    "resolve_device",
    "save_checkpoint",
]
