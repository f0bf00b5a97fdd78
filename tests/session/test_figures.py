"""Cutouts and contact sheets of a table of results."""

from __future__ import annotations

import errno
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from images import make_pool
from PIL import Image

from anomalymatch_ui.config import Config
from anomalymatch_ui.errors import InputError, StorageError
from anomalymatch_ui.session import Session
from anomalymatch_ui.session.outcome import figures


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, quick_once: Config) -> Path:
    """A session on 20 JPEGs, one of them damaged, ranked by six labels."""
    folder = tmp_path_factory.mktemp("figures")
    rings = make_pool(folder / "images", images=20)
    (folder / "images" / "0019.jpg").write_bytes(b"\xff\xd8 damaged")
    with Session.open(
        folder / "session", folder / "images", config=quick_once.with_values(order="labels")
    ) as session:
        session.label([*rings[:2], "0019.jpg"], "anomaly", origin="known")
        session.label(["0010.jpg", "0011.jpg", "0012.jpg"], "nominal", origin="known")
        session.rank(wait=True)
    return folder


@pytest.fixture
def session(folder: Path) -> Iterator[Session]:
    with Session.open(folder / "session", share=True) as opened:
        yield opened


def test_cutouts_are_the_images_as_they_are_shown_and_the_table_names_them(session: Session, tmp_path: Path):
    table = session.results.write(tmp_path / "found.csv", "found", cutouts=tmp_path / "cutouts")
    written = pd.read_csv(tmp_path / "found.csv")
    assert written["cutout"].tolist()[:2] == sorted(map(str, (tmp_path / "cutouts").iterdir()))
    assert written["cutout"].isna().tolist() == [False, False, True]
    assert table.remarks == ("1 of the images cannot be read, and have no cutout.",)
    for row in written.itertuples():
        if isinstance(row.cutout, str):
            expected = session.pool.image(session.pool.index(row.id))
            np.testing.assert_array_equal(np.asarray(Image.open(row.cutout)), expected)
            assert Path(row.cutout).name == f"{row.Index + 1:06}-{row.id.removesuffix('.jpg')}.png"


def test_the_first_rows_alone_are_written_where_so_many_are_asked_for(session: Session, tmp_path: Path):
    session.results.write(tmp_path / "r.parquet", top=4, cutouts=tmp_path / "cutouts")
    written = pd.read_parquet(tmp_path / "r.parquet")
    assert written["rank"].tolist() == [1, 2, 3, 4]
    assert len(list((tmp_path / "cutouts").iterdir())) == 4


def test_a_picture_shows_every_image_large_enough_to_see(session: Session, tmp_path: Path):
    session.results.write(tmp_path / "r.csv", top=7, sheet=tmp_path / "sheet.png")
    page = np.asarray(Image.open(tmp_path / "sheet.png").convert("RGB"))
    first = session.pool.image(session.ranking().order[0])
    step, head = figures.CELL + figures.GAP, 3 * figures.TEXT
    assert page.shape[1] == 6 * step + figures.GAP
    cell = page[head : head + figures.CELL, figures.GAP : figures.GAP + figures.CELL]
    np.testing.assert_array_equal(cell[4::8, 4::8], first)  # 32 pixels, eight times as large
    assert (page[head + 2 * figures.CELL :, : figures.CELL] != 255).any()  # the seventh, in a second row


def test_a_pdf_has_as_many_pages_as_it_takes(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(figures, "ROWS", 1)
    session.results.write(tmp_path / "r.csv", sheet=tmp_path / "sheet.pdf")
    content = (tmp_path / "sheet.pdf").read_bytes()
    assert content.startswith(b"%PDF")
    assert content.count(b"/Type /Page\n") + content.count(b"/Type /Page ") == -(-19 // figures.COLUMNS)


def test_one_page_of_a_pdf_is_in_memory_at_a_time(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(figures, "ROWS", 1)
    monkeypatch.setattr(figures, "COLUMNS", 2)
    draw, drawn, alive = figures._page, [], []

    def observed(*arguments: Any) -> Image.Image:
        alive.append(sum(page() is not None for page in drawn))
        page = draw(*arguments)
        drawn.append(weakref.ref(page))
        return page

    monkeypatch.setattr(figures, "_page", observed)
    session.results.write(tmp_path / "r.csv", sheet=tmp_path / "sheet.pdf")
    assert len(drawn) == 10
    assert max(alive) == 1  # the one before, while the next is drawn


def test_a_sheet_that_cannot_be_finished_leaves_the_one_of_before(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(figures, "ROWS", 1)
    draw, sheet = figures._page, tmp_path / "sheet.pdf"
    sheet.write_bytes(b"before")
    pages = 0

    def failing(*arguments: Any) -> Image.Image:
        nonlocal pages
        pages += 1
        if pages == 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        return draw(*arguments)

    monkeypatch.setattr(figures, "_page", failing)
    with pytest.raises(StorageError, match="No space left"):
        figures.write_sheet(session.pool, session.results.table(), sheet)
    assert sheet.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [sheet]


def test_what_has_no_sheet_is_said_before_anything_is_written(session: Session, tmp_path: Path):
    with pytest.raises(InputError, match="not a name for a contact sheet"):
        session.results.write(tmp_path / "r.csv", sheet=tmp_path / "sheet.gif", cutouts=tmp_path / "cutouts")
    with pytest.raises(InputError, match="401 images are too many for one picture"):
        figures.check_sheet(tmp_path / "sheet.png", 401)
    assert list(tmp_path.iterdir()) == []


def test_a_long_name_is_shortened_in_its_middle_and_odd_letters_are_no_part_of_a_file_s_name(tmp_path: Path):
    make_pool(tmp_path / "odd", images=2, rings=0)
    (tmp_path / "odd" / "0000.jpg").rename(tmp_path / "odd" / ("a b:c" + "x" * 150 + ".jpg"))
    with Session.open(tmp_path / "s", tmp_path / "odd", config=Config(instant=False)) as session:
        session.label([session.pool.ids[1]], "anomaly")
        options = {"cutouts": tmp_path / "cutouts", "sheet": tmp_path / "sheet.png"}
        session.results.write(tmp_path / "labels.csv", "labels", **options)  # type: ignore[arg-type]
    (cutout,) = (tmp_path / "cutouts").iterdir()
    assert cutout.name.startswith("000001-a_b_cxx")
    assert len(cutout.name) < 100
