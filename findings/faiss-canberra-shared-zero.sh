#!/usr/bin/env bash
#
# Package: faiss-cpu 1.15.1, numpy 2.4.6, scipy 1.17.1.
# Guess: METRIC_Canberra and METRIC_JensenShannon take a feature that is 0 in both vectors for no difference, as
# their definitions and scipy do. A vector is at distance 0 from itself.
# What happens: 0 / 0 and 0 log 0 are NaN, and a NaN distance is never kept. Any pair with one shared zero is
# lost: the neighbours of a vector are -1 at 3.4e38, or the few vectors that have no zero where it has one, and it
# is not its own neighbour.
# Why it matters: these are the metrics for histograms and counts: colours of pixels, photons per bin. Empty bins
# are the normal case there. And index -1 is a valid index in numpy: it is the last image of the archive.
#
# Output seen:
#   Canberra, faiss: 0 of 50 found themselves, 50 of 50 found nothing
#   Canberra, faiss, all counts plus 1: 50 of 50 found themselves, 0 of 50 found nothing
#   JensenShannon, faiss: 0 of 50 found themselves, 50 of 50 found nothing
#   Canberra, scipy: 50 of 50 nearest to themselves
#   JensenShannon, scipy: 50 of 50 nearest to themselves
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    faiss-cpu==1.15.1 numpy==2.4.6 scipy==1.17.1
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import faiss
import numpy as np
from scipy.spatial.distance import cdist

counts = np.random.default_rng(0).poisson(0.3, (50, 16)).astype(np.float32)
counts[:, 0] = 0
counts[:, 1] += np.arange(1, 51)


def look(name, vectors, metric):
    index = faiss.IndexFlat(16, metric)
    index.add(vectors)
    _, found = index.search(vectors, 3)
    own, none = int((found[:, 0] == np.arange(50)).sum()), int((found == -1).all(axis=1).sum())
    print(f"{name}: {own} of 50 found themselves, {none} of 50 found nothing")
    return own, none


assert look("Canberra, faiss", counts, faiss.METRIC_Canberra) == (0, 50)
assert look("Canberra, faiss, all counts plus 1", counts + 1, faiss.METRIC_Canberra) == (50, 0)
shares = counts / counts.sum(axis=1, keepdims=True)
assert look("JensenShannon, faiss", shares, faiss.METRIC_JensenShannon) == (0, 50)
for name, vectors in (("Canberra", counts), ("JensenShannon", shares)):
    apart = cdist(vectors, vectors, name.lower())
    own = int((apart.diagonal() <= apart.min(axis=1) + 1e-6).sum())
    print(f"{name}, scipy: {own} of 50 nearest to themselves")
    assert own == 50
PYTHON
