from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch

from anomalymatch_ui.config import (
    Layer,
    NetworkConfig,
    NetworkName,
    PartConfig,
    Place,
    Reads,
    RuntimeName,
    Symmetry,
)
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.learn import AnomalyNetwork, build_network, choose_runtime, fused_for_inference, planning
from anomalymatch_ui.learn import openvino_graph as graph
from anomalymatch_ui.learn.openvino_graph import BATCH, CompiledGraph, openvino, stages_graph
from anomalymatch_ui.learn.planning import plan_of
from anomalymatch_ui.learn.verdict import TOLERANCE
from anomalymatch_ui.stream import Scorer

CPU = torch.device("cpu")
SIZE = 64

try:
    openvino()
except ImportError:
    pytest.skip("OpenVINO is not installed", allow_module_level=True)


def network_of(
    name: NetworkName = "efficientnet-lite0",
    size: int = SIZE,
    bands: int = 3,
    seed: int = 0,
    reads: Reads = "end",
) -> AnomalyNetwork:
    """Build a network with random weights whose statistics are not those of new layers."""
    config = NetworkConfig(name=name, image_size=size, pretrained=False, reads=reads)
    network = build_network(config, seed, bands).eval()
    generator = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean += 0.1 * torch.randn(module.num_features, generator=generator)
            module.running_var *= 1 + 0.2 * torch.rand(module.num_features, generator=generator)
    return network


@pytest.fixture(scope="module")
def network() -> AnomalyNetwork:
    return network_of()


def pixels_of(images: int, size: int = SIZE, bands: int = 3) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (images, bands, size, size), dtype=np.uint8)


def both(network: AnomalyNetwork, **options: object) -> tuple[Scorer, Scorer]:
    ours = Scorer(network, CPU, runtime="openvino", **options)  # type: ignore[arg-type]
    assert ours.runtime.name.startswith("OpenVINO"), ours.runtime.reason
    return ours, Scorer(network, CPU, **options)  # type: ignore[arg-type]


def first_block(network: AnomalyNetwork) -> CompiledGraph:
    plan = plan_of(fused_for_inference(network).backbone, 0, [0])
    return CompiledGraph(stages_graph(plan, [0], (SIZE, SIZE, 3)), streams=1)


def assert_alike(features: np.ndarray, expected: np.ndarray) -> None:
    """Assert that float16 features differ by no more than their own rounding and what is allowed."""
    difference = np.linalg.norm(features.astype(np.float32) - expected.astype(np.float32))
    assert difference <= (2**-10 + TOLERANCE) * np.linalg.norm(expected.astype(np.float32))


def assert_torch_alone(scorer: Scorer, network: AnomalyNetwork, why: str) -> None:
    """Assert that torch computes all, to the bit, and that it is said why."""
    assert scorer.runtime.name == "torch"
    assert why in scorer.runtime.reason
    pixels = pixels_of(3)
    for ours, torchs in zip(scorer.score(pixels), Scorer(network, CPU).score(pixels), strict=True):
        np.testing.assert_array_equal(ours, torchs)


@pytest.mark.parametrize(
    ("name", "size", "bands"),
    [
        ("efficientnet-lite0", 32, 3),
        ("efficientnet-lite0", 96, 1),
        ("efficientnet-lite0", 75, 5),  # odd maps, which are padded by as much on all sides
        ("efficientnet-lite2", 64, 3),
        ("efficientnet-b0", 64, 3),
    ],
)
def test_scores_agree_with_torch_within_1e_4(name: NetworkName, size: int, bands: int) -> None:
    ours, torchs = both(network_of(name, size, bands))
    pixels = pixels_of(11, size, bands)
    scores, features = ours.score(pixels)
    expected, expected_features = torchs.score(pixels)
    np.testing.assert_allclose(scores, expected, atol=1e-4, rtol=0)
    assert_alike(features, expected_features)


def test_a_head_on_the_middle_is_computed_by_openvino_too() -> None:
    ours, torch_s = both(network_of(reads="middle"))
    (scores, features), (expected, expected_features) = (
        ours.score(pixels_of(20)),
        torch_s.score(pixels_of(20)),
    )
    np.testing.assert_allclose(scores, expected, atol=TOLERANCE, rtol=0)
    assert_alike(features, expected_features)


@pytest.mark.parametrize("place", ["centre", "flux"])
@pytest.mark.parametrize("layers", [(0,), (7, 10), (10, "last")])
def test_parts_of_any_depth_agree_with_torch(
    network: AnomalyNetwork, layers: tuple[Layer, ...], place: Place
) -> None:
    parts = [PartConfig(size=SIZE, layers=layers, place=place)]
    ours, torchs = both(network, parts=parts)
    features, expected = (scorer.score(pixels_of(5))[1] for scorer in (ours, torchs))
    assert_alike(features, expected)


def test_bits_depend_on_nothing_but_the_image(network: AnomalyNetwork) -> None:
    pixels = pixels_of(2 * BATCH + 3)
    scorer = Scorer(network, CPU, runtime="openvino")
    maps = scorer.frozen_maps(pixels, "none")
    parts = [scorer.frozen_maps(pixels[row : row + 1], "none") for row in range(len(pixels))]
    np.testing.assert_array_equal(np.concatenate(parts), maps)
    scores, features = scorer.score(pixels)
    with ThreadPoolExecutor(4) as executor:
        for again in executor.map(lambda _: scorer.score(pixels), range(8)):
            np.testing.assert_array_equal(again[0], scores)
            np.testing.assert_array_equal(again[1], features)


@pytest.mark.parametrize("threads", [1, 3])
def test_bits_do_not_depend_on_the_number_of_threads(network: AnomalyNetwork, threads: int) -> None:
    expected = Scorer(network, CPU, runtime="openvino").score(pixels_of(5))
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(threads)
        found = Scorer(network, CPU, runtime="openvino").score(pixels_of(5))
    finally:
        torch.set_num_threads(before)
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_array_equal(found[1], expected[1])


@pytest.mark.parametrize("symmetry", ["none", "square"])
def test_kept_maps_give_the_scores_of_the_images(network: AnomalyNetwork, symmetry: Symmetry) -> None:
    scorer = Scorer(network, CPU, runtime="openvino")
    scores, features = scorer.score(pixels_of(5), symmetry)
    from_maps = scorer.score_maps(scorer.frozen_maps(pixels_of(5), symmetry))
    np.testing.assert_array_equal(from_maps[0], scores)
    np.testing.assert_array_equal(from_maps[1], features)


def test_other_weights_never_answer_as_the_former_ones(network: AnomalyNetwork) -> None:
    other = network_of(seed=1)
    Scorer(network, CPU, runtime="openvino").score(pixels_of(2))
    ours, torchs = both(other)
    np.testing.assert_allclose(ours.score(pixels_of(2))[0], torchs.score(pixels_of(2))[0], atol=1e-4, rtol=0)


def test_the_network_stays_as_it_was() -> None:
    network = network_of().train()
    Scorer(network, CPU, runtime="openvino")
    assert network.training
    assert any(parameter.requires_grad for parameter in network.parameters())
    assert network.head.training


@pytest.mark.parametrize("wanted", ["auto", "openvino"])
def test_a_graph_that_computes_something_else_is_not_used(
    network: AnomalyNetwork, wanted: RuntimeName, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "_padding", lambda part: ([k // 2 for k in part.kernel_size],) * 2)
    assert_torch_alone(Scorer(network, CPU, runtime=wanted), network, "answers differ from torch's by")


def test_a_device_that_openvino_does_not_know_leaves_the_work_to_torch(
    network: AnomalyNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graph, "_DEVICE", "NONESUCH")
    assert_torch_alone(Scorer(network, CPU, runtime="auto"), network, "cannot compute on this processor")


def test_a_part_without_a_node_leaves_the_work_to_torch() -> None:
    network = network_of()
    network.backbone._swish = torch.nn.Tanh()
    assert_torch_alone(Scorer(network, CPU, runtime="auto"), network, "the activation Tanh")


def test_openvino_that_is_missing_is_said_and_refused_only_where_it_was_asked_for(
    network: AnomalyNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    openvino.cache_clear()
    try:
        assert_torch_alone(Scorer(network, CPU, runtime="auto"), network, "OpenVINO is not installed")
        with pytest.raises(InputError, match=r"score.runtime is openvino.*pip install openvino"):
            Scorer(network, CPU, runtime="openvino")
    finally:
        monkeypatch.undo()
        openvino.cache_clear()


def test_bfloat16_is_left_to_torch(network: AnomalyNetwork) -> None:
    scorer = Scorer(network, CPU, number_format="bfloat16", runtime="auto")
    assert scorer.runtime.name == "torch"
    assert "float32" in scorer.runtime.reason


def test_another_backbone_is_left_to_torch() -> None:
    pytest.importorskip("timm")
    settings = NetworkConfig(name="timm:resnet10t", image_size=SIZE, pretrained=False)
    network = build_network(settings, seed=0)
    assert_torch_alone(Scorer(network, CPU, runtime="auto"), network, "timm:resnet10t is none")


def test_scores_of_a_network_whose_training_diverged_stay_no_numbers() -> None:
    network = network_of()
    with torch.no_grad():
        network.backbone._conv_stem.weight[0, 0, 0, 0] = torch.nan
    scorer = Scorer(network, CPU, runtime="auto")
    assert "not all numbers" in scorer.runtime.reason
    assert np.isnan(scorer.score(pixels_of(2))[0]).all()


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_what_is_no_number_is_not_made_one(network: AnomalyNetwork, value: float) -> None:
    fused = fused_for_inference(network)
    assert choose_runtime(fused, "openvino", CPU, [(0, ("last",))]).name != "torch"
    images = torch.rand(2, 3, SIZE, SIZE)
    images[0] = value
    with torch.inference_mode():
        (last,) = fused.stages(images, ["last"])
        (expected,) = fused_for_inference(network).stages(images, ["last"])
    torch.testing.assert_close(last, expected, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((BATCH, SIZE, SIZE, 3), np.float64),
        np.zeros((BATCH, SIZE, SIZE, 3), np.uint8),
        np.zeros((BATCH, SIZE, SIZE, 3), ">f4" if sys.byteorder == "little" else "<f4"),
        np.zeros((BATCH, 3, SIZE, SIZE), np.float32),
    ],
)
def test_images_that_openvino_would_cast_or_misread_are_refused(
    network: AnomalyNetwork, images: np.ndarray
) -> None:
    compiled = first_block(network)
    with pytest.raises(ValueError, match="images are float32"):
        compiled(images)


@pytest.mark.parametrize("fails", ["start_async", "wait"])
def test_no_batch_is_computed_any_more_when_one_has_failed(network: AnomalyNetwork, fails: str) -> None:
    class Request:
        """Runs from :meth:`start_async` on, until somebody waits for it."""

        runs = False

        def __init__(self, failing: str = "") -> None:
            self.failing = failing

        def set_input_tensor(self, tensor: object) -> None:
            pass

        def set_output_tensor(self, number: int, tensor: object) -> None:
            pass

        def start_async(self) -> None:
            if self.failing == "start_async":
                raise KeyboardInterrupt
            self.runs = True

        def wait(self) -> None:
            self.runs = False
            if self.failing == "wait":
                self.failing = ""
                raise KeyboardInterrupt

    compiled = first_block(network)
    requests = [Request(), Request(fails), Request()]
    compiled._requests.all = requests
    with pytest.raises(KeyboardInterrupt):
        compiled(np.zeros((3 * BATCH, SIZE, SIZE, 3), np.float32), at_once=3)
    assert not any(request.runs for request in requests)


@pytest.mark.parametrize("bands", [1, 2, 3, 5])
@pytest.mark.parametrize("input_range", ["backbone", "unit"])
def test_bytes_are_scaled_as_torch_scales_them(bands: int, input_range: Literal["backbone", "unit"]) -> None:
    settings = NetworkConfig(image_size=SIZE, pretrained=False, input_range=input_range)
    network = build_network(settings, seed=0, bands=bands)
    fused, reference = fused_for_inference(network), fused_for_inference(network)
    assert choose_runtime(fused, "openvino", CPU, [(0, (0,))], of_bytes=True).name != "torch"
    assert fused.takes_bytes
    pixels = torch.from_numpy(pixels_of(3, bands=bands))
    with torch.inference_mode():
        (ours,) = fused.stages(pixels, [0])
        (expected,) = reference.stages(pixels / 255, [0])
        (from_floats,) = fused.stages(pixels / 255, [0])
    torch.testing.assert_close(ours, expected, rtol=TOLERANCE, atol=TOLERANCE)
    torch.testing.assert_close(from_floats, expected, rtol=0, atol=0)  # for which nothing was prepared


def test_bytes_of_another_size_are_computed_by_torch(network: AnomalyNetwork) -> None:
    fused = fused_for_inference(network)
    choose_runtime(fused, "openvino", CPU, [(0, (0,))], of_bytes=True)
    pixels = torch.from_numpy(pixels_of(2, size=SIZE + 8))
    with torch.inference_mode():
        (found,) = fused.stages(pixels, [0])
        (expected,) = fused_for_inference(network).stages(pixels / 255, [0])
    torch.testing.assert_close(found, expected, rtol=0, atol=0)


def test_pixels_that_cannot_be_written_are_read(network: AnomalyNetwork) -> None:
    pixels = pixels_of(BATCH)
    expected = Scorer(network, CPU, runtime="openvino").score(pixels)
    pixels.flags.writeable = False
    found = Scorer(network, CPU, runtime="openvino").score(pixels)
    np.testing.assert_array_equal(found[0], expected[0])
    compiled = first_block(network)
    values = np.zeros((BATCH, SIZE, SIZE, 3), np.float32)
    values.flags.writeable = False
    assert compiled(values)[0].shape[0] == BATCH


def test_importing_openvino_reports_nothing_to_anybody(tmp_path: Path) -> None:
    code = (
        "import sys; from anomalymatch_ui.learn.openvino_graph import openvino; openvino().Core(); "
        "print([name for name in sys.modules if 'telemetry' in name])"
    )
    home = tmp_path / "home"
    home.mkdir()
    finished = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "HOME": str(home)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert finished.stdout.strip() == "[]"
    assert list(home.iterdir()) == []
