from __future__ import annotations

import math
from dataclasses import replace

import pytest

from anomalymatch_ui.app.panel.panel import Panel, described, foreseen
from anomalymatch_ui.app.panel.progress import duration, memory, sparkline
from anomalymatch_ui.app.settings.settings import SettingsDialog, suggested
from anomalymatch_ui.app.theme.theme import Theme
from anomalymatch_ui.app.words import advice, said
from anomalymatch_ui.config import Config
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.rank import Count
from anomalymatch_ui.session import Cycle, Outlook, SettingsError, Status
from anomalymatch_ui.session.core.status import Counts, LookedAt, Progress


def test_training_is_told_by_step_total_loss_share_and_time_left():
    progress = Progress(
        40,
        100,
        loss=0.4123,
        pseudo_label_share=0.634,
        seconds_left=200,
        device="cuda:0",
        number_format="float32",
        loss_curve=(0.9, 0.4123),
        pseudo_label_curve=(0.0, 0.634),
        memory=812_000_000,
        device_memory=3_140_000_000,
    )
    shown = described(Status("training", "running", progress, cycle=1))
    assert shown["phase"] == "Training, cycle 2"
    assert shown["percent"] == 40
    assert {row["name"]: row["value"] for row in shown["figures"]} == {
        "step": "40 of 100",
        "time left": "3 min",
        "device": "cuda:0, float32",
        "memory": "812 MB",
        "memory of cuda:0": "3.1 GB",
    }
    loss, share = shown["curves"]
    assert (loss["name"], loss["value"]) == ("loss, cycle 2", "0.412")
    assert loss["title"] == "Training loss of cycle 2: 0.900 at the start, 0.412 at the end."
    assert (share["name"], share["value"]) == ("pseudo-labels used", "63%")
    assert share["title"].endswith("0% at the start, 63% at the end.")


def test_while_a_stopped_cycle_goes_on_its_button_offers_no_more_to_resume_it():
    assert described(Status(interrupted_step=5))["train"] == "Resume cycle (step 5)"
    assert described(Status("training", "running", interrupted_step=5))["train"] == "Train"
    assert described(Status("idle", "running", interrupted_step=5))["phase"] == "Going on with cycle 1"


def test_at_rest_the_curves_are_those_of_the_cycle_in_use():
    cycles = (
        Cycle(1, steps=2, seconds=1.0, device="cpu", loss=(0.9, 0.5), pseudo_label_share=(0.0, 0.1)),
        Cycle(2, steps=2, seconds=1.0, device="cpu", loss=(0.8, 0.3), pseudo_label_share=(0.0, 0.2)),
    )
    assert described(Status(cycle=2, cycle_in_use=1), cycles)["curves"][0]["value"] == "0.500"
    assert described(Status(cycle=2, cycle_in_use=2), cycles)["curves"][0]["value"] == "0.300"
    assert described(Status(cycle=2, cycle_in_use=0), cycles)["curves"] == []
    assert described(Status("training", "running", cycle=2, cycle_in_use=2), cycles)["curves"] == []
    assert described(Status(cycle=1, cycle_in_use=1), (Cycle(1),))["curves"] == []


def test_what_computes_is_told_and_why_if_that_is_not_what_was_wanted():
    progress = Progress(1, 2, device="cpu", number_format="float32", runtime="OpenVINO 2026.4.1")
    shown = described(Status("embedding", "running", progress))
    assert {"name": "device", "value": "cpu, float32 by OpenVINO 2026.4.1"} in shown["figures"]
    progress = replace(progress, runtime="torch", runtime_reason="OpenVINO is not installed.")
    shown = described(Status("embedding", "running", progress))
    assert {"name": "why torch", "value": "OpenVINO is not installed."} in shown["figures"]


def test_cycles_are_listed_newest_first_with_the_one_in_use_marked_and_unknown_figures_as_dashes():
    kept = Cycle(
        2,
        anomalies=3,
        nominals=1_010,
        steps=60,
        seconds=75.0,
        device="cpu",
        loss=(0.5,),
        pseudo_label_share=(0.0,),
    )
    rows = described(Status(cycle=2, cycle_in_use=1), (Cycle(1), kept))["cycles"]
    assert [row["number"] for row in rows] == [2, 1, 0]
    assert [row["in_use"] for row in rows] == [False, True, False]
    assert [(row["labels"], row["loss"]) for row in rows] == [("1,013", "0.500"), ("–", "–"), ("", "")]
    assert rows[0]["title"] == "Cycle 2: 3 anomalies and 1,010 nominal images, 60 steps in 1 min on cpu."
    assert rows[1]["title"] == "No figures were kept for cycle 1."
    assert described(Status())["cycles"] == []


def test_cycles_that_one_can_go_back_to_and_those_that_are_pinned_are_told_from_others() -> None:
    status = Status(cycle=2, cycle_in_use=2, kept_cycles=(2,), pinned_cycles=(2,))
    rows = described(status, (Cycle(1), Cycle(2)))["cycles"]
    assert [(row["number"], row["kept"], row["pinned"]) for row in rows] == [
        (2, True, True),
        (1, False, False),
        (0, True, False),
    ]


def test_the_phase_tells_which_cycle_is_used_after_going_back():
    assert described(Status(cycle=2, cycle_in_use=2))["phase"] == "Idle after cycle 2"
    assert described(Status(cycle=2, cycle_in_use=1))["phase"] == "Idle after cycle 2, using cycle 1"
    assert described(Status(cycle=2, cycle_in_use=0))["phase"] == "Idle after cycle 2, using the labels alone"


def test_a_sparkline_spans_its_width_and_stays_within_its_height():
    assert sparkline([0.5], top=1) == "0.0,14.0 200.0,14.0"
    assert sparkline([0, 0, 0], top=0) == "0.0,27.0 100.0,27.0 200.0,27.0"
    assert sparkline([0, 1, 2], top=2).split()[-1] == "200.0,1.0"


def test_memory_is_told_in_units_of_its_size():
    assert (memory(812_400_000), memory(1_000_000_000)) == ("812 MB", "1.0 GB")


def make_dialog(refusal: Exception | None = None) -> tuple[SettingsDialog, list[tuple[dict, str | None]]]:
    wanted: list[tuple[dict, str | None]] = []

    def configure(values, preset):
        if refusal is not None:
            raise refusal
        wanted.append((dict(values), preset))

    dialog = SettingsDialog(Config, configure)
    dialog.show()
    return dialog, wanted


def test_the_dialog_shows_the_settings_of_now_and_passes_on_what_was_changed():
    dialog, wanted = make_dialog()
    assert dialog.opened
    assert dialog.preset == "default"
    assert dialog.values["train.steps"] == 60
    assert dialog.values["prevalence"] == ""
    dialog.vue_save({"preset": "", "values": {**dialog.values, "train.steps": "80"}})
    assert wanted == [({"train.steps": "80"}, None)]
    assert not dialog.opened


def test_a_preset_is_passed_on_with_what_was_changed_in_it():
    dialog, wanted = make_dialog()
    paper = next(preset["values"] for preset in dialog.presets if preset["name"] == "paper")
    assert (paper["train.steps"], paper["train.learning_rate"], paper["order"]) == (100, 0.0075, "network")
    dialog.vue_save({"preset": "paper", "values": {**paper, "train.steps": "20"}})
    assert wanted == [({"train.steps": "20"}, "paper")]


def test_what_cannot_be_used_stays_in_the_dialog_with_a_sentence_beside_it():
    refusal = SettingsError({"train.steps": "Steps must be more.", "network.name": "No such network."})
    dialog, _ = make_dialog(refusal)
    dialog.vue_save({"preset": "", "values": {**dialog.values, "train.steps": "0"}})
    assert dialog.opened
    assert dialog.errors == {"train.steps": "Steps must be more."}
    assert dialog.refusal == "No such network."
    dialog, _ = make_dialog(InputError("The disk is full."))
    dialog.vue_save({"preset": "no such", "values": {}})
    assert dialog.opened
    assert "no preset 'no such'" in dialog.refusal


def test_the_panel_has_the_theme_that_the_browser_shows():
    theme = Theme()
    panel = Panel("pool", Status(), {}, theme)
    assert panel.theme == "dark"
    theme.shown = "light"
    assert panel.theme == "light"


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
        (Status(counts=BOTH, written_elsewhere="bob on here"), False, False, False, "Pause"),
        (Status(counts=BOTH, read_only="It can only be viewed."), False, False, False, "Pause"),
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


def test_what_is_foreseen_is_said_as_people_think() -> None:
    given = Outlook(100, 66, 6060, Count(12.4, 8, 17), Count(29.3, 4, 74), 20)
    assert [(row["name"], row["value"]) for row in foreseen(given, 200)] == [
        ("found", "66 of about 95 (70–140)"),
        ("the next 100 looks should bring", "12 (8–17)"),
        ("", "Worth going on: about one look in 8 should be a find."),
    ]
    assert foreseen(replace(given, next=None, unfound=None)) == []


def test_it_is_said_that_every_second_image_is_unlike_what_has_a_label() -> None:
    given = Outlook(100, 16, 2000, Count(1.4, 0, 4), Count(3.3, 0, 9), 10)
    assert "unlike" not in foreseen(given, 90)[-1]["value"]
    told = foreseen(replace(given, explores=True), 90)[-1]["value"]
    assert told.endswith(" Every second image shown is now an unusual one, unlike any labelled image.")


def test_no_number_of_all_is_told_while_it_may_be_any() -> None:
    given = Outlook(60, 5, 1970, Count(11.8, 2, 30), Count(81.0, 3, 361), 3)
    rows = foreseen(given, 30)
    assert [(row["name"], row["value"]) for row in rows[:2]] == [
        ("found", "5"),
        ("in total", "too early to say"),
    ]
    assert "Between 8 and 366" in rows[1]["title"]
    assert rows[2]["value"] == "12 (2–30)"


@pytest.mark.parametrize(
    ("following", "unfound", "looks", "sentence"),
    [
        (
            Count(80, 70, 90),
            Count(99, 80, 120),
            100,
            "Worth going on: most of the next looks should be finds.",
        ),
        (Count(0.5, 0, 2), Count(0.7, 0, 4), 100, "Worth going on: about one look in 200 should be a find."),
        (Count(0.3, 0, 2), Count(0.4, 0, 4), 100, "hardly anything is left to find"),
        (
            Count(0.3, 0, 2),
            Count(9, 0, 40),
            100,
            "Time to stop: the next 100 looks should bring none; what is",
        ),
        (
            Count(0.1, 0, 1),
            Count(0.2, 0, 1),
            100,
            "Time to stop: at most 1 is left to find, with 95 % confid",
        ),
        (Count(0.0, 0, 0), Count(0.0, 0, 0), 0, "Every image has been looked at."),
    ],
)
def test_when_to_stop_is_said_with_its_reason(
    following: Count, unfound: Count, looks: int, sentence: str
) -> None:
    assert sentence in advice(20, 220, following, looks, unfound)


def test_nobody_is_told_to_stop_after_a_few_labels_of_many_images() -> None:
    none, scattered = Count(0.2, 0, 2), Count(1, 0, 5)
    assert advice(2, 10, none, 100, scattered) == "Too early to stop: only 10 images have a label."
    assert "Time to stop" in advice(2, 40, none, 100, scattered)
    assert "Time to stop" in advice(2, 18, Count(0, 0, 0), 6, Count(0, 0, 0))  # of 24 images


def test_several_that_may_be_left_are_counted_in_the_plural() -> None:
    sentence = advice(200, 900, Count(0.6, 0, 3), 100, Count(1, 0, 4))
    assert sentence == "Time to stop: at most 4 are left to find, with 95 % confidence."


def test_a_probability_a_place_and_a_score_look_different() -> None:
    assert [said(0.931, kind, 1000) for kind in ("probability", "place", "score")] == [
        "93 %",
        "top 6.9 %",
        "score 0.931",
    ]
    assert (said(0.9999, "probability", 1000), said(2e-5, "probability", 1000)) == ("> 99 %", "< 0.01 %")
    assert said(math.nan, "probability", 1000) is None
    assert (said(1.0, "place", 50), said(1.0, "place", 0)) == ("top 2 %", "top 100 %")


def test_the_dialog_says_what_the_search_itself_suggests() -> None:
    outlook = Outlook(100, 66, 6000, Count(12.4, 8, 17), Count(30, 4, 74), 20)
    dialog = SettingsDialog(lambda: Config(prevalence=0.06), lambda _v, _p: None, lambda: suggested(outlook))
    dialog.show()
    assert dialog.fields[0]["name"] == "prevalence"
    assert dialog.fields[0]["description"].endswith("The search itself suggests 1.6 % (1.2 % to 2.3 %).")
    assert dialog.values["prevalence"] == "6 %"
    assert suggested(replace(outlook, next=None, unfound=None)) == ""


@pytest.mark.parametrize(
    ("adaptation", "words"),
    [
        ("none", "Adapt to these images"),
        ("begun", "Go on adapting"),
        ("made", "Use the adapted network"),
        ("in use", ""),
        ("unfit", ""),
    ],
)
def test_the_adaptation_is_offered_until_it_is_in_use(adaptation, words):
    assert described(Status(adaptation=adaptation))["adapt"] == words
    assert described(Status(adaptation=adaptation))["can_adapt"]
    assert not described(Status("embedding", "running", adaptation=adaptation))["can_adapt"]
    assert not described(Status(adaptation=adaptation, written_elsewhere="ann"))["can_adapt"]


def test_an_adaptation_is_told_by_its_steps():
    shown = described(Status("adapting", "running", Progress(12, 530, seconds_left=700)))
    assert shown["phase"] == "Adapting the network to these images"
    assert shown["figures"][0] == {"name": "step", "value": "12 of 530"}
    assert shown["adapt"] == ""
    assert shown["can_stop"]


def test_how_much_an_order_knows_is_told_while_there_is_more_to_know():
    counts = Counts(images=26_174)
    assert described(Status(counts=counts))["so_far"] == ""
    looked_at = described(Status(counts=counts, looked_at=LookedAt(26_174, 6_144, 384)))["so_far"]
    assert looked_at == (
        "6,144 of 26,174 images have been looked at so far, 384 of them closely. The others stand behind."
    )
    closely = described(Status(counts=counts, looked_at=LookedAt(26_174, 26_174, 900)))["so_far"]
    assert closely == "All 26,174 images have been looked at, 900 of them closely."
    scored = described(Status(counts=counts, scored=2_400))["so_far"]
    assert scored.startswith("The network has scored 2,400 of 26,174 images so far.")


def test_one_bar_is_for_two_looks_at_the_images_and_says_how_far_either_is():
    progress = Progress(done=26_174, total=26_174, share=0.25, closely=900, seconds_left=90)
    shown = described(Status("embedding", "running", progress))
    assert shown["percent"] == 25
    rows = {row["name"]: row["value"] for row in shown["figures"]}
    assert rows["looked at closely"] == "900 of 26,174"
    assert rows["time left"] == "2 min"
