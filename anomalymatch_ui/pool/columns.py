"""What files say of each image beside its pixels: identifiers, positions, labels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.pool.closed import PoolClosedError

if TYPE_CHECKING:
    import pyarrow as pa

RIGHT_ASCENSION = (
    "ra", "ra_deg", "raj2000", "_raj2000", "alpha_j2000", "alphawin_j2000", "ra_icrs",
    "right_ascension", "ramean", "ira",
)  # fmt: skip
DECLINATION = (
    "dec", "dec_deg", "decl", "dej2000", "_dej2000", "decj2000", "delta_j2000", "deltawin_j2000", "de_icrs",
    "dec_icrs", "declination", "decmean", "idec",
)  # fmt: skip
"""Names of positions in degrees, in small letters, the likeliest first."""


def position_names(names: Sequence[str]) -> tuple[str, str] | None:
    """Return which columns are right ascension and declination in degrees; ``None`` if there are none.

    Examples
    --------
    >>> position_names(["source_id", "RA", "DEC"])
    ('RA', 'DEC')
    """
    folded = {name.casefold(): name for name in reversed(names)}
    right_ascension, declination = (
        next((folded[name] for name in known if name in folded), None)
        for known in (RIGHT_ASCENSION, DECLINATION)
    )
    return None if right_ascension is None or declination is None else (right_ascension, declination)


class Columns(Mapping[str, "pa.ChunkedArray"]):
    """Columns with one value an image, in the pool's order; each is read when it is asked for.

    Values stay what they are: an identifier of 19 digits is an int64, also where others are missing.

    Parameters
    ----------
    readers
        Name -> what reads that column.
    units, descriptions, ucds
        Name -> its unit, what it is in a phrase, and in the words of the IVOA, of those that have one.

    Examples
    --------
    >>> pool.columns.names  # doctest: +SKIP
    ('source_id', 'ra', 'dec')
    >>> pool.columns["source_id"][0].as_py()  # doctest: +SKIP
    2739161834506210321
    """

    def __init__(
        self,
        readers: Mapping[str, Callable[[], pa.ChunkedArray]] | None = None,
        units: Mapping[str, str] | None = None,
        descriptions: Mapping[str, str] | None = None,
        ucds: Mapping[str, str] | None = None,
    ) -> None:
        self._readers = dict(readers or {})
        self.units: Mapping[str, str] = MappingProxyType(dict(units or {}))
        self.descriptions: Mapping[str, str] = MappingProxyType(dict(descriptions or {}))
        self.ucds: Mapping[str, str] = MappingProxyType(dict(ucds or {}))

    @property
    def names(self) -> tuple[str, ...]:
        """The names, in the order of the file."""
        return tuple(self._readers)

    @property
    def positions(self) -> tuple[str, str] | None:
        """Names of the columns of right ascension and declination in degrees; ``None`` if there are none."""
        return position_names(self.names)

    def table(self, names: Sequence[str] | None = None) -> pa.Table:
        """Return some columns, or all, as one table with a row an image.

        Raises
        ------
        KeyError
            If there is no column of a name.
        """
        import pyarrow as pa

        return pa.table({name: self[name] for name in (self.names if names is None else names)})

    def rows(self, indices: np.ndarray) -> Columns:
        """Return the same columns for some of the images, ``indices`` int64 ``(n,)``."""

        def of(name: str) -> Callable[[], pa.ChunkedArray]:
            return lambda: self[name].take(indices)

        return Columns({name: of(name) for name in self._readers}, self.units, self.descriptions, self.ucds)

    def joined(self, others: Columns) -> Columns:
        """Return these columns and those of others that have other names."""
        return Columns(
            {**others._readers, **self._readers},
            {**others.units, **self.units},
            {**others.descriptions, **self.descriptions},
            {**others.ucds, **self.ucds},
        )

    def __getitem__(self, name: str) -> pa.ChunkedArray:
        read = self._readers[name]
        try:
            return read()
        except (InputError, PoolClosedError):
            raise
        except Exception as error:  # of a damaged file, of any of five libraries
            why = str(error).partition("\n")[0] or type(error).__name__
            raise InputError(f"The column {name} cannot be read: {why}. Fetch its file again.") from error

    def __iter__(self) -> Iterator[str]:
        return iter(self._readers)

    def __len__(self) -> int:
        return len(self._readers)

    def __repr__(self) -> str:
        return f"<Columns {', '.join(self._readers)}>"


NO_COLUMNS = Columns()
