from __future__ import annotations

import numpy as np
import pytest

from anomalymatch_ui.rank import LabelGain, gain_of_labels
from anomalymatch_ui.rank.learning_curve import MIN_LABELS


def labelled(distance: float, *, each: int, dimensions: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Two clouds of unit deviation, so far apart along one of many directions."""
    random = np.random.default_rng(0)
    is_anomaly = np.arange(2 * each) < each
    features = random.normal(size=(2 * each, dimensions))
    features[is_anomaly, 0] += distance
    return features / np.sqrt(dimensions), is_anomaly


def measure(distance: float, *, each: int = 40) -> LabelGain:
    gain = gain_of_labels(*labelled(distance, each=each), regularisation=1.0, seed=0)
    assert gain is not None
    return gain


def test_where_the_direction_is_hard_to_find_twice_the_labels_gain_much() -> None:
    gain = measure(1.5, each=100)
    assert gain.whole > gain.half
    assert gain.share == pytest.approx((gain.whole - gain.half) / gain.half)
    assert gain.share > 0.03


def test_where_half_of_the_labels_tell_all_there_is_no_gain() -> None:
    gain = measure(30.0)
    assert gain.half == gain.whole == pytest.approx(1)
    assert gain.share == 0


def test_a_gain_that_may_be_chance_counts_as_none() -> None:
    assert LabelGain(half=0.5, whole=0.6, error=0.06).share == 0
    assert LabelGain(half=0.5, whole=0.6, error=0.02).share == pytest.approx(0.2)
    assert LabelGain(half=0.6, whole=0.5, error=0.02).share == 0
    assert LabelGain(half=0.0, whole=0.5, error=0.02).share == 0


@pytest.mark.parametrize(
    ("anomalies", "nominals"), [(MIN_LABELS - 1, 50), (50, MIN_LABELS - 1), (0, 5), (0, 0)]
)
def test_too_few_labels_say_nothing(anomalies: int, nominals: int) -> None:
    features = np.random.default_rng(0).normal(size=(anomalies + nominals, 3))
    is_anomaly = np.arange(len(features)) < anomalies
    assert gain_of_labels(features, is_anomaly, regularisation=1.0, seed=0) is None


def test_one_seed_gives_one_answer() -> None:
    assert measure(2.0) == measure(2.0)
