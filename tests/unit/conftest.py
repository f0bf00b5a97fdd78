from __future__ import annotations

import pytest

from anomalymatch_ui.config import Config


@pytest.fixture
def paper() -> Config:
    return Config.preset("paper")
