"""The benchmark's own code runs, on images so few that its figures mean nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import processes
import pytest
import torch

pytestmark = pytest.mark.timeout(900)  # each measurement is a process that imports torch

SCRIPT = Path(__file__).parents[3] / "benchmarks" / "scoring.py"


SMALL = ("--sizes", "32", "--repeats", "1", "--batch-size", "16", "--json")


def benchmark(*arguments: str) -> tuple[str, Any]:
    run = processes.run_script(SCRIPT, *arguments, *SMALL, timeout=880)
    run.check_returncode()
    return run.stdout, json.loads(run.stdout.splitlines()[-1])


def test_the_headline_is_one_object_with_the_ratio_to_the_reference() -> None:
    _, figures = benchmark("--count", "40")
    ratio = figures["images_per_second"] / figures["naive_images_per_second"]
    assert figures["ratio"] == pytest.approx(ratio, rel=0.02)
    assert figures["images"] == 40
    assert figures["largest_difference"] < 0.03
    assert set(figures["shares"]) == {"read", "decode", "resize", "forward"}


def test_formats_and_the_growth_come_in_one_table() -> None:
    text, rows = benchmark("--all", "--count", "40", "--formats", "hdf5", "--growth", "600,1700")
    assert [(row["format"], row["images"]) for row in rows] == [("hdf5", 40), ("zarr", 600), ("zarr", 1700)]
    assert all("error" not in row and row["peak_megabytes"] > 100 for row in rows)
    assert "Peak memory from 600 to 1,700 images" in text
    assert sum(line.startswith("| zarr") for line in text.splitlines()) == 2


def test_what_is_run_on_a_gpu_runs_on_a_cpu_too() -> None:
    _, rows = benchmark("--gpu", "--device", "cpu", "--count", "30", "--formats", "folder")
    assert [(row["format"], "error" in row) for row in rows] == [("folder", False)]


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_without_a_gpu_its_benchmark_says_so() -> None:
    run = processes.run_script(SCRIPT, "--gpu")
    assert run.returncode == 2
    assert "there is no CUDA GPU here" in run.stderr
