from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from training import CPU, NETWORK, rings_and_discs

from anomalymatch_ui.config import Config, ScoreConfig
from anomalymatch_ui.learn import build_network
from anomalymatch_ui.session.work import training
from anomalymatch_ui.session.work.training import cycle_window


@given(st.lists(st.booleans(), max_size=60), st.integers(1, 20), st.integers(0, 5))
def test_the_windows_of_successive_cycles_show_every_image_without_a_label(
    free: list[bool], window: int, seed: int
) -> None:
    is_free = np.array(free, dtype=bool)
    cycles = math.ceil(is_free.sum() / window)
    seen: set[int] = set()
    for cycle in range(1, cycles + 1):
        places = cycle_window(is_free, window, seed, cycle)
        assert len(places) == min(window, is_free.sum())
        assert (np.diff(places) > 0).all()
        assert is_free[places].all()
        seen |= set(places.tolist())
    assert seen == set(np.flatnonzero(is_free).tolist())


def test_a_label_takes_its_image_out_and_moves_the_others_little() -> None:
    is_free = np.ones(1000, dtype=bool)
    before = cycle_window(is_free, 200, 1, 2)
    is_free[before[:3]] = False
    after = cycle_window(is_free, 200, 1, 2)
    assert len(set(before[3:]) & set(after)) >= 190


def test_no_window_is_no_image() -> None:
    assert len(cycle_window(np.ones(5, dtype=bool), 0, 1, 1)) == 0


def test_the_head_that_training_starts_from_is_computed_by_what_scores(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []

    class Watched(training.Scorer):
        def __init__(self, *given: Any, **named: Any) -> None:
            super().__init__(*given, **named)
            asked.append(named["runtime"])

    monkeypatch.setattr(training, "Scorer", Watched)
    config = Config(network=NETWORK, score=ScoreConfig(runtime="torch"))
    network = build_network(NETWORK, 0)
    before = network.head.weight.clone()
    training._warm_head(network, rings_and_discs(), CPU, config)
    assert asked == ["torch"]
    assert not torch.equal(network.head.weight, before)
