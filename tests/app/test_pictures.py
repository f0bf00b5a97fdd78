from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image

from anomalymatch_ui.app.gallery.gallery import Gallery
from anomalymatch_ui.app.pictures.pictures import Pictures
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.session import Session

ROWS, PLACES, RANKS, LABELS, SELECTED = range(5)


@pytest.fixture
def pictures(session: Session, gallery: Gallery) -> Iterator[Pictures]:
    pictures = Pictures(session, gallery)
    yield pictures
    pictures.close()


@pytest.fixture
def ranked(session: Session) -> Session:
    session.label(["0000.jpg", "0001.jpg"], "anomaly")
    session.label(["0020.jpg", "0021.jpg", "0022.jpg"], "nominal")
    session.rank(wait=True)
    return session


def ask(
    pictures: Pictures, monkeypatch: pytest.MonkeyPatch, **message: Any
) -> tuple[dict[str, Any], list[bytes]]:
    sent: list[tuple[dict[str, Any], list[bytes]]] = []
    with monkeypatch.context() as patch:
        patch.setattr(pictures, "send", lambda answer, buffers=None: sent.append((answer, buffers or [])))
        pictures._handle_custom_msg({"frontend": "one", "request": 1, **message}, [])
    ((answer, buffers),) = sent
    return answer, buffers


def mapped(pictures: Pictures, session: Session) -> None:
    """Show the map, and wait for its principal components only."""
    pictures.map.show()
    while session.pictures.mapper.state.version == 0:
        session.pictures.mapper.wait(0.05)
    pictures.refresh()


def test_nothing_is_drawn_while_the_drawer_is_closed(pictures: Pictures, ranked: Session):
    pictures.heed(ranked.status)
    assert pictures.charts == {}
    pictures.show()
    assert pictures.charts["discovery"]["found"] == [0, 1, 2, 2, 2, 2]
    pictures.hide()
    ranked.label(["0003.jpg"], "anomaly")
    pictures.heed(ranked.status)
    assert pictures.charts["discovery"]["looked"][-1] == 5
    pictures.show()
    assert pictures.charts["discovery"]["looked"][-1] == 6


def test_the_charts_have_the_numbers_of_the_session(pictures: Pictures, ranked: Session):
    pictures.show("charts")
    charts = pictures.charts
    assert sum(charts["histogram"]["counts"]) == 60
    assert sum(charts["histogram"]["labelled"]["nominal"]) == 3
    assert charts["precision"]["top"][-1] == 60
    assert (charts["precision"]["labelled"][-1], charts["precision"]["anomalies"][-1]) == (5, 2)
    assert charts["precision"]["share"][-1] == pytest.approx(0.4)


def test_before_the_first_label_and_ranking_the_charts_are_empty(pictures: Pictures):
    pictures.show()
    assert pictures.charts["discovery"]["looked"] == [0]
    assert pictures.charts["precision"]["top"] == []
    assert pictures.charts["histogram"]["unscored"] == 60


def test_the_map_is_not_made_before_it_is_looked_at(pictures: Pictures, ranked: Session):
    pictures.show("charts")
    assert ranked.pictures.mapper.state.version == 0
    mapped(pictures, ranked)
    assert pictures.map_state["method"] in ("PCA", "UMAP")
    assert pictures.map_state["drawn"] == 60


def test_the_map_follows_settings_by_which_the_images_are_seen_anew(
    pictures: Pictures, ranked: Session, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(
        "anomalymatch_ui.session.charts.mapping.LEAST", 1000
    )  # principal components are map enough
    mapped(pictures, ranked)
    version = ranked.pictures.mapper.wait().version
    ranked.configure({"embedding.components": 4})
    pictures.refresh()
    assert ranked.pictures.mapper.wait().version == version
    ranked.rank(wait=True)
    pictures.refresh()
    assert ranked.pictures.mapper.wait().version > version


def test_the_browser_gets_places_ranks_and_labels_as_arrays(
    pictures: Pictures, ranked: Session, monkeypatch: pytest.MonkeyPatch
):
    mapped(pictures, ranked)
    answer, buffers = ask(pictures, monkeypatch, kind="points")
    assert answer["version"] == pictures.map_state["version"]
    rows = np.frombuffer(buffers[ROWS], np.uint32)
    assert rows.tolist() == list(range(60))
    assert np.abs(np.frombuffer(buffers[PLACES], np.float32)).max() <= 1
    ranks, labels = (np.frombuffer(buffers[part], np.uint8) for part in (RANKS, LABELS))
    assert ranks[ranked.ranking().order[0]] == 255
    assert ranks[ranked.ranking().order[-1]] == 1
    assert labels[[0, 20, 30]].tolist() == [1, 2, 0]

    colours = pictures.map_state["colours"]
    ranked.label(["0030.jpg"], "unsure")
    pictures.heed(ranked.status)
    assert pictures.map_state["colours"] > colours
    _, (_, newer) = ask(pictures, monkeypatch, kind="colours")
    assert np.frombuffer(newer, np.uint8)[30] == 3


def test_images_selected_on_the_map_are_listed_best_first(
    pictures: Pictures, ranked: Session, gallery: Gallery
):
    chosen = ["0040.jpg", "0003.jpg", "0011.jpg"]
    pictures.map.select(chosen)
    assert pictures.map.selected == ("0003.jpg", "0011.jpg", "0040.jpg")
    by_rank = [ranked.pool.ids[row] for row in ranked.ranking().order]
    assert list(gallery.ids) == sorted(chosen, key=by_rank.index)
    assert gallery.query.ids == set(chosen)
    pictures.map.select([])
    assert pictures.map.selected == ()
    assert len(gallery.ids) == 10


def test_a_lasso_of_the_browser_selects(pictures: Pictures, ranked: Session, gallery: Gallery):
    rows = np.array([5, 7], np.uint32).tobytes()
    pictures._handle_custom_msg({"kind": "select"}, [memoryview(rows)])
    assert pictures.map.selected == ("0005.jpg", "0007.jpg")
    pictures._handle_custom_msg({"kind": "select"}, [memoryview(np.array([99], np.uint32).tobytes())])
    assert "not in the pool" in pictures.map_state["sentence"]
    assert pictures.map.selected == ("0005.jpg", "0007.jpg")


def test_an_image_is_shown_before_those_most_like_it(pictures: Pictures, ranked: Session, gallery: Gallery):
    pictures.map.show_image("0002.jpg")
    assert gallery.ids[0] == "0002.jpg"
    assert list(gallery.ids[1:]) == ranked.insight.similar(["0002.jpg"], 9)
    with pytest.raises(InputError, match=r"There is no image 'nowhere.jpg'"):
        pictures.map.show_image("nowhere.jpg")


def test_the_preview_has_the_image_its_name_place_and_label(
    pictures: Pictures, ranked: Session, monkeypatch: pytest.MonkeyPatch
):
    answer, (jpeg,) = ask(pictures, monkeypatch, kind="thumbnail", row=0)
    assert Image.open(io.BytesIO(jpeg)).size == (128, 128)
    name, place, label = answer["lines"]
    assert (name, label) == ("0000.jpg", "anomaly")
    assert place.startswith("place ")


def test_the_preview_of_an_image_that_has_gone_says_so(
    pictures: Pictures, ranked: Session, monkeypatch: pytest.MonkeyPatch
):
    (ranked.pool.path / "0009.jpg").unlink()
    answer, (jpeg,) = ask(pictures, monkeypatch, kind="thumbnail", row=9)
    assert answer["lines"][-1] == "cannot be read"
    assert jpeg == b""
