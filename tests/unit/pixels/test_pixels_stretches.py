"""From native values to what is seen: masked, monotone, and as other programs define it."""

from __future__ import annotations

import warnings
from typing import get_args

import numpy as np
import pytest
from astropy.visualization import ZScaleInterval
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pydantic import ValidationError

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.pixels import GREY, PLAIN, RGB, Bands, NativeImage, PixelError, Rendering, as_native
from anomalymatch_ui.pixels.limits import percentile_limits, zscale_limits
from anomalymatch_ui.pixels.rendering import Stretch
from anomalymatch_ui.pixels.zscale import zscale

REAL_DTYPES = st.one_of(
    hnp.floating_dtypes(), hnp.integer_dtypes(), hnp.unsigned_integer_dtypes(), hnp.boolean_dtypes()
)
SHAPES = hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12)
STRETCHES = get_args(Stretch)


def shown(array: np.ndarray, bad: np.ndarray | None = None, **options: object) -> np.ndarray:
    """Return the grey of an array ``(height, width)``, or of one row."""
    plane = as_native(np.atleast_2d(array))[np.newaxis]
    masked = None if bad is None else np.atleast_2d(bad)[np.newaxis]
    return Rendering(**options).bound(GREY).picture(NativeImage(plane, masked, GREY))[..., 0]


def noise(*names: str, seed: int = 0, size: int = 64, scale: float = 10.0) -> NativeImage:
    values = np.random.default_rng(seed).normal(100, scale, (len(names), size, size)).astype(np.float32)
    values[:, size // 2 - 3 : size // 2 + 3, size // 2 - 3 : size // 2 + 3] += 40 * scale
    return NativeImage(values, None, Bands.named(*names))


# --- the stretch unless another is asked for ---------------------------------------------------------


def test_a_picture_of_8_bits_stays_as_it_is() -> None:
    image = np.random.default_rng(0).integers(0, 256, (3, 8, 9), np.uint8)
    assert np.array_equal(
        Rendering().bound(RGB).picture(NativeImage(image, None, RGB)), image.transpose(1, 2, 0)
    )
    assert shown(np.array([[3, 4], [5, 250]], np.uint8)).tolist() == [[3, 4], [5, 250]]


def test_a_ramp_keeps_its_shades_and_fills_the_range() -> None:
    ramp = np.linspace(-7.5, 1200, 256).reshape(16, 16)
    assert np.array_equal(shown(ramp, percentiles=(0, 100)).ravel(), np.arange(256))


def test_a_hot_pixel_does_not_darken_the_rest() -> None:
    image = np.random.default_rng(0).normal(100, 5, (64, 64))
    image[10, 10] = 1e9
    assert shown(image).std() > 20


def test_missing_pixels_come_out_black_and_saturated_ones_white() -> None:
    image = np.array([np.nan, -np.inf, np.inf, 1.0, 2.0, 3.0])
    assert shown(image).tolist() == [[0, 0, 255, 0, 128, 255]]


@pytest.mark.filterwarnings("error")
def test_a_signalling_nan_gives_no_warning() -> None:
    assert shown(np.array([0x7F800001], np.uint32).view(np.float32)).tolist() == [[0]]


@pytest.mark.parametrize("value", [0.0, 17.0, -3e300, np.nan])
def test_an_image_of_one_value_comes_out_black(value: float) -> None:
    assert not shown(np.full((8, 8), value)).any()


def test_a_small_source_on_an_empty_sky_is_not_lost() -> None:
    image = np.zeros((64, 64), np.float32)
    image[32, 32] = 40
    assert shown(image)[32, 32] == 255


def test_big_endian_pixels_mean_the_same() -> None:
    image = np.arange(4096, dtype=np.uint16).reshape(64, 64)
    assert np.array_equal(shown(image), shown(image.astype(">u2")))


def test_complex_pixels_are_refused() -> None:
    with pytest.raises(PixelError, match="real numbers"):
        shown(np.zeros(4, np.complex64))


@given(hnp.arrays(st.sampled_from(["f2", "f4", "f8", "u2", "i2", "i4"]), st.integers(1, 300)))
def test_percentiles_are_values_that_occur_as_numpy_finds_them(array: np.ndarray) -> None:
    good = array[np.isfinite(array)]
    low, high = percentile_limits(good, 0.1, 99.9)
    if good.size and low < high:
        whole = good.astype(np.float64).clip(-np.finfo(np.float64).max / 4, np.finfo(np.float64).max / 4)
        expected = [np.percentile(whole, p, method=m) for p, m in ((0.1, "lower"), (99.9, "higher"))]
        assert [low, high] in (expected, [whole.min(), whole.max()])


# --- every stretch -----------------------------------------------------------------------------------


@pytest.mark.parametrize("stretch", STRETCHES)
@settings(max_examples=25)
@given(hnp.arrays(REAL_DTYPES, SHAPES))
def test_any_real_image_is_shown_without_a_warning(stretch: str, array: np.ndarray) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        picture = shown(array, stretch=stretch)
    assert picture.dtype == np.uint8
    assert picture.shape == array.shape


@pytest.mark.parametrize("stretch", [name for name in STRETCHES if name != "lupton"])
@settings(max_examples=25)
@given(hnp.arrays(np.float64, st.integers(1, 60), elements=st.floats(allow_nan=False)))
def test_a_brighter_pixel_never_comes_out_darker(stretch: str, array: np.ndarray) -> None:
    assert (np.diff(shown(np.sort(array), stretch=stretch).astype(int)) >= 0).all()


@pytest.mark.parametrize("stretch", STRETCHES)
def test_masked_pixels_are_black_and_have_no_part_in_the_limits(stretch: str) -> None:
    image = noise("r").values[0]
    hot, bad = image.copy(), np.zeros(image.shape, bool)
    hot[:5], bad[:5] = 1e6, True
    masked = shown(hot, bad, stretch=stretch)
    assert not masked[:5].any()
    # Rows fewer than the whole: the limits of the rest differ by a few pixels' noise at most.
    alone = shown(np.delete(image, np.s_[:5], 0), stretch=stretch)
    assert np.abs(masked[5:].astype(int) - alone).max() <= (
        12 if stretch in ("zscale", "fitsbolt-zscale", "fitsbolt-midtones") else 0
    )


def test_lupton_keeps_the_colour_of_what_is_bright() -> None:
    values = np.zeros((3, 8, 8), np.float32)
    values[:, 2:4, 2:4] = np.array([4.0, 2.0, 1.0])[:, None, None]
    values[:, 6, 6] = np.array([400.0, 200.0, 100.0])
    image = NativeImage(values, None, Bands.named("i", "r", "g"))
    rendering = Rendering(bands=("i", "r", "g"), stretch="lupton", limits=(0, 8)).bound(image.bands)
    for pixel in (rendering.picture(image)[2, 2], rendering.picture(image)[6, 6]):
        assert pixel / pixel[0] == pytest.approx([1, 0.5, 0.25], abs=0.02)


def test_zscale_of_a_wide_tile_looks_at_all_columns() -> None:
    """A stride that divides the width would see one column, which may be dead."""
    tile = np.random.default_rng(1).normal(1000, 10, (1000, 1000)).astype(np.float32)
    tile[:, ::10] = 0
    _, high = zscale_limits(tile.ravel(), 1000)
    assert high > 1000


@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([1, 2, 4, 5, 6, 60, 999, 1000, 1001, 1999, 4096, 12288]),
    st.sampled_from([1e-30, 1.0, 1e12]),
    st.booleans(),
)
def test_zscale_is_that_of_astropy(seed: int, count: int, scale: float, whole: bool) -> None:
    random = np.random.default_rng(seed)
    values = random.normal(random.uniform(-50, 50), 1, count) + random.pareto(random.uniform(0.5, 4), count)
    values = scale * (np.rint(values) if whole else values)
    low, high = ZScaleInterval().get_limits(values)
    assert zscale(values) == pytest.approx((low, high), rel=1e-9, abs=1e-9 * (values.max() - values.min()))


def test_zscale_of_huge_values_is_finite() -> None:
    largest = np.finfo(np.float64).max / 4
    values = np.linspace(-largest, largest, 1000)
    assert zscale(values) == pytest.approx((-largest, largest))


def test_zscale_of_wide_integers_is_not_empty() -> None:
    ramp = np.linspace(-32768, 32767, 4096).astype(np.int16).reshape(64, 64)
    assert np.ptp(shown(ramp, stretch="zscale")) > 200


@pytest.mark.parametrize("method", ["asinh", "log", "zscale", "midtones", "linear"])
@pytest.mark.parametrize("bands", [1, 3])
def test_fitsbolts_stretches_agree_with_fitsbolt(method: str, bands: int) -> None:
    fitsbolt = pytest.importorskip("fitsbolt", reason="fitsbolt is not installed")
    for seed, scale in ((0, 1.0), (1, 30.0)):
        image = noise(*"irg"[:bands], seed=seed, scale=scale)
        planes = np.moveaxis(image.values, 0, -1).copy()
        theirs = fitsbolt.normalise_images(
            planes if bands == 3 else planes[..., 0],
            normalisation_method=getattr(fitsbolt.NormalisationMethod, method.upper()),
            show_progress=False,
            num_workers=1,
        )
        ours = (
            Rendering(stretch=f"fitsbolt-{method}", bands=tuple("irg"[:bands]))
            .bound(image.bands)
            .picture(image)
        )
        assert np.abs(ours.astype(int) - theirs.reshape(64, 64, -1)).max() <= 1


# --- limits, bands and colours -----------------------------------------------------------------------


def test_limits_given_for_the_pool_are_the_same_for_every_image() -> None:
    rendering = {"stretch": "linear", "limits": (0.0, 510.0)}
    assert shown(np.array([0.0, 255.0, 600.0]), **rendering).tolist() == [[0, 128, 255]]
    assert shown(np.array([255.0, 255.0]), **rendering).tolist() == [[128, 128]]


def test_limits_of_single_bands_are_theirs() -> None:
    image = NativeImage(np.full((2, 1, 1), 5, np.float32), None, Bands.named("g", "r"))
    rendering = Rendering(bands=("g", "r"), limits=((0, 10), (0, 5)), rgb=("r", "g", "g")).bound(image.bands)
    assert rendering.picture(image).tolist() == [[[255, 128, 128]]]


def test_bands_have_limits_of_their_own_unless_joint() -> None:
    image = noise("g", "r", "i")
    lifted = NativeImage(image.values + np.array([0, 800, 0], np.float32)[:, None, None], None, image.bands)
    apart, joint = (Rendering(joint=joint).bound(image.bands).picture(lifted) for joint in (None, True))
    assert abs(float(apart[..., 0].mean()) - apart[..., 1].mean()) < 5
    assert joint[..., 1].mean() > joint[..., 0].mean() + 50


def test_the_order_of_planes_changes_nothing() -> None:
    image = noise("g", "r", "i", "z")
    turned = NativeImage(
        np.ascontiguousarray(image.values[::-1]), None, Bands(tuple(reversed(image.bands.bands)))
    )
    for rendering in (Rendering(), Rendering(stretch="lupton"), Rendering(bands=("i", "r", "g"))):
        one, other = rendering.bound(image.bands), rendering.bound(turned.bands)
        assert one.digest == other.digest
        assert np.array_equal(one.picture(image), other.picture(turned))


@pytest.mark.parametrize(
    ("bands", "rgb"),
    [
        ("gri", ("i", "r", "g")),
        ("grizy", ("y", "i", "g")),
        ("gr", ((0.0, 1.0), (0.5, 0.5), (1.0, 0.0))),
    ],
)
def test_the_reddest_band_is_red_unless_it_is_said(bands: str, rgb: object) -> None:
    assert Rendering().bound(Bands.named(*bands)).rgb == rgb


def test_three_bands_asked_for_are_shown_in_that_order() -> None:
    assert Rendering(bands=("g", "i", "r")).bound(Bands.named(*"grizy")).rgb == ("g", "i", "r")


def test_grey_and_colour_are_shown_side_by_side_and_five_bands_are_not() -> None:
    with pytest.raises(PixelError, match="5 bands, .* choose by --bands or --hdu"):
        Rendering().bound(GREY).picture(noise(*"grizy"))


def test_an_image_that_lacks_a_band_is_refused() -> None:
    with pytest.raises(PixelError, match="it has no band 'i', only 'g', 'r'"):
        Rendering().bound(Bands.named(*"gri")).picture(noise("g", "r"))


# --- as a value --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"percentiles": (50, 50)}, "percentiles must be"),
        ({"percentiles": (-1, 99)}, "percentiles must be"),
        ({"percentiles": (1, 101)}, "percentiles must be"),
        ({"percentiles": (90, 10)}, "percentiles must be"),
        ({"limits": (5.0, 1.0)}, "below"),
        ({"limits": ((0.0, 1.0), (0.0, 1.0))}, "go with `bands`"),
        ({"stretch": "zscale", "limits": (0.0, 1.0)}, "finds its limits itself"),
        ({"stretch": "fitsbolt-log", "limits": "minmax"}, "finds its limits itself"),
        ({"bands": ("g", "g")}, "twice"),
        ({"rgb": ((1.0,), (1.0,), (1.0,))}, "weights"),
        ({"stretch": "gamma"}, "stretch"),
        ({"softening": 0}, "softening"),
        ({"colour": 1}, "colour"),
    ],
)
def test_a_rendering_that_makes_no_sense_is_refused(options: dict[str, object], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Rendering(**options)


@pytest.mark.parametrize("stretch", STRETCHES)
def test_a_rendering_can_be_written_down(stretch: str) -> None:
    rendering = Rendering(stretch=stretch, rgb=("i", "r", "g")).bound(Bands.named(*"gri"))
    again = Rendering.model_validate_json(rendering.model_dump_json())
    assert again == rendering
    assert again.digest == rendering.digest


def test_renderings_that_differ_have_other_digests() -> None:
    bands = Bands.named(*"gri")
    options: list[dict[str, object]] = [
        {},
        {"stretch": "asinh"},
        {"stretch": "asinh", "softening": 0.02},
        {"bands": ("g", "r", "i")},
        {"limits": (0.0, 1.0)},
        {"percentiles": (1, 99)},
        {"joint": True},
        {"rgb": ("g", "g", "g")},
    ]
    assert len({Rendering(**chosen).bound(bands).digest for chosen in options}) == len(options)


def test_a_model_refuses_images_that_lack_its_bands_or_look_otherwise() -> None:
    gri = Rendering().bound(Bands.named(*"gri"))
    gri.check_fits(Rendering().bound(Bands.named(*"irg")), "The model", "these images")
    with pytest.raises(
        InputError, match=r"trained on the bands 'g', 'r', 'i', and these images are shown in"
    ):
        gri.check_fits(Rendering().bound(Bands.named("g", "r")), "The model", "these images")
    with pytest.raises(InputError, match=r"stretch 'asinh' instead of 'auto'"):
        gri.check_fits(Rendering(stretch="asinh").bound(Bands.named(*"gri")), "The model", "these images")


# --- what the network sees -----------------------------------------------------------------------------


def image_of(names: str, dtype: str = "float32") -> NativeImage:
    random = np.random.default_rng(0)
    values = np.stack([random.normal(10 * place, 3 + place, (12, 12)) for place in range(len(names))])
    return NativeImage(np.clip(values, 0, 255).astype(dtype), None, Bands.named(*names))


@pytest.mark.parametrize("dtype", ["float32", "uint8"])
@pytest.mark.parametrize("stretch", ["auto", "asinh", "lupton", "zscale"])
@pytest.mark.parametrize("names", ["gr", "griz", "grizy"])
def test_the_network_sees_every_band_as_a_person_sees_it(names: str, stretch: str, dtype: str) -> None:
    image = image_of(names, dtype)
    rendering = Rendering(stretch=stretch, joint=False).bound(image.bands)
    planes = rendering.network_bands(image)
    assert planes.shape == (len(names), 12, 12)
    assert rendering.channels == len(names)
    # From the reddest to the bluest, and each as it is in a picture that shows it.
    for plane, name in zip(planes, reversed(names), strict=True):
        shown = rendering.model_copy(update={"rgb": (name, name, name)}).picture(image)
        np.testing.assert_array_equal(plane, shown[..., 0])
    np.testing.assert_array_equal(rendering.network_bands(image.chosen(names[::-1])), planes)


def test_the_order_in_which_bands_are_named_does_not_matter_to_the_network() -> None:
    image = image_of("griz")
    limits = {"g": (0.0, 9.0), "r": (0.0, 20.0), "i": (5.0, 30.0), "z": (9.0, 40.0)}
    one, other = (
        Rendering(bands=tuple(names), limits=tuple(limits[name] for name in names)).bound(image.bands)
        for names in ("griz", "zrig")
    )
    assert one.digest == other.digest
    assert one.network_bands(image)[1].tolist() == one.network_bands(image.chosen("zirg"))[1].tolist()
    weights = {"g": (0.0, 0.0, 1.0), "r": (0.5, 0.0, 0.0), "z": (1.0, 0.5, 0.0), "i": (0.0, 0.5, 0.0)}
    for names in ("griz", "zrig"):
        matrix = tuple(tuple(weights[name][colour] for name in names) for colour in range(3))
        mixed = Rendering(bands=tuple(names), rgb=matrix).bound(image.bands)
        assert mixed.rgb == (((0.0, 0.5, 0.0, 1.0), (0.0, 0.0, 0.5, 0.5), (1.0, 0.0, 0.0, 0.0)))


@pytest.mark.parametrize(
    ("names", "network", "channels"),
    [
        (("g", "r", "i"), "auto", 3),
        (("g", "r", "i"), "bands", 3),
        (("g", "r"), "auto", 2),
        (("g", "r"), "rgb", 3),
        (("grey",), "auto", 3),
        (tuple(map(str, range(20))), "auto", 3),
    ],
)
def test_how_many_planes_the_network_gets(names: tuple[str, ...], network: str, channels: int) -> None:
    assert Rendering(network=network).bound(Bands.named(*names)).channels == channels


def test_more_bands_than_a_network_takes_are_refused_where_all_are_wanted() -> None:
    with pytest.raises(PixelError, match="takes 16 bands, not 20: choose by --bands"):
        Rendering(network="bands").bound(Bands.numbered(20))


def test_three_bands_and_pictures_keep_their_names() -> None:
    # Of the version before the network saw other bands: what was computed then is found still.
    assert PLAIN.digest.startswith("b6df49de2d262ce8")
    gri = Bands.named("g", "r", "i")
    assert Rendering().bound(gri).digest.startswith("1a0adc0cd0158e28")
    assert Rendering(stretch="asinh").bound(gri).digest.startswith("1ac58758019801")
    assert Rendering(network="rgb").bound(gri).digest == Rendering().bound(gri).digest
    assert Rendering(network="bands").bound(gri).digest != Rendering().bound(gri).digest
