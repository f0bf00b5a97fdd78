#!/usr/bin/env bash
#
# Packages: safetensors 0.8.0, numpy 2.4.6.
# Guess: the same tensors with the same metadata make the same bytes, as the format sorts its tensors, so that
# the hash of a file names its weights.
# What happens: with two or more entries of metadata the header has them in an order that changes from one
# save to the next, also within one process. With one entry, or none, the bytes are always the same.
# Why it matters: a cache, a model registry or a test that names weights by the hash of their file sees other
# weights where there are none.
#
# Output seen:
#   40 saves of one tensor, no metadata: 1 kind of bytes
#   40 saves of one tensor, 1 entry: 1 kind of bytes
#   40 saves of one tensor, 4 entries: many kinds of bytes, all of one length
#   all of them load to the same tensor and the same metadata: True
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    safetensors==0.8.0 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import numpy as np
from safetensors import safe_open
from safetensors.numpy import save

tensor = {"weight": np.arange(6, dtype=np.float32)}
entries = {"format": "pt", "step": "3", "recipe": "a", "network": "b"}


def saved(count):
    chosen = dict(list(entries.items())[:count])
    return {save(tensor, chosen or None) for _ in range(40)}


for count, called in ((0, "no metadata"), (1, "1 entry"), (4, "4 entries")):
    kinds = saved(count)
    if count < 2:
        told = f"{len(kinds)} kind of bytes"
        assert len(kinds) == 1
    else:
        assert len(kinds) > 3 and len({len(kind) for kind in kinds}) == 1
        told = "many kinds of bytes, all of one length"
    print(f"40 saves of one tensor, {called}: {told}")

same = True
for kind in kinds:
    with open("weights.safetensors", "wb") as file:
        file.write(kind)
    with safe_open("weights.safetensors", framework="np") as file:
        same &= file.metadata() == entries and np.array_equal(file.get_tensor("weight"), tensor["weight"])
print("all of them load to the same tensor and the same metadata:", same)
assert same
PYTHON
