"""What a person asks of an archive's scores, answered from disk without loading the table."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.score.archive import BY_ID, RANKING, Archive
from anomalymatch_ui.score.sorting import connection, query_errors, sort_scores, table


@dataclass(frozen=True)
class Ranked:
    """Some images in the order of their scores.

    Attributes
    ----------
    ranks
        int64 ``(n,)``, ascending; the highest score has rank 1.
    ids
        Ids of the images.
    scores
        float32 ``(n,)``.
    """

    ranks: np.ndarray
    ids: tuple[str, ...]
    scores: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class ScoreFilter:
    """Which images of an archive; what is not given does not matter.

    Attributes
    ----------
    lowest, highest
        Lowest and highest score, both included.
    prefix
        Prefix of the id.
    like
        Pattern of the whole id, as in SQL: ``%`` is any text and ``_`` any one character; case counts.
    """

    lowest: float | None = None
    highest: float | None = None
    prefix: str | None = None
    like: str | None = None

    def __post_init__(self) -> None:
        for name, value in (("lowest", self.lowest), ("highest", self.highest)):
            if value is not None and not np.isfinite(value):
                raise InputError(f"The {name} score must be a number, not {value}.")

    def conditions(self) -> tuple[str, list[Any]]:
        """Return an SQL condition and its values."""
        parts: list[str] = []
        values: list[Any] = []
        # Scores are float32: compared as they are written, 0.9 would be above the float32 nearest to it.
        for operator, bound in ((">=", self.lowest), ("<=", self.highest)):
            if bound is not None:
                parts.append(f"score {operator} ?::float")
                values.append(min(max(float(bound), -1.0), 2.0))  # scores lie in [0, 1]
        if self.prefix:
            parts.append("id >= ? and starts_with(id, ?)")  # the first half skips most of a sorted file
            values += [self.prefix, self.prefix]
        if self.like is not None:
            parts.append("id like ?")
            values.append(self.like)
        return " and ".join(parts) or "true", values


class OrderedScores:
    """Scores in their order, wherever they lie; to be closed, or used in a ``with``.

    Its methods may be called from several threads.

    Parameters
    ----------
    folder
        Where what does not fit into memory may lie.
    ranking, by_id
        Tables of the columns ``rank``, ``id`` and ``score`` as SQL names them, by rank and by id.
    tables
        Tables that are in memory, by these names.
    """

    def __init__(
        self, folder: Path, ranking: str, by_id: str, tables: Mapping[str, Any] | None = None
    ) -> None:
        self._folder, self._ranking, self._by_id = folder, ranking, by_id
        self._entered = connection(folder)
        self._database = self._entered.__enter__()
        for name, its in (tables or {}).items():
            self._database.register(name, its)
        self._lock = threading.Lock()
        self._images = int(self._rows(f"select count(*) from {ranking}")[0][0])

    @classmethod
    def of_arrays(cls, folder: Path, ids: Sequence[str], scores: np.ndarray) -> OrderedScores:
        """Return the scores of a session's own ranking, given from the highest to the lowest.

        Parameters
        ----------
        folder
            The files of the session.
        ids, scores
            Ids and scores of all that have a score, float32 ``(n,)``.
        """
        import pyarrow

        columns = {"rank": np.arange(1, len(ids) + 1), "id": pyarrow.array(ids, pyarrow.string())}
        return OrderedScores(
            folder, "ranking", "ranking", {"ranking": pyarrow.table(columns | {"score": scores})}
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __len__(self) -> int:
        """Return how many images have a score."""
        return self._images

    def close(self) -> None:
        """Let go of the files."""
        self._entered.__exit__(None, None, None)

    def page(self, start: int, count: int) -> Ranked:
        """Return ``count`` images from place ``start`` on, counted from 0; fewer where the ranking ends.

        Raises
        ------
        ValueError
            If one of them is negative.
        """
        if start < 0 or count < 0:
            raise ValueError(f"a page starts at 0 or later and has no negative length: {start}, {count}")
        return self._ranked(
            f"select rank, id, score from {self._ranking} where rank between ? and ? order by rank",
            [start + 1, start + count],
        )

    def top(self, count: int) -> Ranked:
        """Return the images of the highest scores."""
        return self.page(0, count)

    def where(self, wanted: ScoreFilter, start: int = 0, count: int = 200) -> Ranked:
        """Return images that pass a filter, in the order of their scores; ranks are those of the archive.

        Parameters
        ----------
        wanted
            Which images.
        start, count
            Which of those.
        """
        condition, values = wanted.conditions()
        return self._ranked(
            f"select rank, id, score from {self._source(wanted)} where {condition} "
            "order by rank limit ? offset ?",
            [*values, count, start],
        )

    def count(self, wanted: ScoreFilter) -> int:
        """Return how many images pass a filter."""
        condition, values = wanted.conditions()
        found = self._rows(f"select count(*) from {self._source(wanted)} where {condition}", values)
        return int(found[0][0])

    def histogram(self, bins: int) -> np.ndarray:
        """Count the scores in ``bins`` equal steps from 0 to 1, int64 ``(bins,)``; the last includes 1.

        Raises
        ------
        ValueError
            If there is not at least one bin.
        """
        if bins < 1:
            raise ValueError(f"a histogram has at least one bin, not {bins}")
        counts = np.zeros(bins, np.int64)
        step = "least(floor(score::double * ?)::bigint, ?)"
        for place, found in self._rows(
            f"select {step} as step, count(*) from {self._ranking} group by step", [bins, bins - 1]
        ):
            counts[place] = found
        return counts

    def score_of(self, image_id: str) -> float | None:
        """Return the score of an image; ``None`` if it has none."""
        found = self._rows(f"select score from {self._by_id} where id = ?", [image_id])
        return float(found[0][0]) if found else None

    def rank_of(self, image_id: str) -> int | None:
        """Return the rank of an image, from 1; ``None`` if it has none."""
        found = self._rows(f"select rank from {self._by_id} where id = ?", [image_id])
        return int(found[0][0]) if found else None

    def _source(self, wanted: ScoreFilter) -> str:
        """Return the file of which a filter needs to read the least."""
        return self._by_id if wanted.prefix else self._ranking

    def _ranked(self, query: str, values: list[Any]) -> Ranked:
        with self._lock, query_errors(self._folder):
            found = self._database.execute(query, values).fetchnumpy()
        return Ranked(
            np.asarray(found["rank"], np.int64),
            tuple(map(str, found["id"])),
            np.asarray(found["score"], np.float32),
        )

    def _rows(self, query: str, values: list[Any] | None = None) -> list[tuple[Any, ...]]:
        with self._lock, query_errors(self._folder):
            return self._database.execute(query, values or []).fetchall()


class Scores(OrderedScores):
    """The scores of a finished archive, sorted; to be closed, or used in a ``with``.

    Its methods may be called from several threads.

    Parameters
    ----------
    folder
        The ``--out`` of ``anomalymatch score``.

    Raises
    ------
    InputError
        If there is no archive, or its scores are not all there yet.
    DamagedStoreError
        If it cannot be read.
    StorageError
        If the sorted files are missing and the disk refuses them.

    Examples
    --------
    >>> with Scores(Path("scores")) as scores:  # doctest: +SKIP
    ...     scores.top(10).ids
    """

    def __init__(self, folder: Path) -> None:
        self.archive = Archive.existing(folder)
        sort_scores(self.archive)
        super().__init__(folder, table(folder / RANKING), table(folder / BY_ID))

    def place_of(self, image_id: str) -> tuple[int, int] | None:
        """Return the shard of an image and its row there; ``None`` if it has no score."""
        found = self._rows(f'select shard, "row" from {self._by_id} where id = ?', [image_id])
        return (int(found[0][0]), int(found[0][1])) if found else None
