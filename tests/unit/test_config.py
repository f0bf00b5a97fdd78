from __future__ import annotations

from pathlib import Path

import pytest

from anomalymatch_ui.config import Config
from anomalymatch_ui.errors import InputError


def test_preset_paper_is_the_published_recipe(paper: Config) -> None:
    train, network = paper.train, paper.network
    assert network.name == "efficientnet-lite0"
    assert network.dropout == 0.2
    assert network.batch_norm_momentum == 0.01
    assert (train.labelled_batch, train.unlabelled_batch, train.steps) == (16, 80, 100)
    assert (train.learning_rate, train.momentum, train.weight_decay) == (0.0075, 0.9, 7.5e-4)
    assert (train.ema_decay, train.confidence_threshold, train.unlabelled_weight) == (0.99, 0.95, 1.0)


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
