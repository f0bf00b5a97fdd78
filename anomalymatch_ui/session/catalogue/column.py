"""One column of what is known of the images: texts as they stand in a table, and numbers where they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, overload

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa

_EXACT_DIGITS = 15  # of a whole number that every float of 64 bits holds


class Texts(Sequence[str]):
    """Texts in Arrow's memory: a million take a tenth of what they take as objects, and are searched at once.

    Parameters
    ----------
    values
        Array of strings without nulls.
    """

    def __init__(self, values: pa.Array) -> None:
        self.values = values

    @classmethod
    def of(cls, texts: Sequence[str]) -> Sequence[str]:
        """Return texts so, or as they are if Arrow cannot hold them: file names need not be UTF-8."""
        import pyarrow as pa

        if isinstance(texts, Texts):
            return texts
        try:
            return cls(pa.array(texts, pa.string()))
        except (UnicodeEncodeError, pa.ArrowException):
            return texts

    def __len__(self) -> int:
        return len(self.values)

    @overload
    def __getitem__(self, place: int) -> str: ...

    @overload
    def __getitem__(self, place: slice) -> list[str]: ...

    def __getitem__(self, place: int | slice) -> str | list[str]:
        if isinstance(place, slice):
            start, stop, step = place.indices(len(self))
            return [self[at] for at in range(start, stop, step)]
        text: str = self.values[place].as_py()
        return text

    def __iter__(self) -> Iterator[str]:
        return iter(self.values.to_pylist())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def take(self, rows: np.ndarray) -> Texts:
        """Return the texts of some rows; an empty one where a row is below 0."""
        import pyarrow as pa

        return Texts(self.values.take(pa.array(rows, pa.int64(), mask=rows < 0)).fill_null(""))

    def holding(self, text: str) -> np.ndarray:
        """Return which hold a text, in upper or lower case, bool ``(n,)``."""
        import pyarrow.compute as pc

        found = pc.match_substring(self._folded, text.casefold())
        return np.asarray(found.to_numpy(zero_copy_only=False), dtype=bool)

    @cached_property
    def _folded(self) -> Any:
        import pyarrow as pa
        import pyarrow.compute as pc

        if pc.all(pc.string_is_ascii(self.values)).as_py() is not False:
            return pc.ascii_lower(self.values)
        return pa.array([one.casefold() for one in self], pa.string())


def with_text(texts: Sequence[str], text: str) -> np.ndarray:
    """Return which texts hold another, in upper or lower case, bool ``(len(texts),)``."""
    if isinstance(texts, Texts):
        return texts.holding(text)
    text = text.casefold()
    return np.fromiter((text in one.casefold() for one in texts), dtype=bool, count=len(texts))


def taken(texts: Sequence[str], rows: np.ndarray) -> list[str]:
    """Return the texts of some rows; an empty one where a row is below 0."""
    if isinstance(texts, Texts):
        return list(texts.take(rows))
    return ["" if row < 0 else texts[row] for row in rows.tolist()]


class Column:
    """One column, by pool index.

    Parameters
    ----------
    name
        As in the table.
    numbers
        float64 ``(len(pool),)``, NaN where there is none; ``None`` if the column holds text.
    texts
        What stands in the table, stripped, empty where there is nothing; one for each image.
    """

    def __init__(self, name: str, numbers: np.ndarray | None, texts: Sequence[str]) -> None:
        self.name = name
        self._numbers, self._texts = numbers, texts

    @property
    def is_number(self) -> bool:
        """Whether the column holds numbers."""
        return self._numbers is not None

    @property
    def numbers(self) -> np.ndarray | None:
        """Numbers by pool index; ``None`` if the column holds text."""
        return self._numbers

    @property
    def texts(self) -> Sequence[str]:
        """Texts by pool index."""
        return self._texts

    def text_at(self, index: int) -> str:
        """Return the text of one image."""
        return self.texts[index]

    @classmethod
    def of_texts(cls, name: str, texts: Sequence[str]) -> Column:
        """Take a column as numbers if all of it that is not blank is numbers, else as text.

        So are whole numbers of which a float would lose a digit, as of identifiers: a filter for one of them
        is to find that one.
        """
        import pyarrow.compute as pc

        held = Texts.of(texts)
        if isinstance(held, Texts):
            held = Texts(pc.utf8_trim_whitespace(held.values))
            return cls(name, _numbers_of(held), held)
        texts = [text.strip() for text in texts]
        return cls(name, _parsed(texts), texts)


class LazyColumn(Column):
    """A column that is read when it is asked for.

    Parameters
    ----------
    name, is_number
        As of :class:`Column`.
    numbers, texts
        Read all of it.
    text
        Reads the text of one image.
    """

    def __init__(
        self,
        name: str,
        is_number: bool,
        numbers: Callable[[], np.ndarray],
        texts: Callable[[], Sequence[str]],
        text: Callable[[int], str],
    ) -> None:
        super().__init__(name, None, ())
        self._is_number, self._read_numbers, self._read_texts, self._read_text = (
            is_number,
            numbers,
            texts,
            text,
        )

    @property
    def is_number(self) -> bool:
        """Whether the column holds numbers."""
        return self._is_number

    @property
    def numbers(self) -> np.ndarray | None:
        """Numbers by pool index; ``None`` if the column holds text."""
        if self._numbers is None and self._is_number:
            self._numbers = self._read_numbers()
            self._numbers.flags.writeable = False
        return self._numbers

    @property
    def texts(self) -> Sequence[str]:
        """Texts by pool index."""
        if not self._texts:
            self._texts = self._read_texts()
        return self._texts

    def text_at(self, index: int) -> str:
        """Return the text of one image."""
        return self._texts[index] if self._texts else self._read_text(index)


def _numbers_of(texts: Texts) -> np.ndarray | None:
    """Return texts as numbers, float64; ``None`` if they are text, or all blank."""
    import pyarrow as pa
    import pyarrow.compute as pc

    blank = pc.equal(texts.values, "")
    filled = texts.values.filter(pc.invert(blank))
    if len(filled) == 0:
        return None
    # Arrow reads what is plainest, a hundred times as fast; of all else Python decides.
    plain = pc.match_substring_regex(filled, r"^-?\d+(\.\d*)?(e[+-]?\d+)?$", ignore_case=True)
    if not pc.all(plain).as_py():
        return _parsed(list(texts))
    long = filled.filter(pc.match_substring_regex(filled, rf"^-?\d{{{_EXACT_DIGITS},}}$"))
    try:
        if any(float(text) != int(text) for text in long.to_pylist()):
            return None
        values = pc.cast(pc.if_else(blank, pa.scalar(None, pa.string()), texts.values), pa.float64())
    except ValueError:  # Arrow's errors are, too
        return _parsed(list(texts))
    numbers = np.array(values.to_numpy(zero_copy_only=False), np.float64)
    numbers.flags.writeable = False
    return numbers


def _parsed(texts: Sequence[str]) -> np.ndarray | None:
    """Return texts as numbers, read by Python; ``None`` if they are text, or all blank."""
    numbers = np.full(len(texts), np.nan)
    filled = [row for row, text in enumerate(texts) if text]
    try:
        numbers[filled] = [_number(texts[row]) for row in filled]
    except ValueError:
        return None
    numbers.flags.writeable = False
    return numbers if filled else None


def _number(text: str) -> float:
    if "_" in text:  # Python reads 2024_01 as a number, astronomers do not
        raise ValueError(text)
    number = float(text)
    if len(text) > _EXACT_DIGITS and text.lstrip("+-").isdigit() and int(text) != number:
        raise ValueError(text)
    return number
