"""Bands are found by name, and an image of native values is what it says."""

from __future__ import annotations

import numpy as np
import pytest

from anomalymatch_ui.pixels import RGB, Band, Bands, NativeImage, PixelError, as_native


def image(*names: str, dtype: str = "float32", bad: np.ndarray | None = None) -> NativeImage:
    values = np.arange(len(names) * 6, dtype=dtype).reshape(len(names), 2, 3)
    return NativeImage(values, bad, Bands.named(*names))


def test_a_band_is_found_by_its_name_whatever_its_place() -> None:
    one, other = image("g", "r", "i"), image("g", "r", "i").chosen(["i", "g", "r"])
    assert other.bands.names == ("i", "g", "r")
    for name in one.bands.names:
        ours, theirs = (its.values[its.bands.position(name)] for its in (one, other))
        assert np.array_equal(ours, theirs)


def test_the_mask_goes_with_its_band() -> None:
    bad = np.zeros((2, 2, 3), bool)
    bad[1, 0, 0] = True
    chosen = image("g", "r", bad=bad).chosen(["r"])
    assert chosen.bad is not None
    assert chosen.bad[0, 0, 0]


def test_capitals_do_where_they_mean_one_band_only() -> None:
    assert Bands.named("G", "R").position("r") == 1
    assert Bands.named("r", "R").position("R") == 1
    with pytest.raises(PixelError, match="it has no band 'Y', only 'g', 'r'"):
        Bands.named("g", "r").position("Y")


def test_a_sentence_about_many_bands_is_bounded() -> None:
    with pytest.raises(PixelError, match="'8' and 45 more$"):
        Bands.numbered(53).position("r")


@pytest.mark.parametrize(
    ("names", "order"),
    [
        (("y", "g", "z", "r", "i"), ("g", "r", "i", "z", "y")),
        (("NIR-H", "VIS", "NIR-Y", "NIR-J"), ("VIS", "NIR-Y", "NIR-J", "NIR-H")),
        (("10", "9", "1"), ("1", "9", "10")),
        (("SCI2", "SCI10", "SCI1"), ("SCI1", "SCI2", "SCI10")),
    ],
)
def test_bands_are_ordered_by_wavelength_or_else_by_name(
    names: tuple[str, ...], order: tuple[str, ...]
) -> None:
    assert Bands.named(*names).by_colour() == order
    assert Bands.named(*names[::-1]).by_colour() == order


def test_two_bands_of_one_name_are_refused() -> None:
    with pytest.raises(PixelError, match="two bands called 'g'"):
        Bands.named("g", "r", "g")


@pytest.mark.parametrize("name", ["", " g", "g "])
def test_a_band_without_a_proper_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="needs a name"):
        Band(name)


@pytest.mark.parametrize(
    ("values", "bad", "told"),
    [
        (np.zeros((2, 3)), None, "shape"),
        (np.zeros((3, 0, 3)), None, "shape"),
        (np.zeros((3, 2, 2), ">f4"), None, ">f4"),
        (np.zeros((3, 2, 2), "c8"), None, "c8"),
        (np.zeros((2, 2, 2)), None, "2 planes"),
        (np.zeros((3, 2, 2)), np.zeros((2, 2), bool), "mask"),
    ],
)
def test_an_image_whose_parts_do_not_belong_together_is_refused(
    values: np.ndarray, bad: np.ndarray | None, told: str
) -> None:
    with pytest.raises(ValueError, match=told):
        NativeImage(values, bad, RGB)


@pytest.mark.parametrize(
    ("dtype", "becomes"),
    [
        ("u1", "uint8"),
        ("i1", "int16"),
        ("?", "uint8"),
        (">u2", "uint16"),
        (">i4", "int32"),
        ("u4", "float64"),
        ("i8", "float64"),
        (">f4", "float32"),
        ("f2", "float16"),
        ("g", "float64"),
    ],
)
def test_every_number_has_a_native_format_that_holds_it(dtype: str, becomes: str) -> None:
    values = np.array([0, 1, 100], dtype)
    native = as_native(values)
    assert native.dtype == np.dtype(becomes)
    assert native.dtype.isnative
    assert native.tolist() == values.tolist()


def test_complex_values_are_no_pixels() -> None:
    with pytest.raises(PixelError, match="complex64"):
        as_native(np.zeros(3, "c8"))
