from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
from images import make_pool

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.pool import ImagePool, open_pool
from anomalymatch_ui.session.charts import mapping
from anomalymatch_ui.session.charts.mapping import Mapper, MapState
from anomalymatch_ui.session.charts.plane import Plane

with_umap = pytest.mark.skipif(importlib.util.find_spec("umap") is None, reason="needs the extra 'map'")


def clusters(images: int, columns: int = 20) -> np.ndarray:
    """Two kinds of images, told apart by the first column."""
    random = np.random.default_rng(1)
    embedding = random.normal(0, 0.3, (images, columns)).astype(np.float32)
    embedding[: images // 3, 0] += 5
    return embedding


@pytest.fixture
def pool(pool_folder: Path) -> ImagePool:
    return open_pool(pool_folder)


@pytest.fixture
def without_umap(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)


def made(mapper: Mapper, timeout: float = 550) -> MapState:
    mapper.begin()
    return mapper.wait(timeout)


def test_without_umap_the_map_is_of_two_principal_components_and_says_what_to_install(
    pool: ImagePool, tmp_path: Path, without_umap: None
):
    state = made(Mapper(tmp_path / "maps", pool, lambda: clusters(60)))
    assert state.newest is not None
    assert state.newest.method == "PCA"
    assert state.newest.rows.tolist() == list(range(60))
    assert np.abs(state.newest.places).max() <= 1
    across = state.newest.places[:, 0]
    assert max(across[:20]) < min(across[20:]) or min(across[:20]) > max(across[20:])
    assert "anomalymatch-ui[map]" in state.sentence
    assert not state.at_work


def test_images_that_could_not_be_read_are_not_on_the_map(
    pool: ImagePool, tmp_path: Path, without_umap: None
):
    embedding = clusters(60)
    embedding[[7, 30]] = np.nan
    mapper = Mapper(tmp_path / "maps", pool, lambda: embedding)
    newest = made(mapper).newest
    assert newest is not None
    assert sorted(set(range(60)) - set(newest.rows.tolist())) == [7, 30]
    assert np.isnan(mapper.places_of(np.array([7]))).all()


def test_without_an_embedding_there_is_a_sentence_and_later_a_map(
    pool: ImagePool, tmp_path: Path, without_umap: None
):
    embeddings = [None, clusters(60)]
    mapper = Mapper(tmp_path / "maps", pool, lambda: embeddings[0])
    state = made(mapper)
    assert state.newest is None
    assert "comes after the ranking" in state.sentence
    with pytest.raises(InputError, match="There is no map yet"):
        mapper.places_of(np.array([0]))
    embeddings.pop(0)
    assert made(mapper).version == 1


def test_three_images_are_mapped(tmp_path: Path):
    make_pool(tmp_path / "images", images=3, rings=1)
    pool = open_pool(tmp_path / "images")
    state = made(Mapper(tmp_path / "maps", pool, lambda: clusters(3)))
    assert state.newest is not None
    assert len(state.newest.rows) == 3
    assert "UMAP needs 10 images" in state.sentence


def test_one_readable_image_is_no_map_but_a_sentence(pool: ImagePool, tmp_path: Path):
    embedding = np.full((60, 4), np.nan, np.float32)
    embedding[3] = 1
    state = made(Mapper(tmp_path / "maps", pool, lambda: embedding))
    assert state.newest is None
    assert state.sentence == "There are too few readable images for a map."


def test_an_image_beyond_the_sample_gets_the_place_it_would_have_had(
    pool: ImagePool, tmp_path: Path, without_umap: None, monkeypatch: pytest.MonkeyPatch
):
    whole = Mapper(tmp_path / "maps", pool, lambda: clusters(60))
    made(whole)
    monkeypatch.setattr(mapping, "POINTS", 40)
    part = Mapper(tmp_path / "maps", pool, lambda: clusters(60))
    newest = made(part).newest
    assert newest is not None
    assert len(newest.rows) == 40
    assert newest.images == 60
    outside = np.setdiff1d(np.arange(60), newest.rows)
    offset = part.places_of(outside) - whole.places_of(outside)
    assert np.abs(offset).max() < 0.5


def test_axes_never_point_the_other_way():
    sample = clusters(200)
    shuffled = sample[np.random.default_rng(0).permutation(200)]
    assert Plane(sample, 2).apply(sample, 2) == pytest.approx(Plane(shuffled, 2).apply(sample, 2), abs=1e-4)


@with_umap
def test_umap_follows_tells_how_far_it_is_and_is_there_at_once_the_next_time(
    pool: ImagePool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    told: list[MapState] = []
    mapper = Mapper(tmp_path / "maps", pool, lambda: clusters(60))
    mapper.subscribe(told.append)
    state = made(mapper)
    assert state.newest is not None
    assert state.newest.method == "UMAP"
    methods = [known.newest.method for known in told if known.newest is not None]
    assert methods[0] == "PCA"
    assert any("laying out" in known.sentence for known in told)
    first, rest = state.newest.places[:20], state.newest.places[20:]
    spread = max(np.ptp(first, axis=0).max(), 1e-3)
    assert np.linalg.norm(first.mean(axis=0) - rest.mean(axis=0)) > spread / 2

    (kept,) = (tmp_path / "maps").glob("*.npz")
    monkeypatch.setattr(sys, "executable", "/nowhere")
    again = Mapper(tmp_path / "maps", pool, lambda: clusters(60))
    newest = made(again).newest
    assert newest is not None
    assert newest.places.tolist() == state.newest.places.tolist()

    kept.write_bytes(b"not a map")
    damaged = made(Mapper(tmp_path / "maps", pool, lambda: clusters(60)))
    assert damaged.newest is not None
    assert damaged.newest.method == "PCA"
    assert "could not be made" in damaged.sentence


@with_umap
def test_a_mapper_that_is_closed_leaves_no_process_behind(pool: ImagePool, tmp_path: Path):
    mapper = Mapper(tmp_path / "maps", pool, lambda: clusters(60))
    started: list[bool] = []
    mapper.subscribe(lambda state: started.append("neighbours" in state.sentence))
    mapper.begin()
    while not any(started):
        mapper.wait(0.05)
    mapper.close()
    assert mapper._child is None or mapper._child.poll() is not None
    mapper.begin()
    assert not mapper._thread.is_alive()


def test_a_map_is_made_anew_once_the_images_are_seen_by_other_settings(
    pool: ImagePool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(mapping.importlib.util, "find_spec", lambda name: True)
    monkeypatch.setattr(Mapper, "_in_another_process", lambda self, components: components[:, :2])
    embeddings = [clusters(60)]
    mapper = Mapper(tmp_path / "maps", pool, lambda: embeddings[0])
    first = made(mapper)
    embeddings[0] = clusters(60)  # the same one, opened again
    assert not mapper.outdated
    assert made(mapper).version == first.version
    embeddings[0] = clusters(60, columns=4)
    assert mapper.outdated
    assert mapper.places_of(np.arange(3)).shape == (3, 2)
    second = made(mapper)
    assert second.newest is not None
    assert (second.newest.method, second.version > first.version) == ("UMAP", True)
    assert not mapper.outdated
