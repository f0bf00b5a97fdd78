#!/usr/bin/env bash
#
# Packages: openvino 2026.4.1 (CPU), onnx 1.23.2, numpy 2.4.6.
# Guess: int32 is computed as int32; the CPU device names it among its precisions.
# What happens: Mul of int32 is exact. Equal, Greater, Div and ReduceSum go through float32:
# 16777216 equals 16777217, a number divided by 1 is its neighbour, and a sum of four counts is 6 off. By their types,
# inputs and outputs are int32 all the way.
# Why it matters: a model that looks up an identifier, masks by one, or sums counts of a stack past 2**24
# matches the object next door. Identifiers past 16.7 million are the rule in a survey.
#
# Output seen:
#   int32: [16777216, 16777217, 16777218, 16777219]
#   Mul 1: [16777216, 16777217, 16777218, 16777219]
#   Equal 16777217: [True, True, False, False]
#   Greater 16777216: [False, False, True, True]
#   Div 1: [16777216, 16777216, 16777218, 16777220]
#   ReduceSum : [67108864]
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


def compute(operator, numbers, other=None, result=TensorProto.INT32):
    shape = [1] if other is None else [4]
    inputs = ["x"] if other is None else ["x", "other"]
    graph = helper.make_graph(
        [helper.make_node(operator, inputs, ["y"])],
        "one_node",
        [helper.make_tensor_value_info("x", TensorProto.INT32, [4])],
        [helper.make_tensor_value_info("y", result, shape)],
        [] if other is None else [numpy_helper.from_array(np.full(4, other, np.int32), "other")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    core = openvino.Core()
    compiled = core.compile_model(core.read_model(model.SerializeToString()), "CPU")
    answer = compiled([numbers])[0].ravel().tolist()
    print(f"{operator} {'' if other is None else other}: {answer}")
    return answer


numbers = np.arange(2**24, 2**24 + 4, dtype=np.int32)
print("int32:", numbers.tolist())
assert compute("Mul", numbers, 1) == numbers.tolist()
assert compute("Equal", numbers, 2**24 + 1, TensorProto.BOOL) != [False, True, False, False]
assert compute("Greater", numbers, 2**24, TensorProto.BOOL) != [False, True, True, True]
assert compute("Div", numbers, 1) != numbers.tolist()
assert compute("ReduceSum", numbers) != [int(numbers.sum())]
PYTHON
