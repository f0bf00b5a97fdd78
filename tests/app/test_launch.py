from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

import anomalymatch_ui
from anomalymatch_ui.app import Dashboard, ErrorPage
from anomalymatch_ui.app.serving.environment import Wanted
from anomalymatch_ui.app.serving.serve import notebook_path
from anomalymatch_ui.session import Session


@pytest.fixture
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("IMAGES", "LABELS", "SESSION", "ANNOTATOR", "METADATA", "MATCH_RADIUS"):
        monkeypatch.delenv(f"ANOMALYMATCH_{name}", raising=False)
    return tmp_path


@pytest.fixture
def dashboard(session: Session):
    session.rank(wait=True)
    dashboard = Dashboard(session)
    yield dashboard
    dashboard.close()


def test_the_session_is_kept_beside_where_one_works(in_folder: Path, pool_folder: Path):
    dashboard = anomalymatch_ui.launch(pool_folder)
    assert isinstance(dashboard, Dashboard)
    dashboard.gallery.label(dashboard.gallery.ids[:1], "anomaly")
    dashboard.close()
    assert (in_folder / "images.session" / "journal.sqlite").exists()


def test_what_serve_was_asked_for_reaches_the_kernel(in_folder, pool_folder, tmp_path, monkeypatch):
    table = tmp_path / "labels.csv"
    table.write_text("filename,label\n0000.jpg,anomaly\n0030.jpg,normal\n")
    about = tmp_path / "about.csv"
    about.write_text("id,mag\n0000.jpg,17.5\n")
    wanted = Wanted(
        pool_folder, table, Path("kept.session"), "ada", metadata=Path("about.csv"), match_radius=2.5
    )
    for name, value in wanted.environment().items():
        monkeypatch.setenv(name, value)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    dashboard = anomalymatch_ui.launch()
    assert isinstance(dashboard, Dashboard)
    assert dashboard.session.path == tmp_path / "kept.session"
    assert dashboard.session.annotator == "ada"
    assert dashboard.session.finding.metadata.column("mag").texts[0] == "17.5"
    told = Wanted.from_environment()
    assert told is not None
    assert (told.metadata, told.match_radius) == (about, 2.5)
    assert dashboard.session.labels() == {"0000.jpg": "anomaly", "0030.jpg": "nominal"}
    dashboard.close()


def test_a_session_alone_is_enough_to_go_on(in_folder, pool_folder):
    first = anomalymatch_ui.launch(pool_folder, session="kept.session")
    assert isinstance(first, Dashboard)
    first.gallery.label(["0004.jpg"], "unsure")
    first.close()
    again = anomalymatch_ui.launch(session="kept.session")
    assert isinstance(again, Dashboard)
    assert again.session.labels() == {"0004.jpg": "unsure"}
    again.close()


def test_opening_takes_the_lock_over_as_a_reloaded_page_must(in_folder, pool_folder):
    first = anomalymatch_ui.launch(pool_folder)
    second = anomalymatch_ui.launch(pool_folder)
    assert isinstance(second, Dashboard)
    second.gallery.label(["0000.jpg"], "anomaly")
    assert second.session.status.written_elsewhere is None
    second.close()
    first.close()


def test_somebody_else_s_page_takes_nothing_over_and_shows_the_labels_of_the_first(in_folder, pool_folder):
    first = anomalymatch_ui.launch(pool_folder, annotator="ada")
    second = anomalymatch_ui.launch(pool_folder, annotator="<script>")
    assert isinstance(first, Dashboard)
    assert isinstance(second, Dashboard)
    assert first.session.status.written_elsewhere is None
    second.refresh()
    assert second.panel.status["written_elsewhere"].startswith("ada")
    assert not second.panel.status["can_train"]
    name = second.gallery.ids[0]
    first.gallery.label([name], "anomaly")
    second.refresh()
    assert second.gallery.page["cards"][0]["label"] == "anomaly"
    second.close()
    first.close()


@pytest.mark.parametrize("name", ["", "a" * 300])
def test_an_annotator_s_name_that_cannot_be_kept_is_a_sentence_on_the_page(name, in_folder, pool_folder):
    page = anomalymatch_ui.launch(pool_folder, annotator=name)
    assert isinstance(page, ErrorPage)
    assert "annotator's name" in page.sentence


def test_a_missing_folder_is_a_sentence_on_the_page(in_folder):
    page = anomalymatch_ui.launch(in_folder / "<b>nowhere</b>")
    assert isinstance(page, ErrorPage)
    assert "nowhere" in page.sentence
    assert "&lt;b&gt;nowhere" in page.widget.value


def test_a_folder_without_images_is_a_sentence_on_the_page(in_folder):
    (in_folder / "empty").mkdir()
    assert isinstance(anomalymatch_ui.launch(in_folder / "empty"), ErrorPage)


def test_a_table_without_the_columns_is_a_sentence_on_the_page(in_folder, pool_folder):
    (in_folder / "labels.csv").write_text("name,kind\n0000.jpg,anomaly\n")
    page = anomalymatch_ui.launch(pool_folder, labels=in_folder / "labels.csv")
    assert isinstance(page, ErrorPage)
    assert "filename" in page.sentence


def test_a_session_of_another_pool_is_a_sentence_on_the_page(in_folder, pool_folder):
    first = anomalymatch_ui.launch(pool_folder, session="kept.session")
    assert isinstance(first, Dashboard)
    first.close()
    other = in_folder / "others"
    other.mkdir()
    for number in range(3):
        (other / f"other-{number}.jpg").write_bytes((pool_folder / f"{number:04d}.jpg").read_bytes())
    assert isinstance(anomalymatch_ui.launch(other, session="kept.session"), ErrorPage)


def test_everything_that_can_be_clicked_can_be_called(dashboard: Dashboard, session: Session):
    dashboard.gallery.label(["0000.jpg", "0001.jpg"], "anomaly")
    dashboard.gallery.label(["0020.jpg", "0021.jpg"], "nominal")
    dashboard.train()
    dashboard.pause()
    dashboard.resume()
    session.wait()
    dashboard.refresh()
    assert dashboard.panel.status["phase"] == "Idle after cycle 1"
    assert dashboard.gallery.offer["text"] == "New ranking, cycle 1: R"
    dashboard.apply_ranking()
    assert dashboard.gallery.page["title"] == "unlabelled, by cycle 1"
    assert "0000.jpg" not in dashboard.gallery.ids
    assert dashboard.export_labels().read_text().splitlines()[0] == "filename,label"


def test_a_button_that_cannot_do_its_work_says_why(dashboard: Dashboard):
    dashboard.panel.vue_train()
    assert "anomal" in dashboard.panel.refusal
    dashboard.gallery.label(["0000.jpg"], "anomaly")
    dashboard.panel.vue_download()
    dashboard.download.vue_keep_labels()
    assert dashboard.panel.refusal == ""
    assert dashboard.panel.note.startswith("1 label written to")


def test_the_notebook_is_short_and_carries_no_output():
    notebook = nbformat.read(notebook_path(), as_version=4)
    nbformat.validate(notebook)
    assert sum(len(cell.source.splitlines()) for cell in notebook.cells) <= 5
    assert all(not cell.get("outputs") for cell in notebook.cells)
    assert notebook.metadata.kernelspec.name == "python3"
