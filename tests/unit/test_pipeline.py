from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from anomalymatch_ui.config import NetworkConfig, NetworkName, ScoreConfig, Symmetry
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.learn import AnomalyNetwork, build_network
from anomalymatch_ui.pool import ImagePool, open_pool
from anomalymatch_ui.score import ScoredBatch, Scorer, StageClock, batch_ranges, score_pool
from anomalymatch_ui.score.batching import CPU_BATCHES, batch_size_for, fastest
from anomalymatch_ui.score.flow import Regrouping, Stage, run_stages
from anomalymatch_ui.score.fused import fused_for_inference
from anomalymatch_ui.score.gpu import DeviceStages, resize_on_device
from anomalymatch_ui.score.jpeg import JpegFrame, ordinary_frame, torchvision_decoder
from anomalymatch_ui.score.pieces import HostStages, Piece, regroup
from anomalymatch_ui.score.threads import compute_in_one_thread

CPU = torch.device("cpu")
CONFIG = ScoreConfig(batch_size=8, workers=2)


@pytest.fixture
def pool(pool_folder: Path) -> ImagePool:
    return open_pool(pool_folder)


@pytest.fixture(scope="module")
def network() -> AnomalyNetwork:
    return build_network(NetworkConfig(image_size=32), seed=0)


def scores_of(batches: list[ScoredBatch]) -> np.ndarray:
    return np.concatenate([batch.scores for batch in batches])


def test_ranges_cover_every_image_once_and_never_cross_a_shard() -> None:
    ranges = list(batch_ranges(5, 43, 8, shard_size=20))
    assert [(part.start, part.stop) for part in ranges] == [
        (5, 13), (13, 20), (20, 28), (28, 36), (36, 40), (40, 43)
    ]  # fmt: skip


def test_a_part_of_the_pool_is_scored_alone(pool: ImagePool, network: AnomalyNetwork) -> None:
    batches = list(score_pool(pool, network, CONFIG, device=CPU, start=10, stop=27))
    assert np.concatenate([batch.indices for batch in batches]).tolist() == list(range(10, 27))
    beyond = list(score_pool(pool, network, CONFIG, device=CPU, start=50, stop=1000))
    assert np.concatenate([batch.indices for batch in beyond]).tolist() == list(range(50, 60))


def test_shards_scored_apart_have_the_very_scores_of_one_run(
    pool: ImagePool, network: AnomalyNetwork
) -> None:
    scorer = Scorer(network, CPU)
    whole = list(score_pool(pool, network, CONFIG, device=CPU, shard_size=20, scorer=scorer))
    apart = [
        batch
        for first in (0, 20, 40)
        for batch in score_pool(
            pool, network, CONFIG, device=CPU, start=first, stop=first + 20, scorer=scorer
        )
    ]
    np.testing.assert_array_equal(scores_of(whole), scores_of(apart))


def test_one_scorer_serves_many_runs_and_scores_as_the_network_does(
    pool: ImagePool, network: AnomalyNetwork
) -> None:
    scorer = Scorer(network, CPU)
    scores, features = scorer.score(pool.read(range(6), 32).pixels)
    assert (scores.dtype, scores.shape) == (np.float32, (6,))
    assert (features.dtype, features.shape) == (np.float16, (6, 1280))
    again = list(score_pool(pool, network, CONFIG, device=CPU, stop=6, scorer=scorer))
    np.testing.assert_allclose(scores_of(again), scores, atol=1e-3)


def test_the_clock_counts_busy_time_per_stage_and_gives_its_share_of_the_whole() -> None:
    clock = StageClock()
    clock.set_workers("read", 2)
    with clock.busy("forward"):
        time.sleep(0.05)
    clock.add("read", 0.02)
    time.sleep(0.05)
    with clock.busy("write"):
        time.sleep(0.01)
    shares = clock.shares()
    assert list(shares) == ["read", "forward", "write"]
    assert 0.25 < shares["forward"] < 0.55
    assert shares["read"] == pytest.approx(0.01 / clock.elapsed)


def test_a_clock_that_counted_nothing_has_no_shares() -> None:
    assert dict(StageClock().shares()) == {}


def test_scoring_tells_the_clock_what_it_did(pool: ImagePool, network: AnomalyNetwork) -> None:
    clock = StageClock()
    list(score_pool(pool, network, CONFIG, device=CPU, clock=clock))
    seconds = clock.seconds()
    assert seconds["read"] > 0
    assert seconds["forward"] > 0
    assert all(0 < share <= 1 for share in clock.shares().values())


def test_what_comes_out_of_the_stages_is_in_order_whatever_each_takes() -> None:
    def dawdle(number: int) -> int:
        time.sleep(0.01 if number % 3 == 0 else 0)
        return number * 10

    stages = [Stage("read", dawdle, workers=4), Stage("decode", lambda number: number + 1, workers=2)]
    assert list(run_stages(range(40), stages, StageClock())) == [10 * number + 1 for number in range(40)]


def test_a_slow_reader_of_results_holds_the_stages_up_so_that_memory_stays_bounded() -> None:
    begun: list[int] = []
    stages = [
        Stage("read", lambda n: begun.append(n) or n, workers=3, ahead=2),
        Stage("decode", abs, ahead=2),
    ]
    results = run_stages(range(10_000), stages, StageClock())
    for _ in range(5):
        next(results)
        time.sleep(0.05)
    results.close()
    assert 5 <= len(begun) <= 5 + 3 + 2 + 1 + 2 + 2  # given, in hand and waiting


def test_an_error_in_a_stage_comes_after_the_results_before_it_and_ends_all_threads() -> None:
    def fail_at_20(number: int) -> int:
        if number == 20:
            raise OSError("the disk is gone")
        return number

    stages = [Stage("read", fail_at_20, workers=3), Regrouping(lambda items: items), Stage("decode", abs)]
    results: list[int] = []
    with pytest.raises(OSError, match="the disk is gone"):
        results.extend(run_stages(range(1000), stages, StageClock()))
    assert results == list(range(20))
    assert not stage_threads()


def test_an_error_of_what_feeds_the_stages_is_raised(tmp_path: Path) -> None:
    def feed() -> Iterator[int]:
        yield 1
        raise ValueError("no more")

    results = run_stages(feed(), [Stage("read", abs)], StageClock())
    assert next(results) == 1
    with pytest.raises(ValueError, match="no more"):
        next(results)


def test_closing_the_results_ends_all_threads() -> None:
    results = run_stages(range(1000), [Stage("read", abs, workers=4), Stage("decode", abs)], StageClock())
    next(results)
    assert stage_threads()
    results.close()
    assert not stage_threads()


def test_scoring_that_is_given_up_leaves_no_thread(pool: ImagePool, network: AnomalyNetwork) -> None:
    batches = score_pool(pool, network, CONFIG, device=CPU)
    next(batches)
    batches.close()
    assert not stage_threads()


def stage_threads() -> list[str]:
    names = ("read-", "decode-", "resize-", "transfer-", "forward-", "regroup-")
    return [thread.name for thread in threading.enumerate() if thread.name.startswith(names)]


@pytest.mark.parametrize("name", ["efficientnet-lite0", "efficientnet-b0"])
@pytest.mark.parametrize("size", [32, 96])
def test_the_fused_network_gives_the_answers_of_the_network(name: NetworkName, size: int) -> None:
    network = build_network(NetworkConfig(name=name, image_size=size, pretrained=False), seed=0).eval()
    # Statistics that are not those of a new layer, so that forgetting one would show.
    generator = torch.Generator().manual_seed(1)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean += 0.1 * torch.randn(module.num_features, generator=generator)
            module.running_var *= 1 + 0.2 * torch.rand(module.num_features, generator=generator)
    images = torch.rand((4, 3, size, size), generator=generator)
    with torch.inference_mode():
        logits, features = network.forward_with_features(images)
        fused_logits, fused_features = fused_for_inference(network).forward_with_features(images)
    torch.testing.assert_close(fused_features, features, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(fused_logits, logits, rtol=1e-3, atol=1e-4)


def test_only_the_thread_that_asks_for_it_computes_alone() -> None:
    before = torch.get_num_threads()
    with ThreadPoolExecutor(1) as executor:
        executor.submit(compute_in_one_thread).result()
        assert executor.submit(torch.get_num_threads).result() == 1
        with ThreadPoolExecutor(1) as another:
            assert another.submit(torch.get_num_threads).result() == before
    assert torch.get_num_threads() == before


def encode(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def noise(height: int, width: int, mode: str = "RGB") -> Image.Image:
    bands = {"RGB": 3, "CMYK": 4, "L": 1}[mode]
    pixels = np.random.default_rng(height * width).integers(0, 256, (height, width, bands), np.uint8)
    return Image.fromarray(pixels.squeeze() if bands == 1 else pixels, mode)


def test_the_header_of_a_jpeg_tells_its_size_and_whether_it_is_an_ordinary_one() -> None:
    content = encode(noise(40, 50), "JPEG")
    assert ordinary_frame(content) == JpegFrame(40, 50)
    assert ordinary_frame(encode(noise(40, 50, "L"), "JPEG", progressive=True)) == JpegFrame(40, 50)
    assert ordinary_frame(content + b"\0" * 10) == JpegFrame(40, 50)
    for other in (
        content[:-100],
        encode(noise(40, 50, "CMYK"), "JPEG"),
        encode(noise(40, 50), "PNG"),
        b"",
        b"\xff\xd8\xff\xd9",
        b"\xff\xd8" + b"\xff" * 100 + b"\xd9",
    ):
        assert ordinary_frame(other) is None


@given(st.binary(max_size=200))
def test_no_bytes_confuse_the_reader_of_headers(content: bytes) -> None:
    ordinary_frame(b"\xff\xd8\xff" + content)
    ordinary_frame(b"\xff\xd8\xff" + content + b"\xff\xd9")


@pytest.fixture
def mixed_folder(tmp_path: Path) -> Path:
    """Images of every kind that a folder may hold, some unreadable."""
    whole = encode(noise(64, 64), "JPEG")
    contents = {
        "a.jpg": whole,
        "b-cut-off.jpg": whole[: len(whole) // 2],
        "c-cut-off-with-end.jpg": whole[: len(whole) // 2] + b"\xff\xd9",
        "d-grey.jpg": encode(noise(64, 64, "L"), "JPEG"),
        "e-cmyk.jpg": encode(noise(64, 64, "CMYK"), "JPEG"),
        "f-progressive.jpg": encode(noise(70, 64), "JPEG", progressive=True, subsampling=2),
        "g-large.jpg": encode(noise(300, 200), "JPEG"),
        "h-small.jpg": encode(noise(20, 20), "JPEG", subsampling=0),
        "i.png": encode(noise(64, 64), "PNG"),
        "j.tif": encode(noise(64, 64), "TIFF"),
        "k-nothing.jpg": b"",
        "l-text.jpg": b"not an image",
        "m-wide.webp": encode(noise(64, 90), "WEBP", lossless=True),
        "n-damaged.jpg": whole[:400] + bytes(200) + whole[600:],
        "o-png-called.jpg": encode(noise(64, 64), "PNG"),
    }
    folder = tmp_path / "mixed"
    folder.mkdir()
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return folder


@pytest.mark.parametrize("size", [32, 64, 100])
def test_scoring_sees_the_very_pixels_that_training_and_the_screen_see(mixed_folder: Path, size: int) -> None:
    pool, reference = open_pool(mixed_folder), open_pool(mixed_folder)
    expected = reference.read(range(len(reference)), size)
    stages = HostStages(pool, size)
    piece = stages.resize(stages.decode(stages.read(range(len(pool)))))
    assert piece.indices.tolist() == expected.indices.tolist()
    np.testing.assert_array_equal(piece.pixels.transpose(0, 3, 1, 2), expected.pixels)
    assert dict(pool.report.unreadable) == dict(reference.report.unreadable)


@pytest.mark.parametrize("size", [32, 64])
def test_what_a_gpu_cannot_decode_is_decoded_on_the_host(mixed_folder: Path, size: int) -> None:
    pool = open_pool(mixed_folder)
    asked_for: list[int] = []

    def decode_all_or_refuse(contents: list[torch.Tensor], device: torch.device) -> list[torch.Tensor]:
        asked_for.append(len(contents))
        return torchvision_decoder()(contents, device)

    host = HostStages(pool, size)
    piece = DeviceStages(host, size, CPU, decode_all_or_refuse).decode(host.read(range(len(pool))))
    assert asked_for[0] > 4  # a list at a time
    assert asked_for[-1] == 1  # one it refuses is found by halving
    expected = open_pool(mixed_folder).read(range(len(pool)), size)
    assert piece.indices.tolist() == expected.indices.tolist()
    difference = np.abs(piece.pixels.numpy().astype(int) - expected.pixels)
    # The largest one is decoded at a fraction of its size by Pillow, and in full here.
    smaller = piece.indices != pool.index("g-large.jpg")
    assert difference[smaller].max() <= 1
    assert difference.mean() < 2


def test_a_piece_of_which_nothing_can_be_read_is_an_empty_one(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"not an image")
    pool = open_pool(tmp_path)
    host = HostStages(pool, 32)
    piece = DeviceStages(host, 32, CPU).decode(host.read(range(1)))
    assert piece.pixels.shape == (0, 3, 32, 32)
    assert "a.jpg" in pool.report.unreadable


@pytest.mark.parametrize(("height", "width"), [(64, 64), (90, 64), (64, 91), (300, 301), (33, 20)])
def test_resizing_on_the_device_gives_what_pillow_gives(height: int, width: int) -> None:
    image = noise(height, width)
    side = min(height, width)
    left, top = (width - side) // 2, (height - side) // 2
    expected = image.crop((left, top, left + side, top + side)).resize((64, 64), Image.Resampling.BILINEAR)
    tensor = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None]
    resized = resize_on_device(tensor, 64)[0].permute(1, 2, 0).numpy()
    assert np.abs(resized.astype(int) - np.asarray(expected)).max() <= 1


def test_pieces_are_joined_and_cut_to_batches() -> None:
    def piece(start: int, stop: int) -> Piece:
        indices = np.array([index for index in range(start, stop) if index != 7], np.int64)
        return Piece(
            range(start, stop), indices, np.repeat(indices, 12).reshape(-1, 2, 2, 3).astype(np.uint8)
        )

    pieces = [piece(0, 5), piece(5, 9), piece(9, 30)]
    batches = list(regroup(pieces, batch_ranges(0, 30, 8)))
    assert [(batch.asked.start, batch.asked.stop) for batch in batches] == [
        (0, 8),
        (8, 16),
        (16, 24),
        (24, 30),
    ]
    for batch in batches:
        assert batch.indices.tolist() == [index for index in batch.asked if index != 7]
        assert batch.pixels[:, 0, 0, 0].tolist() == batch.indices.tolist()


def test_pieces_that_end_early_make_no_short_batch() -> None:
    pixels = np.zeros((5, 2, 2, 3), np.uint8)
    early = [Piece(range(5), np.arange(5), pixels)]
    assert [batch.asked for batch in regroup(early, batch_ranges(0, 12, 4))] == [range(4)]


def test_the_smallest_batch_that_is_about_as_fast_as_the_fastest_is_taken() -> None:
    rates = {16: 100, 32: 195, 64: 200, 128: 150, 256: 400}
    tried: list[int] = []

    def seconds(size: int) -> float:
        tried.append(size)
        return size / rates[size]

    assert fastest(tuple(rates), seconds, at_once=1) == 32
    assert 256 not in tried  # the rate had fallen


def test_a_batch_that_does_not_fit_ends_the_trial() -> None:
    def seconds(size: int) -> float:
        if size > 32:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return 1.0

    assert fastest((16, 32, 64), seconds, at_once=1) == 32


def test_an_error_of_another_kind_is_not_taken_for_memory() -> None:
    def seconds(size: int) -> float:
        raise RuntimeError("a driver that is too old")

    with pytest.raises(RuntimeError, match="too old"):
        fastest((16, 32), seconds, at_once=1)


def test_a_set_batch_size_is_taken_and_a_small_pool_is_not_worth_a_trial(network: AnomalyNetwork) -> None:
    scorer = Scorer(network, CPU)
    assert batch_size_for(ScoreConfig(batch_size=7), scorer, 10**9, "none") == 7
    assert batch_size_for(ScoreConfig(), scorer, 1000, "none") == 32


def test_the_batch_of_a_large_pool_is_measured_on_the_real_network(network: AnomalyNetwork) -> None:
    assert batch_size_for(ScoreConfig(), Scorer(network, CPU), 10**6, "none") in CPU_BATCHES


def test_jpegs_cannot_be_decoded_on_a_gpu_that_is_not_there(pool: ImagePool, network: AnomalyNetwork) -> None:
    with pytest.raises(InputError, match="Set score.decode to auto"):
        next(score_pool(pool, network, ScoreConfig(decode="gpu"), device=CPU))


def test_a_batch_that_was_too_large_is_not_tried_again(network: AnomalyNetwork) -> None:
    tried: list[int] = []

    class SmallDevice(Scorer):
        def launch_whole(self, pixels: torch.Tensor, symmetry: Symmetry) -> tuple[torch.Tensor, torch.Tensor]:
            tried.append(len(pixels))
            if len(pixels) > 3:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return super().launch_whole(pixels, symmetry)

    pixels = np.random.default_rng(0).integers(0, 256, (10, 3, 32, 32), np.uint8)
    scorer = SmallDevice(network, CPU)
    expected = Scorer(network, CPU).score(pixels)
    for _ in range(2):
        for got, want in zip(scorer.score(pixels), expected, strict=True):
            np.testing.assert_allclose(got, want, atol=2e-3)
    assert tried == [10, 5, 3, 2, 3, 2, 3, 2, 3, 2]


def test_a_compiled_network_sees_batches_of_one_length(
    network: AnomalyNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    lengths: list[int] = []

    def compile_nothing(forward: Callable[..., Any], **options: object) -> Callable[..., Any]:
        def watched(images: torch.Tensor) -> Any:
            lengths.append(len(images))
            return forward(images)

        return watched

    monkeypatch.setattr(torch, "compile", compile_nothing)
    pixels = np.random.default_rng(0).integers(0, 256, (8, 3, 32, 32), np.uint8)
    scorer, plain = Scorer(network, CPU, compiled=True), Scorer(network, CPU)
    for part in (pixels, pixels[:3]):
        scores, features = scorer.score(part)
        assert (scores.shape, features.shape) == ((len(part),), (len(part), 1280))
        np.testing.assert_allclose(scores, plain.score(part)[0], atol=1e-3)
    assert lengths == [8, 8]
