"""A folder of FITS files as a pool: bands by extension, by file or by plane, and what cannot be read."""

from __future__ import annotations

import bz2
import gzip
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from fitsfiles import sky, write_extensions
from PIL import Image

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.pool import ImagePool, UnreadableImageError, open_pool
from anomalymatch_ui.pool.template import group_files
from anomalymatch_ui.stream.pieces import HostStages

BANDS = {"G": sky(0), "R": sky(1), "I": sky(2)}


@pytest.fixture
def one_image_in_every_layout(tmp_path: Path) -> dict[str, ImagePool]:
    """Return pools that hold the same image."""
    cube = np.stack(list(BANDS.values()))
    write_extensions(tmp_path / "extensions" / "a.fits", BANDS)
    write_extensions(tmp_path / "turned" / "a.fits", dict(reversed(BANDS.items())))
    (tmp_path / "cube").mkdir()
    fits.writeto(tmp_path / "cube" / "a.fits", cube)
    for name, pack in (("gz", gzip.compress), ("bz2", bz2.compress)):
        (tmp_path / name).mkdir()
        packed = pack((tmp_path / "extensions" / "a.fits").read_bytes())
        (tmp_path / name / f"a.fits.{name}").write_bytes(packed)
    (tmp_path / "files").mkdir()
    for band, values in BANDS.items():
        fits.writeto(tmp_path / "files" / f"a_{band}.fits", values)
    (tmp_path / "tiles").mkdir()
    hdus = [
        fits.CompImageHDU(values, name=name, compression_type="GZIP_2", quantize_level=0)
        for name, values in BANDS.items()
    ]
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(tmp_path / "tiles" / "a.fits.fz")
    (tmp_path / "npy").mkdir()
    np.save(tmp_path / "npy" / "a.npy", cube)
    options: dict[str, dict[str, object]] = {
        "cube": {"planes": ("G", "R", "I")},
        "npy": {"planes": ("G", "R", "I")},
        "files": {"template": "{name}_{band}.fits"},
    }
    return {path.name: open_pool(path, **options.get(path.name, {})) for path in sorted(tmp_path.iterdir())}


def test_one_image_has_the_same_pixels_in_every_layout(
    one_image_in_every_layout: dict[str, ImagePool],
) -> None:
    pools = one_image_in_every_layout
    assert len(pools) == 8
    expected = pools["extensions"].image(0)
    assert len(np.unique(expected)) > 100
    for name, pool in pools.items():
        assert pool.rendering.rgb == ("I", "R", "G"), name
        assert np.array_equal(pool.image(0), expected), name
        assert pool.rendering.digest == pools["extensions"].rendering.digest, name


def test_the_pipeline_sees_what_the_screen_shows(one_image_in_every_layout: dict[str, ImagePool]) -> None:
    for pool in one_image_in_every_layout.values():
        host = HostStages(pool, 16)
        piece = host.resize(host.decode(host.read(range(1))))
        assert np.array_equal(piece.pixels.transpose(0, 3, 1, 2), pool.read([0], 16).pixels)


def test_a_pool_that_is_rendered_otherwise_has_another_digest(tmp_path: Path) -> None:
    write_extensions(tmp_path / "a.fits", BANDS)
    options: list[dict[str, object]] = [
        {},
        {"stretch": "asinh"},
        {"bands": ("G", "R", "I")},
        {"limits": (0, 1)},
        {"hdu": ("R",)},
    ]
    assert len({open_pool(tmp_path, **chosen).digest for chosen in options}) == len(options)


@pytest.mark.parametrize(
    ("hdu", "why"), [((77,), "a.fits: it has no HDU 77, only "), ((0,), "a.fits: its HDU 0 holds no image")]
)
def test_an_hdu_that_no_file_has_is_refused(hdu: tuple[int], why: str, tmp_path: Path) -> None:
    write_extensions(tmp_path / "a.fits", BANDS)
    (tmp_path / "b.fits").write_bytes(b"damaged")
    Image.new("RGB", (8, 8)).save(tmp_path / "c.png")
    with pytest.raises(InputError, match=f"has the HDUs that --hdu asks for. {why}"):
        open_pool(tmp_path, hdu=hdu)


def test_an_hdu_that_some_files_have_is_read_of_these(tmp_path: Path) -> None:
    write_extensions(tmp_path / "a.fits", {"G": BANDS["G"]})
    write_extensions(tmp_path / "b.fits", BANDS)
    pool = open_pool(tmp_path, hdu=("R",))
    assert pool.read([0, 1], 8).indices.tolist() == [1]
    assert pool.report.unreadable["a.fits"].startswith("it has no HDU 'R'")


def test_pictures_keep_the_digest_they_had_unless_something_else_is_asked_for(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    before = "folder\0a.png\0" + str((tmp_path / "a.png").stat().st_size)
    import hashlib

    assert open_pool(tmp_path).digest == hashlib.sha256(before.encode()).hexdigest()
    assert open_pool(tmp_path, stretch="asinh").digest != open_pool(tmp_path).digest


def test_bands_are_chosen_by_name_in_capitals_or_not(tmp_path: Path) -> None:
    write_extensions(tmp_path / "a.fits", BANDS)
    pool = open_pool(tmp_path, bands=("r", "g", "i"))
    reference = open_pool(tmp_path)
    assert np.array_equal(pool.image(0)[..., 0], reference.image(0)[..., 1])


def test_grey_fits_and_pictures_are_one_pool(tmp_path: Path) -> None:
    fits.writeto(tmp_path / "a.fits", sky())
    Image.fromarray(np.full((9, 9, 3), (10, 20, 30), np.uint8)).save(tmp_path / "b.png")
    pool = open_pool(tmp_path)
    assert len(pool.read([0, 1], 8).indices) == 2
    assert pool.image(1)[0, 0].tolist() == [10, 20, 30]


def test_bad_files_are_told_one_by_one_and_the_rest_goes_on(tmp_path: Path) -> None:
    for number in range(8):
        write_extensions(tmp_path / f"good-{number}.fits", BANDS)
    write_extensions(tmp_path / "lacks.fits", {"G": sky(0), "R": sky(1)})
    write_extensions(tmp_path / "sizes.fits", {"G": sky(0), "R": sky(1), "I": sky(2, size=30)})
    fits.writeto(tmp_path / "single.fits", sky())
    fits.HDUList([fits.PrimaryHDU()]).writeto(tmp_path / "none.fits")
    (tmp_path / "empty.fits").touch()
    (tmp_path / "cut.fits").write_bytes((tmp_path / "good-0.fits").read_bytes()[:9000])
    Image.new("RGB", (8, 8)).save(tmp_path / "z.png")
    pool = open_pool(tmp_path)
    assert len(pool.read(range(len(pool)), 16).indices) == 8
    assert dict(pool.report.unreadable) == {
        "cut.fits": "truncated",
        "empty.fits": "empty file",
        "lacks.fits": "it has no band 'I', only 'G', 'R'",
        "none.fits": "none of its HDUs holds an image",
        "single.fits": "it has no band 'I', only 'grey'",
        "sizes.fits": "it has no band 'I', only 'G', 'R'",
        "z.png": "it has no band 'I', only 'red', 'green', 'blue'",
    }
    assert pool.report.sentence().endswith("and 2 more.")
    with pytest.raises(UnreadableImageError, match=r"sizes\.fits cannot be read \(it has no band 'I'"):
        pool.image(pool.index("sizes.fits"))


def test_several_extensions_of_which_only_one_is_shown_are_remarked(tmp_path: Path) -> None:
    write_extensions(tmp_path / "a.fits", {"SCI": sky(), "OTHER": sky(1, size=30)})
    pool = open_pool(tmp_path)
    pool.image(0)
    assert "1 image is shown in part: a.fits (of its images only SCI is read" in pool.report.sentence()


def test_what_no_image_has_is_refused_at_once(tmp_path: Path) -> None:
    write_extensions(tmp_path / "a.fits", BANDS)
    with pytest.raises(InputError, match="cannot be shown so: it has no band 'z', only 'G', 'R', 'I'"):
        open_pool(tmp_path, bands=("z",))
    with pytest.raises(InputError, match="Cannot use stretch in these options of pixels"):
        open_pool(tmp_path, stretch="gamma")
    with pytest.raises(InputError, match="Cannot use colour in these options of pixels: it is not a known"):
        open_pool(tmp_path, colour=1)


# --- a file a band -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("template", "files", "images"),
    [
        (
            "{name}_{band}.fits",
            ["x/a_1_g.fits", "x/a_1_r.fits", "b_g.fits"],
            {"x/a_1": {"g": "x/a_1_g.fits", "r": "x/a_1_r.fits"}, "b": {"g": "b_g.fits"}},
        ),
        ("{band}/{name}.fits", ["g/a.fits", "r/a.fits"], {"a": {"g": "g/a.fits", "r": "r/a.fits"}}),
        (
            "EUC-MOSAIC-{band}_TILE{name}-*.fits",
            ["EUC-MOSAIC-VIS_TILE7-AA.fits", "EUC-MOSAIC-NIR-Y_TILE7-BB.fits"],
            {"7": {"VIS": "EUC-MOSAIC-VIS_TILE7-AA.fits", "NIR-Y": "EUC-MOSAIC-NIR-Y_TILE7-BB.fits"}},
        ),
    ],
)
def test_files_are_put_together_by_a_template(
    template: str, files: list[str], images: dict[str, dict[str, str]]
) -> None:
    assert group_files(files, template).images == images


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ("{name}.fits", "must have {band} once"),
        ("{band}-{band}.fits", "must have {name} once"),
        ("{name}-{band}.tif", "fits no file, such as a_g.fits"),
    ],
)
def test_a_template_that_does_not_do_is_refused(template: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        group_files(["a_g.fits"], template)


def test_an_image_without_a_file_of_a_band_is_told_when_the_pool_is_opened(tmp_path: Path) -> None:
    for name in ("a_g", "a_r", "b_g", "other"):
        fits.writeto(tmp_path / f"{name}.fits", sky())
    pool = open_pool(tmp_path, template="{name}_{band}.fits")
    assert dict(pool.report.unreadable) == {"b": "there is no file of its band 'r'"}
    assert dict(pool.report.skipped) == {"other.fits": "the template does not fit its name"}
    assert pool.read([0, 1], 16).indices.tolist() == [0]
    assert [len(content) for content in pool.fetch([0, 1]).contents] == [2]


# --- real files --------------------------------------------------------------------------------------


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("folder", "options", "readable", "rgb"),
    [
        ("fits/cutouts_64", {}, 498, None),
        ("fits/decam_interacting", {"template": "{name}_{band}band.fits"}, 4, None),
        ("fits/hsc_cosmos", {"planes": tuple("GRIZY")}, 4, ("Y", "I", "G")),
        ("fits/large", {}, 11, None),
        ("formats", {}, 7, None),
    ],
)
def test_real_folders_open(
    shared_data: Path, folder: str, options: dict[str, object], readable: int, rgb: object
) -> None:
    pool = open_pool(shared_data / folder, **options)
    batch = pool.read(range(len(pool)), 64)
    assert len(batch.indices) == readable
    assert batch.pixels.std(axis=(1, 2, 3)).min() > 1
    if rgb:
        assert pool.rendering.rgb == rgb


@pytest.mark.shared_data
def test_a_spectral_cube_opens_by_itself(shared_data: Path, tmp_path: Path) -> None:
    (tmp_path / "a.fits").symlink_to(shared_data / "fits" / "large" / "l1448_13co.fits")
    pool = open_pool(tmp_path, follow_links=True)
    assert pool.rendering.rgb == ("53", "27", "1")
    assert pool.image(0).shape == (105, 105, 3)
