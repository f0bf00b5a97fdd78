from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from desk import Desk
from faults import Faults
from lab import jupyter_lab
from playwright.sync_api import Page, expect
from serving import Prepared

from anomalymatch_ui.app.missing import REMEDY
from anomalymatch_ui.app.serving.environment import Wanted
from anomalymatch_ui.app.serving.serve import notebook_path

pytestmark = pytest.mark.browser


def test_in_jupyterlab_keys_label_and_lab_s_own_shortcuts_rest(
    page: Page, prepared_once: Prepared, tmp_path: Path
):
    for name in ("images", "session"):
        shutil.copytree(getattr(prepared_once, name), tmp_path / name)
    prepared = Prepared(tmp_path / "images", tmp_path / "session")
    shutil.copy(notebook_path(), tmp_path / "dashboard.ipynb")
    before = prepared.journal()
    with jupyter_lab(tmp_path, Wanted(prepared.images, None, prepared.session).environment()) as lab:
        page.goto(f"{lab.address}lab/tree/dashboard.ipynb?token={lab.token}")
        page.locator(".jp-CodeCell").first.click()
        expect(page.locator(".jp-Notebook-ExecutionIndicator")).to_have_attribute("data-status", "idle")
        page.keyboard.press("Shift+Enter")
        desk = Desk(page).wait()
        cells = page.locator(".jp-Cell").count()
        ids = desk.ids()

        desk.card(ids[0]).click(position={"x": 40, "y": 40})
        # In command mode Lab inserts cells at A and B, deletes at D D, changes the type at M, undoes at Z.
        desk.press("a", "b", "d", "d", "n", "m", "z", "Enter")
        desk.expect_saved()
        expect(desk.card(ids[1])).not_to_have_attribute("data-label", "nominal")
        assert prepared.journal()[len(before) :] == [(ids[0], "anomaly"), (ids[1], "nominal"), (ids[1], None)]
        assert page.locator(".jp-Cell").count() == cells
        assert page.locator(".jp-MarkdownCell").count() == 0

        # Lab's keys are Lab's again outside the gallery.
        page.locator(".jp-CodeCell .cm-content").first.click()
        page.keyboard.press("Escape")
        page.keyboard.press("m")
        expect(page.locator(".jp-MarkdownCell")).to_have_count(1)
        page.goto("about:blank")


@pytest.mark.parametrize(
    "extensions",
    [[], ["@jupyter-widgets/jupyterlab-manager"], ["@jupyter-widgets/jupyterlab-manager", "anywidget"]],
    ids=["no widgets", "no widgets but the usual ones", "no Vuetify"],
)
def test_where_jupyterlab_lacks_widgets_the_cell_is_one_sentence_that_says_what_to_install(
    page: Page, faults: Faults, prepared_once: Prepared, tmp_path: Path, extensions: list[str]
):
    faults.forgive(("Exception opening new comm", "No version of module"))  # as JupyterLab says it
    shutil.copy(notebook_path(), tmp_path / "dashboard.ipynb")
    shutil.copytree(prepared_once.session, tmp_path / "session")
    environment = Wanted(prepared_once.images, None, tmp_path / "session").environment()
    with jupyter_lab(tmp_path, environment, extensions=extensions) as lab:
        page.goto(f"{lab.address}lab/tree/dashboard.ipynb?token={lab.token}")
        page.locator(".jp-CodeCell").first.click()
        expect(page.locator(".jp-Notebook-ExecutionIndicator")).to_have_attribute("data-status", "idle")
        page.keyboard.press("Shift+Enter")
        output = page.locator(".jp-OutputArea-output")
        sentence = output.get_by_text(REMEDY)
        expect(sentence).to_be_visible(timeout=120_000)
        expect(page.locator(".jp-Notebook-ExecutionIndicator")).to_have_attribute("data-status", "idle")
        page.wait_for_timeout(6_000)  # by then what is there has looked for what is not (complete.js)
        assert " ".join(output.inner_text().split()) == REMEDY
        box = sentence.bounding_box()
        assert box is not None
        middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        seen = page.evaluate("([x, y]) => document.elementFromPoint(x, y).textContent", middle)
        assert seen == REMEDY
        page.goto("about:blank")
