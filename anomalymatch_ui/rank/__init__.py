"""From features and labels to an order. Pure functions: arrays in, arrays out."""

from anomalymatch_ui.rank.fusion import fuse_scores
from anomalymatch_ui.rank.instant import InstantScores, instant_scores
from anomalymatch_ui.rank.linear import FeatureScale, LinearHead, fit_linear_head
from anomalymatch_ui.rank.novelty import novelty_scores
from anomalymatch_ui.rank.order import order_by_score

__all__ = [
    "FeatureScale",
    "InstantScores",
    "LinearHead",
    "fit_linear_head",
    "fuse_scores",
    "instant_scores",
    "novelty_scores",
    "order_by_score",
]
