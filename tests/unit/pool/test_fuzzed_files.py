"""Damaged files of every reader: whatever is in them, one image or one sentence comes of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
from fuzzing.mutations import mutated
from fuzzing.seeds import READERS

RUN = Path(__file__).parents[2] / "fuzzing" / "run.py"


def fuzzed(tmp_path: Path, cases: int) -> dict[str, dict[str, object]]:
    out = tmp_path / "report.json"
    # A process of its own, which has no threads when it forks.
    subprocess.run([sys.executable, str(RUN), "--cases", str(cases), "--json", str(out)], check=False)
    report: dict[str, dict[str, object]] = json.loads(out.read_text())
    return report


def test_no_damaged_file_ends_in_a_signal_a_traceback_or_a_wrong_picture(tmp_path: Path) -> None:
    report = fuzzed(tmp_path, len(READERS) * 16)
    assert list(report["cases"]) == list(READERS)
    assert report["wrong"] == {}


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_no_damaged_file_of_thousands_ends_otherwise(tmp_path: Path) -> None:
    assert fuzzed(tmp_path, len(READERS) * 2000)["wrong"] == {}


def test_a_case_is_the_same_whenever_it_is_tried() -> None:
    files = {"a": bytes(range(200)), "b": b"abc"}
    once, again = (mutated(files, b"other", Random(7)) for _ in range(2))
    assert once == again


def test_files_that_miss_a_part_have_nothing_else_changed() -> None:
    whole = {"a": bytes(range(200)), "b": b"abc"}
    for seed in range(200):
        files, is_missing = mutated(whole, b"other", Random(seed))
        if is_missing:
            assert all(whole[name].startswith(content) for name, content in files.items())
