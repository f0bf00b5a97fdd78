"""A number for each row of a large table, which is read and widened in blocks that fit a core's cache."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

_NUMBERS = (
    1 << 17
)  # of a block: 0.5 MB as float32 stay in a core's cache, and OpenBLAS takes one thread for it
_SHARE = 1 << 14  # rows that a thread takes at one time
_IN_THREADS = 4 * _SHARE  # rows from which threads are worth their start
_THREADS = 4
_LEAST = 64  # a block of one row would be summed by another routine, with other last digits
_SHIFT, _KEPT = 13, np.int32(-0x70002000)  # from a half's bits to a float's: sign, lower exponent, fraction
_RAISE = np.float32(2.0**112)  # what the two formats' exponents differ by
_SPECIAL, _NO_NUMBER = 0x7C00, np.int32(0x7F800000)  # exponent of NaN and infinity, in halves and in floats


def of_each_row(
    features: np.ndarray, measure: Callable[[np.ndarray], np.ndarray], dtype: type = np.float32
) -> np.ndarray:
    """Return what ``measure`` says of each row, ``(n,)``.

    Parameters
    ----------
    features
        float ``(n, features)``, which may lie on disk: about a megabyte of it is in memory for each thread.
    measure
        Takes rows as float32 ``(m, features)``, which it must not keep, and gives ``(m,)``. It is called
        from several threads, and no row's number may depend on the rows beside it.
    dtype
        Dtype of the result.
    """
    count = len(features)
    values: np.ndarray = np.empty(count, dtype)

    def fill(start: int) -> None:
        last = count - start < _SHARE + _LEAST
        _fill(features, measure, values, start, count if last else start + _SHARE)

    starts = range(0, max(count - _LEAST + 1, 1), _SHARE)  # fewer rows go with the share before them
    threads = min(_THREADS, os.cpu_count() or 1) if count >= _IN_THREADS else 1
    if threads == 1:
        for start in starts:
            fill(start)
    else:
        _in_threads(fill, starts, threads)
    return values


def widen(halves: np.ndarray, wide: np.ndarray) -> None:
    """Write float16 numbers as float32, both ``(n, features)``: what NumPy writes, in a quarter of its time.

    NumPy converts number by number; whole numbers it shifts and masks in the widest registers there are.
    """
    if not halves.dtype.isnative or not _keeps_the_smallest():
        np.copyto(wide, halves)
        return
    bits = wide.view(np.int32)
    np.copyto(bits, halves.view(np.int16))
    np.left_shift(bits, _SHIFT, out=bits)
    np.bitwise_and(bits, _KEPT, out=bits)
    np.multiply(wide, _RAISE, out=wide)
    # As signed numbers the bits of NaN and infinity are the largest, as unsigned ones those below zero.
    most, least = halves.view(np.int16).max(initial=0), halves.view(np.uint16).max(initial=0)
    if most >= _SPECIAL or least >= 0x8000 + _SPECIAL:
        np.bitwise_or(bits, _NO_NUMBER, out=bits, where=np.abs(wide) >= 2.0**16)


def _fill(
    features: np.ndarray,
    measure: Callable[[np.ndarray], np.ndarray],
    values: np.ndarray,
    start: int,
    stop: int,
) -> None:
    size = max(_LEAST, _NUMBERS // max(features.shape[1], 1) // _LEAST * _LEAST)
    wide = np.empty((min(size + _LEAST, stop - start), features.shape[1]), np.float32)
    # A table on disk can fill what is there: to take and give back a quarter of a megabyte costs as much.
    read_into = getattr(features, "read_into", None)
    halves = np.empty(wide.shape, np.float16) if read_into and features.dtype == np.float16 else None
    while start < stop:
        end = stop if stop - start < size + _LEAST else start + size
        part = wide[: end - start]
        if halves is not None and read_into is not None:
            read_into(halves[: end - start], start)
            widen(halves[: end - start], part)
        else:
            block = features[start:end]
            if block.dtype == np.float16:
                widen(np.ascontiguousarray(block), part)
            else:
                part = np.asarray(block, np.float32)
        values[start:end] = measure(part)
        start = end


def _in_threads(fill: Callable[[int], None], starts: range, threads: int) -> None:
    begun = []
    with ThreadPoolExecutor(threads, "rows") as executor:
        try:
            for start in starts:
                begun.append(executor.submit(fill, start))
        except RuntimeError:  # where the program ends no thread begins any more, and a session is closed yet
            for start in starts[len(begun) :]:
                fill(start)
        try:
            for its in begun:
                its.result()
        finally:
            for its in begun:
                its.cancel()


def _keeps_the_smallest() -> bool:
    """Return whether this thread computes with the smallest floats there are, or takes them for zero."""
    smallest = np.array([1 << _SHIFT], np.int32).view(np.float32)
    return bool((smallest * _RAISE)[0] > 0)
