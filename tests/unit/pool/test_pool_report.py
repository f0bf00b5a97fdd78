"""What a pool tells of images that cannot be read."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from anomalymatch_ui.pool import PoolReport, open_pool


def test_a_report_names_a_few_and_counts_the_rest() -> None:
    report = PoolReport(1517)
    assert report.sentence() == ""
    for number in range(7):
        report.note(f"{number}.jpg", "truncated")
        report.note(f"{number}.jpg", "truncated")
    assert report.sentence().startswith("7 of 1,517 images could not be read: 0.jpg (truncated), ")
    assert report.sentence().endswith("4.jpg (truncated) and 2 more.")


def test_an_image_that_can_be_read_again_is_no_longer_unreadable(tmp_path: Path) -> None:
    Image.new("RGB", (32, 32)).save(tmp_path / "a.png")
    pool = open_pool(tmp_path)
    (tmp_path / "a.png").rename(tmp_path / "away")
    assert len(pool.read([0], 32).indices) == 0
    assert list(pool.report.unreadable) == ["a.png"]
    (tmp_path / "away").rename(tmp_path / "a.png")
    assert len(pool.read([0], 32).indices) == 1
    assert len(pool.report) == 0


def test_a_view_of_the_report_does_not_change_under_its_reader() -> None:
    report = PoolReport(3)
    before = report.unreadable
    report.note("a.jpg", "truncated")
    assert (len(before), len(report.unreadable)) == (0, 1)
    with pytest.raises(TypeError):
        before["b.jpg"] = "truncated"  # type: ignore[index]
