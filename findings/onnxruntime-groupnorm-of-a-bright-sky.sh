#!/usr/bin/env bash
#
# Package: onnxruntime 1.32.0, numpy 2.4.6 (the models are made with onnx 1.23.2).
# Guess: GroupNormalization with as many groups as channels is InstanceNormalization, as in the paper and in
# PyTorch, and adding a constant to an image changes nothing, since the mean is taken off.
# What happens: the variance is the mean of the squares less the square of the mean, in float32. On a sky of 1000
# with noise 1 the output is off by more than the noise itself, and at 10000 the difference is negative and all
# pixels are NaN. The two normalisations beside it are right to 0.005.
# Why it matters: images with their background on are what one puts into a network of one's own, and GroupNorm is
# what small batches are trained with. PyTorch's GroupNorm is right on the same image to 0.001; the same layer in
# ONNX gives other scores where the sky is bright, and NaN where it is very bright.
#
# Output seen (largest difference to float64):
#   sky    100: GroupNormalization 0.006, InstanceNormalization 0.000, LayerNormalization 0.000
#   sky   1000: GroupNormalization 1.482, InstanceNormalization 0.000, LayerNormalization 0.000
#   sky  10000: GroupNormalization nan, InstanceNormalization 0.003, LayerNormalization 0.000
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import numpy as np
import onnxruntime
from onnx import TensorProto, helper


def run(operator, pixels, **attributes):
    size = pixels.shape[-1] if operator == "LayerNormalization" else pixels.shape[1]
    inputs = {"pixels": pixels, "scale": np.ones(size, np.float32), "bias": np.zeros(size, np.float32)}
    told = [helper.make_tensor_value_info(name, TensorProto.FLOAT, value.shape) for name, value in inputs.items()]
    node = helper.make_node(operator, list(inputs), ["out"], **attributes)
    out = helper.make_tensor_value_info("out", TensorProto.FLOAT, None)
    graph = helper.make_graph([node], "graph", told, [out])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, inputs)[0]


rng = np.random.default_rng(0)
off = {}
for sky in (100, 1000, 10000):
    pixels = (sky + rng.normal(0, 1, (1, 4, 64, 64))).astype(np.float32)
    wide = pixels.astype(float)
    variance = wide.var(axis=(2, 3), keepdims=True)
    true = (wide - wide.mean(axis=(2, 3), keepdims=True)) / np.sqrt(variance + 1e-5)
    group = run("GroupNormalization", pixels, num_groups=4)
    instance = run("InstanceNormalization", pixels)
    layer = run("LayerNormalization", pixels.reshape(4, -1)).reshape(true.shape)
    off[sky] = [np.abs(got - true).max() for got in (group, instance, layer)]
    told = "GroupNormalization {:.3f}, InstanceNormalization {:.3f}, LayerNormalization {:.3f}".format(*off[sky])
    print(f"sky {sky:6}: {told}")
assert off[1000][0] > 0.1 and not off[10000][0] < 1
assert all(max(others) < 0.02 for _, *others in off.values())
PYTHON
