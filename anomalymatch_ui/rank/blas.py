"""Linear algebra in one thread: where that is faster, or where the last digits must be the same anywhere."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from threadpoolctl import threadpool_limits

# The limit is one of the process: of two that overlap, the one that ends last would leave its own behind.
_one_at_a_time = threading.Lock()


@contextlib.contextmanager
def one_blas_thread() -> Iterator[None]:
    """Compute in one thread meanwhile; who asks for the same waits.

    OpenBLAS gives other last digits with another number of threads, and Dask starts its workers with one.
    """
    with _one_at_a_time, threadpool_limits(1, "blas"):
        yield
