from __future__ import annotations

import json
from pathlib import Path

import processes
import pytest
import torch

SCRIPT = Path(__file__).parents[3] / "benchmarks" / "gpu.py"


def test_the_script_for_a_gpu_runs_on_a_cpu_and_says_what_it_cannot_ask_there(tmp_path: Path) -> None:
    out = tmp_path / "gpu.json"
    run = processes.run_script(SCRIPT, "--device", "cpu", "--groups", "numbers", "memory", "--out", out)
    assert run.returncode == 0, run.stderr
    kept = json.loads(out.read_text())
    assert [check["passed"] for check in kept["checks"]] == [None, True, True, None, None]
    assert kept["device"] == "cpu"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_without_a_gpu_it_says_so() -> None:
    run = processes.run_script(SCRIPT)
    assert run.returncode == 2
    assert "There is no device 'cuda' on this machine." in run.stderr
