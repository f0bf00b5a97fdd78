from __future__ import annotations

import json
import tomllib
from pathlib import Path

import processes
import pytest

from anomalymatch_ui import __version__
from anomalymatch_ui.app.serving import doctor


def test_the_version_is_printed_without_a_command() -> None:
    run = processes.run("--version")
    assert run.returncode == 0
    assert run.stdout == f"anomalymatch-ui {__version__}\n"


def test_the_doctor_says_what_computes_where_and_that_the_widgets_are_there() -> None:
    run = processes.run("doctor", "--json")
    result = json.loads(run.stdout.splitlines()[-1])
    found = {symptom["what"]: symptom for symptom in result["symptoms"]}
    assert {"version", "device", "engine", "memory", "home", "this folder", "widgets", "extras"} <= set(found)
    assert result["problems"] == 0, run.stdout
    assert run.returncode == 0
    assert "scores in float32" in found["device"]["told"]
    assert "ipyvuetify 3" in found["widgets"]["told"]


def test_a_folder_that_cannot_be_written_is_named_with_the_way_out(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    found = doctor._folder("temporary files", gone, "TMPDIR")
    assert found.state == "problem"
    assert str(gone) in found.told
    assert "Set TMPDIR to a folder that is." in found.told


def test_widgets_that_jupyter_does_not_find_are_a_problem_with_a_remedy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("jupyter_core.paths.jupyter_path", lambda *parts: [str(tmp_path)])
    found = doctor._widgets()
    assert found.state == "problem"
    assert "pip install --force-reinstall ipyvuetify ipyvue anywidget" in found.told


def test_one_thing_that_is_broken_does_not_hide_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> doctor.Symptom:
        raise OSError("no such device")

    for name in ("_device", "_engine"):
        monkeypatch.setattr(doctor, name, broken)
    found = {symptom.what: symptom for symptom in doctor.examine()}
    assert found["device"].state == found["engine"].state == "problem"
    assert found["device"].told == "could not be looked at: OSError: no such device"
    assert found["extras"].state == "ok"


def test_it_knows_every_extra_that_a_user_may_install() -> None:
    project = Path(__file__).resolve().parents[2] / "pyproject.toml"
    extras = tomllib.loads(project.read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert set(doctor.EXTRAS) == set(extras) - {"test", "lint"}
