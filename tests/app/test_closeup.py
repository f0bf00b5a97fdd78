from __future__ import annotations

import asyncio
import io
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from catalogues import positions, tile_wcs, write_catalogue, write_tile
from images import make_pool
from PIL import Image

from anomalymatch_ui.app.closeup.closeup import LARGEST_SIDE, NEIGHBOURS, Closeup, picture, place_facts
from anomalymatch_ui.app.gallery.gallery import Gallery
from anomalymatch_ui.app.inbox import Inbox
from anomalymatch_ui.app.looking.look import Look
from anomalymatch_ui.app.looking.natives import Natives
from anomalymatch_ui.app.words import said
from anomalymatch_ui.config import Config
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.pool import open_pool
from anomalymatch_ui.session import Session

DTYPES = {"float16": "<f2", "float32": "<f4"}


@pytest.fixture
def closeup(session: Session) -> Iterator[Closeup]:
    closeup = Closeup(session, session.ranking, Natives(session.pool))
    yield closeup
    closeup.close()


def ask(closeup: Closeup, kind: str, image_id: str) -> tuple[dict[str, Any], list[bytes]]:
    return closeup.answers[kind]({"kind": kind, "id": image_id}).result(60)


def pixels_of(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)))


def test_every_pixel_of_the_image_arrives(closeup: Closeup, session: Session):
    name = session.pool.ids[3]
    answer, (png,) = ask(closeup, "closeup", name)
    assert (answer["id"], answer["width"], answer["height"], answer["reduced"]) == (name, 32, 32, 1)
    np.testing.assert_array_equal(pixels_of(png), session.pool.image(3))


def test_an_oblong_image_is_not_cut():
    pixels = np.random.default_rng(0).integers(0, 256, (20, 50, 3), dtype=np.uint8)
    shown = picture(pixels)
    assert (shown.width, shown.height) == (50, 20)
    np.testing.assert_array_equal(pixels_of(shown.png), pixels)


def test_a_very_large_image_is_reduced_by_means_and_tells_by_how_much():
    pixels = np.zeros((6, 2 * LARGEST_SIDE + 1, 3), np.uint8)
    pixels[:3] = 90
    shown = picture(pixels)
    assert (shown.width, shown.height, shown.reduced) == (2 * LARGEST_SIDE + 1, 6, 3)
    reduced = pixels_of(shown.png)
    assert reduced.shape == (2, 2731, 3)
    assert reduced[0].min() == 90
    assert reduced[1].max() == 0


def test_a_file_is_described_by_its_format_bytes_and_date(session: Session):
    facts = dict(place_facts(session.pool, "0000.jpg"))
    file = Path(session.pool.path) / "0000.jpg"
    assert facts["format"] == "JPEG"
    assert facts["file"] == f"{file.stat().st_size:,} bytes"
    assert facts["changed"].endswith("UTC")


def test_a_row_of_an_archive_is_described_by_its_number(tmp_path: Path):
    with h5py.File(tmp_path / "galaxies.hdf5", "w") as file:
        file["images"] = np.zeros((3, 8, 8, 3), np.uint8)
    pool = open_pool(tmp_path / "galaxies.hdf5")
    assert place_facts(pool, "2") == [("in", "row 2 of galaxies.hdf5")]
    pool.close()
    with h5py.File(tmp_path / "galaxies.hdf5", "a") as file:
        file["ids"] = ["NGC 1", "NGC 2", "NGC 3"]
    named = open_pool(tmp_path / "galaxies.hdf5")
    assert place_facts(named, "NGC 2") == [("in", "galaxies.hdf5")]
    named.close()


def test_before_a_ranking_there_is_no_rank_and_afterwards_it_is_the_one_of_the_cards(
    closeup: Closeup, session: Session
):
    assert "rank" not in dict(closeup.facts("0001.jpg")["facts"])
    session.rank(wait=True)
    ranking = session.ranking()
    third = session.pool.ids[ranking.order[2]]
    facts = dict(closeup.facts(third)["facts"])
    assert facts["rank"] == f"3 of {len(session.pool)}"
    session.label([session.pool.ids[ranking.order[0]], session.pool.ids[ranking.order[5]]], "nominal")
    assert dict(closeup.facts(third)["facts"])["rank"] == f"2 of {len(session.pool) - 2}"
    assert facts["novelty"] == said(float(ranking.scores[ranking.order[2]]), "place", len(ranking.order))
    assert facts["novelty"].startswith("top ")


def test_a_label_on_an_image_that_has_gone_hides_the_facts_of_no_other(session: Session):
    session.label(["0000.jpg", "0001.jpg"], "nominal")
    session.close()
    (Path(session.pool.path) / "0000.jpg").unlink()
    with Session.open(session.path, session.pool.path) as again:
        again.rank(wait=True)
        closeup = Closeup(again, again.ranking, Natives(again.pool))
        assert dict(closeup.facts("0030.jpg")["facts"])["rank"].endswith(f" of {len(again.pool) - 1}")
        closeup.close()


def test_a_label_is_told_with_who_gave_it(closeup: Closeup, session: Session):
    assert closeup.facts("0001.jpg")["words"] == []
    session.label(["0001.jpg"], "anomaly")
    facts = closeup.facts("0001.jpg")
    assert (facts["label"], facts["words"]) == ("anomaly", [("ada", "anomaly")])


def test_columns_of_imported_tables_are_told_where_they_hold_something(session: Session, tmp_path: Path):
    table = tmp_path / "labels.csv"
    table.write_text(
        "filename,label,redshift,note\n0002.jpg,nominal,0.31,\n0003.jpg,nominal,,<b>bright</b>\n"
    )
    images, path = session.pool.path, session.path
    session.close()
    with Session.open(path, images, labels=table) as again:
        closeup = Closeup(again, again.ranking, Natives(again.pool))
        first, second = (dict(closeup.facts(name)["facts"]) for name in ("0002.jpg", "0003.jpg"))
        assert first["redshift"] == "0.31"
        assert "note" not in first
        assert second["note"] == "<b>bright</b>"
        closeup.close()


def test_the_images_most_like_one_come_on_one_sheet(closeup: Closeup, session: Session):
    session.rank(wait=True)
    answer, (sheet,) = ask(closeup, "neighbours", "0000.jpg")
    assert answer["ids"] == session.insight.similar(["0000.jpg"], NEIGHBOURS)
    assert answer["readable"] == (True,) * NEIGHBOURS
    width, _ = Image.open(io.BytesIO(sheet)).size
    assert width == answer["columns"] * answer["pitch"]


def test_before_anything_is_embedded_nothing_is_said_to_be_alike(tmp_path: Path):
    make_pool(tmp_path / "images", images=5)
    with Session.open(tmp_path / "session", tmp_path / "images") as session:
        closeup = Closeup(session, session.ranking, Natives(session.pool))
        answer, buffers = ask(closeup, "neighbours", "0000.jpg")
        assert (answer["ids"], buffers) == ([], [])
        closeup.close()


def test_a_file_that_has_gone_is_a_sentence(closeup: Closeup, session: Session):
    (Path(session.pool.path) / "0004.jpg").unlink()
    with pytest.raises(InputError, match=r"0004\.jpg cannot be read \(no longer there\)"):
        ask(closeup, "closeup", "0004.jpg")


def test_a_folder_that_has_gone_leaves_what_is_known_without_the_file(closeup: Closeup, session: Session):
    session.label(["0001.jpg"], "nominal")
    shutil.rmtree(session.pool.path)
    facts = closeup.facts("0001.jpg")
    assert facts["label"] == "nominal"
    assert facts["facts"] == []


@pytest.mark.parametrize("kind", ["closeup", "facts", "neighbours"])
def test_an_image_that_is_not_in_the_pool_is_refused_by_name(closeup: Closeup, kind: str):
    with pytest.raises(InputError, match="There is no image '../secret.jpg'"):
        ask(closeup, kind, "../secret.jpg")


def test_a_question_sent_again_before_the_answer_is_worked_on_once(
    closeup: Closeup, session: Session, monkeypatch: pytest.MonkeyPatch
):
    reads, go = [], threading.Event()
    image = session.pool.image

    def slow(index: int) -> np.ndarray:
        reads.append(index)
        go.wait(300)
        return image(index)

    monkeypatch.setattr(session.pool, "image", slow)
    first = closeup.answers["closeup"]({"id": "0001.jpg"})
    second = closeup.answers["closeup"]({"id": "0001.jpg"})
    go.set()
    assert first.result(60) == second.result(60)
    assert reads == [1]


@pytest.mark.parametrize("floats", [True, False])
def test_what_lies_around_an_image_is_shown_as_the_image_is_and_says_where_that_lies(
    tmp_path: Path, floats: bool
):
    values = np.random.default_rng(0).integers(0, 200, (100, 100)).astype(np.float32 if floats else np.uint8)
    values[:20] = 0.0 if floats else 7  # unlike the cutout, so that limits of the whole field would differ
    write_tile(tmp_path / "tile.fits", values)
    place = positions(tile_wcs(100), [50.2], [30.2])
    catalogue = write_catalogue(tmp_path, {"id": ["a"], **place, "size": 20, "path": ["tile.fits"]})
    with Session.open(tmp_path / "session", catalogue, config=Config(instant=False)) as session:
        gallery = Gallery(session, page_size=1)
        assert gallery.fields == [2, 4]
        asked = {
            kind: gallery._closeup.answers[kind]({"id": "a"}).result(60) for kind in ("closeup", "field 4")
        }
        gallery.close()
    (own, (own_pixels, *_)), (around, (pixels, *_)) = asked["closeup"], asked["field 4"]
    assert around["frame"] == {"left": 30, "top": 30, "side": 20}
    assert (around["width"], around["height"], own["width"]) == (80, 80, 20)
    assert around["remark"] == "11% of it lies off the tile tile.fits"
    inside = (slice(30, 50), slice(30, 50))
    if floats:
        assert around["native"]["limits"] == own["native"]["limits"]
        wide, cutout = (
            np.frombuffer(sent, DTYPES[answer["native"]["dtype"]]).reshape(side, side)
            for sent, answer, side in ((pixels, around, 80), (own_pixels, own, 20))
        )
        np.testing.assert_array_equal(wide[inside], cutout)
    else:
        np.testing.assert_array_equal(pixels_of(pixels)[inside], pixels_of(own_pixels))


def test_of_images_that_are_all_there_is_nothing_around_them_is_offered(gallery: Gallery):
    assert gallery.fields == []
    assert not [kind for kind in gallery.answers if kind.startswith("field")]


def test_a_script_opens_and_closes_the_close_up_of_any_image(browser, gallery: Gallery, session: Session):
    gallery.open_closeup(session.pool.ids[42])
    gallery.close_closeup()
    assert browser.received[-2:] == [
        {"kind": "open closeup", "id": session.pool.ids[42]},
        {"kind": "close closeup"},
    ]
    with pytest.raises(InputError, match=r"There is no image 'elsewhere\.jpg'"):
        gallery.open_closeup("elsewhere.jpg")


def test_a_look_set_by_a_script_reaches_the_browser(gallery: Gallery):
    assert gallery.get_state()["look"] is None
    gallery.look = Look(stretch="asinh", limits="zscale")
    state = gallery.get_state()["look"]
    assert (state["stretch"], state["limits"], state["contrast"]) == ("asinh", "zscale", 1.0)


def test_the_browser_gets_an_image_by_asking_for_it(browser, gallery: Gallery):
    answer = browser.ask(kind="closeup", id=gallery.ids[0])
    assert (answer["kind"], answer["id"], answer["width"]) == ("answer", gallery.ids[0], 32)
    assert browser.ask(kind="closeup", id="elsewhere.jpg")["kind"] == "refused"


def test_what_a_thread_answers_is_sent_on_the_loop_and_its_failure_too():
    sent: list[tuple[dict[str, Any], int]] = []
    answers = iter([lambda: ({"value": 1}, []), lambda: 1 / 0])

    async def ask_twice(threads: ThreadPoolExecutor) -> None:
        def send(message: dict[str, Any], _buffers: list[bytes]) -> None:
            sent.append((message, threading.get_ident()))

        inbox = Inbox(send, lambda _sentence: None, asyncio.get_running_loop())
        go = threading.Event()
        inbox.answers["slow"] = lambda _message: threads.submit(lambda: (go.wait(300), next(answers)())[1])
        for request in (1, 2, 1, 2):  # asked again while it is worked on, and answered once
            inbox.receive({"kind": "slow", "frontend": "one", "request": request})
        assert sent == []
        go.set()
        while len(sent) < 2:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)

    with ThreadPoolExecutor(1) as threads:
        asyncio.run(ask_twice(threads))
    assert {thread for _, thread in sent} == {threading.get_ident()}
    first, second = (message for message, _ in sent)
    assert (first["value"], first["request"]) == (1, 1)
    assert (second["kind"], second["request"]) == ("refused", 2)
