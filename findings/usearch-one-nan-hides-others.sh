#!/usr/bin/env bash
#
# Package: usearch 2.26.6, faiss-cpu 1.15.1, numpy 2.4.6.
# Guess: a NaN row in a nearest-neighbour index is found by nobody, and harms nobody.
# What happens: in usearch one NaN row among 5,000 embeddings breaks the graph around it. Asked for itself, a
# sixth of all other objects is no longer found, and hundreds of answers have the distance NaN. With ten NaN
# rows seven tenths are lost, with fifty (1 %) nearly four fifths. add() takes the rows without a word. The
# HNSW graph of faiss finds 99 % of the good rows even with fifty.
# Why it matters: one image that failed to decode, or one bad pixel through the backbone, gives a NaN
# embedding. "Show me similar objects" then misses twins of good images, in an archive where almost all
# is in order. Check np.isfinite before add.
#
# Output seen:
#    0 NaN rows of 5000: usearch finds 100% of the good rows (0 at distance NaN), faiss HNSW 100%
#    1 NaN rows of 5000: usearch finds 83% of the good rows (788 at distance NaN), faiss HNSW 100%
#   10 NaN rows of 5000: usearch finds 29% of the good rows (917 at distance NaN), faiss HNSW 100%
#   50 NaN rows of 5000: usearch finds 22% of the good rows (935 at distance NaN), faiss HNSW 99%
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check \
    usearch==2.26.6 faiss-cpu==1.15.1 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import faiss
import numpy as np
from usearch.index import Index

rng = np.random.default_rng(0)
embeddings = rng.normal(size=(5000, 16)).astype(np.float32)
faiss.omp_set_num_threads(1)


def found(broken):
    """Return the share of good rows that find themselves, by usearch and by faiss, and the NaN distances."""
    rows = embeddings.copy()
    bad = np.arange(broken) * 100
    rows[bad] = np.nan
    good = np.setdiff1d(np.arange(len(rows)), bad)

    index = Index(ndim=16, metric="l2sq", dtype="f32")
    index.add(np.arange(len(rows)), rows, threads=1)
    answer = index.search(embeddings[good], 1, threads=1)
    graph = faiss.IndexHNSWFlat(16, 32)
    graph.hnsw.efSearch = 50
    graph.add(rows)
    _, nearest = graph.search(embeddings[good], 1)
    own = (answer.keys.ravel() == good).mean()
    return own, (nearest[:, 0] == good).mean(), int(np.isnan(answer.distances).sum())


shares = {}
for broken in (0, 1, 10, 50):
    usearch, hnsw, undefined = found(broken)
    shares[broken] = usearch
    print(
        f"{broken:2} NaN rows of 5000: usearch finds {usearch:.0%} of the good rows"
        f" ({undefined} at distance NaN), faiss HNSW {hnsw:.0%}"
    )
    assert hnsw > 0.95
assert shares[0] > 0.99 and shares[1] < 0.95 and shares[10] < 0.8 and shares[50] < 0.5
PYTHON
