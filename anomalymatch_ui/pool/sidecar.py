"""What stands beside an array of images: names, positions, labels, bands, and which images failed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.pool.base import few
from anomalymatch_ui.pool.columns import Columns
from anomalymatch_ui.pool.contents import BANDS, ERRORS, IDS, Entry
from anomalymatch_ui.pool.ids import StoredIds

_LABELS = frozenset(
    {"label", "labels", "ans", "answer", "answers", "target", "targets", "class", "classes", "y"}
)

_LARGEST_ONE_HOT = 10**7


@dataclass(slots=True)
class Sidecar:
    """What stands beside the images.

    Attributes
    ----------
    ids
        Names of the images; ``None`` if they have only numbers.
    ids_name
        Where those were found.
    columns
        Other columns with a value an image.
    failed
        Row -> reason, of images which the file itself says are none.
    skipped
        Name -> reason, of what could not be used.
    bands
        Names of the bands, as the file gives them.
    companions
        Arrays that tell how good the pixels are, and what becomes of each, in words.
    """

    ids: StoredIds | None = None
    ids_name: str = ""
    columns: Columns = field(default_factory=Columns)
    failed: dict[int, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    bands: object = None
    companions: tuple[str, ...] = ()


def find_sidecar(entries: Iterable[Entry], images: Entry, wanted_ids: str | None, where: str) -> Sidecar:
    """Find names, positions and labels beside an array of images, in the same group.

    What cannot be used is passed over, and said; but what was asked for by its name is refused.

    Raises
    ------
    InputError
        If the ids that were asked for cannot be used.
    """
    rows = images.shape[0]
    beside = [entry for entry in entries if entry.group == images.group and entry.name != images.name]
    found = Sidecar()
    columns: dict[str, Entry] = {}
    for entry in beside:
        reason = _why_no_column(entry, rows)
        if reason is None:
            columns[entry.name] = entry
        elif entry.label in _LABELS and _is_one_hot(entry, rows):
            columns[entry.name] = _numbers_of(entry)
        elif reason:
            found.skipped[entry.name] = reason
    if wanted_ids is not None:
        name = next((name for name in columns if name.strip("/") == wanted_ids.strip("/")), None)
        if name is None:
            why = found.skipped.get(wanted_ids)
            held = few([repr(name) for name in columns])
            raise InputError(
                f"'{wanted_ids}' in {where} cannot name the images: {why}." if why else
                f"There is no column {wanted_ids!r} beside the images of {where}, only {held or 'none'}."
            )  # fmt: skip
        found.ids, found.ids_name = _ids(columns[name], where), name
    else:
        _first_ids(columns, found, where)
    for name in [name for name, entry in columns.items() if entry.label in ERRORS]:
        found.failed.update(_failures(columns[name]))
    found.bands = _band_names(beside, images, found)
    found.columns = Columns({name: _reader(entry) for name, entry in columns.items()})
    return found


def _why_no_column(entry: Entry, rows: int) -> str | None:
    """Return why an array has not one value an image; ``""`` if that is not worth a word."""
    if entry.shape in ((rows,), (rows, 1)):
        if entry.encoded:
            return "bytes of files"
        usable = entry.dtype.kind in "buifSUT" or entry.text
        return None if usable else f"{entry.dtype.name}, neither numbers nor text"
    if not entry.shape:
        return ""
    if entry.shape[0] != rows:
        return f"of shape {entry.shape}, but there are {rows:,} images"
    return "" if len(entry.shape) > 2 else f"{entry.shape[1]} values an image"


def _band_names(beside: Sequence[Entry], images: Entry, found: Sidecar) -> object:
    """Return names of the bands from beside the images, or from their attributes."""
    for entry in beside:
        if entry.label not in BANDS or entry.dtype.kind not in "SUTO":
            continue
        found.skipped.pop(entry.name, None)
        values = np.asarray(entry.read(0, entry.shape[0]))
        if entry.shape[0] != images.shape[0] or values.ndim == 1:
            return values
        if (values == values[:1]).all():
            return values[0]
        found.skipped[entry.name] = "the bands differ from image to image, so they are numbered"
        return None
    return images.bands


def told(array: str, sidecar: Sidecar) -> dict[str, str]:
    """Return what a file holds, for a person; see :attr:`ImagePool.found`."""
    ids = f"'{sidecar.ids_name}'" if sidecar.ids is not None else "numbers of the rows"
    found = {"array": array, "ids": ids}
    if sidecar.columns:
        found["columns"] = few(list(sidecar.columns.names))
    if sidecar.companions:
        found["beside"] = few(sidecar.companions)
    return found


def _is_one_hot(entry: Entry, rows: int) -> bool:
    if len(entry.shape) != 2 or entry.shape[0] != rows or entry.dtype.kind not in "buif":
        return False
    if entry.shape[0] * entry.shape[1] > _LARGEST_ONE_HOT:
        return False
    values = entry.read(0, rows)
    return bool(((values == 0) | (values == 1)).all() and (values.sum(axis=1) == 1).all())


def _numbers_of(entry: Entry) -> Entry:
    """Return a one-hot array as one of class numbers."""

    def read(start: int, stop: int) -> np.ndarray:
        numbers: np.ndarray = entry.read(start, stop).argmax(axis=1)
        return numbers

    return Entry(entry.name, entry.shape[:1], np.dtype(np.int64), read)


def _first_ids(columns: Mapping[str, Entry], found: Sidecar, where: str) -> None:
    """Take the likeliest column that tells every image apart."""
    for label in IDS:
        for name, entry in columns.items():
            if entry.label != label:
                continue
            try:
                found.ids, found.ids_name = _ids(entry, where), name
            except InputError as error:
                found.skipped[name] = str(error).split(". ", maxsplit=1)[0].rstrip(".")
            else:
                return


def _ids(entry: Entry, where: str) -> StoredIds:
    what = f"'{entry.name}' in {where}"
    if entry.dtype.kind == "f":
        raise InputError(f"{what} is {entry.dtype.name}, not text or integers. Convert it.")

    def read(start: int, stop: int) -> list[str]:
        return texts(entry.read(start, stop), what)

    return StoredIds(read, entry.shape[0], what)


def texts(values: np.ndarray, what: str) -> list[str]:
    """Return identifiers as text.

    Raises
    ------
    InputError
        If bytes are not UTF-8.
    """
    try:
        return [
            value.decode() if isinstance(value, bytes) else str(value) for value in np.ravel(values).tolist()
        ]
    except UnicodeDecodeError as error:
        raise InputError(f"{what} has an id that is not UTF-8. Write it anew.") from error


def _reader(entry: Entry) -> Callable[[], object]:
    def read() -> object:
        import pyarrow as pa

        values = np.ravel(np.asarray(entry.read(0, entry.shape[0])))
        if values.dtype.kind in "SOUT":
            decoded = [
                value.decode("utf-8", "replace") if isinstance(value, bytes) else value
                for value in values.tolist()
            ]
            return pa.chunked_array([pa.array(decoded, pa.string())])
        return pa.chunked_array([pa.array(values.astype(values.dtype.newbyteorder("="), copy=False))])

    return read


def _failures(entry: Entry) -> dict[int, str]:
    """Return row -> text, of the rows that have one."""
    if entry.dtype.kind in "buif":
        return {}
    values = texts(entry.read(0, entry.shape[0]), entry.name)
    return {row: text.strip() for row, text in enumerate(values) if text.strip() not in ("", "None", "nan")}
