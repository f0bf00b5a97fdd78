#!/usr/bin/env bash
#
# Package: hdbscan 0.8.44, scikit-learn 1.9.1, numpy 2.4.6.
# Guess: copies of one image have the outlier score 0; the scores of the others in their cluster say, as before,
# how far they lie from its core.
# What happens: as soon as there are more copies than min_samples, the copies have 0 and every other member of
# their cluster NaN, and so has what belongs to no cluster: the copies lie in an infinitely dense place, and GLOSH
# compares with the densest. Of 420 images none is NaN with 15 copies, 201 are with 16. Labels and probabilities
# are the same. No warning.
# Why it matters: empty cutouts and failed ones are all the same image. 16 of them take the score from half the
# archive, with all the outliers that belong to no cluster in it.
#
# Output seen:
#   15 copies: NaN among the 188 others of their cluster 0, in no cluster 0 of 14, in the other cluster 0 of 203
#   16 copies: NaN among the 187 others of their cluster 187, in no cluster 14 of 14, in the other cluster 0 of 203
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    hdbscan==0.8.44 scikit-learn==1.9.1 numpy==2.4.6 scipy==1.17.1
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import warnings

import hdbscan
import numpy as np

rng = np.random.default_rng(0)
images = np.concatenate([rng.normal(0, 1, (200, 2)), rng.normal(8, 1, (200, 2)), rng.uniform(-5, 15, (20, 2))])
seen, labels = {}, {}
for copies in (15, 16):
    same = images.copy()
    same[:copies] = same[0]
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        found = hdbscan.HDBSCAN(min_cluster_size=15).fit(same)
    labels[copies] = found.labels_
    lost = np.isnan(found.outlier_scores_)
    mates = found.labels_ == found.labels_[0]
    none = found.labels_ == -1
    mates[:copies] = False
    other = ~mates & ~none
    other[:copies] = False
    assert (found.outlier_scores_[:copies] == 0).all()
    seen[copies] = [(int(lost[group].sum()), int(group.sum())) for group in (mates, none, other)]
    (a, b), (c, d), (e, f) = seen[copies]
    print(
        f"{copies} copies: NaN among the {b} others of their cluster {a}, in no cluster {c} of {d},"
        f" in the other cluster {e} of {f}"
    )
assert np.array_equal(labels[15], labels[16])
assert all(count == 0 for count, _ in seen[15])
assert all(count == size for count, size in seen[16][:2]) and seen[16][2][0] == 0
PYTHON
