"""FITS as astropy reads it, in whatever HDUs the image lies, with masks applied and BLANK marked."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from fitsfiles import sky, write_extensions
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from anomalymatch_ui.pixels import PixelError
from anomalymatch_ui.pixels.fits import describe_fits, read_fits
from anomalymatch_ui.pixels.spec import Bands, NativeImage


def content(*hdus: object) -> bytes:
    buffer = io.BytesIO()
    fits.HDUList(list(hdus)).writeto(buffer, output_verify="ignore")
    return buffer.getvalue()


def written(values: np.ndarray, **keywords: object) -> bytes:
    hdu = fits.PrimaryHDU(values)
    hdu.header.update(keywords)
    return content(hdu)


def with_cards(file: bytes, **keywords: object) -> bytes:
    """Return a file whose first header, of one block, ends with other cards as well."""
    cards = "".join([*(fits.Card(*pair).image for pair in keywords.items()), "END".ljust(80)]).encode()
    end = file.index(b"END" + b" " * 77)
    return file[:end] + cards + file[end + len(cards) :]


# --- numbers -----------------------------------------------------------------------------------------


def test_a_blank_of_64_bits_is_told_from_its_neighbours() -> None:
    """As float64 three of these are one number."""
    blank = 2**62
    raw = np.array([[blank - 1, blank], [blank + 1, 5]], ">i8")
    image = read_fits(with_cards(written(raw), BLANK=blank))
    assert image.bad is not None
    assert image.bad[0].tolist() == [[False, True], [False, False]]


@settings(max_examples=60)
@given(
    st.sampled_from(["u1", ">i2", ">i4", ">i8", ">f4", ">f8", ">u2", ">u4", ">u8", "i1"]).flatmap(
        lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=2, max_dims=3, min_side=2, max_side=6))
    ),
    st.sampled_from([None, "GZIP_1", "RICE_1"]),
)
def test_every_number_format_is_read_as_astropy_reads_it(values: np.ndarray, compression: str | None) -> None:
    plain = values.dtype.kind in "iu" and values.dtype.itemsize <= 4 and values.ndim == 2
    if compression is None or not plain:
        file = content(fits.PrimaryHDU(values))
    else:
        file = content(fits.PrimaryHDU(), fits.CompImageHDU(values, compression_type=compression))
    with fits.open(io.BytesIO(file)) as opened:
        expected = opened[-1].data
    found = read_fits(file).values
    assert found.dtype.isnative
    assert np.array_equal(found, expected.reshape(found.shape), equal_nan=found.dtype.kind == "f")


@settings(max_examples=40)
@given(
    hnp.arrays(st.sampled_from(["u1", ">i2", ">i4"]), (3, 4)),
    st.sampled_from([0.5, 1.0, 2.92273835509]),
    st.sampled_from([0.0, 1500.0, -7.25, 32768.0, 2147483648.0]),
)
def test_scaled_numbers_are_those_of_astropy(raw: np.ndarray, scale: float, zero: float) -> None:
    file = with_cards(content(fits.PrimaryHDU(raw)), BSCALE=scale, BZERO=zero)
    with fits.open(io.BytesIO(file)) as opened:
        expected = opened[0].data
    found = read_fits(file).values[0]
    assert np.allclose(found, expected, rtol=2e-7 if found.dtype == np.float32 else 1e-15, atol=0)


@pytest.mark.parametrize("zero", [0.0, 32768.0])
def test_blank_pixels_are_bad_also_where_bzero_makes_them_unsigned(zero: float) -> None:
    raw = np.array([[1, -32768], [3, 4]], ">i2")
    image = read_fits(with_cards(written(raw), BLANK=-32768, BZERO=zero))
    assert image.bad is not None
    assert image.bad.tolist() == [[[False, True], [False, False]]]
    assert image.values[0, 1, 1] == 4 + zero


def test_missing_and_infinite_values_stay() -> None:
    values = np.array([[np.nan, np.inf], [-np.inf, 1]], ">f4")
    assert np.array_equal(read_fits(written(values)).values[0], values, equal_nan=True)


# --- where the image is ------------------------------------------------------------------------------


def test_the_first_image_is_found_behind_an_empty_primary_and_a_table(tmp_path: Path) -> None:
    table = fits.BinTableHDU.from_columns([fits.Column("a", "E", array=np.ones(3))])
    file = content(fits.PrimaryHDU(), table, fits.ImageHDU(sky()))
    assert np.array_equal(read_fits(file).values[0], sky())


@pytest.mark.parametrize("hdus", [("R", "g"), (2, 1)])
def test_hdus_are_bands_by_name_or_number(hdus: tuple[int | str, ...], tmp_path: Path) -> None:
    path = write_extensions(tmp_path / "a.fits", {"G": sky(0), "R": sky(1), "I": sky(2)})
    image = read_fits(path.read_bytes(), hdus)
    assert image.bands.names == ("R", "G")
    assert np.array_equal(image.values, [sky(1), sky(0)])


def test_extensions_with_names_are_bands_and_what_lies_beside_is_not(tmp_path: Path) -> None:
    """The layout of Euclid's lens cutouts."""
    bands = {}
    for number, band in enumerate(("VIS", "NIR_Y")):
        bands |= {f"{band}_FLUX": sky(number), f"{band}_RMS": sky(8), f"{band}_BKG": sky(9)}
    bands["VIS_PSF"] = sky(3, size=9)
    image = read_fits(write_extensions(tmp_path / "a.fits", bands).read_bytes())
    assert image.bands.names == ("VIS", "NIR_Y")
    assert np.array_equal(image.values, [sky(0), sky(1)])


def test_a_second_image_that_is_no_band_is_passed_over_aloud(tmp_path: Path) -> None:
    remarks: list[str] = []
    path = write_extensions(tmp_path / "a.fits", {"SCI": sky(0), "OTHER": sky(1, size=30)})
    image = read_fits(path.read_bytes(), remark=remarks.append)
    assert np.array_equal(image.values[0], sky(0))
    assert remarks == ["of its images only SCI is read; 'OTHER' by --hdu"]


def test_of_images_with_one_name_the_others_are_told_by_number() -> None:
    """As the two chips of Hubble's ACS and WFC3."""
    remarks: list[str] = []
    chips = (fits.ImageHDU(sky(seed), name="SCI", ver=seed + 1) for seed in range(2))
    read_fits(content(fits.PrimaryHDU(), *chips), remark=remarks.append)
    assert remarks == ["of its images only SCI is read; '2' by --hdu"]


@pytest.mark.parametrize(
    ("keywords", "planes", "names"),
    [
        ({}, None, ("1", "2", "3")),
        ({"BANDS": "grz"}, None, ("g", "r", "z")),
        ({"BANDS": "VIS,NIR-Y,NIR-J"}, None, ("VIS", "NIR-Y", "NIR-J")),
        ({"BAND0": "g", "BAND1": "r", "BAND2": "z"}, None, ("g", "r", "z")),
        ({}, ("a", "b", "c"), ("a", "b", "c")),
    ],
)
def test_planes_of_a_cube_are_bands(
    keywords: dict[str, object], planes: tuple[str, ...] | None, names: tuple[str, ...]
) -> None:
    file = written(np.stack([sky(0), sky(1), sky(2)]), **keywords)
    assert read_fits(file, planes=planes).bands.names == names
    assert describe_fits(file, planes=planes).names == names


def test_axes_of_length_one_are_left_out() -> None:
    """Radio images have a frequency and a Stokes axis."""
    assert np.array_equal(read_fits(written(sky()[None, None])).values[0], sky())
    assert np.array_equal(read_fits(written(sky()[..., None])).values[0], sky())


def test_zero_point_unit_and_filter_are_read() -> None:
    (band,) = read_fits(written(sky(), FILTER="r DECam SDSS c0002", MAGZERO=30.5, BUNIT="nJy")).bands
    assert (band.name, band.wavelength, band.zero_point, band.unit) == ("r", 622.0, 30.5, "nJy")


# --- masks -------------------------------------------------------------------------------------------


def masked(mask: np.ndarray, name: str = "MASK", **keywords: object) -> NativeImage:
    hdu = fits.ImageHDU(mask, name=name)
    hdu.header.update(keywords)
    return read_fits(content(fits.PrimaryHDU(), fits.ImageHDU(sky(), name="SCI"), hdu))


def test_a_mask_is_applied_and_no_image() -> None:
    mask = np.zeros((24, 24), np.uint8)
    mask[3, 4] = 1
    image = masked(mask)
    assert len(image.bands) == 1
    assert image.bad is not None
    assert np.argwhere(image.bad).tolist() == [[0, 3, 4]]


def test_a_mask_of_every_pixel_is_not_used_and_that_is_said() -> None:
    said: list[str] = []
    hdus = fits.ImageHDU(sky(), name="SCI"), fits.ImageHDU(np.ones((24, 24), np.uint8), name="MASK")
    image = read_fits(content(fits.PrimaryHDU(), *hdus), remark=said.append)
    assert image.bad is None
    assert said == ["its mask MASK marks every pixel, and is not used"]


def test_of_a_mask_whose_bits_have_names_only_the_bad_ones_count() -> None:
    """HSC and Rubin mark every source as detected."""
    mask = np.zeros((24, 24), np.int32)
    mask[10:14, 10:14], mask[0, 0] = 1 << 5, 1
    image = masked(mask, MP_BAD=0, **{"HIERARCH MP_DETECTED": 5})
    assert image.bad is not None
    assert np.argwhere(image.bad).tolist() == [[0, 0, 0]]


def test_of_data_quality_of_jwst_only_do_not_use_counts() -> None:
    quality = np.zeros((24, 24), np.uint32)
    quality[5, 5], quality[6, 6] = 4, 5
    image = masked(quality, "DQ")
    assert image.bad is not None
    assert np.argwhere(image.bad).tolist() == [[0, 6, 6]]


# --- what cannot be read -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "options", "told"),
    [
        (lambda: content(fits.PrimaryHDU()), {}, "none of its HDUs holds an image"),
        (lambda: written(sky()), {"hdus": ("SCI",)}, "it has no HDU 'SCI', only 'PRIMARY'"),
        (lambda: content(fits.PrimaryHDU(), fits.ImageHDU(sky())), {"hdus": (0,)}, "holds no image"),
        (
            lambda: content(fits.PrimaryHDU(sky()), fits.ImageHDU(sky(size=30), name="R")),
            {"hdus": (0, "R")},
            "its bands differ in size: PRIMARY of 24 x 24, R of 30 x 30",
        ),
        (lambda: written(np.zeros((2, 3, 8, 8), np.float32)), {}, "4 axes"),
        (lambda: written(np.stack([sky(), sky()])), {"planes": ("g",)}, "it has 2 planes, and 1 names"),
        (lambda: written(sky())[:3000], {}, "truncated"),
        (lambda: written(sky())[:100], {}, "truncated"),
        (lambda: written(sky()).replace(b"BITPIX  =", b"BITPIX  X"), {}, "damaged"),
    ],
)
def test_what_cannot_be_read_is_said(
    make: Callable[[], bytes], options: dict[str, tuple[int | str, ...]], told: str
) -> None:
    with pytest.raises(PixelError, match=told):
        read_fits(make(), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("beyond", [-2881, -1, 1, 4, 8, 79, 81, 2879, 2881])
def test_a_file_that_is_cut_around_the_start_of_its_next_band_is_no_image_of_one(beyond: int) -> None:
    whole = content(fits.PrimaryHDU(), *(fits.ImageHDU(sky(), name=name) for name in "GR"))
    second = whole.rindex(b"XTENSION")
    with pytest.raises(PixelError, match="truncated"):
        read_fits(whole[: second + beyond])


@pytest.mark.parametrize("rest", [b"\0" * 4, b" " * 80, b"X-rays", b"\0" * 2880])
def test_what_lies_after_the_last_hdu_is_passed_over(rest: bytes) -> None:
    assert read_fits(written(sky()) + rest).values.shape == (1, 24, 24)


@settings(max_examples=60)
@given(st.integers(0, 5759), st.binary(min_size=1, max_size=40))
def test_a_damaged_header_never_raises_anything_else(place: int, garbage: bytes) -> None:
    file = bytearray(written(sky(), BSCALE=1.0))
    file[place : place + len(garbage)] = garbage
    try:
        image = read_fits(bytes(file))
    except PixelError:
        return
    assert isinstance(image.bands, Bands)


@pytest.mark.shared_data
@pytest.mark.filterwarnings("ignore::astropy.utils.exceptions.AstropyUserWarning")
def test_all_real_files_are_those_of_astropy(shared_data: Path) -> None:
    files = [path for path in (shared_data / "fits").rglob("*.fits") if path.stat().st_size < 3e6]
    assert len(files) >= 520
    for path in files[::5] + [path for path in files if "cutouts_64" not in str(path)]:
        image = read_fits(path.read_bytes())
        with fits.open(path) as opened:
            hdus = [hdu.data for hdu in opened if isinstance(hdu, (fits.PrimaryHDU, fits.ImageHDU))]
            expected = np.concatenate(
                [np.atleast_3d(data).reshape(-1, *data.shape[-2:]) for data in hdus if data is not None]
            )
        assert np.allclose(image.values, expected, rtol=1e-6, equal_nan=True), path
