"""What share of all anomalies a search has found, and what going on would bring."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import processes
import pytest
from images import make_pool

from anomalymatch_ui.config import Config
from anomalymatch_ui.evaluate.selection_figure import plot_selection
from anomalymatch_ui.rank.completeness import binomial_interval
from anomalymatch_ui.rank.forecast import Count
from anomalymatch_ui.session import Session
from anomalymatch_ui.session.charts.pictures import discovery_curve
from anomalymatch_ui.session.summary.selection import FORECAST, SAMPLE, Selection


def selection(
    found: int = 30, images: int = 10_000, drawn: tuple[int, int] = (200, 1), **others: object
) -> Selection:
    """Return one after 300 looks, whose last 100 brought 4."""
    looks = [n < found for n in range(300)]
    values = {
        "discovery": discovery_curve(looks, 0, np.empty(0), None),
        "total": Count(50.0, 40, 80),
        "next": Count(2.6, 1, 6),
        "looks_ahead": 100,
        "recent": (100, 4),
        "completeness": None,
    }
    return Selection(found=found, images=images, drawn=drawn, **{**values, **others})


def test_the_paper_gets_both_estimates_with_intervals():
    said = selection().sentence()
    assert said == (
        "Of 10,000 images, 300 were looked at, and 30 anomalies are known. Of 200 drawn uniformly, 1 is an "
        "anomaly, which makes 30 to 275 in all: the search has found 60 % (11–100 %) of them. By the "
        "forecast, which learns from every look, it has found 60 % (38–75 %) of 50 (40–80)."
    )


def test_a_sample_without_an_anomaly_tells_the_least_share_alone():
    assert "which makes 30 to 183 in all: the search has found at least 16 % of them" in (
        selection(drawn=(200, 0)).sentence()
    )
    table = selection(drawn=(200, 0)).table({})
    assert set(table["estimate"].values.to_pylist()) == {FORECAST}
    assert "drawn uniformly" not in selection(drawn=(0, 0)).sentence()


def test_unsure_images_of_the_sample_count_both_ways():
    judged, doubtful = selection(drawn=(200, 1)), selection(drawn=(200, 1), unsure=10)
    expected, low, high = doubtful.in_sample
    assert expected == judged.in_sample[0]
    (least,), (most,) = (
        binomial_interval(np.array([anomalies]), np.array([210]))[end] for end, anomalies in ((0, 1), (1, 11))
    )
    assert (low, high) == (max(10_000 * least, 30), 10_000 * most)
    assert high > judged.in_sample[2]
    assert (
        "Of 210 drawn uniformly, 1 is an anomaly and 10 are unsure (counted as nominal" in doubtful.sentence()
    )


def test_the_interval_of_the_sample_holds_the_truth():
    random, held = np.random.default_rng(0), 0
    for _ in range(300):
        images, anomalies = 20_000, int(random.integers(50, 2000))
        found = int(random.integers(1, anomalies))
        drawn = int(random.hypergeometric(anomalies, images - anomalies, 400))
        share = selection(found, images, (400, drawn)).share(SAMPLE)
        held += share.low <= found / anomalies <= share.high
    assert held >= 0.93 * 300  # four standard deviations below 95 % of as many: 0.90


def test_advice_says_what_a_find_costs():
    assert selection().advice() == (
        "The last 100 looks brought 4 anomalies, one in 25. "
        "The next 100 looks should bring 3 (1–6), one in 38."
    )
    fruitless = selection(recent=(100, 0), next=Count(0.1, 0, 1)).advice()
    assert fruitless == "The last 100 looks brought 0 anomalies. The next 100 looks should bring 0 (0–1)."
    unknown = selection(recent=(1, 0), next=None, total=None)
    assert unknown.advice().startswith(
        "The last look brought 0 anomalies. What the next ones should bring is"
    )
    assert "forecast" not in unknown.sentence()


def test_the_table_follows_the_search_and_the_figure_is_drawn(tmp_path: Path):
    table = selection().table({"software": "x"})
    frame = pd.DataFrame({column.name: column.values.to_pylist() for column in table.columns})
    sample = frame[frame.estimate == SAMPLE]
    assert sample["to"].is_monotonic_increasing
    assert sample.fraction.iloc[-1] == pytest.approx(30 / 50)
    assert (frame.fraction_low <= frame.fraction).all()
    assert (frame.fraction <= frame.fraction_high).all()
    assert table.provenance["advice"].startswith("The last 100 looks")
    plot_selection(selection(), tmp_path / "selection.pdf")
    assert (tmp_path / "selection.pdf").read_bytes().startswith(b"%PDF")


def test_finds_that_have_gone_since_make_no_share_negative_or_over_all():
    table = selection(discovery=discovery_curve([True] * 35, 0, np.empty(0), None)).table({})
    recovered = table["recovered"].values.to_pylist()
    assert (min(recovered), max(recovered)) == (0, 30)


def test_a_session_tells_it_before_and_after_its_first_looks(quick: Config, tmp_path: Path):
    names = make_pool(tmp_path / "images", images=12, rings=3)
    config = quick.with_values(instant=False)
    folder = tmp_path / "session"
    with Session.open(folder, tmp_path / "images", config=config) as session:
        before = session.selection.now()
        assert before.advice().startswith("Nobody has looked at an image yet.")
        assert len(session.results.table("selection")) == 0
        session.label(names[:2], "anomaly", origin="key")
        session.label(session.pool.ids[5:8], "nominal", origin="key")
    finished = processes.run("selection", folder, "--json", "--out", tmp_path / "selection.csv")
    assert finished.returncode == 0, finished.stderr
    told = json.loads(finished.stdout.splitlines()[-1])
    assert (told["looked"], told["found"]) == (5, 2)
    assert told["advice"].startswith("The last 5 looks brought 2 anomalies, one in 2.5.")
    assert (tmp_path / "selection.csv").exists()
