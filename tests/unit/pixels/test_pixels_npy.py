"""NPY files are read as NumPy reads them, damaged ones too."""

from __future__ import annotations

import io
import tokenize
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from anomalymatch_ui.pixels.files import DECODE_ERRORS
from anomalymatch_ui.pixels.npy import read_npy

DTYPES = st.sampled_from(["u1", ">i2", "<u2", "<f4", ">f4", "f8", "?", "c8"])


def saved(array: np.ndarray, version: tuple[int, int] | None = None) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, array, version)
    return file.getvalue()


@given(
    arrays.arrays(DTYPES, arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)),
    st.sampled_from("CF"),
    st.sampled_from([None, (1, 0), (2, 0), (3, 0)]),
)
def test_what_numpy_has_written_is_read(array: np.ndarray, order: Any, version: Any) -> None:
    read = read_npy(saved(np.asarray(array, order=order), version))
    assert (read.dtype, read.shape) == (array.dtype, array.shape)
    np.testing.assert_array_equal(read, array)


@given(st.data())
def test_a_damaged_file_is_refused_or_read_as_numpy_does(data: st.DataObject) -> None:
    content = bytearray(saved(np.arange(12, dtype="<f4").reshape(3, 4)))
    place = data.draw(st.integers(6, len(content) - 1))
    content[place] = data.draw(st.integers(0, 255))
    given = bytes(content[: data.draw(st.integers(8, len(content)))])
    try:
        expected = np.load(io.BytesIO(given), allow_pickle=False)
    except (*DECODE_ERRORS, tokenize.TokenError):
        with pytest.raises(DECODE_ERRORS):
            read_npy(given)
    else:
        np.testing.assert_array_equal(read_npy(given), expected)


def test_python_objects_are_not_loaded() -> None:
    file = io.BytesIO()
    np.save(file, np.array([{}]), allow_pickle=True)
    with pytest.raises(ValueError, match="Python objects"):
        read_npy(file.getvalue())
