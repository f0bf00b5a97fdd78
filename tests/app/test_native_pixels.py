"""Stretch and bands of native pixels: the cards, what is kept, and what the close-up gets."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from fitsfiles import sky, write_extensions
from PIL import Image

from anomalymatch_ui.app.gallery.gallery import Gallery
from anomalymatch_ui.app.looking.natives import Natives
from anomalymatch_ui.app.looking.nativevalues import LARGEST_SIDE, packed
from anomalymatch_ui.app.looking.sheet import contact_sheet
from anomalymatch_ui.config import Config
from anomalymatch_ui.errors import InputError, StorageError
from anomalymatch_ui.pixels import Band, Bands, NativeImage, Rendering
from anomalymatch_ui.pool import open_pool
from anomalymatch_ui.session import Session

IMAGES = 12


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("native") / "survey"
    for number in range(IMAGES):
        bands = {name: 10 * place + sky(3 * number + place) for place, name in enumerate("GRI")}
        write_extensions(folder / f"{number:02d}.fits", bands, BUNIT="nJy")
    return folder


@pytest.fixture
def session(survey: Path, tmp_path: Path) -> Iterator[Session]:
    with Session.open(tmp_path / "session", survey, annotator="ada", config=Config(instant=False)) as opened:
        yield opened


def shown(gallery: Gallery, position: int = 0) -> np.ndarray:
    """The pixels of a card, as the sheet has them."""
    page = gallery.page
    row, column = divmod(position, page["columns"])
    y, x = (page["inset"] + place * page["pitch"] for place in (row, column))
    sheet = np.asarray(Image.open(io.BytesIO(gallery.sheet)))
    return sheet[y : y + page["cell"], x : x + page["cell"]].astype(int)


def test_the_page_is_shown_in_another_stretch_and_other_bands(gallery: Gallery, session: Session) -> None:
    before, order = shown(gallery), gallery.ids
    chosen = Rendering(stretch="log", rgb=("R", "R", "R"), limits="minmax")
    gallery.show_as(chosen)
    pool = session.pool
    expected = chosen.bound(pool.bands).picture(pool.native(pool.index(gallery.ids[0])))
    assert np.abs(shown(gallery) - expected).max() <= 12  # JPEG of quality 92
    assert np.abs(shown(gallery) - before).max() > 60
    assert gallery.ids == order
    assert gallery.native["own"] is True
    gallery.show_as(None)
    assert np.array_equal(shown(gallery), before)


def test_the_choice_is_kept_with_the_session_and_is_not_the_networks(
    gallery: Gallery, session: Session
) -> None:
    digest = session.pool.digest
    gallery.show_as(Rendering(stretch="asinh"))
    gallery.show_as(Rendering(stretch="sqrt"), keep=False)
    assert session.showing.rendering.stretch == "sqrt"
    session.close()
    with Session.open(session.path) as again:
        assert again.showing.rendering.stretch == "asinh"
        assert again.pool.rendering.stretch == "auto"
        assert again.pool.digest == digest
        assert "rendered differently" not in (again.status.message or "")


def test_a_browser_is_answered_when_the_page_is_there(gallery: Gallery, browser: Any) -> None:
    before = gallery.page["serial"]
    answer = browser.ask(kind="show as", rendering={"stretch": "asinh", "limits": [0, 2]}, keep=False)
    assert answer["kind"] == "answer"
    assert gallery.page["serial"] == before + 1
    assert gallery.native["shown"]["limits"] == [0.0, 2.0]
    refused = browser.ask(kind="show as", rendering={"rgb": ["z", "R", "G"]}, keep=False)
    assert (refused["kind"], "no band 'z'" in refused["sentence"]) == ("refused", True)
    refused = browser.ask(kind="show as", rendering={"stretch": "sideways"}, keep=False)
    assert refused["kind"] == "refused"


def test_of_pictures_nothing_is_offered(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    for number in range(3):
        Image.new("RGB", (20, 20), (number, 90, 30)).save(tmp_path / "images" / f"{number}.png")
    with Session.open(tmp_path / "session", tmp_path / "images") as pictures:
        gallery = Gallery(pictures, page_size=3)
        assert gallery.native == {}
        with pytest.raises(InputError, match="8 bits a band"):
            gallery.show_as(Rendering(stretch="asinh"))
        gallery.close()


def test_the_network_is_shown_the_images_so_after_a_word_on_what_it_takes(
    gallery: Gallery, browser: Any, session: Session
) -> None:
    assert "already" in browser.ask(kind="for the network")["sentence"]
    gallery.show_as(Rendering(stretch="asinh", bands=("I", "R", "G")))
    sentence = browser.ask(kind="for the network")["sentence"]
    assert f"Each of the {IMAGES} images has to be looked at again" in sentence
    session.label([session.pool.ids[0]], "anomaly")
    gallery.close()
    again = session.seen_anew()
    assert again.pool.rendering.stretch == "asinh"
    assert not again.showing.is_own
    assert len(again.labels()) == 1
    again.close()
    with Session.open(session.path) as later:
        assert later.pool.rendering.stretch == "asinh"


def test_a_session_that_cannot_be_opened_anew_stays_open_and_as_it_was(
    session: Session, tmp_path: Path
) -> None:
    session.showing.choose(Rendering(stretch="asinh"))
    kept = {path: path.read_bytes() for path in session.path.glob("*.json")}
    settings = session.path / "config.toml"
    settings.rename(tmp_path / "config.toml")
    settings.mkdir()  # so that the settings are the last of several files that cannot be written
    with pytest.raises(StorageError, match=r"config\.toml"):
        session.seen_anew()
    assert {path: path.read_bytes() for path in session.path.glob("*.json")} == kept
    assert session.showing.is_own
    session.label([session.pool.ids[0]], "anomaly")
    settings.rmdir()
    (tmp_path / "config.toml").rename(settings)
    session.go_back(0, wait=True)  # which only the holder of the lock may do
    assert session.status.written_elsewhere is None
    again = session.seen_anew()
    assert (again.pool.rendering.stretch, len(again.labels())) == ("asinh", 1)
    again.close()


def test_another_rendering_costs_less_than_reading_the_files_again(survey: Path) -> None:
    pool = open_pool(survey)
    natives, every = Natives(pool), range(IMAGES)
    renderings = [Rendering(stretch=stretch).bound(pool.bands) for stretch in ("sqrt", "log", "asinh")]
    contact_sheet(natives.rendered(renderings[0]), every, 24)
    spent = {}
    for name, reader in (("read", lambda _: pool), ("again", natives.rendered)):
        start = time.process_time()
        for rendering in renderings * 3:
            contact_sheet(reader(rendering), every, 24)
        spent[name] = time.process_time() - start
    natives.close()
    assert spent["again"] < 1.5 * spent["read"]


def ask(gallery: Gallery, image_id: str) -> tuple[dict[str, Any], list[bytes]]:
    return gallery._closeup.answers["closeup"]({"kind": "closeup", "id": image_id}).result(60)


def test_the_closeup_gets_every_native_value_and_its_unit(gallery: Gallery, session: Session) -> None:
    name = session.pool.ids[4]
    answer, (values, bad) = ask(gallery, name)
    native = answer["native"]
    image = session.pool.native(4)
    assert native["dtype"] == "float32"
    sent = np.frombuffer(values, "<f4").reshape(3, native["height"], native["width"])
    np.testing.assert_array_equal(sent, image.values)
    assert bad == b""
    assert native["bands"][0] == {"name": "G", "unit": "nJy"}
    assert native["rgb"] == [[0, 0, 1], [0, 1, 0], [1, 0, 0]]
    assert native["limits"] == [
        pytest.approx(limits) for limits in session.pool.rendering.limits_of(image)[::-1]
    ]


def test_bad_pixels_come_as_a_mask_and_short_numbers_in_half_the_bytes() -> None:
    values = np.arange(24, dtype=np.int16).reshape(1, 4, 6)
    masked = np.zeros(values.shape, bool)
    masked[0, 1, 2] = True
    bands = Bands((Band("r", unit="adu"),))
    sent = packed(NativeImage(values, masked, bands), Rendering(stretch="asinh", limits=(0, 20)))
    assert sent.described["dtype"] == "float16"
    np.testing.assert_array_equal(np.frombuffer(sent.values, "<f2").reshape(4, 6), values[0])
    np.testing.assert_array_equal(np.frombuffer(sent.bad, np.uint8).reshape(4, 6), masked[0])
    assert (sent.described["curve"], sent.described["softening"]) == ("asinh", 0.1)
    assert sent.described["limits"] == [(0.0, 20.0)]
    wide = packed(NativeImage(values * 1001, None, bands), Rendering())
    assert wide.described["dtype"] == "float32"


def test_a_large_image_comes_as_means_of_its_good_pixels_and_says_so() -> None:
    values = np.ones((1, 2 * LARGEST_SIDE + 2, 9), np.float32)
    values[0, :3] = (5,)
    values[0, 0, :3] = np.nan
    sent = packed(NativeImage(values, None, Bands.named("r")), Rendering())
    assert (sent.described["reduced"], sent.described["width"], sent.described["height"]) == (3, 3, 684)
    means = np.frombuffer(sent.values, "<f2" if sent.described["dtype"] == "float16" else "<f4")
    np.testing.assert_array_equal(means.reshape(684, 3)[:2], [[5, 5, 5], [1, 1, 1]])
    assert sent.bad == b""


def test_an_image_that_cannot_be_shown_so_is_left_out_with_its_reason(tmp_path: Path) -> None:
    for number in range(4):
        write_extensions(tmp_path / f"{number}.fits", {name: sky(number) for name in "GRI"})
    with fits.open(tmp_path / "2.fits") as opened:
        fits.HDUList([hdu.copy() for hdu in opened[:3]]).writeto(tmp_path / "2.fits", overwrite=True)
    pool = open_pool(tmp_path)
    natives = Natives(pool)
    batch = natives.rendered(Rendering(stretch="log").bound(pool.bands)).read(range(4), 24)
    natives.close()
    assert batch.indices.tolist() == [0, 1, 3]
    assert "no band 'I'" in pool.report.unreadable["2.fits"]
