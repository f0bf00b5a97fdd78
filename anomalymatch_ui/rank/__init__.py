"""From features and labels to an order. Pure functions: arrays in, arrays out."""

from anomalymatch_ui.rank.acquisition import Acquisition, Listing, arrange, most_telling
from anomalymatch_ui.rank.artefacts import Artefacts, share_removed
from anomalymatch_ui.rank.audit import Audit, audit_labels, held_out_margins
from anomalymatch_ui.rank.centring import is_centred, light_at_centre, measure_centring
from anomalymatch_ui.rank.coarse import CoarseToFine
from anomalymatch_ui.rank.completeness import (
    Shares,
    binomial_interval,
    places_among,
    shares_by,
    shares_within,
)
from anomalymatch_ui.rank.draws import draw_order, drawn_so_far, draws_offered
from anomalymatch_ui.rank.exploration import is_exhausted, unlike_labelled
from anomalymatch_ui.rank.first_places import Places, Telling, with_first_places
from anomalymatch_ui.rank.forecast import Count, Forecast, Scale, fit_forecast
from anomalymatch_ui.rank.fusion import Fusion, log_odds
from anomalymatch_ui.rank.glance import Glance
from anomalymatch_ui.rank.instant import InstantModel, fit_instant
from anomalymatch_ui.rank.learning_curve import LabelGain, gain_of_labels
from anomalymatch_ui.rank.likelihood import HeldOut, Looks
from anomalymatch_ui.rank.linear import FeatureScale, LinearHead, fit_linear_head
from anomalymatch_ui.rank.novelty import DistanceFromCentre, Novelty
from anomalymatch_ui.rank.order import order_by_score
from anomalymatch_ui.rank.orientation import measure_symmetry
from anomalymatch_ui.rank.reduction import Reduction, principal_components, sample_rows
from anomalymatch_ui.rank.similarity import Similar, most_similar

__all__ = [
    "Acquisition",
    "Artefacts",
    "Audit",
    "CoarseToFine",
    "Count",
    "DistanceFromCentre",
    "FeatureScale",
    "Forecast",
    "Fusion",
    "Glance",
    "HeldOut",
    "InstantModel",
    "LabelGain",
    "LinearHead",
    "Listing",
    "Looks",
    "Novelty",
    "Places",
    "Reduction",
    "Scale",
    "Shares",
    "Similar",
    "Telling",
    "arrange",
    "audit_labels",
    "binomial_interval",
    "draw_order",
    "drawn_so_far",
    "draws_offered",
    "fit_forecast",
    "fit_instant",
    "fit_linear_head",
    "gain_of_labels",
    "held_out_margins",
    "is_centred",
    "is_exhausted",
    "light_at_centre",
    "log_odds",
    "measure_centring",
    "measure_symmetry",
    "most_similar",
    "most_telling",
    "order_by_score",
    "places_among",
    "principal_components",
    "sample_rows",
    "share_removed",
    "shares_by",
    "shares_within",
    "unlike_labelled",
    "with_first_places",
]
