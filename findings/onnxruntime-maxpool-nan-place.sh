#!/usr/bin/env bash
#
# Package: onnxruntime 1.32.0 (CPU), onnx 1.23.2, numpy 2.4.6.
# Guess: a NaN in the window of MaxPool gives NaN, as in torch; or is passed over, as by fmax. One of both.
# What happens: it depends on where in the window the NaN lies, and on the size of the image. In a 2 x 2
# image it survives in one place of four, in the corner of a 4 x 4 image in another place; everywhere else it
# vanishes and the largest neighbour comes out. ReduceMax gives NaN when the first value is NaN and passes
# it over anywhere else. (Seen on a CPU with AVX2; the places may be others with other vector units.)
# Why it matters: an EfficientNet or ResNet exported to ONNX gets a finite score for some cutouts with a bad
# pixel and NaN for others, by chance of position. NaN in the score is no test for NaN in the image: look
# at the pixels before.
#
# Output seen:
#   MaxPool, 2 x 2 image, NaN in one place after the other of the first window: [4.0, nan, 4.0, 3.0]
#   MaxPool, 4 x 4 image, NaN in one place after the other of the first window: [6.0, 6.0, 6.0, nan]
#   ReduceMax of 0 to 5 with NaN in place 0 to 5: [nan, 5.0, 5.0, 5.0, 5.0, 4.0]
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check \
    onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper


def session(node, shape, result):
    graph = helper.make_graph(
        [node],
        "one_node",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, result)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    return onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])


node = helper.make_node("MaxPool", ["x"], ["y"], kernel_shape=[2, 2], strides=[2, 2])
for size in (2, 4):
    pool = session(node, [1, 1, size, size], [1, 1, size // 2, size // 2])
    pooled = []
    for place in ((0, 0), (0, 1), (1, 0), (1, 1)):
        image = np.arange(1, 1 + size**2, dtype=np.float32).reshape(size, size)
        image[place] = np.nan
        pooled.append(float(pool.run(None, {"x": image[None, None]})[0][0, 0, 0, 0]))
    print(f"MaxPool, {size} x {size} image, NaN in one place after the other of the first window: {pooled}")
    assert 0 < np.isnan(pooled).sum() < 4

largest = session(helper.make_node("ReduceMax", ["x"], ["y"], axes=[1]), [1, 6], [1, 1])
reduced = []
for place in range(6):
    row = np.arange(6, dtype=np.float32)
    row[place] = np.nan
    reduced.append(float(largest.run(None, {"x": row[None]})[0].item()))
print("ReduceMax of 0 to 5 with NaN in place 0 to 5:", reduced)
assert 0 < np.isnan(reduced).sum() < 6
PYTHON
