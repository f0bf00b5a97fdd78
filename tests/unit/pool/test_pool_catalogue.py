"""A catalogue and tiles as a pool: what is cut, from where, and what is said of what cannot be."""

from __future__ import annotations

import gzip
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.nddata import Cutout2D
from astropy.wcs import WCS
from catalogues import DEC, RA, SCALE, positions, tile_wcs, write_catalogue, write_tile
from surveys import SIDE, X, Y, cutout2d, survey, values

from anomalymatch_ui.pool import (
    SubsetPool,
    UnreadableImageError,
    has_surroundings,
    open_pool,
    surroundings,
)


@pytest.mark.parametrize("side", [31, 32, 1])
def test_cutouts_are_those_of_astropy(tmp_path: Path, side: int) -> None:
    pool = open_pool(survey(tmp_path, diameter_pixel=side))
    for place, (x, y) in enumerate(zip(X, Y, strict=True)):
        assert np.array_equal(pool.native(place).values[0], cutout2d(values(), x, y, side))


@pytest.mark.parametrize(
    ("dtype", "keywords"),
    [
        (">i2", {}),
        (np.int16, {"BZERO": 32768, "BLANK": -5}),
        (np.int32, {"BSCALE": 0.01, "BZERO": 4, "BLANK": -5}),
        (np.uint8, {"BLANK": 7}),
        (np.float64, {}),
    ],
)
@pytest.mark.parametrize("compressed", [False, True])
def test_scaled_and_blank_tiles_give_what_a_whole_file_gives(
    tmp_path: Path, dtype: object, keywords: dict[str, float], compressed: bool
) -> None:
    stored = np.random.default_rng(1).integers(0, 200, (SIDE, SIDE)).astype(dtype)
    if "BLANK" in keywords:
        stored[60:80, 50:70] = keywords["BLANK"]
    path = survey(tmp_path)
    header = tile_wcs(SIDE).to_header()
    image = (
        fits.CompImageHDU(stored, header, compression_type="RICE_1" if stored.dtype.kind != "f" else "GZIP_1")
        if compressed
        else fits.PrimaryHDU(stored, header)
    )
    image.writeto(tmp_path / "tile.fits", overwrite=True)
    with fits.open(tmp_path / "tile.fits", "update", do_not_scale_image_data=True) as opened:
        opened[-1].header.update(keywords)
    whole = open_pool(tmp_path).native(0)
    assert whole.values.shape[1:] == (SIDE, SIDE)
    pool = open_pool(path)
    _, left, top, side = pool.window(0)
    inside = (slice(None), slice(top, top + side), slice(left, left + side))
    cut = pool.native(0)
    assert cut.values.dtype == whole.values.dtype
    assert np.array_equal(cut.values, whole.values[inside])
    if "BLANK" in keywords:
        assert whole.bad is not None
        assert cut.bad is not None
        assert np.array_equal(cut.bad, whole.bad[inside])


def test_compressed_tiles_give_the_same_by_parts_and_unpacked_as_a_whole(tmp_path: Path) -> None:
    path = survey(tmp_path)
    expected = [open_pool(path).native(place).values for place in range(3)]
    tile = fits.CompImageHDU(
        values(), tile_wcs(SIDE).to_header(), compression_type="GZIP_1", quantize_level=0
    )
    tile.writeto(tmp_path / "tile.fits", overwrite=True)
    pool = open_pool(path)
    for _ in range(8):  # the first dozen by parts
        for place in range(3):
            assert np.array_equal(pool.native(place).values, expected[place])


def test_tiles_packed_as_a_whole_are_read(tmp_path: Path) -> None:
    path = survey(tmp_path, fits_file_paths="tile.fits.gz")
    (tmp_path / "tile.fits.gz").write_bytes(gzip.compress((tmp_path / "tile.fits").read_bytes()))
    (tmp_path / "tile.fits").unlink()
    assert np.array_equal(open_pool(path).native(1).values[0], cutout2d(values(), X[1], Y[1], 32))


@pytest.mark.parametrize("cube", [False, True])
def test_a_tile_of_several_bands_with_a_mask_gives_what_a_whole_file_gives(
    tmp_path: Path, cube: bool
) -> None:
    header = tile_wcs(SIDE).to_header()
    mask = np.zeros((SIDE, SIDE), np.int32)
    mask[60:75, 50:60] = 1
    bands = [values(seed) for seed in range(3)]
    if cube:
        hdus = [fits.PrimaryHDU(np.stack(bands), header)]
    else:
        extensions = [fits.ImageHDU(b, name=name) for b, name in zip(bands, "GRI", strict=True)]
        hdus = [fits.PrimaryHDU(header=header), *extensions, fits.ImageHDU(mask, name="MASK")]
    path = survey(tmp_path)
    fits.HDUList(hdus).writeto(tmp_path / "tile.fits", overwrite=True)
    pool, whole = open_pool(path), open_pool(tmp_path).native(0)
    _, left, top, side = pool.window(0)
    inside = (slice(None), slice(top, top + side), slice(left, left + side))
    image = pool.native(0)
    assert image.bands == whole.bands
    assert np.array_equal(image.values, whole.values[inside])
    if not cube:
        assert image.bad is not None
        assert image.bad.any()
        assert np.array_equal(image.bad, whole.bad[inside])  # type: ignore[index]


def test_many_threads_open_a_tile_once_and_read_the_same(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    for number in range(4):
        write_tile(tmp_path / f"{number}.fits", values(number), wcs=tile_wcs(SIDE, dec=DEC + number))
    rows = [positions(tile_wcs(SIDE, dec=DEC + n % 4), *random.uniform(30, 170, (2, 1))) for n in range(80)]
    at = {name: np.concatenate([row[name] for row in rows]) for name in ("RA", "Dec")}
    table = write_catalogue(tmp_path, {**at, "size": 24, "path": [f"{n % 4}.fits" for n in range(80)]})
    expected = open_pool(table).read(range(80), 24).pixels
    pool = open_pool(table)
    with ThreadPoolExecutor(8) as executor:
        read = list(executor.map(lambda index: pool.read([index], 24).pixels[0], range(80)))
    assert np.array_equal(read, expected)
    assert pool.tiles_opened == 4


def test_what_lies_off_the_tile_is_flagged(tmp_path: Path) -> None:
    path = survey(tmp_path, **positions(tile_wcs(SIDE), [3.2, 100, 198], [5.3, 100, 199.4]))
    pool = open_pool(path)
    image = pool.native(0)
    assert image.values.shape == (1, 32, 32)
    assert image.bad is not None
    assert np.array_equal(image.bad[0], np.isnan(cutout2d(values(), 3.2, 5.3, 32)))
    assert np.isnan(image.values[image.bad]).all()
    assert pool.native(1).bad is None
    assert "of it lies off the tile tile.fits" in pool.report.remarks["a"]
    assert not pool.image(0)[0, 0].any()


def test_integers_off_the_tile_are_zero_and_flagged(tmp_path: Path) -> None:
    path = survey(tmp_path, **positions(tile_wcs(SIDE), [3, 100, 198], [5, 100, 199.4]))
    write_tile(tmp_path / "tile.fits", np.full((SIDE, SIDE), 9, np.int16))
    image = open_pool(path).native(0)
    assert image.values.dtype == np.int16
    assert image.bad is not None
    assert (image.values[image.bad] == 0).all()
    assert (image.values[~image.bad] == 9).all()


def test_a_wider_field_has_the_same_middle(tmp_path: Path) -> None:
    pool = open_pool(survey(tmp_path, **positions(tile_wcs(SIDE), [60.2, 100, 30], [70.1, 100, 30])))
    near, wide = pool.native(0), pool.native(0, zoom=3)
    assert wide.values.shape == (1, 96, 96)
    assert np.array_equal(wide.values[0, 32:64, 32:64], near.values[0])
    assert pool.image(0, zoom=3).shape == (96, 96, 3)
    assert len(pool.report) == 0
    assert not pool.report.remarks


def test_a_session_on_some_images_sees_around_them_too(tmp_path: Path) -> None:
    pool = open_pool(survey(tmp_path))
    some = SubsetPool(pool, ["b", "c"])
    wide = surroundings(some, 1, 2.0)
    assert has_surroundings(some)
    assert wide is not None
    assert np.array_equal(wide.image.values, pool.native(2, zoom=2).values, equal_nan=True)
    (tmp_path / "plain").mkdir()
    fits.writeto(tmp_path / "plain" / "image.fits", values())
    plain = open_pool(tmp_path / "plain")
    assert not has_surroundings(plain)
    assert surroundings(plain, 0, 2.0) is None


@pytest.mark.parametrize("zoom", [1.0, 2.0, 3.0, 4.0])
@pytest.mark.parametrize("side", [31, 32, 1])
def test_it_is_told_where_an_image_lies_in_what_is_around_it(tmp_path: Path, side: int, zoom: float) -> None:
    pool = open_pool(survey(tmp_path, diameter_pixel=side))
    for index in range(3):
        around = surroundings(pool, index, zoom)
        assert around is not None
        assert around.side == side
        inside = around.image.values[:, around.top :, around.left :][:, :side, :side]
        assert np.array_equal(inside, pool.native(index).values)
        # Half of what is added on either side, to the pixel.
        beyond = around.image.values.shape[1] - side
        assert abs(2 * around.left - beyond) <= 1
        assert abs(2 * around.top - beyond) <= 1


def test_of_what_lies_around_an_image_at_the_edge_the_part_off_the_tile_is_told(tmp_path: Path) -> None:
    pool = open_pool(survey(tmp_path, **positions(tile_wcs(SIDE), [20.2, 100, 180], [100.2, 100, 100])))
    around = surroundings(pool, 0, 4.0)
    assert around is not None
    assert around.image.bad is not None
    off = around.image.bad[0]
    assert around.remark == f"{off.mean():.0%} of it lies off the tile tile.fits"
    assert np.isnan(around.image.values[0][off]).all()
    assert off[:, 0].all()
    assert not off[:, -1].any()
    assert not pool.report.remarks  # the image itself is whole


def test_a_cutout_without_a_good_pixel_is_reported_and_the_rest_goes_on(tmp_path: Path) -> None:
    path = survey(tmp_path)
    hole = values()
    hole[20:130, 20:90] = np.nan  # a gap between two detectors, all of the cutout "a"
    write_tile(tmp_path / "tile.fits", hole)
    pool = open_pool(path)
    assert pool.read(range(3), 32).indices.tolist() == [1, 2]
    assert pool.report.unreadable == {"a": "it has no good pixel: all are masked or not a number"}
    with pytest.raises(UnreadableImageError, match="no good pixel"):
        pool.native(0)
    assert pool.native(1).bad is None


def test_bands_that_are_turned_against_each_other_are_told(tmp_path: Path) -> None:
    turned = tile_wcs(SIDE)
    turned.wcs.pc = [[0, -1], [1, 0]]
    write_tile(tmp_path / "g.fits", values(0), "g")
    write_tile(tmp_path / "r.fits", values(1), "r", turned)
    write_tile(
        tmp_path / "i.fits", values(2), "i", tile_wcs(SIDE, ra=RA + 0.002, dec=DEC + 0.001, scale=2 * SCALE)
    )
    table = {"id": ["a"], "ra": RA, "dec": DEC, "size": 16}
    alike = open_pool(write_catalogue(tmp_path, {**table, "path": "['g.fits', 'i.fits']"}, "alike.csv"))
    assert not alike.report.remarks
    pool = open_pool(write_catalogue(tmp_path, {**table, "path": "['g.fits', 'i.fits', 'r.fits']"}))
    assert "r.fits is turned against g.fits" in pool.report.remarks["a"]


def test_bands_are_tiles_of_their_own_and_go_by_name(tmp_path: Path) -> None:
    for seed, band in enumerate(("r", "g")):
        write_tile(tmp_path / f"one_{band}.fits", values(seed), band)
        write_tile(tmp_path / f"two_{band}.fits", values(seed + 2), band, tile_wcs(SIDE, dec=DEC + 0.1))
    first, second = tile_wcs(SIDE), tile_wcs(SIDE, dec=DEC + 0.1)
    ra, dec = (np.concatenate([positions(first, X, Y)[c], positions(second, X, Y)[c]]) for c in ("RA", "Dec"))
    paths = ["['one_g.fits', 'one_r.fits']"] * 3 + ["['two_r.fits', 'two_g.fits']"] * 3
    order = [3, 0, 4, 1, 5, 2]  # tiles in turn
    table = pd.DataFrame(
        {
            "SourceID": list("abcdef"),
            "RA": ra,
            "Dec": dec,
            "size_arcsec": 30 * SCALE,
            "fits_file_paths": paths,
        }
    )
    table.iloc[order].to_csv(tmp_path / "catalogue.csv", index=False)
    pool = open_pool(tmp_path / "catalogue.csv")
    assert set(pool.bands.names) == {"g", "r"}
    for name, seeds in (("b", (1, 0)), ("e", (3, 2))):
        image = pool.native(pool.index(name)).chosen(("g", "r"))
        expected = [cutout2d(values(seed), X[1], Y[1], 30) for seed in seeds]
        assert np.array_equal(image.values, expected)
    pool.read(range(6), 16)
    assert pool.tiles_opened == 4
    assert sorted(pool.ids[:3]) in (
        ["a", "b", "c"],
        ["d", "e", "f"],
    )  # tile by tile, whatever the table's order


def test_bands_of_other_pixel_scales_show_the_same_field(tmp_path: Path) -> None:
    y, x = np.mgrid[:SIDE, :SIDE]
    for band, scale in (("VIS", SCALE), ("NIR-H", 3 * SCALE)):
        wcs = tile_wcs(SIDE, scale=scale)
        at = wcs.world_to_pixel(SkyCoord(RA, DEC, unit="deg"))
        source = 1000 * np.exp(
            -(np.square(x - at[0]) + np.square(y - at[1])) / (2 * (6 * SCALE / scale) ** 2)
        )
        write_tile(tmp_path / f"{band}.fits", source.astype(np.float32), band, wcs)
    paths = str(["VIS.fits", "NIR-H.fits"])
    table = {
        "id": ["a"],
        "ra": [RA],
        "dec": [DEC],
        "diameter_arcsec": [45 * SCALE],
        "fits_file_paths": [paths],
    }
    image = open_pool(write_catalogue(tmp_path, table)).native(0)
    assert image.values.shape == (2, 45, 45)
    assert image.bands.names == ("VIS", "NIR-H")
    assert (
        np.abs(image.values[0] - image.values[1]).max() < 100
    )  # of 1000: from pixels half as wide as the source


def test_a_cutout_of_which_a_tile_would_be_a_dot_is_refused(tmp_path: Path) -> None:
    """As a catalogue's sizes count pixels of a tile whose header says that they are many of the other's."""
    for band, scale in (("VIS", SCALE), ("NIR-H", 40 * SCALE)):
        write_tile(tmp_path / f"{band}.fits", values(), band, tile_wcs(SIDE, scale=scale))
    table = {
        "id": ["a", "b"],
        "ra": [RA] * 2,
        "dec": [DEC] * 2,
        "diameter_pixel": [80, 81],
        "fits_file_paths": [str(["NIR-H.fits", "VIS.fits"])] * 2,
    }
    pool = open_pool(write_catalogue(tmp_path, table))
    assert pool.native(0).values.shape == (2, 16 * SIDE, 16 * SIDE)
    with pytest.raises(UnreadableImageError, match="VIS.fits has 200 x 200"):
        pool.native(1)
    assert pool.report.unreadable == {
        "b": "its cutout would be 3,240 pixels wide, where the tile VIS.fits has 200 x 200"
    }


@pytest.mark.shared_data
@pytest.mark.parametrize(
    "names", [("gc_2mass_j", "gc_2mass_h", "gc_2mass_k"), ("spitzer_example_image",), ("gc_msx_e",)]
)
def test_cutouts_of_real_tiles_are_those_of_astropy(
    shared_data: Path, tmp_path: Path, names: tuple[str, ...]
) -> None:
    files = [shared_data / "fits" / "large" / f"{name}.fits" for name in names]
    with fits.open(files[0]) as opened:
        wcs, (height, width) = WCS(opened[0].header), opened[0].shape
    random = np.random.default_rng(0)
    sky = wcs.pixel_to_world(random.uniform(40, width - 40, 20), random.uniform(40, height - 40, 20)).icrs
    table = {"ra": sky.ra.deg, "dec": sky.dec.deg, "diameter_pixel": 48, "tiles": str(list(map(str, files)))}
    pool = open_pool(write_catalogue(tmp_path, table))
    assert set(pool.bands.names) == ({"J", "H", "K"} if len(names) == 3 else {"grey"})
    for index, position in enumerate(sky):
        for plane, file in zip(pool.native(index).values, files, strict=True):
            with fits.open(file) as opened:
                expected = Cutout2D(opened[0].data, position, 48, WCS(opened[0].header), mode="partial")
            assert np.array_equal(plane, expected.data, equal_nan=True)
