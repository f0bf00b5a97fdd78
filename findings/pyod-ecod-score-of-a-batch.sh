#!/usr/bin/env bash
#
# Package: pyod 3.6.7.
# Guess: a fitted detector scores an image by itself: the same image has the same score in any batch.
# What happens: ECOD and COPOD put the rows to be scored together with the training rows and rank anew, so a
# score depends on who else is in the call. An image far beyond every training row (6 sigma in each of five
# features) is an outlier alone, and none in a batch with others like it. predict() compares such scores
# with a threshold that was fixed in fit(). HBOS of the same package scores each row by itself.
# Why it matters: an archive is scored in shards. The same object gets another score for another shard size,
# and a cluster of oddities - the find one hopes for - hides itself by being scored in one call.
#
# Output seen:
#   ECOD: alone 31.08, with 300 like it 8.38, threshold 11.28, outlier 1 and 0
#   COPOD: alone 31.08, with 300 like it 8.38, threshold 9.18, outlier 1 and 0
#   HBOS: alone 15.86, with 300 like it 15.86, threshold 8.99, outlier 1 and 1
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check pyod==3.6.7 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import numpy as np
from pyod.models.copod import COPOD
from pyod.models.ecod import ECOD
from pyod.models.hbos import HBOS

rng = np.random.default_rng(0)
training = rng.normal(size=(500, 5))
odd = np.full((1, 5), 6.0)
alike = 6 + rng.normal(size=(300, 5))

for model in (ECOD(), COPOD(), HBOS()):
    model.fit(training)
    alone = model.decision_function(odd)[0]
    together = model.decision_function(np.concatenate([odd, alike]))[0]
    verdicts = int(model.predict(odd)[0]), int(model.predict(np.concatenate([odd, alike]))[0])
    print(
        f"{type(model).__name__}: alone {alone:.2f}, with 300 like it {together:.2f},"
        f" threshold {model.threshold_:.2f}, outlier {verdicts[0]} and {verdicts[1]}"
    )
    if isinstance(model, HBOS):
        assert alone == together and verdicts == (1, 1)
    else:
        assert alone > 3 * together and verdicts == (1, 0)
PYTHON
