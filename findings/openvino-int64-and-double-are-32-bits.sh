#!/usr/bin/env bash
#
# Packages: openvino 2026.4.1 (CPU), onnx 1.23.2, numpy 2.4.6.
# Guess: a model whose input and output are int64, or double, keeps 64 bits, or the CPU device refuses it.
# What happens: inside, the CPU device has int32 and float32. Input and output stay int64 and float64 by name, and the
# upper half of an identifier is cut off: 2**32 + 5 equals 5. A Julian date is rounded to a quarter of a day, and
# 1e300 becomes 3.4e38. That the device has no such types is documented; that nothing says so when a model
# needs them is the surprise.
# Why it matters: identifiers that ride through a model beside the pixels come back as other identifiers, and a
# light curve loses its hours, in an array whose dtype promises the opposite.
#
# Output seen:
#   int64 [5853498713190525696, 4294967301, 5] + 0 = int64 [82668288, 5, 5]
#   float64 [2460000.1, 2460000.2] + 0 = float64 [2460000.0, 2460000.25]
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    openvino==2026.4.1 onnx==1.23.2 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import numpy as np
import onnx
import openvino
from onnx import TensorProto, helper, numpy_helper


def add_zero(kind, numbers):
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "zero"], ["y"])],
        "one_node",
        [helper.make_tensor_value_info("x", kind, [len(numbers)])],
        [helper.make_tensor_value_info("y", kind, [len(numbers)])],
        [numpy_helper.from_array(np.zeros(1, numbers.dtype), "zero")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    core = openvino.Core()
    answer = core.compile_model(core.read_model(model.SerializeToString()), "CPU")([numbers])[0]
    print(f"{numbers.dtype} {numbers.tolist()} + 0 = {answer.dtype} {answer.tolist()}")
    assert answer.dtype == numbers.dtype
    return answer


identifiers = np.array([5853498713190525696, 2**32 + 5, 5], np.int64)
assert add_zero(TensorProto.INT64, identifiers).tolist() == [82668288, 5, 5]
dates = np.array([2460000.1, 2460000.2])
found = add_zero(TensorProto.DOUBLE, dates)
assert np.ptp(found) != np.ptp(dates) and abs(found - dates).max() > 0.05
PYTHON
