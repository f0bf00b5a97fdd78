from __future__ import annotations

import pytest

from anomalymatch_ui.app.panel import described, duration
from anomalymatch_ui.session import Status
from anomalymatch_ui.session.status import Counts, Progress


def test_training_is_told_by_step_total_loss_share_and_time_left():
    progress = Progress(40, 100, loss=0.4123, pseudo_label_share=0.634, seconds_left=200, device="cpu")
    shown = described(Status("training", "running", progress, cycle=1))
    assert shown["phase"] == "Training, cycle 2"
    assert shown["percent"] == 40
    assert {row["name"]: row["value"] for row in shown["figures"]} == {
        "step": "40 of 100",
        "time left": "3 min",
        "loss": "0.412",
        "pseudo-labels used": "63%",
        "device": "cpu",
    }


def test_counts_hide_unreadable_images_until_there_are_some():
    counts = Counts(2_000, anomaly=5, nominal=25, unsure=1)
    shown = described(Status(counts=counts))
    assert [(row["name"], row["number"]) for row in shown["counts"]] == [
        ("anomaly", "5"),
        ("nominal", "25"),
        ("unsure", "1"),
        ("unlabelled", "1,969"),
    ]
    assert described(Status(counts=counts, unreadable=2))["counts"][-1]["number"] == "2"


BOTH = Counts(60, anomaly=3, nominal=3)


@pytest.mark.parametrize(
    ("status", "can_train", "can_pause", "can_stop", "pause"),
    [
        (Status(counts=BOTH), True, False, False, "Pause"),
        (Status(counts=Counts(60, anomaly=3)), False, False, False, "Pause"),
        (Status(counts=Counts(60, nominal=3)), False, False, False, "Pause"),
        (Status("training", "running"), False, True, True, "Pause"),
        (Status("training", "pausing"), False, False, True, "Pausing …"),
        (Status("training", "paused"), False, True, True, "Resume"),
        (Status("training", "stopping"), False, False, False, "Pause"),
        (Status("ranking", "running"), False, True, True, "Pause"),
        (Status("idle", "running"), False, True, True, "Pause"),
        (Status(counts=BOTH, pen_elsewhere="bob on here"), False, False, False, "Pause"),
    ],
)
def test_buttons_work_only_when_they_can_do_something(status, can_train, can_pause, can_stop, pause):
    shown = described(status)
    assert (shown["can_train"], shown["can_pause"], shown["can_stop"]) == (can_train, can_pause, can_stop)
    assert shown["pause"] == pause


def test_a_stopped_cycle_is_offered_to_be_gone_on_with():
    assert described(Status(interrupted_step=40))["train"] == "Resume cycle (step 40)"
    assert described(Status(interrupted_step=40))["phase"] == "Cycle 1 stopped at step 40"
    assert described(Status())["train"] == "Train"


def test_what_training_needs_is_said_before_it_is_asked_for():
    assert "key A" in described(Status(counts=Counts(60)))["hint"]
    assert described(Status(counts=BOTH))["hint"] == ""


def test_the_bar_does_not_look_stuck_during_the_first_step():
    assert described(Status("training", "running", Progress(0, 100)))["percent"] is None
    assert described(Status("training", "running", Progress(1, 100)))["percent"] == 1


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "1 s"), (59.4, "59 s"), (200, "3 min"), (3599, "1 h 0 min"), (5400, "1 h 30 min")],
)
def test_time_left_is_no_finer_than_it_is_known(seconds, words):
    assert duration(seconds) == words
