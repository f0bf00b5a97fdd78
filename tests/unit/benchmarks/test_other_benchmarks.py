"""Benchmarks that nothing else runs still fit the product; their figures mean nothing here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from anomalymatch_ui.session import Session

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"


def test_a_session_for_the_dashboard_s_benchmark_is_ranked_by_labels_on_a_random_embedding(
    pool_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from dashboard import sessions

    path = sessions.ranked(tmp_path / "session", pool_folder, 40)
    with Session.open(path, pool_folder) as session:
        assert (session.status.counts.anomaly, session.status.counts.nominal) == (2, 38)
        assert session.ranking().source == "linear head"
        assert np.isfinite(session.ranking().scores).all()


def test_the_cost_of_a_step_in_pages_of_memory_is_told() -> None:
    command = [sys.executable, str(BENCHMARKS / "pages.py"), "--here", "--steps", "1", "--images", "96"]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    figures = json.loads(run.stdout)
    assert figures["step_seconds"] > 0
    assert figures["images_per_second"] > 0


def test_cutouts_are_cut_faster_than_one_by_one_and_are_the_same(tmp_path: Path) -> None:
    told = tmp_path / "catalogue.json"
    sizes = ["--cutouts", "30", "--tiles", "2", "--side", "256", "--workers", "1"]
    command = [sys.executable, str(BENCHMARKS / "catalogue.py"), *sizes, "--json", str(told)]
    subprocess.run(command, capture_output=True, text=True, check=True)
    figures = json.loads(told.read_text())
    assert figures["as_cutout2d"] is True
    assert figures["cutouts"] == 30
    assert figures["ratio"]["native values"] > 1


def test_the_wait_for_the_first_order_is_told(
    pool_folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import first_order

    monkeypatch.setattr(sys, "argv", ["first_order.py", str(pool_folder), "--images", "12", "--here"])
    first_order.main()
    figures = json.loads(capsys.readouterr().out)
    assert figures["images"] == figures["first_order_images"] == 12
    assert 0 <= figures["prepared"] <= figures["first_order"] == figures["all_once"] <= figures["all_closely"]
    assert figures["resident_mb"] >= figures["resident_mb_before"] > 0


def test_runtimes_are_compared_on_the_same_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import runtimes

    told = tmp_path / "runtimes.json"
    monkeypatch.setattr(runtimes, "CASES", [("efficientnet-lite0", 32, ("last",))])
    sizes = ["--images", "9", "--turns", "1"]
    monkeypatch.setattr(sys, "argv", ["runtimes.py", *sizes, "--json", str(told)])
    runtimes.main()
    (figures,) = json.loads(told.read_text())
    assert figures["computed_by"]["torch"] == "torch"
    assert figures["computed_by"]["openvino"].startswith("OpenVINO")
    assert figures["ratio"] > 0
    assert figures["largest_difference"] < 0.05


def test_true_objects_are_exposed_as_significant_as_the_recipe_draws_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import completeness

    from anomalymatch_ui.session import Recipe

    for kind in completeness.KINDS:
        strong, weak = (
            completeness.true_exposure(kind, 3, Recipe(signal_to_noise=(snr, snr))) for snr in (200.0, 20.0)
        )
        assert strong.shape == weak.shape == (3, 64, 64)
        # The same scene and size: what differs is the object, against the noise of two exposures.
        changed = np.sqrt(np.square((strong - weak) / 10).mean())
        assert changed > 1.5
    row = {"run": 0, "kind": "ring", "fraction": 0.3, "low": 0.2, "high": 0.4, "truth": 0.5, "held": False}
    assert completeness.told([row, {**row, "truth": 0.3, "held": True}]).endswith("held in 1 of 2.")


def test_an_environment_is_measured_with_and_without_what_a_gpu_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from first_minute import environment_gigabytes

    packages = "lib/python3.11/site-packages"
    sizes = {
        f"{packages}/nvidia/cudnn/lib/libcudnn.so": 700,
        f"{packages}/triton/compiler.so": 200,
        f"{packages}/torch/lib/libtorch_cuda.so": 500,
        f"{packages}/torch/lib/libtorch_cpu.so": 400,
        f"{packages}/torch/cuda/__init__.py": 30,
        "bin/python": 5,
    }
    for name, size in sizes.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(bytes(size))
    (tmp_path / "bin" / "python3").symlink_to("python")
    whole, without = environment_gigabytes(tmp_path)
    assert (round(whole * 1e9), round(without * 1e9)) == (1835, 435)
