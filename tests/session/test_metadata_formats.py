"""Tables about the images in every format, matched by name or by position, with every digit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from astropy import units
from astropy.table import MaskedColumn, Table
from catalogues import positions, tile_wcs, write_tile

from anomalymatch_ui.config import Config
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.pool.catalogue_table import read_table
from anomalymatch_ui.session import Query, Session
from anomalymatch_ui.session.catalogue.metadata_table import read_metadata
from anomalymatch_ui.tables import Column, ResultTable, format_of, write_table

FIRST = 2739161834506210321
WRITERS = {"csv": "ascii.csv", "ecsv": "ascii.ecsv", "vot": "votable", "fits": "fits", "parquet": ""}


def about(names: list[str]) -> Table:
    """Return a table with identifiers of 19 digits, magnitudes of which one is missing, and truth values."""
    count = len(names)
    table = Table({"filename": names, "source_id": FIRST + np.arange(count)})
    table["mag"] = MaskedColumn(17 + np.arange(count) / 10, mask=np.arange(count) == 1, unit=units.mag)
    table["blended"] = np.arange(count) % 2 == 0
    table["note"] = ["NA", *["x"] * (count - 1)]
    return table


@pytest.fixture
def settings(quick: Config) -> Config:
    return quick.with_values(instant=False)


@pytest.mark.parametrize("suffix", WRITERS)
def test_a_table_of_any_format_gives_its_columns(
    suffix: str, pool_folder: Path, settings: Config, tmp_path: Path
):
    table = tmp_path / f"survey.{suffix}"
    columns = about([f"{n:04}.jpg" for n in range(5)])
    if suffix == "parquet":  # astropy would write what is masked
        columns.to_pandas().to_parquet(table)
    else:
        columns.write(table, format=WRITERS[suffix])
    with Session.open(tmp_path / "s", pool_folder, config=settings, metadata=table) as session:
        said = f"Metadata from {table.name}: 5 of 60 images. In filters its column 'note' is called"
        assert session.metadata_report == f"{said} 'note_given', for the session has one of that name."
    with Session.open(tmp_path / "s", metadata=table) as session:
        assert session.metadata_report is None  # it is kept already
        columns = session.finding.metadata.columns()
        assert columns["source_id"].texts[:5] == [str(FIRST + n) for n in range(5)]
        found = session.find(Query(columns={"source_id": str(FIRST + 3)}))
        assert [session.pool.ids[row] for row in found.order] == ["0003.jpg"]
        assert columns["mag"].numbers is not None
        np.testing.assert_array_equal(columns["mag"].numbers[:4], [17, np.nan, 17.2, 17.3])
        assert [text.lower() for text in columns["blended"].texts[:2]] == ["true", "false"]
        assert columns["note"].texts[0] == "NA"
        exported = session.results.table("ranking")
        assert exported["mag"].unit == ("" if suffix in ("csv", "parquet") else "mag")


def test_digits_that_a_float_would_lose_keep_a_column_text():
    from anomalymatch_ui.session.catalogue.column import Column

    assert Column.of_texts("id", [str(FIRST), str(FIRST + 1)]).numbers is None
    assert Column.of_texts("n", ["9007199254740992", "1"]).numbers is not None
    assert Column.of_texts("long", ["9" * 400]).numbers is None


@pytest.fixture
def fields(tmp_path: Path) -> Path:
    """Five FITS images at known places, 20 seconds of arc apart."""
    for number in range(5):
        wcs = tile_wcs(24, ra=150 + number * 20 / 3600)
        values = np.random.default_rng(number).normal(0, 1, (24, 24)).astype(np.float32)
        write_tile(tmp_path / "fields" / f"{number}.fits", values, "r", wcs)
    return tmp_path / "fields"


def test_rows_are_matched_by_position_where_nothing_names_the_images(
    fields: Path, settings: Config, tmp_path: Path
):
    middle = positions(tile_wcs(24), [11.5], [11.5])
    ra = middle["RA"][0] + np.array([0, 20, 40.5, 63]) / 3600
    table = tmp_path / "survey.csv"
    frame = pd.DataFrame(
        {"objid": FIRST + np.arange(5), "ra": [*ra, 10], "dec": [*[middle["Dec"][0]] * 4, 95]}
    )
    frame.to_csv(table, index=False)
    opened = Session.open(tmp_path / "s", fields, config=settings, metadata=table, match_radius=0.8)
    with opened as session:
        assert session.metadata_report == (
            "Metadata from survey.csv: 3 of 5 images have a row within 0.8″; "
            "1 row has no position on the sky."
        )
        columns = session.finding.metadata.columns()
        assert columns["objid"].texts == [str(FIRST), str(FIRST + 1), str(FIRST + 2), "", ""]
        apart = columns["match_separation"].numbers
        assert apart is not None
        np.testing.assert_allclose(apart[:3], [0, 0, 0.5], atol=2e-3)
        assert session.results.table("ranking")["match_separation"].unit == "arcsec"
    with Session.open(tmp_path / "s", metadata=table, match_radius=5) as session:
        assert "4 of 5 images have a row within 5″" in (session.metadata_report or "")


def test_what_fits_nothing_is_refused_with_both_sides(
    fields: Path, pool_folder: Path, settings: Config, tmp_path: Path
):
    far = tmp_path / "far.csv"
    far.write_text("ra,dec,z\n151,2.2,0.1\n")
    with pytest.raises(InputError, match=r"No row of .*far\.csv lies within 1″ .*: the nearest is \d+″ away"):
        Session.open(tmp_path / "s", fields, config=settings, metadata=far)
    with pytest.raises(InputError, match="where the images in .* are on the sky is not known"):
        Session.open(tmp_path / "t", pool_folder, config=settings, metadata=far)
    named = tmp_path / "named.csv"
    named.write_text("id,z\nNGC 1365,0.1\n")
    with pytest.raises(InputError, match=r"it names 'NGC 1365', and the images are called as '0000\.jpg'"):
        Session.open(tmp_path / "u", pool_folder, config=settings, metadata=named)
    with pytest.raises(InputError, match="radius of a match is in seconds of arc"):
        Session.open(tmp_path / "v", fields, config=settings, metadata=far, match_radius=0)
    assert not list(tmp_path.glob("?/metadata.csv"))


@pytest.mark.parametrize("suffix", ["parquet", "fits", "vot", "ecsv"])
def test_a_damaged_table_is_a_sentence(suffix: str, tmp_path: Path):
    table = tmp_path / f"t.{suffix}"
    table.write_bytes(b"# %ECSV 1.0\n" if suffix == "ecsv" else b"nothing of the kind")
    with pytest.raises(InputError, match="cannot be read|Cannot read"):
        read_metadata(table)
    with pytest.raises(InputError, match="There is no table of metadata"):
        read_metadata(tmp_path / f"missing.{suffix}")


@pytest.mark.parametrize("suffix", ["fits", "ecsv", "vot"])
def test_positions_of_another_unit_are_read_in_degrees(suffix: str, tmp_path: Path) -> None:
    table = Table({"id": ["a"], "ra": [np.radians(150.0)] * units.rad, "dec": [90.0] * units.arcmin})
    table.write(tmp_path / f"where.{suffix}", **({"format": "votable"} if suffix == "vot" else {}))
    read = read_metadata(tmp_path / f"where.{suffix}")
    found = read.positions()
    assert found is not None
    np.testing.assert_allclose(np.concatenate(found), [150.0, 1.5], rtol=1e-12)
    assert (read.units["ra"], read.units["dec"]) == ("deg", "deg")


def test_a_position_whose_unit_is_no_angle_is_refused(tmp_path: Path) -> None:
    Table({"id": ["a"], "ra": [150.0] * units.m, "dec": [2.0] * units.m}).write(tmp_path / "where.ecsv")
    with pytest.raises(InputError, match="unit 'm', which is not an angle"):
        read_metadata(tmp_path / "where.ecsv")


def test_descriptions_are_kept_and_exported(pool_folder: Path, settings: Config, tmp_path: Path):
    columns = about([f"{n:04}.jpg" for n in range(5)])
    columns["mag"].description = "Total magnitude in r"
    columns.write(tmp_path / "survey.ecsv", format="ascii.ecsv")
    with Session.open(
        tmp_path / "s", pool_folder, config=settings, metadata=tmp_path / "survey.ecsv"
    ) as session:
        session.results.write(tmp_path / "ranking.parquet")
        column = session.results.table("ranking")["mag"]
        assert (column.unit, column.description) == ("mag", "Total magnitude in r")
    # As Parquet they come in again.
    assert read_metadata(tmp_path / "ranking.parquet").told["mag"].description == "Total magnitude in r"


@pytest.mark.parametrize("suffix", ["ecsv", "vot", "fits", "parquet"])
def test_units_descriptions_and_ucds_come_in_from_any_format_and_go_out_again(
    suffix: str, pool_folder: Path, settings: Config, tmp_path: Path
):
    names = pa.array([f"{n:04}.jpg" for n in range(5)])
    columns = (
        Column("filename", names, ucd="meta.id"),
        Column("mag", pa.array(np.arange(5.0)), "mag", "phot.mag;em.opt.R", "Total magnitude in r"),
        Column("odd", pa.array(np.arange(5)), ucd="POS_EQ_PLX_FACTOR"),  # of the list before UCD1+
    )
    write_table(
        tmp_path / f"survey.{suffix}", ResultTable(columns), format_of(Path(f"survey.{suffix}"), None)
    )
    config, survey = settings, tmp_path / f"survey.{suffix}"
    with Session.open(tmp_path / "s", pool_folder, config=config, metadata=survey) as session:
        table = session.results.table("ranking")
        session.results.write(tmp_path / "again.vot")
    said = table["mag"]
    assert (said.unit, said.ucd, said.description) == ("mag", "phot.mag;em.opt.R", "Total magnitude in r")
    assert table["odd"].ucd == "POS_EQ_PLX_FACTOR"
    assert read_table(tmp_path / "again.vot").ucds["mag"] == "phot.mag;em.opt.R"


def test_two_rows_for_one_image_are_said(pool_folder: Path, fields: Path, settings: Config, tmp_path: Path):
    named = tmp_path / "named.csv"
    named.write_text("id,z\n0000.jpg,0.1\n0001.jpg,0.2\n0000.jpg,0.3\nnone,1\n")
    with Session.open(tmp_path / "s", pool_folder, config=settings, metadata=named) as session:
        assert session.metadata_report == (
            "Metadata from named.csv: 2 of 60 images; 1 name fits none; "
            "1 row names an image that an earlier row names, the later counts."
        )
        assert session.finding.metadata.column("z").texts[0] == "0.3"
    middle = positions(tile_wcs(24), [11.5], [11.5])
    ra, dec = middle["RA"][0], middle["Dec"][0]
    placed = tmp_path / "placed.csv"
    placed.write_text(f"ra,dec,z\n{ra},{dec + 1e-4},0.1\n{ra},{dec},0.2\n{ra + 20 / 3600},{dec},0.3\n")
    with Session.open(tmp_path / "t", fields, config=settings, metadata=placed) as session:
        assert session.metadata_report == (
            "Metadata from placed.csv: 2 of 5 images have a row within 1″; "
            "1 of them has several, the nearest counts."
        )
        assert session.finding.metadata.column("z").texts[0] == "0.2"


@pytest.mark.parametrize("name", ["id", "ID", "filename"])
def test_a_catalogues_own_names_stay_beside_those_of_the_images(
    fields: Path, settings: Config, tmp_path: Path, name: str
):
    middle = positions(tile_wcs(24), [11.5], [11.5])
    table = tmp_path / "survey.csv"
    table.write_text(f"{name},ra,dec\nNGC 1365,{middle['RA'][0]},{middle['Dec'][0]}\n")
    with Session.open(tmp_path / "s", fields, config=settings, metadata=table) as session:
        assert session.metadata_report == (
            "Metadata from survey.csv: 1 of 5 images have a row within 1″. "
            f"Its column '{name}' is called '{name}_given', for the images have names of their own."
        )
    with Session.open(tmp_path / "s") as session:
        assert session.finding.metadata.column(f"{name}_given").texts[0] == "NGC 1365"
        exported = session.results.table("labels").names
        assert f"{name}_given" in exported
        assert f"{name}.1" not in exported


def test_an_id_beside_a_file_name_keeps_its_column(pool_folder: Path, settings: Config, tmp_path: Path):
    table = tmp_path / "survey.csv"
    table.write_text(f"filename,id\n0003.jpg,{FIRST}\n")
    with Session.open(tmp_path / "s", pool_folder, config=settings, metadata=table) as session:
        assert "Its column 'id' is called 'id_given'" in (session.metadata_report or "")
        assert session.finding.metadata.column("id_given").texts[3] == str(FIRST)


def test_a_copy_that_was_edited_or_lost_its_columns_is_read_anew(
    pool_folder: Path, settings: Config, tmp_path: Path
):
    table = tmp_path / "survey.csv"
    table.write_text("id,z,name\n0003.jpg,0.5,Ä\n")
    Session.open(tmp_path / "s", pool_folder, config=settings, metadata=table).close()
    kept = tmp_path / "s" / "metadata.parquet"
    for damage in (lambda: kept.write_bytes(b"PAR1"), kept.unlink):
        damage()
        with Session.open(tmp_path / "s") as session:
            column = session.finding.metadata.column("z")
            assert column.numbers is not None
            assert column.numbers[3] == 0.5
            found = session.find(Query(columns={"name": "ä"}))
            assert [session.pool.ids[row] for row in found.order] == ["0003.jpg"]
            assert session.finding.metadata.column("name").text_at(3) == "Ä"
        assert kept.stat().st_size > 100
    (tmp_path / "s" / "metadata.csv").write_text("id,z\n0003.jpg,0.75\n")
    with Session.open(tmp_path / "s") as session:
        assert session.finding.metadata.column("z").texts[3] == "0.75"
