"""Which tile each row of a catalogue is cut from, and what its table says."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy import units
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.table import Table
from catalogues import DEC, RA, SCALE, positions, tile_wcs, write_catalogue, write_tile
from surveys import SIDE, X, Y, cutout2d, survey, values

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.pool import (
    UnreadableImageError,
    open_pool,
)
from anomalymatch_ui.pool.catalogue_table import read_table


def test_tiles_that_cover_the_positions_are_found_in_a_folder(tmp_path: Path) -> None:
    for number in range(3):
        wcs = tile_wcs(SIDE, dec=DEC + number * 0.9 * SIDE * SCALE / 3600)  # a tenth is on two tiles
        for seed, band in enumerate(("g", "r")):
            write_tile(tmp_path / "tiles" / f"{band}{number}.fits", values(10 * number + seed), band, wcs)
    write_tile(tmp_path / "tiles" / "broken.fits", values())
    with fits.open(tmp_path / "tiles" / "broken.fits", "update") as opened:
        for key in ("CTYPE1", "CTYPE2"):
            del opened[0].header[key]
    at = positions(tile_wcs(SIDE), [100, 100, 100, 100], [50, 186, 400, 2000])
    table = write_catalogue(tmp_path, {"id": list("abcd"), **at})
    pool = open_pool(table, tiles=tmp_path / "tiles", size="20")
    assert pool.bands.names == ("g", "r")
    found = {name: Path(pool.window(pool.index(name))[0]).name for name in "abc"}
    assert found == {"a": "g0.fits", "b": "g0.fits", "c": "g2.fits"}
    assert "lies on no tile" in pool.report.unreadable["d"]
    assert "no WCS" in pool.report.skipped["broken.fits"]
    assert pool.pixels.tiles == str(tmp_path / "tiles")
    (tmp_path / "tiles" / "r0.fits").unlink()
    assert "of the band 'r'" in open_pool(table, tiles=tmp_path / "tiles", size="20").report.unreadable["a"]
    one = open_pool(table, tiles=tmp_path / "tiles", size="20", bands=["g"])
    assert list(one.report.unreadable) == ["d"]


def test_of_two_tiles_that_counts_in_which_a_position_lies_deeper(tmp_path: Path) -> None:
    write_tile(tmp_path / "a.fits", values(0))
    write_tile(tmp_path / "b.fits", values(1), wcs=tile_wcs(SIDE, dec=DEC + 100 * SCALE / 3600))
    at = positions(tile_wcs(SIDE), [100] * 3, [140, 160, 190])
    pool = open_pool(write_catalogue(tmp_path, {"id": list("abc"), **at}), size="10px")
    assert [Path(pool.window(pool.index(name))[0]).name for name in "abc"] == ["a.fits", "b.fits", "b.fits"]


@pytest.mark.parametrize("collection", [False, True])
def test_the_positions_of_a_hats_catalogue_are_a_catalogue(tmp_path: Path, collection: bool) -> None:
    table = pd.read_csv(survey(tmp_path))
    root = tmp_path / ("collection/survey" if collection else "survey")
    for number, rows in enumerate((table[:1], table[1:])):
        path = root / f"dataset/Norder=1/Dir=0/Npix={16 + number}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        rows.assign(note=None if number else "a").to_parquet(path)
    (root / "hats.properties").write_text("obs_collection=survey\ndataproduct_type=object\n")
    margin = root.with_name("survey_margin") / "dataset/Norder=1/Dir=0"
    margin.mkdir(parents=True)
    table.to_parquet(margin / "Npix=16.parquet")
    if collection:
        (root.parent / "collection.properties").write_text("hats_primary_table_url=survey\n")
    pool = open_pool(root.parent if collection else root, tiles=str(tmp_path))
    assert list(pool.ids) == ["a", "b", "c"]
    assert np.array_equal(pool.native(2).values[0], cutout2d(values(), X[2], Y[2], 32))


@pytest.mark.shared_data
@pytest.mark.parametrize("name", ["small_sky", "small_sky_nested"])
def test_a_real_hats_catalogue_is_a_table(shared_data: Path, name: str) -> None:
    table = read_table(shared_data / "formats/hats_small_sky" / name)
    assert table.rows == 131
    assert {"ra", "dec"} <= set(table.columns)


def test_a_template_says_how_tiles_are_called(tmp_path: Path) -> None:
    for number in range(2):
        for seed, band in enumerate(("blue", "red")):
            path = tmp_path / "tiles" / f"sky-{number}-{band}.fits"
            write_tile(path, values(seed), wcs=tile_wcs(SIDE, dec=DEC + number))
    at = {"RA": [RA] * 3, "Dec": [DEC + 1, DEC, DEC]}
    table = write_catalogue(
        tmp_path, {"id": list("abc"), **at, "tile": ["sky-1", "sky-0", "sky-9"], "size": 12}
    )
    pool = open_pool(table, tiles=str(tmp_path / "tiles"), template="{name}-{band}.fits")
    assert set(pool.bands.names) == {"red", "blue"}
    assert len(pool.read(range(3), 12).indices) == 2
    assert "no file of its tile sky-9" in pool.report.unreadable["c"]
    by_position = open_pool(
        write_catalogue(tmp_path, {"id": list("abc"), **at, "size": 12}, "other.csv"),
        tiles=str(tmp_path / "tiles"),
        template="{name}-{band}.fits",
    )
    assert np.array_equal(by_position.image(by_position.index("a")), pool.image(pool.index("a")))


def test_a_column_for_the_tile_of_each_band(tmp_path: Path) -> None:
    for seed in range(2):
        write_tile(tmp_path / f"{seed}.fits", values(seed))
    files = {"file_g": ["0.fits", "", "0.fits"], "file_r": "1.fits"}
    table = {"id": ["a", "b", "c"], "ra": RA, "dec": DEC, "size_pix": 8, **files}
    pool = open_pool(write_catalogue(tmp_path, table))
    assert pool.bands.names == ("g", "r")
    assert np.array_equal(
        pool.native(pool.index("a")).chosen(("r",)).values[0], cutout2d(values(1), 99.5, 99.5, 8)
    )
    pool.read(range(3), 8)
    assert pool.report.unreadable == {"b": "it has no band 'g', only 'r'"}


def test_each_object_that_cannot_be_cut_is_told_with_its_reason(tmp_path: Path) -> None:
    write_tile(tmp_path / "tile.fits", values())
    fits.writeto(tmp_path / "plain.fits", values())
    (tmp_path / "text.fits").write_text("no FITS file at all")
    far = SkyCoord(RA, DEC, unit="deg").directional_offset_by(0 * units.deg, 179 * units.deg)
    rows: list[tuple[object, ...]] = [
        ("fine", RA, DEC, 20, "tile.fits"),
        ("gone", RA, DEC, 20, "lost.fits"),
        ("plain", RA, DEC, 20, "plain.fits"),
        ("text", RA, DEC, 20, "text.fits"),
        ("off", RA + 1, DEC, 20, "tile.fits"),
        ("far", far.ra.deg, far.dec.deg, 20, "tile.fits"),
        ("no position", None, DEC, 20, "tile.fits"),
        ("no sky", RA, 95, 20, "tile.fits"),
        ("no size", RA, DEC, None, "tile.fits"),
        ("zero", RA, DEC, 0, "tile.fits"),
        ("huge", RA, DEC, 99999, "tile.fits"),
        ("no tile", RA, DEC, 20, None),
        ("fine", RA, DEC, 21, "tile.fits"),
        (None, RA, DEC, 20, "tile.fits"),
    ]
    table = pd.DataFrame(rows, columns=["id", "ra", "dec", "diameter_pixel", "tile_path"])
    table.to_csv(tmp_path / "catalogue.csv", index=False)
    pool = open_pool(tmp_path / "catalogue.csv")
    read = pool.read(range(len(pool)), 16)
    assert sorted(pool.ids[index] for index in read.indices) == ["fine", "row 13"]
    told = dict(pool.report.unreadable)
    assert told == {
        "gone": "its tile lost.fits is not there",
        "plain": "its tile plain.fits: its header does not say where on the sky it is (no WCS)",
        "text": "its tile text.fits: no FITS file",
        "off": "its position lies off the tile tile.fits",
        "far": "its position lies off the tile tile.fits",
        "no position": "it has no position",
        "no sky": "its position 150, 95 is not on the sky",
        "no size": "its size is missing",
        "zero": "its size 0 is not above 0",
        "huge": "its cutout would be 99,999 pixels wide, more than 4,096",
        "no tile": "it names no tile in 'tile_path'",
    }
    assert pool.report.skipped == {"row 12": "its id fine is that of row 0"}
    assert len(pool.report.sentence()) < 900
    for name in told:
        with pytest.raises(UnreadableImageError):
            pool.native(pool.index(name))
    assert pool.native(pool.index("fine")).values.shape == (1, 20, 20)


def test_a_tile_that_comes_back_is_read(tmp_path: Path) -> None:
    path = survey(tmp_path, fits_file_paths=["tile.fits", "tile.fits", "other.fits"])
    pool = open_pool(path)
    assert "not there" in pool.report.unreadable["c"]
    assert pool.any_there([2, 0])
    write_tile(tmp_path / "other.fits", values(4))
    assert np.array_equal(pool.native(pool.index("c")).values[0], cutout2d(values(4), X[2], Y[2], 32))
    assert not pool.report.unreadable


def test_where_all_tiles_are_gone_it_is_said_once(tmp_path: Path) -> None:
    path = survey(tmp_path)
    (tmp_path / "tile.fits").rename(tmp_path / "moved.fits")
    with pytest.raises(InputError, match=r"its tile tile.fits is not there.*--tiles"):
        open_pool(path)


def test_paths_of_another_machine_are_found_by_name_in_the_folder_given(tmp_path: Path) -> None:
    path = survey(tmp_path, fits_file_paths="['/media/home/data/tile.fits']")
    (tmp_path / "here").mkdir()
    (tmp_path / "tile.fits").rename(tmp_path / "here" / "tile.fits")
    assert len(open_pool(path, tiles=str(tmp_path / "here")).read(range(3), 8).indices) == 3


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"a": [1]}, "no columns of right ascension and declination"),
        ({"ra": [1.0], "dec": [1.0], "tile_path": ["tile.fits"]}, "--size"),
        ({"ra": [1.0], "dec": [1.0], "size": [5]}, "no FITS files"),
    ],
)
def test_what_is_no_catalogue_is_said(tmp_path: Path, columns: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        open_pool(write_catalogue(tmp_path, columns))


@pytest.mark.parametrize("size", ["0", "-3", "wide", "10parsec"])
def test_a_size_that_is_none_is_refused(tmp_path: Path, size: str) -> None:
    with pytest.raises(InputError, match="size"):
        open_pool(survey(tmp_path), size=size)


def test_an_angular_size_follows_the_scale_of_the_tile(tmp_path: Path) -> None:
    pool = open_pool(survey(tmp_path), size=f"{25 * SCALE}arcsec")
    assert pool.native(0).values.shape == (1, 25, 25)


def test_large_cutouts_are_fetched_a_few_at_one_time(tmp_path: Path) -> None:
    assert open_pool(survey(tmp_path)).block_images == 1
    large = open_pool(survey(tmp_path), size="2000")
    assert large.block_images * large.native(0).values.nbytes <= 256 * 2**20
    assert large.block_images > 1


def test_positions_come_out_in_degrees_in_the_order_of_the_pool(tmp_path: Path) -> None:
    sky = SkyCoord(**{k.lower(): v for k, v in positions(tile_wcs(SIDE), X, Y).items()}, unit="deg")
    for columns in (
        {
            "RA": sky.ra.to_string("hour", sep=":", precision=6),
            "Dec": sky.dec.to_string(sep=":", precision=5),
        },
        {"RA": sky.ra.to_string("hour", precision=6), "Dec": sky.dec.to_string("deg", precision=5)},
    ):
        pool = open_pool(survey(tmp_path, **columns))
        assert np.allclose(pool.positions, np.stack([sky.ra.deg, sky.dec.deg], 1), atol=1e-7)
        assert pool.columns.positions == ("RA", "Dec")
        assert np.allclose(pool.columns["RA"].to_numpy(), sky.ra.deg, atol=1e-7)


@pytest.mark.parametrize("kind", ["fits", "vot", "ecsv", "parquet"])
def test_units_and_missing_values_of_tables_count(tmp_path: Path, kind: str) -> None:
    write_tile(tmp_path / "tile.fits", values())
    sky = positions(tile_wcs(SIDE), X, Y)
    table = Table(
        {"source_id": np.array([2739161834506210321 + row for row in range(3)]), "name": ["x", "y", "z"]}
    )
    table["RAJ2000"] = (
        np.radians(sky["RA"]) * units.rad if kind == "fits" else sky["RA"] / 15 * units.hourangle
    )
    table["DEJ2000"] = sky["Dec"] * 60 * units.arcmin
    table["size"] = np.ma.array([6.4, 6.4, 6.4], mask=[False, True, False])
    table["size"].unit = units.arcsec
    table["tile"] = ["tile.fits"] * 3
    path = tmp_path / f"catalogue.{kind}"
    if kind == "parquet":
        del table["RAJ2000"], table["DEJ2000"], table["size"]
        table["RAJ2000"], table["DEJ2000"] = sky["RA"], sky["Dec"]
        table["diameter_arcsec"] = [6.4, np.nan, 6.4]
        table.to_pandas().to_parquet(path)
    else:
        table.write(path, format={"vot": "votable", "ecsv": "ascii.ecsv"}.get(kind, kind))
    pool = open_pool(path)
    assert pool.ids[0] == "2739161834506210321"
    assert np.allclose(pool.positions, np.stack([sky["RA"], sky["Dec"]], 1))
    assert dict(pool.report.unreadable) == {pool.ids[1]: "its size is missing"}
    assert np.array_equal(pool.native(2).values[0], cutout2d(values(), X[2], Y[2], 32))
    assert pool.columns["source_id"].to_pylist()[2] == 2739161834506210323 or kind == "ecsv"


def test_sip_and_pv_both_are_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = survey(tmp_path)
    with fits.open(tmp_path / "tile.fits", "update") as opened:
        header = opened[0].header
        header["CTYPE1"], header["CTYPE2"] = "RA---TAN-SIP", "DEC--TAN-SIP"
        header.update({"A_ORDER": 2, "B_ORDER": 2, "A_2_0": 1e-7, "B_0_2": 1e-7})
        header.update({"PV1_0": 0.0, "PV1_1": 1.0, "PV1_5": 1e-3, "PV2_1": 1.0, "PV2_5": 1e-3})
    with caplog.at_level(logging.WARNING):
        pool = open_pool(path)
    assert "tile.fits" in caplog.text
    assert "-SIP" in caplog.text
    assert len(pool.read(range(3), 16).indices) == 3


def test_the_digest_follows_what_is_cut(tmp_path: Path) -> None:
    path = survey(tmp_path)
    digest = open_pool(path).digest
    assert open_pool(path).digest == digest
    assert open_pool(path, size="20").digest != digest
    assert open_pool(path, stretch="asinh").digest != digest
    assert open_pool(survey(tmp_path, SourceID=["a", "b", "d"])).digest != digest
    write_tile(tmp_path / "tile.fits", values(7))
    assert open_pool(survey(tmp_path)).digest == digest
    path.rename(tmp_path / "renamed.csv")
    assert open_pool(tmp_path / "renamed.csv").digest == digest


def test_unpacked_tiles_take_no_more_memory_than_they_may(tmp_path: Path) -> None:
    from anomalymatch_ui.pool.tiles import Tiles

    paths = [tmp_path / f"{number}.fits" for number in range(6)]
    for number, path in enumerate(paths):
        whole = fits.CompImageHDU(values(number), compression_type="GZIP_1", quantize_level=0)
        whole.writeto(path)
    tiles = Tiles(memory=4 * values().nbytes)
    for number, path in enumerate(paths):
        for _ in range(14):
            part = tiles.tile(str(path)).section(0, 3, 0, 3)
            assert np.array_equal(part.values[0], values(number)[:3, :3])
    assert 3 * values().nbytes <= tiles.memory <= 4 * values().nbytes


def test_few_tiles_are_open_at_one_time(tmp_path: Path) -> None:
    from anomalymatch_ui.pool.tiles import Tiles

    paths = [str(write_tile(tmp_path / f"{number}.fits", values(number, 32))) for number in range(5)]
    tiles = Tiles(files=2)
    held = [tiles.tile(path) for path in paths]
    assert tiles.opened == 5
    tiles.tile(paths[4])
    assert tiles.opened == 5
    tiles.tile(paths[0])
    assert tiles.opened == 6
    assert np.array_equal(
        held[0].section(0, 4, 0, 4).values[0], values(0, 32)[:4, :4]
    )  # who holds one, reads on


@pytest.mark.shared_data
def test_stars_of_hsc_are_found_on_the_tiles_beside_their_catalogue(shared_data: Path) -> None:
    pool = open_pool(shared_data / "formats" / "hsc_stars" / "catalogue.csv", size="25")
    assert pool.ids[0] == "36411452835238206"
    assert pool.columns.positions == ("ira", "idec")
    assert len(pool.read(range(len(pool)), 25).indices) == 6
    assert "lies on no tile" in pool.report.unreadable["36411457130206288"]
    for index in range(6):
        _, left, top, _ = pool.window(index)
        assert max(abs(left), abs(top)) <= 1  # they were cut around these very stars
