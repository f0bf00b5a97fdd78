"""What a search has come to, as a table for a paper or for the next tool."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from anomalymatch_ui._version import __version__
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.labels import JournalEntry
from anomalymatch_ui.session.catalogue.column import taken
from anomalymatch_ui.session.catalogue.known import KnownObjects
from anomalymatch_ui.session.catalogue.metadata import Metadata
from anomalymatch_ui.session.catalogue.places import Places
from anomalymatch_ui.session.core.context import Context
from anomalymatch_ui.session.labelling.marking import aim_of
from anomalymatch_ui.session.outcome.cells import plain_of, utc
from anomalymatch_ui.session.outcome.completeness_table import object_table, share_table
from anomalymatch_ui.session.outcome.label_table import current_entries, label_columns
from anomalymatch_ui.session.outcome.mark_table import mark_columns
from anomalymatch_ui.session.work.cycles import Cycles
from anomalymatch_ui.session.work.ranking import Ranking
from anomalymatch_ui.session.work.rankings import Rankings
from anomalymatch_ui.tables import Column, Format, ResultTable, format_of, plain, typed, write_table

if TYPE_CHECKING:
    import pyarrow as pa

    from anomalymatch_ui.session.outcome.completeness import Completeness

What = Literal["ranking", "labels", "found", "completeness", "injected", "selection"]

WHAT: tuple[What, ...] = get_args(What)
"""All images by rank; those with a label, in the order they got it; the anomalies among them, by rank; what
share of painted objects was recovered, a row a bin; these objects, a row each; and the share of all found."""

_RANK = "Place in the order, 1 for the likeliest anomaly"
_IMAGELESS = ("completeness", "injected", "selection")

_DEGREES = "deg"
_SCORES = {
    "probability": ("probability", "Probability of an anomaly", "stat.probability"),
    "score": ("score", "Score of the network, not calibrated: only its order means something", ""),
    "place": ("novelty", "Place by novelty, 1 for the most novel: there is no anomaly to go by yet", ""),
}


class Results:
    """The tables of a session.

    Parameters
    ----------
    context, rankings, cycles
        What the parts of the session share, its rankings, and its finished cycles.
    metadata
        What tables say of the images.
    places
        Where the images are on the sky.
    known
        Which of them show known objects.
    completeness
        Returns what was last measured of it; ``None`` without one.
    selection
        Returns the table of the share found, given what made it.
    """

    def __init__(
        self,
        context: Context,
        rankings: Rankings,
        cycles: Cycles,
        metadata: Metadata,
        places: Places,
        known: KnownObjects,
        completeness: Callable[[], Completeness | None],
        selection: Callable[[Mapping[str, str]], ResultTable],
    ) -> None:
        self._context = context
        self._folder = context.folder
        self._pool = context.pool
        self._journal = context.journal
        self._rankings, self._cycles = rankings, cycles
        self._metadata, self._places, self._known = metadata, places, known
        self._completeness, self._selection = completeness, selection

    def write(
        self,
        path: str | Path,
        what: What = "ranking",
        form: str | None = None,
        *,
        top: int | None = None,
        cutouts: str | Path | None = None,
        sheet: str | Path | None = None,
    ) -> ResultTable:
        """Write a table, whole or not at all, and return it.

        Parameters
        ----------
        path
            The file.
        what
            Which images; see :data:`WHAT`.
        form
            ``"csv"``, ``"ecsv"``, ``"votable"``, ``"fits"`` or ``"parquet"``; ``None`` goes by the name.
        top
            How many of the first rows; ``None`` for all.
        cutouts
            A folder for the images of the table, as PNG; the column ``cutout`` then names these.
        sheet
            A PNG or PDF for them side by side.

        Raises
        ------
        InputError
            If there is no such table or format, or it has no images, or too many for a PNG.
        StorageError
            If the disk refuses.
        """
        wanted: Format = format_of(Path(path), form)
        table = self.table(what)
        if top is not None:
            table = table.first(top)
        if cutouts is not None or sheet is not None:
            table = self._with_images(table, what, cutouts, sheet)
        write_table(Path(path), table, wanted)
        return table

    def _with_images(
        self, table: ResultTable, what: What, cutouts: str | Path | None, sheet: str | Path | None
    ) -> ResultTable:
        """Write the images of a table; return it with their files."""
        from anomalymatch_ui.session.outcome import figures

        if what in _IMAGELESS:
            raise InputError(f"The table {what} has no images. Choose ranking, labels or found.")
        if sheet is not None:
            figures.check_sheet(Path(sheet), len(table))
        if cutouts is not None:
            table = figures.write_cutouts(self._pool, table, Path(cutouts))
        if sheet is not None:
            title = f"{self._pool.name}: {what}, {counted(table, what)}"
            figures.write_sheet(self._pool, table, Path(sheet), title)
        return table

    def table(self, what: What = "ranking") -> ResultTable:
        """Return a table, with a row an image; those of the completeness have a row a bin, or an object.

        Of images the columns are ``rank``, ``id``, ``ra`` and ``dec`` in degrees where the pool or the
        metadata know them, ``probability`` (or ``score``, or ``novelty``), ``label``, ``annotator``,
        ``time``, ``probability_when_seen`` and ``cutout``, then all else that both say of the images.

        Raises
        ------
        InputError
            If there is no such table, or the completeness was not measured yet.
        """
        if what not in WHAT:
            raise InputError(f"There is no table {what!r}. Choose one of: {', '.join(WHAT)}.")
        if what == "selection":
            return self._selection(self._provenance(what, self._rankings.newest, 0))
        if what == "completeness" or what == "injected":
            return self._of_completeness(what)
        ranking, given = self._rankings.newest, current_entries(self._journal)
        ids = self._images(what, ranking, given)
        rows = np.array(
            [self._pool.index(name) if name in self._pool else -1 for name in ids], dtype=np.int64
        )
        columns = (
            *self._ranked(ranking, ids, rows),
            *label_columns(self._journal, self._cycles.all(), ids, given),
            *mark_columns(self._journal, ids),
            *self._known.columns(ids),
            *self._cutouts(ids, rows),
        )
        own = ResultTable(
            columns,
            self._provenance(what, ranking, len(ids)),
            self._left_out(ranking) if what == "ranking" else (),
        )
        return own.joined(self._of_files(rows)).joined(self._of_metadata(rows))

    def images(self, what: What = "found", top: int | None = None) -> list[str]:
        """Return the ids of a table's images, in its order; the first ``top``, or all."""
        if what in _IMAGELESS:
            raise InputError(f"The table {what} has no images. Choose ranking, labels or found.")
        return self._images(what, self._rankings.newest, current_entries(self._journal))[:top]

    def _of_completeness(self, what: Literal["completeness", "injected"]) -> ResultTable:
        measured = self._completeness()
        if measured is None:
            raise InputError(
                f"The completeness of {self._folder.path} has not been measured yet. Run `anomalymatch "
                f"completeness {self._folder.path}`, or `session.completeness.measure()`."
            )
        provenance = self._provenance(what, self._rankings.newest, len(measured.objects))
        return (share_table if what == "completeness" else object_table)(measured, provenance)

    def _images(self, what: What, ranking: Ranking, given: Mapping[str, JournalEntry]) -> list[str]:
        pool = self._pool
        if what == "ranking":
            return [pool.ids[row] for row in ranking.order]
        if what == "labels":
            return sorted(given, key=lambda name: (given[name].time, given[name].seq))
        found = [name for name, entry in given.items() if entry.label == "anomaly"]
        places = _places(ranking, len(pool))
        last = len(pool) + 1  # unreadable, or no longer in the pool
        return sorted(found, key=lambda name: places[pool.index(name)] or last if name in pool else last)

    def _left_out(self, ranking: Ranking) -> tuple[str, ...]:
        """Return how many images have no rank, and why."""
        later, unreadable = len(ranking.not_yet), ranking.unreadable
        whole = f"of {len(self._pool):,} images"
        said = []
        if unreadable:
            said.append(f"{unreadable:,} {whole} cannot be read, and are not in the table.")
        if later:
            said.append(f"{later:,} {whole} have not been looked at yet, and are not in the table.")
        return tuple(said)

    def _ranked(self, ranking: Ranking, ids: Sequence[str], rows: np.ndarray) -> list[Column]:
        import pyarrow as pa

        places = _taken(_places(ranking, len(self._pool)), rows, pa.int64(), none=0)
        scores = _taken(ranking.scores, rows, pa.float32())
        name, described, ucd = _SCORES[ranking.kind]
        return [
            Column("rank", places, ucd="meta.number", description=_RANK),
            Column("id", plain_of(ids), ucd="meta.id;meta.main", description="Name of the image in its pool"),
            *self._positions(rows),
            Column(name, scores, ucd=ucd, description=described),
            *self._intervals(ranking, rows),
        ]

    def _intervals(self, ranking: Ranking, rows: np.ndarray) -> list[Column]:
        """Return the ends of the probabilities' intervals, where there are any."""
        import pyarrow as pa

        if not ranking.calibrated or ranking.forecast is None or ranking.margins is None:
            return []
        ends = zip(("low", "high"), ranking.forecast.interval(ranking.margins), strict=True)
        return [
            Column(
                f"probability_{end}",
                _taken(values, rows, pa.float32()),
                ucd="stat.probability;stat.min" if end == "low" else "stat.probability;stat.max",
                description=f"{'Lower' if end == 'low' else 'Upper'} end of the probability's 95 % interval",
            )
            for end, values in ends
        ]

    def _positions(self, rows: np.ndarray) -> list[Column]:
        import pyarrow as pa

        degrees = self._places.at(rows)
        if np.isnan(degrees).all() and self._places.degrees() is None:
            return []
        ra, dec = (pa.array(values, pa.float64(), mask=np.isnan(values)) for values in degrees)
        return [
            Column("ra", ra, _DEGREES, "pos.eq.ra;meta.main", "Right ascension"),
            Column("dec", dec, _DEGREES, "pos.eq.dec;meta.main", "Declination"),
        ]

    def _cutouts(self, ids: Sequence[str], rows: np.ndarray) -> list[Column]:
        """Return where the images lie, if each is a file of its own."""
        folder = self._pool.path
        here = [row >= 0 for row in rows]
        if True not in here or not (folder / ids[here.index(True)]).is_file():
            return []
        paths = [str(folder / name) if there else None for name, there in zip(ids, here, strict=True)]
        return [Column("cutout", plain_of(paths), ucd="meta.ref.path", description="File of the image")]

    def _of_files(self, rows: np.ndarray) -> list[Column]:
        columns = self._pool.columns
        names = [name for name in columns.names if name not in (columns.positions or ())]
        return [
            Column(
                name,
                values,
                columns.units.get(name, ""),
                columns.ucds.get(name, ""),
                columns.descriptions.get(name, ""),
            )
            for name in names
            if (values := plain(_at(columns[name], rows))) is not None
        ]

    def _of_metadata(self, rows: np.ndarray) -> list[Column]:
        positions, units = self._places.in_metadata() or (), self._metadata.units()
        descriptions, ucds = self._metadata.descriptions(), self._metadata.ucds()
        return [
            Column(
                name,
                typed(taken(column.texts, rows)),
                units.get(name, ""),
                ucds.get(name, ""),
                descriptions.get(name, ""),
            )
            for name, column in self._metadata.columns().items()
            if name not in positions
        ]

    def _provenance(self, what: What, ranking: Ranking, rows: int) -> dict[str, str]:
        config, pool = self._context.config, self._pool
        said = {
            "software": f"anomalymatch-ui {__version__}",
            "written": utc(datetime.now(UTC)),
            "session": str(self._folder.path),
            "images": f"{len(pool)} in {pool.path}, {len(ranking.order)} of them with a rank",
            "pool_digest": pool.digest,
            "rendering_digest": pool.rendering.digest,
            "table": f"{what}, {rows} rows",
            "order": ranking.source,
            "order_made": utc(ranking.created),
            "labels": f"up to row {ranking.last_seq} of the journal",
            "seed": str(config.seed),
            "settings": json.dumps(config.model_dump(mode="json"), sort_keys=True),
        }
        if aim := aim_of(self._journal):
            said["looking_for"] = aim
        for number, match in enumerate(self._known.sources(), 1):
            said[f"known_objects_{number}"] = match.sentence()
        network = next((its.digest for its in self._cycles.all() if its.number == self._cycles.in_use), None)
        return said | ({"network_digest": network} if network else {})


def counted(table: ResultTable, what: What) -> str:
    """Return how many rows of what a table has, such as "2 images"."""
    row = {"completeness": "bin", "injected": "object", "selection": "row"}.get(what, "image")
    return f"{len(table):,} {row}{'' if len(table) == 1 else 's'}"


def _places(ranking: Ranking, images: int) -> np.ndarray:
    """Return the rank of each image by pool index, int64 ``(images,)``; 0 where there is none."""
    places = np.zeros(images, dtype=np.int64)
    places[ranking.order] = np.arange(1, len(ranking.order) + 1)
    return places


def _taken(values: np.ndarray, rows: np.ndarray, kind: pa.DataType, none: float = np.nan) -> pa.Array:
    """Return the values of some rows, missing where there is no row or the value stands for none."""
    import pyarrow as pa

    taken = values[np.maximum(rows, 0)]
    missing = (rows < 0) | (np.isnan(taken) if np.isnan(none) else taken == none)
    return pa.array(taken, kind, mask=missing)


def _at(values: pa.ChunkedArray, rows: np.ndarray) -> pa.ChunkedArray:
    """Return the values of some rows, missing where there is no row."""
    import pyarrow as pa

    return values.take(pa.array(rows, pa.int64(), mask=rows < 0))
