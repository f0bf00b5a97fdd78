#!/usr/bin/env bash
#
# Packages: pyarrow 26.0.1, pandas 3.1.1, polars 2.1.0, numpy 2.4.6.
# Guess: images kept as Arrow's fixed_shape_tensor have one meaning, whoever reads the Parquet file.
# What happens: for an array that was transposed (x before y, as FITS and IDL order it), Arrow notes a
# permutation and leaves the bytes as they are. Its to_numpy_ndarray() applies the permutation; pandas and
# polars hand out the flat bytes, and reshaped by the logical shape these are another picture.
# Why it matters: for square cutouts the shapes agree, so the images are silently transposed: position
# angles and any model trained on one reader's view are mirrored against the other's.
#
# Output seen:
#   type: extension<arrow.fixed_shape_tensor[value_type=float, shape=[3,3], permutation=[1,0]]>
#   written: [[0.0, 3.0, 6.0], [1.0, 4.0, 7.0], [2.0, 5.0, 8.0]]
#   pyarrow: [[0.0, 3.0, 6.0], [1.0, 4.0, 7.0], [2.0, 5.0, 8.0]]
#   pandas:  (9,) [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0], [6.0, 7.0, 8.0]]
#   polars:  (9,) [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0], [6.0, 7.0, 8.0]]
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    pyarrow==26.0.1 pandas==3.1.1 polars==2.1.0 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

stored = np.arange(2 * 9, dtype=np.float32).reshape(2, 3, 3)
images = stored.transpose(0, 2, 1)
tensors = pa.FixedShapeTensorArray.from_numpy_ndarray(images)
pq.write_table(pa.table({"image": tensors}), "images.parquet")

arrow = pq.read_table("images.parquet")["image"].combine_chunks()
shape = tuple(arrow.type.shape)
pandas = np.asarray(pd.read_parquet("images.parquet")["image"][0])
polars = pl.read_parquet("images.parquet")["image"].to_numpy()[0]
print("type:", arrow.type)
print("written:", images[0].tolist())
print("pyarrow:", arrow.to_numpy_ndarray()[0].tolist())
print("pandas: ", pandas.shape, pandas.reshape(shape).tolist())
print("polars: ", polars.shape, polars.reshape(shape).tolist())
assert np.array_equal(arrow.to_numpy_ndarray(), images)
assert pandas.shape == polars.shape == (9,)
assert np.array_equal(pandas.reshape(shape), images[0].T)
assert np.array_equal(polars.reshape(shape), images[0].T)
PYTHON
