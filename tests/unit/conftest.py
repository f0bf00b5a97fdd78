from __future__ import annotations

import pytest
from training import random_images

from anomalymatch_ui.config import Config
from anomalymatch_ui.learn import TrainingData


@pytest.fixture
def paper() -> Config:
    return Config.preset("paper")


@pytest.fixture
def data() -> TrainingData:
    return random_images()
