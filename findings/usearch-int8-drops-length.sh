#!/usr/bin/env bash
#
# Package: usearch 2.26.6, numpy 2.4.6.
# Guess: dtype="i8" stores float vectors on a coarser grid, scaled or clipped; distances stay roughly right.
# What happens: each float vector is divided by its own length before it is rounded to int8, for every
# metric. With "l2sq" or "ip" the length is gone: x, x / 2 and 100 x are stored as the same bytes and lie at
# distance 0 from each other. int8 vectors are stored as they are, and f16 keeps the lengths.
# Why it matters: i8 is the option that makes an index of 10^8 embeddings fit in memory. Where the length
# carries meaning (brightness, unnormalised features, inner products), the neighbours change without a word,
# and an exact twin no longer comes first.
#
# Output seen:
#   l2sq, f32: neighbours of vector 0: 0 at 0, 3 at 0.04, 2 at 7.5, 1 at 2.94e+05
#   l2sq, f16: neighbours of vector 0: 0 at 0, 3 at 0.0397, 2 at 7.5, 1 at 2.94e+05
#   l2sq, i8: neighbours of vector 0: 2 at 0, 1 at 0, 0 at 0, 3 at 10
#   stored as i8: x [23, 46, 69, 92] 100 x [23, 46, 69, 92] x / 2 [23, 46, 69, 92]
#   int8 given as int8: distance of x and 2 x 3000.0
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check usearch==2.26.6 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import numpy as np
from usearch.index import Index

vectors = np.zeros((4, 8), np.float32)
vectors[0, :4] = [1, 2, 3, 4]
vectors[1] = vectors[0] * 100
vectors[2] = vectors[0] / 2
vectors[3, :4] = [1, 2, 3, 4.2]
seen = {}
for dtype in ("f32", "f16", "i8"):
    index = Index(ndim=8, metric="l2sq", dtype=dtype)
    index.add(np.arange(4), vectors)
    found = index.search(vectors[0], 4)
    seen[dtype] = dict(zip(found.keys.tolist(), found.distances.tolist(), strict=True))
    order = ", ".join(f"{key} at {distance:.3g}" for key, distance in seen[dtype].items())
    print(f"l2sq, {dtype}: neighbours of vector 0: {order}")
stored = Index(ndim=8, metric="l2sq", dtype="i8")
stored.add(np.arange(4), vectors)
kept = [stored.get(key)[:4].tolist() for key in range(3)]
print("stored as i8: x", kept[0], "100 x", kept[1], "x / 2", kept[2])

whole = np.array([[10, 20, 30, 40, 0, 0, 0, 0], [20, 40, 60, 80, 0, 0, 0, 0]], np.int8)
native = Index(ndim=8, metric="l2sq", dtype="i8")
native.add(np.arange(2), whole)
print("int8 given as int8: distance of x and 2 x", native.search(whole[0], 2).distances.tolist()[1])

assert list(seen["f32"])[:2] == [0, 3] and seen["f32"][1] > 290_000
assert list(seen["f16"])[:2] == [0, 3] and seen["f16"][1] > 290_000
assert seen["i8"][0] == seen["i8"][1] == seen["i8"][2] == 0 and seen["i8"][3] > 0
assert kept[0] == kept[1] == kept[2]
assert native.search(whole[0], 2).distances.tolist()[1] == 3000
PYTHON
