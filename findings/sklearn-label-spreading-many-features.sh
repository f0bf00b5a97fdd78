#!/usr/bin/env bash
#
# Package: scikit-learn 1.9.1, numpy 2.4.6.
# Guess: LabelSpreading on 1280 standardised features of a backbone spreads the labels somehow; if it cannot,
# it warns.
# What happens: the default kernel is exp(-20 d^2), and d^2 is about 2500 here, so every weight is exactly 0
# in float64. Each unlabelled image gets the probabilities (0, 0), and as its class the first in sorting
# order. No warning is given. predict_proba of an image that was not in the fit is (NaN, NaN), and predict
# says the first class again. LabelPropagation does the same. With kernel="knn" the labels spread.
# Why it matters: "anomaly" sorts before "normal", so the whole unlabelled pool is reported as anomalies; with
# names that sort the other way round, none of it. Both look like results.
#
# Output seen:
#   LabelSpreading(rbf): 100% of the unlabelled called anomaly, 100% with all probabilities 0
#   LabelPropagation(rbf): 100% of the unlabelled called anomaly, 100% with all probabilities 0
#   LabelSpreading(knn): 50% of the unlabelled called anomaly, 0% with all probabilities 0
#   a new image: predict_proba [nan nan] predict anomaly
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check scikit-learn==1.9.1 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import warnings

import numpy as np
from sklearn.semi_supervised import LabelPropagation, LabelSpreading

names = ["anomaly", "normal"]  # as a label encoder sorts them
rng = np.random.default_rng(0)
features = rng.normal(size=(500, 1280))
features[:250, 0] += 40  # two groups, far apart
codes = np.full(500, -1)
codes[:5], codes[-5:] = 1, 0
for model in (LabelSpreading(), LabelPropagation(), LabelSpreading(kernel="knn")):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(features, codes)
    called = (model.transduction_[5:-5] == 0).mean()
    empty = (model.label_distributions_[5:-5].sum(axis=1) == 0).mean()
    print(
        f"{type(model).__name__}({model.kernel}): {called:.0%} of the unlabelled called {names[0]},"
        f" {empty:.0%} with all probabilities 0"
    )
    if model.kernel == "rbf":
        assert called == 1 and empty == 1
    else:
        assert abs(called - 0.5) < 0.1 and empty == 0

model = LabelSpreading().fit(features, codes)
new = rng.normal(size=(1, 1280))
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    probabilities, verdict = model.predict_proba(new), model.predict(new)
print("a new image: predict_proba", probabilities[0], "predict", names[verdict[0]])
assert np.isnan(probabilities).all() and verdict == [0]
PYTHON
