"""Linear algebra in one thread: where that is faster, or where the last digits must be the same anywhere."""

from __future__ import annotations

import contextlib
import functools
import importlib
import threading
from collections.abc import Iterator

from threadpoolctl import ThreadpoolController

# The limit is one of the process: of two that overlap, the one that ends last would leave its own behind.
_one_at_a_time = threading.Lock()


@contextlib.contextmanager
def one_blas_thread() -> Iterator[None]:
    """Compute in one thread meanwhile; who asks for the same waits.

    OpenBLAS gives other last digits with another number of threads, and Dask starts its workers with one.
    """
    with _one_at_a_time, _libraries().limit(limits=1, user_api="blas"):
        yield


@functools.cache
def _libraries() -> ThreadpoolController:
    """Return what sets their threads. Looking for them takes 8 ms, and an order is fitted by half a dozen."""
    importlib.import_module("scipy.linalg")  # with which the second one comes, of NumPy's and SciPy's
    return ThreadpoolController()
