"""What a report says of the people, and who counts as the holder of a session."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import psutil
import pytest

from anomalymatch_ui.config import Config
from anomalymatch_ui.errors import InputError, SessionBusyError
from anomalymatch_ui.labels import KNOWN, MATCHING
from anomalymatch_ui.session import Session
from anomalymatch_ui.session.core import writer_lock as writer_lock_module
from anomalymatch_ui.session.core.writer_lock import LockHolder, WriterLock

RINGS = [f"{number:04d}.jpg" for number in range(6)]
DISCS = [f"{number:04d}.jpg" for number in range(20, 30)]


@pytest.fixture
def session(pool_folder: Path, swift: Config, tmp_path: Path) -> Iterator[Session]:
    with Session.open(tmp_path / "session", pool_folder, config=swift, annotator="ada") as opened:
        yield opened


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("", "is empty"),
        (" \t", "is empty"),
        ("a" * 300, "300 characters"),
        ("ada\nbob", "cannot be shown"),
        ("ada\udce9", "cannot be shown"),
        ("table labels.csv", "imported table"),
    ],
)
def test_a_name_that_cannot_be_kept_is_refused_before_anything_is_made(
    name: str, sentence: str, pool_folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=sentence):
        Session.open(tmp_path / "session", pool_folder, annotator=name)
    assert not (tmp_path / "session").exists()


def test_a_name_of_markup_is_kept_as_the_text_it_is(pool_folder: Path, tmp_path: Path) -> None:
    name = "<script>alert('é')</script>"
    with Session.open(tmp_path / "session", pool_folder, annotator=f" {name} ") as session:
        session.label(RINGS[:1], "anomaly")
        assert session.people.annotators() == (name,)


def test_a_clock_that_is_set_does_not_make_a_living_holder_look_dead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    WriterLock.take(tmp_path / "session.lock", "ada")
    hour = 3600.0
    real_boot, real_start = psutil.boot_time, psutil.Process.create_time
    monkeypatch.setattr(writer_lock_module.psutil, "boot_time", lambda: real_boot() - hour)
    monkeypatch.setattr(psutil.Process, "create_time", lambda process: real_start(process) - hour)
    with pytest.raises(SessionBusyError, match="ada"):
        WriterLock.take(tmp_path / "session.lock", "bob")


def test_a_process_number_given_out_again_is_not_the_holder(tmp_path: Path) -> None:
    here = LockHolder.this_process("ada")
    former = replace(
        here,
        token="former",
        process_started=here.process_started - 1000,
        process_started_after_boot=here.process_started_after_boot - 1000,
    )
    (tmp_path / "session.lock").write_text(json.dumps(asdict(former)))
    assert WriterLock.take(tmp_path / "session.lock", "bob").mine


def test_a_report_counts_finds_and_compares_the_annotators(
    pool_folder: Path, swift: Config, tmp_path: Path
) -> None:
    table = tmp_path / "labels.csv"
    table.write_text("filename,label\n0000.jpg,anomaly\n0020.jpg,nominal\n")
    with (
        Session.open(tmp_path / "session", pool_folder, table, config=swift, annotator="ada") as ada,
        Session.open(tmp_path / "session", annotator="bob", share=True) as bob,
    ):
        ada.label(RINGS[:2], "anomaly")
        ada.label(DISCS[:2], "nominal")
        bob.label([RINGS[0], RINGS[1], RINGS[2]], "anomaly")
        bob.label([DISCS[1]], "unsure")
        report = ada.report()
        again = bob.report()
    assert report == again
    assert (report.counts.images, report.counts.labelled, report.counts.anomaly) == (60, 5, 3)
    assert (report.looked_at, report.found, report.cycles) == (5, 2, 0)
    assert [(a.name, a.labelled, a.anomalies, a.nominals, a.unsure) for a in report.annotators] == [
        ("ada", 4, 2, 2, 0),
        ("bob", 4, 3, 0, 1),
        ("table labels.csv", 2, 1, 1, 0),
    ]
    assert [(p.first, p.second, p.shared, p.agreed) for p in report.agreement] == [
        ("ada", "bob", 3, 2),
        ("ada", "table labels.csv", 2, 2),
        ("bob", "table labels.csv", 1, 1),
    ]
    assert [p.kappa for p in report.agreement] == [pytest.approx(0.4), 1.0, None]
    assert report.disagreements == (DISCS[1],)
    assert json.loads(json.dumps(report.as_dict()))["agreement"][2]["kappa"] is None
    lines = "\n".join(report.lines())
    assert "60 images, 5 labels (3 anomaly, 1 nominal, 1 unsure)" in lines
    assert "5 images looked at, 2 found to be anomalies" in lines
    assert "ada and bob: 3 images labelled by both, 2 of them alike; Cohen's kappa 0.40" in lines
    assert "bob and table labels.csv: 1 image labelled by both" in lines
    assert f"differ on 1 image: {DISCS[1]}" in lines


def test_labels_given_to_a_whole_list_are_no_looks_of_the_report_until_somebody_looks(
    session: Session,
) -> None:
    session.label(RINGS[:2], "anomaly")
    session.label(DISCS[:6], "nominal", origin=MATCHING)
    session.label(RINGS[2:4], "anomaly", origin=KNOWN)
    report = session.report()
    assert (report.counts.labelled, report.looked_at, report.found) == (10, 2, 2)
    session.label(DISCS[:1], "unsure")  # a correction is a look
    session.label(RINGS[2:3], "anomaly")  # so is to confirm
    assert session.report().looked_at == 4
    session.undo()
    assert session.report().looked_at == 3
