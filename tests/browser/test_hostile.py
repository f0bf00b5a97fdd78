from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest
from desk import Desk
from images import make_pool
from playwright.sync_api import Page, expect
from serving import Serve

from anomalymatch_ui.labels import Journal
from anomalymatch_ui.session import Session

pytestmark = pytest.mark.browser

SCRIPT = "<img src=x onerror=document.title='broken'><script>document.title='broken'<\\script>.jpg"
QUOTED = "a \"quoted\" 'name' & more @ = +.jpg"
LONG = "long-" + "n" * 240 + ".jpg"


def test_names_are_text_and_unreadable_images_say_so(page: Page, serve: Serve, tmp_path: Path):
    images = tmp_path / "images"
    make_pool(images, images=60)
    for number, name in enumerate((SCRIPT, QUOTED, LONG)):
        (images / f"{number:04d}.jpg").rename(images / name)
    session = tmp_path / "session"
    Session.open(session, images).close()
    (images / "0030.jpg").write_bytes(b"\xff\xd8truncated")
    with serve(images, session) as served:
        desk = Desk(page).open(served.address)
        ids = desk.ids()
        assert {SCRIPT, QUOTED, LONG} <= set(ids)
        expect(page).to_have_title("AnomalyMatch")
        assert page.locator(".am-gallery img, .am-gallery script").count() == 0
        widths = page.locator(".am-card").evaluate_all("cards => cards.map((card) => card.offsetWidth)")
        assert len(set(widths)) == 1
        # It is on the first page in the pool's own order, and gone once every image was looked at.
        assert all("cannot be read" in text for text in desk.card("0030.jpg").all_inner_texts())
        # The panel counts it in a row like the others.
        expect(desk.count("unreadable")).to_have_text("1")
        rows = page.locator(".am-counts .am-count").evaluate_all(
            "rows => rows.map((row) => [row.offsetLeft, row.offsetWidth, row.offsetHeight])"
        )
        assert len({tuple(row) for row in rows}) == 1
        # The first order may come meanwhile, and puts the card elsewhere.
        desk.card(SCRIPT.replace("\\", "\\\\")).click(position={"x": 30, "y": 30})
        desk.press("a")
        desk.expect_saved()
        page.goto("about:blank")
    with Journal(session / "journal.sqlite") as journal:
        assert journal.view() == {SCRIPT: "anomaly"}


def test_images_that_have_gone_are_a_sentence_on_the_page(page: Page, serve: Serve, tmp_path: Path):
    make_pool(tmp_path / "images", images=10)
    with serve(tmp_path / "images", tmp_path / "session") as served:
        shutil.rmtree(tmp_path / "images")
        page.goto(served.address)
        alert = page.get_by_role("alert")
        expect(alert).to_contain_text("AnomalyMatch cannot open this.")
        expect(alert).to_contain_text(str(tmp_path / "images"))
        expect(page.get_by_text("Traceback")).to_have_count(0)
        page.goto("about:blank")


MARKUP = "<img src=x onerror=document.title=1>"  # as long as a tag may be


def test_columns_tags_notes_names_and_aims_are_text(page: Page, serve: Serve, tmp_path: Path):
    images, session = tmp_path / "images", tmp_path / "session"
    make_pool(images, images=60)
    first = "0000.jpg"
    table = tmp_path / "table.csv"
    columns = {"id": [first, "0001.jpg"], MARKUP: [MARKUP, MARKUP], f"number {MARKUP}": [1.5, 2.5]}
    pd.DataFrame(columns).to_csv(table, index=False)
    with Session.open(session, images, metadata=table, annotator=MARKUP) as opened:
        opened.label(["0001.jpg"], "anomaly")
        opened.marking.define([MARKUP])
        opened.marking.tag([first], MARKUP)
        opened.marking.note(first, MARKUP)
        opened.marking.write_aim(MARKUP)
        opened.rank(wait=True)  # so that no first order moves the cards
    with serve(images, session) as served:
        desk = Desk(page).open(served.address)
        expect(desk.card(first).locator(".am-tag").first).to_have_text(MARKUP)
        expect(page.get_by_text(MARKUP, exact=True).first).to_be_visible()
        page.get_by_role("button", name="Filter").click()
        expect(page.locator(".am-filters")).to_contain_text(MARKUP)
        desk.press("Escape")
        desk.card(first).click(position={"x": 40, "y": 40})
        desk.press("Space")
        expect(desk.overlay).to_contain_text(MARKUP)
        desk.press("Escape")
        views = page.get_by_label("view", exact=True)
        for view in ("labelled", "disagreements", "audit"):
            views.select_option(view)
        expect(page).to_have_title("AnomalyMatch")
        assert page.locator('img[src="x"]').count() == 0
        page.goto("about:blank")
