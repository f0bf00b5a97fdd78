"""The page of the demo while its survey is made; `tests/browser/test_demo.py` opens one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

import anomalymatch_ui
from anomalymatch_ui.app import Dashboard
from anomalymatch_ui.app.serving import making
from anomalymatch_ui.app.serving.environment import Wanted
from anomalymatch_ui.app.serving.making import MakingPage
from anomalymatch_ui.demo import DemoSurvey, build, survey
from anomalymatch_ui.errors import InputError


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(build, "FIELDS", 2)
    monkeypatch.setattr(build, "CUTOUTS_PER_FIELD", 30)
    monkeypatch.setattr(build, "ODD_PER_KIND", 2)


@pytest.fixture
def page() -> Iterator[MakingPage]:
    page = MakingPage(Wanted.of_demo(), None)
    yield page
    page.close()


def test_the_survey_is_made_and_the_dashboard_opens_in_its_place(page: MakingPage) -> None:
    assert "<progress" in page.widget.children[0].value
    page.finish()
    assert page.dashboard is not None
    assert page.widget.children == (page.dashboard.widget,)
    assert page.dashboard.session.marking.aim == DemoSurvey.at().aim
    assert page.dashboard.session.status.counts.anomaly == 5


def test_on_a_loop_it_tells_how_far_it_is_and_opens_by_itself() -> None:
    async def watched() -> tuple[list[str], MakingPage]:
        page = MakingPage(Wanted.of_demo(fits=True), asyncio.get_running_loop())
        told: list[str] = []
        page.widget.children[0].observe(lambda change: told.append(change["new"]), "value")
        while page.dashboard is None:
            await asyncio.sleep(0.05)
        return told, page

    told, page = asyncio.run(watched())
    page.close()
    assert any('max="60"' in text and "of 60 images" in text for text in told)


def test_a_page_that_is_left_leaves_nothing_half_made(tmp_path: Path) -> None:
    page = MakingPage(Wanted.of_demo(), None)
    page.close()
    page.finish()
    assert page.dashboard is None
    assert not DemoSurvey.at().is_made
    assert [path for path in (tmp_path / "cache").rglob("*") if path.is_file()] == []


def test_a_disk_that_refuses_is_a_sentence_on_the_page(tmp_path: Path) -> None:
    wanted = Wanted.of_demo()
    (tmp_path / "cache").write_text("")
    page = MakingPage(wanted, None)
    page.finish()
    assert "cannot open this" in page.widget.children[0].value
    page.close()


def test_a_fault_of_ours_is_told_on_the_page_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object, **__: object) -> None:
        raise ZeroDivisionError("no stars")

    monkeypatch.setattr(making, "survey", failing)
    page = MakingPage(Wanted.of_demo(), None)
    page.finish()
    assert "ZeroDivisionError: no stars" in page.widget.children[0].value
    page.close()


def test_a_fault_as_the_dashboard_opens_is_told_on_the_page_too(
    page: MakingPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(wanted: Wanted) -> None:
        raise KeyError("no such thing")

    monkeypatch.setattr(Wanted, "open", broken)
    page.finish()
    assert "KeyError" in page.widget.children[0].value


def test_what_is_served_makes_the_survey_where_it_is_not_there_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = Wanted.of_demo()
    assert wanted.must_be_made
    for name, value in wanted.environment().items():
        monkeypatch.setenv(name, value)
    page = anomalymatch_ui.launch()
    assert isinstance(page, MakingPage)
    page.finish()
    page.close()
    again = anomalymatch_ui.launch()
    assert isinstance(again, Dashboard)
    again.close()


def test_a_demo_says_how_its_files_are_read_until_its_session_does() -> None:
    survey(fits=True)
    wanted = Wanted.of_demo(fits=True)
    assert not wanted.must_be_made
    assert wanted.pixels == DemoSurvey.at(fits=True).pixels
    wanted.open().close()
    assert Wanted.of_demo(fits=True).pixels == {}


def test_something_else_in_the_place_of_the_survey_is_told_before_anything_is_served() -> None:
    folder = DemoSurvey.at().images.parent
    folder.mkdir(parents=True)
    (folder / "thesis.tex").write_text("")
    with pytest.raises(InputError, match="something else"):
        Wanted.of_demo()
