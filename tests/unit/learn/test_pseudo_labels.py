from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from anomalymatch_ui.config import ThresholdRule
from anomalymatch_ui.learn import ANOMALY
from anomalymatch_ui.learn.pseudo_labels import DECAY, PseudoLabeller

CPU = torch.device("cpu")
NOMINAL = 1 - ANOMALY


def labeller(
    rule: ThresholdRule = "fixed", *, prevalence: float | None = None, images: int = 8
) -> PseudoLabeller:
    return PseudoLabeller(rule, 0.95, prevalence, images, CPU)


def logits(*anomaly_probabilities: float) -> torch.Tensor:
    """Logits whose softmax gives these probabilities of an anomaly."""
    result = torch.zeros(len(anomaly_probabilities), 2)
    result[:, ANOMALY] = torch.logit(torch.tensor(anomaly_probabilities, dtype=torch.float64))
    return result


def rows(count: int, start: int = 0) -> torch.Tensor:
    return torch.arange(start, start + count)


def undecided_batches(count: int) -> list[torch.Tensor]:
    """Confident predictions of which, as of balanced batches, half say anomaly."""
    random = np.random.default_rng(0)
    return [torch.from_numpy(random.normal(0, 3, (256, 2))).float() for _ in range(count)]


def test_the_fixed_rule_believes_either_class_from_the_threshold_on() -> None:
    pseudo = labeller().label(logits(0.96, 0.94, 0.04, 0.06), rows(4))
    assert pseudo.classes.tolist() == [ANOMALY, ANOMALY, NOMINAL, NOMINAL]
    assert pseudo.weights.tolist() == [1, 0, 1, 0]


@given(st.lists(st.floats(-20, 20, width=32), min_size=2, max_size=20).filter(lambda x: len(x) % 2 == 0))
def test_the_fixed_rule_without_alignment_is_fixmatch_s_and_remembers_nothing(values: list[float]) -> None:
    batch = torch.tensor(values).reshape(-1, 2)
    judge = labeller()
    judge.label(logits(*[0.999] * 8), rows(8))
    pseudo = judge.label(batch, rows(len(batch)))
    confidence, classes = torch.softmax(batch, dim=1).max(dim=1)
    assert torch.equal(pseudo.classes, classes)
    assert torch.equal(pseudo.weights, (confidence >= 0.95).float())


def test_pseudo_labels_carry_no_gradient() -> None:
    batch = logits(0.9, 0.1).requires_grad_()
    for rule in ("fixed", "flex", "free", "soft"):
        assert not labeller(rule, prevalence=0.1).label(batch, rows(2)).weights.requires_grad


def test_alignment_lets_far_fewer_pseudo_labels_say_anomaly_where_anomalies_are_rare() -> None:
    believed = {}
    for prevalence in (None, 0.02):
        judge = labeller(prevalence=prevalence, images=256)
        for batch in undecided_batches(20):
            pseudo = judge.label(batch, rows(256))
        believed[prevalence] = float(pseudo.weights[pseudo.classes == ANOMALY].sum())
    assert believed[None] > 256 / 8
    assert believed[0.02] < believed[None] / 4


@pytest.mark.parametrize("prevalence", [0.02, 0.5, 0.9])
def test_a_constant_prediction_is_aligned_to_exactly_the_prevalence_of_anomalies(prevalence: float) -> None:
    judge = labeller("free", prevalence=prevalence)
    for _ in range(400):  # 0.95 ** 400 = 1e-9 of the start is left in the running means
        judge.label(logits(0.7, 0.7), rows(2))
    aligned = judge.state_dict()["believed"]
    assert float(aligned[ANOMALY]) == pytest.approx(prevalence, abs=1e-4)
    assert float(aligned[NOMINAL]) == pytest.approx(1 - prevalence, abs=1e-4)


def test_alignment_multiplies_the_odds_by_what_the_running_share_misses() -> None:
    judge = labeller(prevalence=0.2)
    pseudo = judge.label(logits(0.99, 0.6, 0.6, 0.81), rows(4))
    predicted = DECAY * 0.5 + (1 - DECAY) * 0.75  # of anomalies: 0.5125
    odds = (0.2 / predicted) / (0.8 / (1 - predicted))  # 0.2378: 0.6 has odds of 0.357, 0.81 of 1.014
    assert float(judge.state_dict()["predicted"][ANOMALY]) == pytest.approx(predicted)
    assert 0.81 / 0.19 * odds > 1 > 0.6 / 0.4 * odds
    assert pseudo.classes.tolist() == [ANOMALY, NOMINAL, NOMINAL, ANOMALY]
    assert 0.99 / 0.01 * odds > 19  # odds of 19 are a confidence of 0.95
    assert pseudo.weights.tolist() == [1, 0, 0, 0]


@pytest.mark.parametrize("rule", ["fixed", "flex", "free", "soft"])
def test_alignment_stays_finite_where_a_class_is_never_predicted(rule: ThresholdRule) -> None:
    judge = labeller(rule, prevalence=0.02)
    certain = torch.zeros(4, 2)
    certain[:, NOMINAL] = 200  # in float32 the probability of an anomaly is exactly 0
    for _ in range(300):
        pseudo = judge.label(certain, rows(4))
    assert pseudo.classes.tolist() == [NOMINAL] * 4
    assert torch.isfinite(pseudo.weights).all()
    assert all(torch.isfinite(tensor.float()).all() for tensor in judge.state_dict().values())


def test_flexmatch_begins_by_believing_everything_and_counts_only_the_sure() -> None:
    judge = labeller("flex", images=10)
    assert judge.label(logits(0.6, 0.3), rows(2)).weights.tolist() == [1, 1]
    judge.label(logits(0.96, 0.04, 0.7), rows(3, start=2))
    learnt = judge.state_dict()["learnt"].tolist()
    assert learnt == [-1, -1, ANOMALY, NOMINAL, -1, -1, -1, -1, -1, -1]


def test_flexmatch_lowers_the_threshold_of_the_class_that_lags_behind() -> None:
    judge = labeller("flex", images=18)
    judge.label(logits(*[0.01] * 10, *[0.99] * 8), rows(18))
    # 8 of 10: 0.95 * 0.8 / (2 - 0.8) = 0.6333 for anomalies, 0.95 for nominal ones.
    pseudo = judge.label(logits(0.63, 0.64, 0.06, 0.04), torch.tensor([0, 1, 2, 3]))
    assert pseudo.weights.tolist() == [0, 1, 0, 1]


def test_flexmatch_lowers_both_thresholds_while_most_images_are_not_learnt() -> None:
    judge = labeller("flex", images=38)
    judge.label(logits(*[0.01] * 16, *[0.99] * 2), rows(18))
    # Of 38 images 20 are unused, more than any class has: 16 of 20 is 0.6333 for nominal ones.
    pseudo = judge.label(logits(0.37, 0.36, 0.51), torch.tensor([0, 1, 2]))
    assert pseudo.weights.tolist() == [0, 1, 1]


def test_flexmatch_forgets_what_it_took_an_image_for_when_it_changes_its_mind() -> None:
    judge = labeller("flex", images=3)
    judge.label(logits(0.99, 0.99), rows(2))
    judge.label(logits(0.01), rows(1))
    assert judge.state_dict()["learnt"].tolist() == [NOMINAL, ANOMALY, -1]


def test_freematch_scales_its_threshold_by_how_much_each_class_is_predicted() -> None:
    judge = labeller("free")
    judge.label(logits(0.02, 0.02, 0.02, 0.7), rows(4))
    state = judge.state_dict()
    assert float(state["confidence"]) == pytest.approx(DECAY * 0.5 + (1 - DECAY) * (3 * 0.98 + 0.7) / 4)
    assert float(state["believed"][ANOMALY]) == pytest.approx(DECAY * 0.5 + (1 - DECAY) * (0.06 + 0.7) / 4)
    for _ in range(400):
        pseudo = judge.label(logits(0.02, 0.02, 0.02, 0.7), rows(4))
    assert pseudo.weights.tolist() == [1, 1, 1, 1]
    # In the limit 0.91 for nominal images, and 0.91 * 0.19 / 0.81 = 0.213 for anomalies: any.
    probe = labeller("free")
    probe.load_state_dict(judge.state_dict())
    assert probe.label(logits(0.08, 0.10, 0.51), rows(3)).weights.tolist() == [1, 0, 1]


def test_freematch_believes_no_undecided_image_once_it_is_confident() -> None:
    judge = labeller("free")
    for _ in range(400):
        judge.label(logits(0.01, 0.99), rows(2))
    assert judge.label(logits(0.3, 0.7), rows(2)).weights.tolist() == [0, 0]


def test_softmatch_weighs_by_a_gaussian_below_the_mean_confidence() -> None:
    judge = labeller("soft")
    pseudo = judge.label(logits(0.9, 0.3, 0.5, 0.2), rows(4))  # confidences 0.9, 0.7, 0.5, 0.8
    mean = DECAY * 0.5 + (1 - DECAY) * 0.725
    variance = DECAY * 1 + (1 - DECAY) * np.var([0.9, 0.7, 0.5, 0.8], ddof=1)
    assert float(judge.state_dict()["variance"]) == pytest.approx(variance)
    expected = [1, 1, math.exp(-((0.5 - mean) ** 2) / (2 * variance / 2**2)), 1]
    assert pseudo.weights.tolist() == pytest.approx(expected)
    assert pseudo.weights[2] < 1


def test_softmatch_all_but_ignores_the_undecided_among_the_sure() -> None:
    judge = labeller("soft")
    sure = logits(*[0.01, 0.98, 0.02, 0.99] * 4)
    for _ in range(400):
        pseudo = judge.label(sure, rows(16))
    assert (pseudo.weights[[0, 3]] == 1).all()
    assert judge.label(logits(*[0.01] * 15, 0.5), rows(16)).weights[-1] < 1e-3


def test_softmatch_labels_a_batch_of_one_image() -> None:
    assert torch.isfinite(labeller("soft").label(logits(0.5), rows(1)).weights).all()


@pytest.mark.parametrize("rule", ["fixed", "flex", "free", "soft"])
def test_a_labeller_goes_on_from_its_state_as_if_it_had_never_stopped(rule: ThresholdRule) -> None:
    batches = undecided_batches(12)
    first = labeller(rule, prevalence=0.1, images=300)
    for number, batch in enumerate(batches[:6]):
        first.label(batch, rows(256, start=number))
    state = first.state_dict()
    expected = [first.label(batch, rows(256, start=40)) for batch in batches[6:]]
    second = labeller(rule, prevalence=0.1, images=300)
    second.load_state_dict(state)
    for batch, (classes, weights) in zip(batches[6:], expected, strict=True):
        pseudo = second.label(batch, rows(256, start=40))
        assert torch.equal(pseudo.classes, classes)
        assert torch.equal(pseudo.weights, weights)
    for name, tensor in first.state_dict().items():
        assert torch.equal(second.state_dict()[name], tensor)


def test_a_state_once_given_does_not_change_with_what_is_learnt_later() -> None:
    judge = labeller("flex", prevalence=0.5)
    state = judge.state_dict()
    judge.label(logits(*[0.99] * 8), rows(8))
    assert state["learnt"].tolist() == [-1] * 8
    assert state["predicted"].tolist() == [0.5, 0.5]


def test_a_record_of_as_many_other_images_is_begun_anew() -> None:
    first, same, other = (PseudoLabeller("flex", 0.95, None, 8, CPU, digest) for digest in (1, 1, 2))
    first.label(logits(*[0.99] * 8), rows(8))
    for labeller_of, learnt in ((same, [1] * 8), (other, [-1] * 8)):
        labeller_of.load_state_dict(first.state_dict())
        assert labeller_of.state_dict()["learnt"].tolist() == learnt


def test_a_record_of_another_window_is_begun_anew_and_the_running_means_go_on() -> None:
    first = labeller("flex", prevalence=0.1, images=8)
    first.label(logits(*[0.99] * 8), rows(8))
    second = labeller("flex", prevalence=0.1, images=5)
    second.load_state_dict(first.state_dict())
    assert second.state_dict()["learnt"].tolist() == [-1] * 5
    assert torch.equal(second.state_dict()["predicted"], first.state_dict()["predicted"])


@pytest.mark.parametrize("rule", ["fixed", "flex", "free", "soft"])
def test_an_empty_batch_gets_no_labels_and_teaches_nothing(rule: ThresholdRule) -> None:
    judge = labeller(rule, prevalence=0.02)
    before = judge.state_dict()
    pseudo = judge.label(torch.empty(0, 2), torch.empty(0, dtype=torch.int64))
    assert (len(pseudo.classes), len(pseudo.weights)) == (0, 0)
    assert all(torch.equal(before[name], tensor) for name, tensor in judge.state_dict().items())
