"""Aladin Lite beside the cards: the objects of the page in it, selected from either side, and no network."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from astropy.table import Table

from anomalymatch_ui.app.gallery.gallery import Gallery
from anomalymatch_ui.app.sky import panel
from anomalymatch_ui.app.sky.panel import SkyPanel
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.session import Session

PLACED = [f"{number:04d}.jpg" for number in range(8)]


@pytest.fixture
def placed(session: Session, tmp_path: Path) -> Session:
    """A session in which a table knows where eight images are, a degree from one another."""
    where = tmp_path / "where.csv"
    where.write_text("\n".join(["id,ra,dec", *(f"{name},{10 + n},-5" for n, name in enumerate(PLACED))]))
    session.finding.keep(where)
    return session


@pytest.fixture
def sky(placed: Session, gallery: Gallery) -> Iterator[SkyPanel]:
    panel = SkyPanel(placed, gallery)
    yield panel
    panel.close()


class Aladin:
    """The browser's end of ipyaladin's widget, which is a real one here."""

    def __init__(self, sky: SkyPanel, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sky, self.widget = sky, sky.aladin
        self.sent: list[tuple[dict[str, Any], list[bytes]]] = []
        monkeypatch.setattr(
            self.widget, "send", lambda message, buffers=None: self.sent.append((message, buffers))
        )

    def load(self) -> None:
        self.widget.set_trait("_is_loaded", True)

    def hear(self, event: str, content: object) -> None:
        self.widget._handle_custom_msg({"event_type": event, "content": content}, [])

    def tables(self) -> dict[str, list[str]]:
        """Return the ids of the objects in each layer that is there now."""
        layers: dict[str, list[str]] = {}
        for message, buffers in self.sent:
            if message["event_name"] == "add_table":
                table = Table.read(io.BytesIO(buffers[0]), format="votable")
                layers[message["options"]["name"]] = [str(one) for one in table["id"]]
            elif message["event_name"] == "remove_overlay":
                for name in message["overlay_names"]:
                    del layers[name]
        return {name.partition(" ")[0]: ids for name, ids in layers.items()}


def reached(sky: SkyPanel, whether: bool) -> None:
    """Say what the browser does when it has looked for the script."""
    message = {"kind": "looked", "address": sky._head.address, "reached": whether}
    sky._head._handle_custom_msg(message, [])


@pytest.fixture
def aladin(sky: SkyPanel, monkeypatch: pytest.MonkeyPatch) -> Aladin:
    sky.show()
    reached(sky, True)
    return Aladin(sky, monkeypatch)


def test_the_objects_of_the_page_are_marked_once_the_browser_has_loaded_it(aladin: Aladin, sky: SkyPanel):
    assert sky.sentence == "Loading Aladin Lite …"
    assert aladin.sent == []
    aladin.load()
    assert aladin.tables() == {"objects": PLACED}
    assert sky.sentence == "Marked: 8 of 10 images on this page."
    assert (aladin.widget.target.ra.deg, aladin.widget.target.dec.deg) == pytest.approx((13.5, -5), abs=0.01)
    assert aladin.widget.fov.deg == pytest.approx(2.4 * 3.5, rel=0.01)


def test_what_is_selected_among_the_cards_is_marked_and_centred(aladin: Aladin, gallery: Gallery):
    aladin.load()
    gallery.select(["0002.jpg", "0009.jpg"])  # the second has no position
    assert aladin.tables() == {"objects": PLACED, "selected": ["0002.jpg"]}
    assert aladin.widget.target.ra.deg == pytest.approx(12)
    assert aladin.widget.fov.deg == pytest.approx(0.03)
    gallery.select([])
    assert aladin.tables() == {"objects": PLACED}
    gallery.next_page()
    assert aladin.tables() == {}
    assert "No image on this page has a position" in aladin.sky.sentence


def test_what_is_clicked_or_surrounded_there_is_selected_among_the_cards(aladin: Aladin, gallery: Gallery):
    aladin.load()
    before = aladin.widget.target.ra.deg
    aladin.hear("object_clicked", {"ra": 13.0, "dec": -5.0, "data": {"id": "0003.jpg", "ra": "13"}})
    assert gallery.selected == ("0003.jpg",)
    assert aladin.tables()["selected"] == ["0003.jpg"]
    assert aladin.widget.target.ra.deg == before  # the sky stays where the person has it
    chosen = [{"data": {"id": name}} for name in ("0001.jpg", "0004.jpg", "0011.jpg")] + [{"data": {}}]
    aladin.hear("select", chosen)
    assert gallery.selected == ("0001.jpg", "0004.jpg")  # the third is on another page
    aladin.hear("object_clicked", {"ra": 1.0, "dec": 1.0})  # of another catalogue
    assert gallery.selected == ("0001.jpg", "0004.jpg")
    aladin.hear("select", [])
    assert gallery.selected == ()


def test_without_a_network_a_sentence_says_what_is_missing_and_the_cards_go_on(
    sky: SkyPanel, gallery: Gallery
):
    sky.show()
    assert sky._head.address.startswith("https://")
    reached(sky, False)
    assert sky.aladin is None
    assert "cannot fetch its script from esm.sh" in sky.sentence
    gallery.select(["0001.jpg"])
    sky._head._handle_custom_msg({"kind": "close"}, [])
    assert not sky.shown
    reached(sky, True)  # of a panel that is closed: too late
    assert sky.aladin is None


def test_nothing_is_asked_of_the_network_before_the_panel_is_open(sky: SkyPanel):
    assert (sky.children, sky._head.address, sky.aladin) == ((), "", None)
    sky.toggle()
    assert sky.shown
    assert sky.layout.display is None
    sky.toggle()
    assert sky.layout.display == "none"
    assert (sky.children, sky._head.address) == ((), "")


def test_a_version_with_the_script_in_it_is_shown_at_once(sky: SkyPanel, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(panel, "_script_of", lambda _module: "")
    sky.show()
    assert sky.aladin is not None


def test_without_ipyaladin_the_command_says_how_to_install_it(
    browser, gallery: Gallery, sky: SkyPanel, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, "ipyaladin", None)
    with pytest.raises(InputError, match=r"pip install 'anomalymatch-ui\[sky\]'"):
        sky.show()
    gallery.commands["sky"] = lambda _message: sky.toggle()
    browser.send(kind="command", name="sky")
    assert "needs ipyaladin" in browser.of_kind("say")[-1]["sentence"]


def test_a_selection_all_over_the_sky_is_looked_at_by_its_first(
    aladin: Aladin, placed: Session, gallery: Gallery, tmp_path: Path
):
    where = tmp_path / "everywhere.csv"
    where.write_text("id,ra,dec\n0000.jpg,0,0\n0001.jpg,120,0\n0002.jpg,240,0\n0003.jpg,0,10\n")
    placed.finding.keep(where)
    aladin.load()
    assert (aladin.widget.target.ra.deg, aladin.widget.target.dec.deg) == pytest.approx((0, 0))
