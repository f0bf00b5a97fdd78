"""Where images are on the sky, told by their WCS, their catalogue or their metadata."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import processes
import pytest
from astropy.wcs import WCS
from catalogues import DEC, RA, SCALE, positions, tile_wcs, write_catalogue, write_tile
from hypothesis import given, settings
from hypothesis import strategies as st
from images import make_pool

from anomalymatch_ui.config import Config
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.labels import Label
from anomalymatch_ui.pool import SubsetPool, open_pool
from anomalymatch_ui.pool.placed import place_of
from anomalymatch_ui.session import Query, Session, measure_footprint
from anomalymatch_ui.session.catalogue.same_place import stands_for_its_place
from anomalymatch_ui.tables import write_table


def turned(angle: float, side: int) -> WCS:
    """Return a WCS whose north is turned, from up towards the left."""
    wcs = tile_wcs(side)
    cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    wcs.wcs.pc = [[cos, sin], [-sin, cos]]
    return wcs


@pytest.mark.parametrize("angle", [0, 30, 200])
def test_a_fits_image_tells_where_it_is_and_how_it_is_turned(tmp_path: Path, angle: float):
    values = np.random.default_rng(0).normal(0, 1, (21, 21)).astype(np.float32)
    write_tile(tmp_path / "images" / "a.fits", values, wcs=turned(angle, 21))
    place = place_of(open_pool(tmp_path / "images"), 0)
    assert place is not None
    assert (place.ra, place.dec) == (pytest.approx(RA, abs=1e-8), pytest.approx(DEC, abs=1e-8))
    assert place.scale == pytest.approx(SCALE)
    wcs = turned(angle, 21)
    ra, dec = wcs.wcs_pix2world([10, 10 + 5 * place.east[0]], [10, 10 + 5 * place.east[1]], 0)
    assert (ra[1] - ra[0]) * np.cos(np.radians(DEC)) * 3600 == pytest.approx(5 * SCALE, rel=1e-3)
    assert dec[1] == pytest.approx(dec[0], abs=1e-6)
    ra, dec = wcs.wcs_pix2world([10, 10 + 5 * place.north[0]], [10, 10 + 5 * place.north[1]], 0)
    assert (dec[1] - dec[0]) * 3600 == pytest.approx(5 * SCALE, rel=1e-3)


@pytest.mark.parametrize("dec", [89.9995, -89.9995, 89.2, 89.999999])
def test_beside_a_pole_east_and_north_are_those_of_the_place(tmp_path: Path, dec: float):
    values = np.random.default_rng(0).normal(0, 1, (21, 21)).astype(np.float32)
    wcs = tile_wcs(21, 200.0, dec)
    write_tile(tmp_path / "images" / "a.fits", values, wcs=wcs)
    place = place_of(open_pool(tmp_path / "images"), 0)
    assert place is not None
    # 0.1 pixels, 0.02″: the nearest of these places is 0.0036″ from its pole.
    middle = wcs.pixel_to_world(10, 10)
    for step, angle in ((place.east, 90), (place.north, 0)):
        there = wcs.pixel_to_world(10 + 1e-3 * step[0], 10 + 1e-3 * step[1])
        apart = (middle.position_angle(there).deg - angle + 180) % 360 - 180
        assert abs(apart) < 0.5
        assert np.hypot(*step) == pytest.approx(1, rel=1e-3)


def test_a_cutout_of_a_catalogue_is_where_its_tile_says(tmp_path: Path):
    write_tile(tmp_path / "r.fits", np.random.default_rng(0).normal(0, 1, (100, 100)).astype(np.float32), "r")
    x, y = np.array([30.0, 62.0]), np.array([40.0, 20.0])
    columns = {"id": ["a", "b"], **positions(tile_wcs(100), x, y), "size": 15, "path": "r.fits"}
    pool = open_pool(write_catalogue(tmp_path, columns))
    for name in ("a", "b"):
        for some in (pool, SubsetPool(pool, [name])):
            place = place_of(some, some.index(name))
            assert place is not None
            row = ["a", "b"].index(name)
            assert place.ra == pytest.approx(columns["RA"][row], abs=1e-6)
            assert place.dec == pytest.approx(columns["Dec"][row], abs=1e-6)
            assert place.north == pytest.approx((0, 1), abs=1e-4)


def test_images_without_a_wcs_have_no_place(tmp_path: Path):
    make_pool(tmp_path / "images", images=1)
    np.save(tmp_path / "images" / "array.npy", np.ones((8, 8)))
    pool = open_pool(tmp_path / "images")
    assert [place_of(pool, index) for index in range(2)] == [None, None]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, quick_once: Config) -> Path:
    """A session on eight JPEGs of which a table knows where six are: 0 and 3 at one place, 5 near it."""
    folder = tmp_path_factory.mktemp("places")
    names = make_pool(folder / "images", images=8, rings=8)
    ra = [150.0, 151.0, 152.0, 150.0001, 153.0, 150.002, -99.0]
    table = folder / "where.csv"
    rows = [f"{name},{x},{2.0 if x > 0 else x}" for name, x in zip(names, ra, strict=False)]
    table.write_text("\n".join(["id,RA,Dec", *rows]) + "\n")
    config = quick_once.with_values(instant=False)
    Session.open(folder / "session", folder / "images", config=config, metadata=table).close()
    return folder


@pytest.fixture
def session(folder: Path) -> Iterator[Session]:
    with Session.open(folder / "session", share=True) as opened:
        yield opened


def test_a_damaged_table_keeps_nobody_from_labelling(folding: Session):
    (folding.path / "metadata.csv").write_bytes(b"")
    with Session.open(folding.path, share=True) as again:
        assert again.config.acquisition.same_place == 10.0
        assert again.find().total == 8
        assert again.finding.folding.others() is None
        with pytest.raises(InputError, match="metadata"):
            again.find(Query(cone=(150.0, 2.0, 10.0)))


def test_a_cone_is_a_filter_beside_the_others(session: Session):
    found = session.find(Query(cone=(150.0, 2.0, 10.0), sort="name"))
    assert [session.pool.ids[row] for row in found.order] == ["0000.jpg", "0003.jpg", "0005.jpg"]
    assert "within 10″ of 150 +2" in found.title
    session_label = session.find(Query(cone=(150.0, 2.0, 10.0), text="5", sort="name"))
    assert [session.pool.ids[row] for row in session_label.order] == ["0005.jpg"]


def test_images_of_one_place_stand_together_with_how_far_they_are_apart(session: Session):
    found = session.finding.same_place(1.0)
    assert [session.pool.ids[row] for row in found.order] == ["0000.jpg", "0003.jpg"]
    assert found.title == "1 place with more than one image within 1″"
    assert dict(found.captions)["0003.jpg"] == "1: 0.36″"
    assert [len(session.finding.same_place(radius).order) for radius in (0.1, 10.0)] == [0, 3]


def names(session: Session, query: Query | None = None) -> list[str]:
    return [session.pool.ids[row] for row in session.find(query).order]


@pytest.fixture
def folding(folder: Path, tmp_path: Path) -> Iterator[Session]:
    """The same session with a radius of 10″, in which 0, 3 and 5 are at one place."""
    shutil.copytree(folder, tmp_path / "copy")
    with Session.open(tmp_path / "copy" / "session", tmp_path / "copy" / "images") as opened:
        opened.configure({"acquisition.same_place": 10.0})
        yield opened


def test_one_card_stands_for_a_place_and_says_how_many_are_behind_it(folding: Session):
    found = folding.find()
    assert [folding.pool.ids[row] for row in found.order] == [f"000{n}.jpg" for n in (0, 1, 2, 4, 6, 7)]
    assert found.folded == 2
    assert found.title.endswith("2 more at the same places")
    assert folding.finding.folding.others()[found.order].tolist() == [2, 0, 0, 0, 0, 0]
    opened = folding.finding.same_place(of="0003.jpg")
    assert [folding.pool.ids[row] for row in opened.order] == ["0003.jpg", "0000.jpg", "0005.jpg"]
    assert opened.captions["0003.jpg"] == "this one"
    assert opened.captions["0000.jpg"] == "0.36″ away"
    with pytest.raises(InputError, match="no other image within 10″ of 0001.jpg"):
        folding.finding.same_place(of="0001.jpg")


def test_a_label_goes_to_the_one_image_and_the_others_of_its_place_stay_behind_it(folding: Session):
    folding.label(["0005.jpg"], "anomaly")
    assert dict(folding.labels()) == {"0005.jpg": "anomaly"}
    assert names(folding) == [f"000{n}.jpg" for n in (1, 2, 4, 6, 7)]
    # What has a label is never folded.
    folding.label(["0003.jpg"], "nominal")
    assert names(folding, Query(labels=("anomaly", "nominal"), sort="name")) == ["0003.jpg", "0005.jpg"]
    folding.label([f"000{n}.jpg" for n in (1, 2, 4, 6, 7)], "nominal")
    assert folding.find().empty == ("Only 1 image is left: it lies at the place of one that has a label.")


@pytest.mark.parametrize("label", ["unsure", "artefact"])
def test_an_image_that_does_not_tell_what_is_there_hides_no_other_of_its_place(
    folding: Session, label: Label
):
    folding.label(["0000.jpg"], label)
    assert names(folding) == [f"000{n}.jpg" for n in (1, 2, 3, 4, 6, 7)]
    assert folding.find().folded == 1


def test_who_asks_for_a_place_for_chosen_images_or_for_a_shuffle_gets_all(folding: Session):
    assert names(folding, Query(cone=(150.0, 2.0, 10.0), sort="name")) == [f"000{n}.jpg" for n in (0, 3, 5)]
    assert len(names(folding, Query(ids=frozenset(folding.pool.ids), sort="name"))) == 8
    assert len(names(folding, Query(sort="random"))) == 8
    assert len(names(folding, Query(sort="name"))) == 6


def test_a_radius_of_nothing_folds_nothing(session: Session):
    assert session.config.acquisition.same_place == 0  # the published method shows every image
    assert session.find().folded == 0
    assert session.finding.folding.others() is None


@settings(max_examples=60)
@given(data=st.data(), images=st.integers(1, 30))
def test_each_place_keeps_one_card_and_draws_and_labels_keep_theirs(data: st.DataObject, images: int):
    group = np.array(data.draw(st.lists(st.integers(-1, 4), min_size=images, max_size=images)))
    flags = st.lists(st.booleans(), min_size=images, max_size=images)
    labelled, drawn = np.array(data.draw(flags)), np.array(data.draw(flags))
    order = np.array(data.draw(st.permutations(range(images))))[: data.draw(st.integers(0, images))]
    drawn = drawn[order]
    judged = labelled & np.array(data.draw(flags))
    stands = stands_for_its_place(order, drawn, group, labelled, judged)
    assert stands[drawn | labelled[order] | (group[order] < 0)].all()
    for place in set(group[order].tolist()) - {-1}:
        of_place = group[order] == place
        plain = np.flatnonzero(of_place & ~drawn & ~labelled[order])
        is_judged = judged[group == place].any()
        assert np.flatnonzero(stands & of_place & ~drawn & ~labelled[order]).tolist() == (
            [] if is_judged else plain[:1].tolist()
        )


def test_the_metadata_tells_where_an_image_is_and_not_how_it_is_turned(session: Session):
    place = session.finding.places.of("0001.jpg")
    assert place is not None
    assert (place.ra, place.dec, place.scale, place.north) == (151.0, 2.0, None, None)
    assert session.finding.places.of("0007.jpg") is None
    assert session.finding.places.of("0006.jpg") is None  # -99, as many tables write what is missing


def test_a_number_that_stands_for_a_missing_position_is_no_place(session: Session):
    assert session.find(Query(cone=(81.0, -81.0, 10.0))).total == 0


@pytest.mark.parametrize("cone", [(10, 5), (10, 95, 3), (10, 5, 0), "here", ("a", 1, 2), (400, 0, 1)])
def test_a_cone_that_is_none_is_refused(cone: object):
    with pytest.raises(InputError, match="cone"):
        Query(cone=cone)  # type: ignore[arg-type]


def test_without_positions_a_cone_is_refused_with_what_to_do(
    pool_folder: Path, quick: Config, tmp_path: Path
):
    with Session.open(tmp_path / "s", pool_folder, config=quick.with_values(instant=False)) as session:
        with pytest.raises(InputError, match="No table says where .* Give one with columns ra and dec"):
            session.find(Query(cone=(1, 2, 3)))
        with pytest.raises(InputError, match="seconds of arc and above 0"):
            session.finding.same_place(0)


def test_the_footprint_says_how_much_of_the_sky_and_which_images_are_of_one_place(
    folding: Session, tmp_path: Path
):
    folding.label(["0000.jpg"], "anomaly")
    folding.label(["0003.jpg"], "nominal")
    told = measure_footprint(folding)
    assert (told.images, told.placed, told.radius) == (8, 6, 10.0)
    assert told.ra == (150.0, 153.0)
    assert (told.cells, len(told.groups), told.together, told.most, told.differing) == (4, 1, 3, 3, 1)
    assert (told.side, told.covered) == (None, None)  # JPEGs know no scale
    assert told.duplicates["id"].values.to_pylist() == ["0000.jpg", "0003.jpg", "0005.jpg"]
    assert told.duplicates["separation"].values.to_pylist() == pytest.approx([0, 0.36, 7.2], abs=0.01)
    assert (
        "1 place has more than one image within 10″: 3 images in all, at most 3 at one place"
        in told.sentence()
    )
    assert "At 1 place the images have different labels" in told.sentence()
    assert "give the side" in told.sentence()
    told = measure_footprint(folding, 0.1, side=20.0)
    assert told.covered == pytest.approx(4 * (20 / 3600) ** 2, rel=0.35)
    assert told.overlapping == 3
    assert "No two are within 0.1″" in told.sentence()
    with pytest.raises(InputError, match="The side lies above 0"):
        measure_footprint(folding, side=0)
    write_table(tmp_path / "none.fits", told.duplicates, "fits")


def test_the_size_of_a_cutout_of_a_catalogue_is_told_by_its_tile(tmp_path: Path, quick: Config):
    write_tile(tmp_path / "r.fits", np.random.default_rng(0).normal(0, 1, (100, 100)).astype(np.float32), "r")
    x, y = np.array([30.0, 62.0]), np.array([40.0, 20.0])
    columns = {"id": ["a", "b"], **positions(tile_wcs(100), x, y), "size": 15, "path": "r.fits"}
    catalogue = write_catalogue(tmp_path, columns)
    with Session.open(tmp_path / "s", catalogue, config=quick.with_values(instant=False)) as session:
        told = measure_footprint(session)
        assert told.side == pytest.approx(15 * SCALE)
        assert told.covered == pytest.approx(2 * (15 * SCALE / 3600) ** 2)


def test_the_footprint_is_a_command(folder: Path, tmp_path: Path):
    done = processes.run(
        "footprint", folder / "session", "--radius", 1, "--out", tmp_path / "two.csv", "--json"
    )
    told = json.loads(done.stdout.splitlines()[-1])
    assert (told["places"], told["together"], told["placed"]) == (1, 2, 6)
    assert (tmp_path / "two.csv").read_text().splitlines()[1].startswith('1,2,"0000.jpg",150,2,')
