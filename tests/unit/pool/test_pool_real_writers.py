"""Stores that the real images_to_zarr writes, which is also how Cutana writes its Zarr stores."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from PIL import Image

from anomalymatch_ui.pool import open_pool

images_to_zarr = pytest.importorskip("images_to_zarr", reason="images-to-zarr is not installed")

FIRST_ID = 2739161834506210321


def test_pictures_it_converted_and_one_that_it_could_not(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    images = np.random.default_rng(0).integers(1, 256, (4, 32, 32, 3), np.uint8)
    for row, image in enumerate(images):
        Image.fromarray(image).save(source / f"im{row}.png")
    (source / "bad.png").write_bytes(b"no picture")
    store = images_to_zarr.convert(output_dir=str(tmp_path / "out"), folders=[str(source)])
    pool = open_pool(store)
    assert sorted(pool.ids) == ["bad.png", "im0.png", "im1.png", "im2.png", "im3.png"]
    for row, image in enumerate(images):
        assert np.array_equal(pool.image(pool.index(f"im{row}.png")), image)
    assert len(pool.read(range(5), 32).indices) == 4
    assert "cannot identify image file" in pool.report.unreadable["bad.png"]


def test_wide_integers_that_it_wraps_around_are_told(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for row in range(3):
        values = np.random.default_rng(row).normal(0, 1000, (32, 32)).astype(np.int16)
        fits.writeto(source / f"f{row}.fits", values)
    pool = open_pool(images_to_zarr.convert(output_dir=str(tmp_path / "out"), folders=[str(source)]))
    assert "kept as uint8 (of 3 images" in pool.report.sentence()


def test_cutouts_that_cutana_gives_it_keep_their_ids_and_positions(tmp_path: Path) -> None:
    for batch in range(2):
        images = np.random.default_rng(batch).random((5, 32, 32, 2)).astype(np.float32)
        table = [{"source_id": FIRST_ID + 5 * batch + row, "ra": 10.0 + row, "dec": -2.0} for row in range(5)]
        images_to_zarr.convert(
            output_dir=str(tmp_path / f"batch_cutout_process_00{batch}_ab"),
            images=images,
            image_metadata=table,
            chunk_shape=images.shape,
            compressor="lz4",
        )
    pool = open_pool(tmp_path)
    assert list(pool.ids) == [str(FIRST_ID + row) for row in range(10)]
    assert pool.columns.positions == ("ra", "dec")
    assert pool.columns["source_id"].to_pylist() == [FIRST_ID + row for row in range(10)]
    assert len(pool.read(range(10), 32).indices) == 10
