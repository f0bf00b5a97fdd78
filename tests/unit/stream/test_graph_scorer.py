"""A backbone that OpenVINO computes alone gives what torch gives of it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from images import make_pool

from anomalymatch_ui.config import Layer, NetworkConfig, Place, ScoreConfig, Symmetry
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.learn import symmetries
from anomalymatch_ui.learn.freezing import freeze, network_of
from anomalymatch_ui.learn.openvino_graph import BATCH, openvino
from anomalymatch_ui.learn.plan import AT_THE_END, Taken
from anomalymatch_ui.learn.verdict import TOLERANCE, Refusal
from anomalymatch_ui.learn.views import array_views
from anomalymatch_ui.learn.wanted import WantedBackbone
from anomalymatch_ui.pool import open_pool
from anomalymatch_ui.stream import Scorer, score_pool
from anomalymatch_ui.stream.graph_pipeline import look_at_pool
from anomalymatch_ui.stream.graph_scorer import GraphScorer

try:
    openvino()
except ImportError:
    pytest.skip("OpenVINO is not installed", allow_module_level=True)

CPU = torch.device("cpu")
SIZE = 64


def wanted(*parts: Taken, size: int = SIZE, bands: int = 3, seed: int = 0) -> WantedBackbone:
    settings = NetworkConfig(image_size=size, pretrained=False)
    return WantedBackbone(settings, seed, bands, parts or (AT_THE_END,))


def pixels_of(images: int, size: int = SIZE, bands: int = 3) -> np.ndarray:
    """Return images with a source somewhere, on a noisy background."""
    random = np.random.default_rng(0)
    values = random.integers(0, 60, (images, bands, size, size), dtype=np.uint8)
    for row, image in enumerate(values):
        image[:, 10 + row : 22 + row, 8:20] += 150
    return values


def torch_scorer(asked: WantedBackbone) -> Scorer:
    return Scorer(network_of(asked), CPU, parts=asked.parts)


def assert_alike(features: np.ndarray, expected: np.ndarray) -> None:
    """Assert that float16 features differ by no more than their own rounding and what is allowed."""
    assert features.dtype == expected.dtype == np.float16
    difference = np.linalg.norm(features.astype(np.float32) - expected.astype(np.float32))
    assert difference <= (2**-11 + TOLERANCE) * np.linalg.norm(expected.astype(np.float32))


@pytest.mark.parametrize("place", ["frame", "centre", "flux"])
@pytest.mark.parametrize(
    ("layers", "size", "bands"), [((7, 10), 64, 3), ((0,), 75, 1), ((10, "last"), 96, 5), (("last",), 32, 2)]
)
def test_features_agree_with_torch(layers: tuple[Layer, ...], size: int, bands: int, place: Place) -> None:
    asked = wanted(Taken(layers, place, ("mean", "deviation")), size=size, bands=bands)
    pixels = pixels_of(BATCH + 3, size, bands)
    assert_alike(GraphScorer(freeze(asked)).score(pixels)[1], torch_scorer(asked).score(pixels)[1])


@pytest.mark.parametrize("symmetry", ["mirror", "square"])
def test_features_are_averaged_over_the_views(symmetry: Symmetry) -> None:
    asked = wanted(Taken((7, 10), "flux", ("mean", "deviation")), AT_THE_END)
    pixels = pixels_of(5)
    ours, torchs = GraphScorer(freeze(asked)), torch_scorer(asked)
    assert_alike(ours.score(pixels, symmetry)[1], torchs.score(pixels, symmetry)[1])


@pytest.mark.parametrize("kind", ["none", "mirror", "square"])
def test_the_views_of_arrays_are_those_of_tensors(kind: Symmetry) -> None:
    pixels = pixels_of(2)
    ours = list(array_views(pixels.transpose(0, 2, 3, 1), kind))
    torchs = list(symmetries(torch.from_numpy(pixels), kind))
    for one, other in zip(ours, torchs, strict=True):
        np.testing.assert_array_equal(one.transpose(0, 3, 1, 2), other.numpy())


def test_images_that_are_not_square_are_not_turned() -> None:
    with pytest.raises(InputError, match="6 x 4 pixels cannot be turned"):
        next(array_views(np.zeros((1, 4, 6, 3), np.uint8), "square"))


@pytest.mark.parametrize("threads", [1, 3])
def test_bits_depend_on_nothing_but_the_image(threads: int) -> None:
    frozen = freeze(wanted(Taken((7, 10), "centre", ("mean", "deviation")), AT_THE_END))
    pixels = pixels_of(2 * BATCH + 3)
    expected = GraphScorer(frozen).score(pixels, "square")[1]
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(threads)
        scorer = GraphScorer(frozen)
    finally:
        torch.set_num_threads(before)
    apart = [scorer.score(pixels[row : row + 1], "square")[1] for row in range(len(pixels))]
    np.testing.assert_array_equal(np.concatenate(apart), expected)
    with ThreadPoolExecutor(4) as executor:
        for again in executor.map(lambda _: scorer.score(pixels, "square")[1], range(8)):
            np.testing.assert_array_equal(again, expected)


@pytest.mark.parametrize("change", [1 + 3 * TOLERANCE, np.nan])
def test_a_graph_that_computes_something_else_is_refused(change: float) -> None:
    frozen = freeze(wanted(Taken((7,), "centre"), AT_THE_END))
    features = frozen.features.copy()
    features[:, frozen.widths[0] :] *= change
    with pytest.raises(Refusal, match=r"differ from torch's by .* at layer last"):
        GraphScorer(replace(frozen, features=features))


def test_a_pool_gives_what_it_gives_by_torch_and_at_any_size_of_a_batch(tmp_path: Path) -> None:
    make_pool(tmp_path / "images")
    (tmp_path / "images" / "0003.jpg").write_bytes(b"not an image")
    pool, asked = open_pool(tmp_path / "images"), wanted(Taken((7, 10), "flux"))
    scorer, torchs = GraphScorer(freeze(asked)), torch_scorer(asked)
    found = list(look_at_pool(pool, scorer, ScoreConfig(), symmetry="square"))
    expected = list(
        score_pool(pool, torchs.network, ScoreConfig(), device=CPU, symmetry="square", scorer=torchs)
    )
    for one, other in zip(found, expected, strict=True):
        assert one.asked == other.asked
        np.testing.assert_array_equal(one.indices, other.indices)
        assert_alike(one.features, other.features)
    assert sum(len(batch.indices) for batch in found) == len(pool) - 1
    few = list(look_at_pool(pool, scorer, ScoreConfig(batch_size=7, workers=3), symmetry="square"))
    np.testing.assert_array_equal(
        np.concatenate([batch.features for batch in few]), np.concatenate([batch.features for batch in found])
    )
