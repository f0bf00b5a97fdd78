"""What tests of streams use unless they have their own: images without a fault, and a small network."""

from __future__ import annotations

from pathlib import Path

import pytest

from anomalymatch_ui.config import NetworkConfig
from anomalymatch_ui.learn import AnomalyNetwork, build_network
from anomalymatch_ui.pool import ImagePool, open_pool


@pytest.fixture
def pool(pool_folder: Path) -> ImagePool:
    return open_pool(pool_folder)


@pytest.fixture(scope="module")
def network() -> AnomalyNetwork:
    return build_network(NetworkConfig(image_size=32), seed=0)
