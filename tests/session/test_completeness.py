"""What a search misses, told by objects painted into its images."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from anomalymatch_ui.config import Config
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.evaluate.completeness_figure import plot_completeness
from anomalymatch_ui.pixels.painting import grid, noise_of, on_pixels, signal_to_noise
from anomalymatch_ui.pixels.profiles import Shape, ring, sersic
from anomalymatch_ui.pool import open_pool
from anomalymatch_ui.pool.painted import PaintedPool
from anomalymatch_ui.pool.records import RecordError
from anomalymatch_ui.rank import binomial_interval, places_among
from anomalymatch_ui.session import Completeness, Recipe, Session
from anomalymatch_ui.session.outcome.completeness_table import object_table
from anomalymatch_ui.session.outcome.injection import PROFILES, Painter
from anomalymatch_ui.session.outcome.recipe import KINDS, LANE, STAMP, Injection

SIDE, NOISE = 48, 10.0
RECIPE = Recipe(("ring",), 60, signal_to_noise=(10.0, 100.0), size=(0.15, 0.25), gain=1.0, seed=5)


def disc(random: np.random.Generator) -> np.ndarray:
    profile = sersic(grid(SIDE, SIDE), Shape(0, 0, random.uniform(0, 3), random.uniform(0.4, 1)), 4.0, 1.0)
    return random.uniform(3_000, 12_000) * on_pixels(profile, SIDE, SIDE, 2.5)


def exposed(light: np.ndarray, random: np.random.Generator) -> np.ndarray:
    return (random.poisson(light + NOISE**2) - NOISE**2)[np.newaxis].astype(np.float32)


def write(path: Path, values: np.ndarray) -> None:
    path.parent.mkdir(exist_ok=True)
    hdu = fits.PrimaryHDU(values[0])
    hdu.header["MAGZERO"], hdu.header["FILTER"] = 27.0, "r"
    hdu.writeto(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, quick_once: Config) -> Path:
    """A session on 90 exposures of discs, six of which have a ring."""
    folder = tmp_path_factory.mktemp("completeness")
    for number in range(90):
        random = np.random.default_rng([1, number])
        light = disc(random)
        if number < 6:
            light = light + 6_000 * on_pixels(ring(grid(SIDE, SIDE), Shape(), 10, 1.3), SIDE, SIDE, 2.5)
        write(folder / "images" / f"{number:03}.fits", exposed(light, random))
    config = quick_once.with_values(order="labels")
    with Session.open(folder / "session", folder / "images", config=config) as session:
        session.label([f"{n:03}.fits" for n in range(4)], "anomaly", origin="known")
        session.label([f"{n:03}.fits" for n in range(40, 52)], "nominal", origin="known")
        session.rank(wait=True)
    return folder


@pytest.fixture
def session(folder: Path) -> Iterator[Session]:
    with Session.open(folder / "session") as opened:
        yield opened


def test_the_share_that_is_recovered_is_that_of_objects_in_the_sky(session: Session, tmp_path: Path):
    measured = session.completeness.measure(RECIPE, first=15)
    # The same objects added to the light of discs that are in no image, and exposed with them.
    for number in range(60):
        random = np.random.default_rng([2, number])
        light, noise = disc(random), np.array([NOISE])
        size = SIDE * np.exp(random.uniform(*np.log(RECIPE.size)))
        profile = on_pixels(PROFILES["ring"](grid(SIDE, SIDE), size, random), SIDE, SIDE, 2.5)
        wanted = np.exp(random.uniform(*np.log(RECIPE.signal_to_noise)))
        added = profile * wanted / signal_to_noise(profile[np.newaxis], noise)
        write(tmp_path / "true" / f"{number}.fits", exposed(light + added, random))
    others = open_pool(tmp_path / "true")
    scores = session.score_images(others)
    others.close()
    order = np.append(session.ranking().scores, np.nan)
    places = places_among(scores, order, np.full(60, len(order) - 1))
    (low,), (high,) = binomial_interval(np.array([(places <= 15).sum()]), np.array([60]))
    share, share_low, share_high = measured.fraction()
    assert 0.05 < share < 0.98  # else it would say nothing
    assert share_low <= high
    assert low <= share_high


def test_a_measurement_is_the_same_again_and_is_kept(session: Session, folder: Path):
    embeddings = sorted((folder / "session" / "embeddings").iterdir())
    measured = session.completeness.measure(Recipe(number=5, seed=2), first=9)
    again = session.completeness.measure(Recipe(number=5, seed=2), first=9)
    kept = session.completeness.kept()
    assert kept is not None
    for other in (again, kept):
        assert other.places.tolist() == measured.places.tolist()
        assert other.objects == measured.objects
        assert other.sentence() == measured.sentence()
    assert kept.recipe == measured.recipe
    assert measured.kinds == ("all", *KINDS)
    assert not set(measured.hosts) & {f"{n:03}.fits" for n in range(4)}  # labelled anomaly
    assert "among the first 9 of 90 images, ranked by 4 anomalies and 12 nominal images" in kept.sentence()
    assert sorted((folder / "session" / "embeddings").iterdir()) == embeddings  # none of painted images


def test_shares_and_objects_are_tables_with_what_they_were_made_by(session: Session):
    measured = session.completeness.measure(Recipe(("ring", "arc"), 25, seed=3), first=20)
    table = session.results.table("completeness")
    columns = [table[name].values.to_pylist() for name in ("kind", "against", "painted")]
    rows = list(zip(*columns, strict=True))
    for kind, painted in (("all", 50), ("ring", 25), ("arc", 25)):
        for by in ("signal to noise", "magnitude", "size"):
            assert sum(n for its, against, n in rows if (its, against) == (kind, by)) == painted
    fractions, low = table["fraction"].values.to_pylist(), table["fraction_low"].values.to_pylist()
    assert all(at <= share for at, share in zip(low, fractions, strict=True))
    assert table.provenance["completeness"] == measured.sentence()
    objects = session.results.table("injected")
    assert objects["place"].values.to_pylist() == measured.places.tolist()
    assert objects["recovered"].values.to_pylist() == (measured.places <= 20).tolist()
    assert set(objects["band"].values.to_pylist()) == {"r"}


def test_brighter_objects_are_found_more_often(session: Session):
    faint, bright = (
        session.completeness.measure(Recipe(("ring",), 40, signal_to_noise=(snr, snr), seed=1), first=15)
        for snr in (2.0, 150.0)
    )
    assert bright.fraction()[0] > faint.fraction()[0] + 0.3


def test_magnitudes_and_significances_are_those_that_were_asked_for(session: Session):
    pool, weights = session.pool, np.ones(len(session.pool))
    for one in Painter(pool, Recipe(tuple(PROFILES), 10, magnitudes=(18.0, 20.0))).draw(weights):
        assert 18 - 0.01 <= one.magnitude <= 20.3  # some of a tail may leave the image
    recipe = Recipe(number=10, signal_to_noise=(20.0, 40.0))
    painter = Painter(pool, recipe)
    objects = painter.draw(weights)
    assert all(19.9 <= one.snr <= 40.1 for one in objects)
    changes = []
    for one, image in zip(objects, range(len(objects)), strict=True):
        host, painted = pool.native(one.host), painter.pool(objects).native(image)
        changes.append(signal_to_noise(painted.values - host.values, noise_of(host)) / one.snr)
    assert np.median(changes) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize(
    ("kinds", "said", "with_magnitude"),
    [
        (("ring",), "(magnitudes of 20 to 22, sizes of 4 to 4 pixels)", 30),
        (
            ("ring", LANE),
            "(magnitudes of 20 to 22; dust lanes: a significance of 5 to 50; sizes of 4 to 4 pixels)",
            30,
        ),
        ((LANE,), "(a significance of 5 to 50, sizes of 4 to 4 pixels)", 0),
    ],
)
def test_dust_lanes_are_told_by_significance_where_all_else_is_by_magnitude(
    kinds: tuple[str, ...], said: str, with_magnitude: int, tmp_path: Path
):
    recipe = Recipe(kinds, 30, (5.0, 50.0), magnitudes=(20.0, 22.0))
    objects = tuple(Injection(kind, 0, 0, 4.0, 1.0, 9.0, 17.0, "r") for kind in kinds for _ in range(30))
    places = np.arange(len(objects)) + 1
    hosts = ("0",) * len(objects)
    measured = Completeness(recipe, objects, hosts, places, 9, 90, (3, 3), "", datetime.now(UTC))
    assert said in measured.sentence()
    assert measured.shares("magnitude").painted.sum() == with_magnitude
    table = object_table(measured, {})
    lanes = np.array(table["kind"].values.to_pylist()) == LANE
    assert np.isnan(table["magnitude"].values.to_numpy()[lanes]).all()
    assert set(np.array(table["band"].values.to_pylist())[lanes]) <= {""}
    plot_completeness(measured, tmp_path / "shares.svg")
    drawn = (tmp_path / "shares.svg").read_text()
    assert ("AB magnitude" in drawn) == (with_magnitude > 0)


def test_stamps_of_one_s_own_are_painted_turned(session: Session, tmp_path: Path):
    stamp = 500.0 * np.eye(16, dtype=np.float32)[np.newaxis]
    write(tmp_path / "stamps" / "line.fits", stamp + np.random.default_rng(0).normal(0, 1, stamp.shape))
    measured = session.completeness.measure(
        Recipe((STAMP,), 12, signal_to_noise=(150, 150)), stamps=tmp_path / "stamps"
    )
    assert measured.kinds == (STAMP,)
    assert {one.size for one in measured.objects} == {8.0}
    painter = Painter(session.pool, measured.recipe, [open_pool(tmp_path / "stamps").native(0)])
    turned = set()
    for one in measured.objects:
        host = session.pool.native(one.host)
        middle = (painter.painted(one, host).values - host.values)[0, 16:32, 16:32]
        turned.add(bool(np.trace(middle) > np.trace(middle[::-1])))
    assert turned == {True, False}


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda: Recipe(("galaxy",)), "There is no kind 'galaxy' to paint"),
        (lambda: Recipe(()), "No kind to paint is given"),
        (lambda: Recipe(number=0), "At least one object"),
        (lambda: Recipe(signal_to_noise=(9, 3)), "signal_to_noise goes from a lower"),
        (lambda: Recipe(size=(0.1, 0.8)), "does not fit into the image"),
        (lambda: Recipe(magnitudes=(20, np.inf)), "magnitudes goes from a lower .* not from 20 to inf"),
        (lambda: Recipe(magnitudes=(-1000, -900)), "between -100 and 100, not from -1000 to -900"),
        (lambda: Recipe(seeing=np.inf), "Seeing is from 0 to 100 pixels, not inf"),
        (lambda: Recipe(seeing=np.nan), "Seeing is from 0 to 100 pixels, not nan"),
        (lambda: Recipe(gain=0.0), "The gain is above 0"),
        (lambda: Recipe(gain=np.nan), "The gain is above 0 and at most .*, not nan"),
        (lambda: Recipe(gain=1e30), "The gain is above 0 and at most .*, not 1e"),
    ],
)
def test_a_recipe_that_cannot_be_painted_is_refused(made, message: str):
    with pytest.raises(InputError, match=message):
        made()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        (Recipe(("ring",), 1, size=(1e-6, 1e-6)), "too small for the pixels"),
        (Recipe(("tail",), 1, size=(1e-6, 1e-6)), "too small for the pixels"),
        (Recipe((LANE,), 1, size=(1e-6, 1e-6)), "too little light for a lane of that size"),
        (Recipe(("ring",), 1, magnitudes=(-99, -99)), "Change --magnitude"),
        (Recipe(("ring",), 1, gain=1e20), "with a gain of 1e"),
    ],
)
def test_light_that_no_image_can_hold_is_refused(session: Session, recipe: Recipe, message: str):
    with pytest.raises(InputError, match=message):
        Painter(session.pool, recipe).draw(np.ones(len(session.pool)))


def test_painted_images_of_which_none_can_be_read_are_no_measurement(
    session: Session, monkeypatch: pytest.MonkeyPatch
):
    def unreadable(*arguments: object) -> None:
        raise RecordError("the disk is gone")

    monkeypatch.setattr(PaintedPool, "record", unreadable)
    with pytest.raises(InputError, match="None of the 3 painted images could be read"):
        session.completeness.measure(Recipe(("ring",), 3, seed=9))


def test_what_is_missing_is_said(session: Session, pool_folder: Path, quick: Config, tmp_path: Path):
    with pytest.raises(InputError, match="There are no stamps to paint"):
        session.completeness.measure(Recipe((STAMP,)))
    with Session.open(tmp_path / "s", pool_folder, config=quick) as other:
        with pytest.raises(InputError, match="has not been measured yet. Run `anomalymatch completeness"):
            other.results.table("completeness")
        with pytest.raises(InputError, match="Not every band of the images in .* has a zero point"):
            Painter(other.pool, Recipe(("ring",), 1, magnitudes=(18, 20))).draw(np.ones(60))
        with pytest.raises(InputError, match="all are labelled anomaly, artefact or unsure"):
            Painter(other.pool, Recipe(("ring",), 1)).draw(np.zeros(60))
