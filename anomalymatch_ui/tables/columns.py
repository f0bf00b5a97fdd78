"""A table as a value: columns of Arrow with unit, UCD and description, and where all of it comes from.

Arrow keeps what other tables lose: an identifier of 19 digits stays a whole number where others are missing,
and a missing boolean stays missing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa

# No XML file can hold these, and FITS ends a text at the first of them.
_NOT_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes
    ----------
    name
        As it is written.
    values
        One for each row, of a type that :func:`plain` returns.
    unit
        As the VOUnit standard writes it, such as ``"deg"``; empty without one.
    ucd
        What it is, in the words of the IVOA's UCD1+ list, such as ``"pos.eq.ra;meta.main"``.
    description
        A phrase for a person.
    """

    name: str
    values: pa.Array
    unit: str = ""
    ucd: str = ""
    description: str = ""


@dataclass(frozen=True)
class ResultTable:
    """Columns of equal length.

    Attributes
    ----------
    columns
        In their order; no two have names that differ in capitals alone, for FITS does not tell these apart.
    provenance
        What made it, by keyword: software, settings, images. It is written into the file.
    remarks
        Sentences on what is not in it as it was, for the person who asked for it.
    """

    columns: tuple[Column, ...]
    provenance: Mapping[str, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.columns[0].values) if self.columns else 0

    def __getitem__(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(column.name for column in self.columns)

    def first(self, rows: int) -> ResultTable:
        """Return the first rows, or all where there are fewer."""
        columns = tuple(replace(column, values=column.values.slice(0, rows)) for column in self.columns)
        return replace(self, columns=columns)

    def joined(self, others: Sequence[Column]) -> ResultTable:
        """Return the table with more columns; one whose name is taken is renamed, which is a remark.

        Parameters
        ----------
        others
            Columns of the same length. ``label`` becomes ``label_given``, and a second one ``label_given_2``.
        """
        taken = {column.name.casefold() for column in self.columns}
        columns, remarks = list(self.columns), list(self.remarks)
        for column in others:
            name = _free(column.name, taken)
            if name != column.name:
                remarks.append(f"The column {column.name!r} of the images is written as {name!r}.")
            taken.add(name.casefold())
            columns.append(replace(column, name=name))
        return replace(self, columns=tuple(columns), remarks=tuple(remarks))


def _free(name: str, taken: set[str]) -> str:
    """Return a name that is not taken, nor empty."""
    name = _NOT_TEXT.sub("\ufffd", name).strip() or "column"
    if name.casefold() not in taken:
        return name
    given, number = f"{name}_given", 2
    while given.casefold() in taken:
        given, number = f"{name}_given_{number}", number + 1
    return given


def plain(values: pa.Array | pa.ChunkedArray) -> pa.Array | None:
    """Return values of a type that tables hold: boolean, integers, floats or text; ``None`` without one.

    Dictionaries become their values; times, dates and decimals their text (ISO 8601); bytes that are UTF-8
    text that text. Characters that no XML file can hold become U+FFFD. Lists and records have no place in a
    table whose cells are single values.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
        if isinstance(values, pa.ChunkedArray):  # of no chunk at all
            values = pa.array([], values.type)
    kind = values.type
    if pa.types.is_dictionary(kind):
        return plain(values.dictionary_decode())
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return values
    if pa.types.is_temporal(kind) or pa.types.is_decimal(kind):
        values = pc.cast(values, pa.string())
    elif pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        try:
            values = pc.cast(pc.cast(values, pa.large_binary()), pa.large_string())
        except pa.ArrowInvalid:
            return None
    elif pa.types.is_null(kind):
        values = pc.cast(values, pa.string())
    elif not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)):
        return None
    texts = _texts(values)
    if any(text is not None and _NOT_TEXT.search(text) for text in texts):
        texts = [None if text is None else _NOT_TEXT.sub("\ufffd", text) for text in texts]
    return pa.array(texts, pa.string())


def _texts(values: pa.Array) -> list[str | None]:
    """Return texts, with a mark for what is no UTF-8: Arrow does not check what a file says is text."""
    import pyarrow as pa

    try:
        found: list[str | None] = values.to_pylist()
    except UnicodeDecodeError:
        contents = values.cast(pa.large_binary()).to_pylist()
        found = [None if content is None else content.decode("utf-8", "replace") for content in contents]
    return found


def without_nan(values: pa.Array) -> pa.Array:
    """Return values of whose floats NaN is missing.

    Not by Arrow's own functions, which in its version 17 know no float16.
    """
    import pyarrow as pa

    if not pa.types.is_floating(values.type):
        return values
    return pa.array(values.to_numpy(zero_copy_only=False), values.type, from_pandas=True)


def typed(texts: Sequence[str]) -> pa.Array:
    """Return the texts of a column as whole numbers, as floats, or as what they are; blank ones are missing.

    No digit of an identifier is lost: with leading zeros, such as ``007``, or as a whole number that no float
    holds among others that are none, it keeps the whole column text. So does a number too large for a float.
    """
    import pyarrow as pa

    given = [text.strip() for text in texts]
    filled = [text for text in given if text]
    if filled and all(_WHOLE.fullmatch(text) for text in filled):
        whole = [int(text) if text else None for text in given]
        known = [number for number in whole if number is not None]
        for kind, low, high in (
            (pa.int64(), -(2**63), 2**63 - 1),
            (pa.uint64(), 0, 2**64 - 1),
        ):
            if low <= min(known) and max(known) <= high:
                return pa.array(whole, kind)
    elif filled and all(_FLOAT.fullmatch(text) and _is_kept(text) for text in filled):
        return pa.array([float(text) if text else None for text in given], pa.float64())
    return plain(pa.array([text or None for text in given], pa.string()))


def _is_kept(text: str) -> bool:
    """Return whether a float holds a number: as a measurement it may be rounded, as a whole number not."""
    number = float(text)
    if math.isinf(number):
        return "inf" in text.lower()
    return not _WHOLE.fullmatch(text) or int(number) == int(text)


_WHOLE = re.compile(r"0|-?[1-9]\d*", re.ASCII)
_FLOAT = re.compile(
    r"[+-]?(?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?|[+-]?inf(?:inity)?|nan", re.ASCII | re.I
)


def portable(values: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Return values in a type that FITS and VOTable both have, and where there are none.

    Neither has signed bytes, unsigned integers of more than a byte, or floats of 16 bits: they become the
    next larger type, and unsigned integers beyond 2^63 - 1 text, of which no digit is lost.

    Returns
    -------
    values
        bool, uint8, int16, int32, int64, float32, float64 or text (object) ``(n,)``; floats are NaN, and
        texts empty, where there is none.
    missing
        bool ``(n,)``; False for floats, whose NaN says it.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    missing = np.asarray(values.is_null().to_numpy(zero_copy_only=False), dtype=bool)
    kind = values.type
    if pa.types.is_floating(kind):
        numbers = values.to_numpy(zero_copy_only=False)
        wanted = np.float32 if numbers.dtype.itemsize <= 4 else np.float64
        return np.asarray(numbers, dtype=wanted), np.zeros(len(values), dtype=bool)
    if pa.types.is_uint64(kind) and len(values) and (pc.max(values).as_py() or 0) > 2**63 - 1:
        values, kind = pc.cast(values, pa.string()), pa.string()
    if pa.types.is_string(kind):
        return np.array([text or "" for text in values.to_pylist()], dtype=object), missing
    larger = {
        pa.int8(): pa.int16(),
        pa.uint16(): pa.int32(),
        pa.uint32(): pa.int64(),
        pa.uint64(): pa.int64(),
    }
    values = pc.cast(values, larger.get(kind, kind))
    filler = False if pa.types.is_boolean(kind) else 0
    filled = values.fill_null(filler)
    return np.asarray(filled.to_numpy(zero_copy_only=False)), missing


def unused(values: np.ndarray, missing: np.ndarray) -> int:
    """Return the lowest number of a type that none of the values is."""
    candidate = int(np.iinfo(values.dtype).min)
    for number in np.unique(values[~missing]):
        if int(number) != candidate:
            break
        candidate += 1
    return candidate
