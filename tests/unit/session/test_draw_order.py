"""The order of the draws, kept on disk for many names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scoring import names

from anomalymatch_ui.pool.ids import RowIds
from anomalymatch_ui.rank import draw_order
from anomalymatch_ui.session.core import draw_order as module
from anomalymatch_ui.session.core.draw_order import draw_order_of
from anomalymatch_ui.session.core.folder import SessionFolder

NAMES = tuple(f"{number}.jpg" for number in range(50))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SessionFolder:
    monkeypatch.setattr(module, "MANY", 50)
    return SessionFolder(tmp_path)


def test_it_is_the_same_from_the_disk_and_made_again_where_it_is_damaged(
    folder: SessionFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool, expected = names(NAMES, "a" * 64), draw_order(NAMES, 3)
    np.testing.assert_array_equal(draw_order_of(pool, 3, folder), expected)
    (kept,) = (folder.path / "embeddings").iterdir()
    content = kept.read_bytes()
    for damaged in (b"", content[:-1], bytes([content[0] ^ 1]) + content[1:]):
        kept.write_bytes(damaged)
        np.testing.assert_array_equal(draw_order_of(pool, 3, folder), expected)
        assert kept.read_bytes() == content
    monkeypatch.setattr(module, "draw_order", None)
    found = draw_order_of(pool, 3, folder)
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == np.int64


def test_one_of_another_draw_is_made_again(folder: SessionFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    pool = names(NAMES, "a" * 64)
    monkeypatch.setattr(module, "DRAW", b"\ndraw 0")
    with monkeypatch.context() as former:
        former.setattr(module, "draw_order", lambda names, seed: np.arange(len(names)))
        assert draw_order_of(pool, 3, folder).tolist() == list(range(len(NAMES)))
    assert draw_order_of(pool, 3, folder).tolist() == list(range(len(NAMES)))  # kept
    monkeypatch.setattr(module, "DRAW", b"\ndraw 1")
    np.testing.assert_array_equal(draw_order_of(pool, 3, folder), draw_order(NAMES, 3))


def test_another_seed_and_other_images_have_another(folder: SessionFolder) -> None:
    first = draw_order_of(names(NAMES, "a" * 64), 3, folder)
    assert draw_order_of(names(NAMES, "a" * 64), 4, folder).tolist() != first.tolist()
    others = tuple(f"other {name}" for name in NAMES)
    np.testing.assert_array_equal(draw_order_of(names(others, "b" * 64), 3, folder), draw_order(others, 3))


def test_of_few_names_of_numbers_and_without_a_folder_none_is_kept(folder: SessionFolder) -> None:
    draw_order_of(names(NAMES[:49], "a" * 64), 3, folder)
    draw_order_of(names(RowIds(50), "a" * 64), 3, folder)
    draw_order_of(names(NAMES, "a" * 64), 3)
    assert not list(folder.path.iterdir())
