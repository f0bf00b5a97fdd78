"""From features and labels to an order. Pure functions: arrays in, arrays out."""

from anomalymatch_ui.rank.fusion import Fusion
from anomalymatch_ui.rank.instant import InstantModel, fit_instant
from anomalymatch_ui.rank.linear import FeatureScale, LinearHead, fit_linear_head
from anomalymatch_ui.rank.novelty import Novelty
from anomalymatch_ui.rank.order import order_by_score

__all__ = [
    "FeatureScale",
    "Fusion",
    "InstantModel",
    "LinearHead",
    "Novelty",
    "fit_instant",
    "fit_linear_head",
    "order_by_score",
]
