"""Every setting: validated, with its default, its unit and its source.

A :class:`Config` is immutable. Presets are named sets of values (:data:`PRESETS`); a session keeps
its config as ``config.toml``.
"""

from anomalymatch_ui.config.choices import (
    EFFICIENTNETS,
    IMAGE_SIZES,
    LITES,
    MIDDLE,
    OPENVINO_FEATURES,
    OPENVINO_GRAPH,
    TIMM,
    WEIGHTS_FROM,
    Layer,
    NetworkName,
    NumberFormat,
    Place,
    Reads,
    RuntimeName,
    Statistic,
    Symmetry,
    ThresholdRule,
)
from anomalymatch_ui.config.config import Config
from anomalymatch_ui.config.network import NETWORK_BEFORE, NetworkConfig
from anomalymatch_ui.config.ordering import (
    AcquisitionConfig,
    EmbeddingConfig,
    HeadConfig,
    PartConfig,
    ScoreConfig,
)
from anomalymatch_ui.config.pixels import PixelsConfig, ShownConfig
from anomalymatch_ui.config.presets import PRESETS
from anomalymatch_ui.config.training import AdaptConfig, TrainConfig

__all__ = [
    "EFFICIENTNETS",
    "IMAGE_SIZES",
    "LITES",
    "MIDDLE",
    "NETWORK_BEFORE",
    "OPENVINO_FEATURES",
    "OPENVINO_GRAPH",
    "PRESETS",
    "TIMM",
    "WEIGHTS_FROM",
    "AcquisitionConfig",
    "AdaptConfig",
    "Config",
    "EmbeddingConfig",
    "HeadConfig",
    "Layer",
    "NetworkConfig",
    "NetworkName",
    "NumberFormat",
    "PartConfig",
    "PixelsConfig",
    "Place",
    "Reads",
    "RuntimeName",
    "ScoreConfig",
    "ShownConfig",
    "Statistic",
    "Symmetry",
    "ThresholdRule",
    "TrainConfig",
]
