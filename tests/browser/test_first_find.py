"""From the installed package to the first labelled oddity of one's own FITS folder, and to a table of it."""

from __future__ import annotations

import io
import time
from pathlib import Path

import pytest
from astropy.table import Table
from desk import Desk
from fitsfiles import write_survey
from playwright.sync_api import Page, expect
from serving import Serve

pytestmark = pytest.mark.browser


def test_one_command_and_one_click_label_the_first_ring_and_three_more_export_it(
    page: Page, serve: Serve, tmp_path: Path
) -> None:
    rings = write_survey(tmp_path / "my-survey", images=40, rings=4)
    begun = time.monotonic()
    # 1: anomalymatch serve my-survey; it opens the browser.
    with serve(tmp_path / "my-survey", tmp_path / "my.session") as served:
        desk = Desk(page).open(served.address)
        shown = time.monotonic() - begun
        # 2: the button on a card that shows one.
        desk.card(rings[0]).get_by_role("button", name="anomaly").click()
        desk.expect_saved()
        labelled = time.monotonic() - begun
        assert desk.labels() == {rings[0]: "anomaly"}
        # 3, 4, 5: a table of it.
        desk.button("Export").click()
        page.get_by_label("Format", exact=True).select_option("votable")
        with page.expect_download() as download:
            page.get_by_role("button", name="Download", exact=True).click()
        found = Table.read(io.BytesIO(Path(download.value.path()).read_bytes()), format="votable")
        assert list(found["id"]) == [rings[0]]
        assert list(found["label"]) == ["anomaly"]
        # By now what is like it comes first.
        expect(page.locator(".am-outlook")).to_be_visible()
        page.goto("about:blank")
    print(f"first cards after {shown:.1f} s, the first label after {labelled:.1f} s")
