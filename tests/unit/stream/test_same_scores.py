"""The same cutouts have the same scores, whatever files hold them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import torch
from containers import CONTAINERS, FITS_FOLDERS, TEMPLATE

from anomalymatch_ui.config import NetworkConfig, ScoreConfig
from anomalymatch_ui.learn import AnomalyNetwork, build_network
from anomalymatch_ui.pool import open_pool
from anomalymatch_ui.stream import score_pool

CUTOUTS, SIDE = int(os.environ.get("CUTOUTS", "24")), 32  # docs/benchmark.md has it with 1,000
IDS = [f"{number:04d}" for number in range(CUTOUTS)]
WRITERS = {**FITS_FOLDERS, **CONTAINERS}


def cutouts() -> np.ndarray:
    """Return sources on skies of several levels, float32 ``(n, height, width, bands)``."""
    random = np.random.default_rng(3)
    y, x = np.mgrid[:SIDE, :SIDE] - SIDE / 2
    width = random.uniform(2, 60, (CUTOUTS, 1, 1, 1))
    source = np.exp(-np.square(x) / width[..., 0] - np.square(y) / 9)[..., np.newaxis]
    colours = random.uniform(1, 20, (CUTOUTS, 1, 1, 3))
    noise = random.normal((-3, 0.1, 900), 0.3, (CUTOUTS, SIDE, SIDE, 3))
    return (source * colours + noise).astype(np.float32)


@pytest.fixture(scope="module")
def network() -> AnomalyNetwork:
    return build_network(NetworkConfig(image_size=SIDE), seed=0)


def seen_and_scored(
    write: Callable[[Path, np.ndarray, Sequence[str]], Path], folder: Path, network: AnomalyNetwork
) -> tuple[np.ndarray, np.ndarray]:
    """Return what the network sees of the cutouts, and their scores, in the order of :data:`IDS`."""
    template = TEMPLATE if write is FITS_FOLDERS["FITS, a file a band"] else None
    with closing(open_pool(write(folder, cutouts(), IDS), template=template)) as pool:
        by_name = {image_id.partition(".")[0]: index for index, image_id in enumerate(pool.ids)}
        order = [by_name[name] for name in IDS]
        seen = pool.read(order, SIDE, "network").pixels
        found = np.full(CUTOUTS, np.nan)
        config = ScoreConfig(batch_size=16, workers=1)
        for batch in score_pool(pool, network, config, device=torch.device("cpu")):
            found[batch.indices] = batch.scores
        return seen, found[order]


@pytest.fixture(scope="module")
def expected(
    network: AnomalyNetwork, tmp_path_factory: pytest.TempPathFactory
) -> tuple[np.ndarray, np.ndarray]:
    return seen_and_scored(CONTAINERS["hdf5"], tmp_path_factory.mktemp("hdf5"), network)


@pytest.mark.parametrize("kind", [kind for kind in WRITERS if kind != "hdf5"])
def test_every_kind_of_file_gives_the_same_pixels_and_scores(
    kind: str, network: AnomalyNetwork, expected: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    pixels, scores = seen_and_scored(WRITERS[kind], tmp_path, network)
    assert np.array_equal(pixels, expected[0])
    np.testing.assert_allclose(scores, expected[1], rtol=0, atol=1e-6)
    assert np.ptp(scores) > 0.01
