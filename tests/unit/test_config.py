from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomalymatch_ui.config import Config, NetworkConfig
from anomalymatch_ui.errors import InputError


def test_preset_paper_is_the_published_recipe(paper: Config) -> None:
    train, network = paper.train, paper.network
    assert network.name == "efficientnet-lite0"
    assert network.dropout == 0.2
    assert network.batch_norm_momentum == 0.01
    assert (train.labelled_batch, train.unlabelled_batch, train.steps) == (16, 80, 100)
    assert (train.learning_rate, train.momentum, train.weight_decay) == (0.0075, 0.9, 7.5e-4)
    assert (train.schedule, train.ema_warmup, train.warm_head, train.align) == (
        "constant",
        False,
        False,
        False,
    )
    assert (train.weak, train.strong, train.threshold_rule) == ("published", "randaugment", "fixed")
    assert (network.batch_norm, network.frozen_blocks, network.drop_connect) == ("batch", 0, 0.2)
    assert network.reads == "end"
    assert (paper.order, paper.instant, paper.score.symmetries) == ("network", False, False)
    assert (train.ema_decay, train.confidence_threshold, train.unlabelled_weight) == (0.99, 0.95, 1.0)


def test_what_the_settings_leave_open_of_a_network_follows_from_the_images() -> None:
    open_, small = NetworkConfig(), NetworkConfig(image_size=64, reads="end")
    assert (open_.suited("square", "middle").image_size, open_.suited("mirror").image_size) == (96, 160)
    assert (open_.suited("square", "middle").reads, open_.suited("mirror").reads) == ("middle", "end")
    assert small.suited("square", "middle") == small
    assert open_.asks_for(small)
    assert not small.asks_for(open_.suited("square", "middle"))
    assert not NetworkConfig(dropout=0).asks_for(small)


def test_settings_come_back_from_disk_as_they_were(paper: Config, tmp_path: Path) -> None:
    config = paper.with_values(seed=7, train={"steps": 3}, network={"image_size": 96})
    config.save(tmp_path / "config.toml")
    assert Config.load(tmp_path / "config.toml") == config


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("typo = 1", "typo .*not a known setting"),
        ("[train]\nstep = 3", "train.step .*not a known setting"),
        ("[train]\nsteps = 0", "train.steps"),
        ('device = "gpu"', "device"),
        ("seed = ", "Cannot read the settings"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(text: str, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=sentence):
        Config.load(path)


def test_an_unknown_preset_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match="Choose one of: .*paper"):
        Config.preset("papre")


def test_settings_cannot_be_changed_in_place(paper: Config) -> None:
    with pytest.raises(ValueError, match="frozen"):
        paper.seed = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("seed=7", {"seed": 7}),
        ("train.align = false", {"train": {"align": False}}),
        ("train.threshold_rule=flex", {"train": {"threshold_rule": "flex"}}),
        ('train.threshold_rule="flex"', {"train": {"threshold_rule": "flex"}}),
        ("embedding.sizes=[64]", {"embedding": {"sizes": (64,)}}),
        ("train.learning_rate=1e-2", {"train": {"learning_rate": 0.01}}),
    ],
)
def test_one_setting_can_be_written_as_an_assignment(text: str, values: dict[str, Any]) -> None:
    assert Config().with_assignment(text) == Config().with_values(**values)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("train.align", "is no setting. Write it as in train.align=false"),
        ("=3", "is no setting"),
        ("seed=", "is no setting"),
        ("train.aligned=false", "train.aligned .*not a known setting"),
        ("training.align=false", "training .*not a known setting"),
        ("train.threshold_rule=fuzzy", "train.threshold_rule"),
        ("prevalence=0", "prevalence"),
        ("prevalence=1", "prevalence"),
        ("seed.x=1", "seed"),
        ("train=3", "train"),
    ],
)
def test_an_assignment_that_cannot_be_used_is_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        Config().with_assignment(text)


@given(
    st.sampled_from(["seed", "device", "train.align", "seed.x", "train.steps.x", "embedding.sizes", "x", ""]),
    st.sampled_from(["=", ""]),
    st.text(max_size=12) | st.recursive(st.integers() | st.booleans(), st.lists, max_leaves=4).map(str),
)
def test_any_text_is_a_setting_or_refused_in_a_sentence(name: str, equals: str, written: str) -> None:
    with suppress(InputError):
        changed = Config().with_assignment(name + equals + written)
        assert Config.validated(changed.model_dump(), "itself") == changed
