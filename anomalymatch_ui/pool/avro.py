"""Alerts of ZTF and of Rubin's LSST: three stamps each, the science image, the template and the difference.

References
----------
.. [1] https://github.com/ZwickyTransientFacility/ztf-avro-alert, schema 4.02
.. [2] https://github.com/lsst/alert_packet, schema 11.0
"""

from __future__ import annotations

import gzip
import io
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from anomalymatch_ui.config import PixelsConfig
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.pixels import Bands
from anomalymatch_ui.pool.base import PoolReport
from anomalymatch_ui.pool.closed import PoolClosedError
from anomalymatch_ui.pool.columns import Columns
from anomalymatch_ui.pool.ids import RowIds, StoredIds
from anomalymatch_ui.pool.records import RecordError, RecordPool
from anomalymatch_ui.pool.sidecar import Sidecar, told

STAMPS = {"science": "cutoutScience", "template": "cutoutTemplate", "difference": "cutoutDifference"}
"""Band -> field of an alert."""

_IDS = ("candid", "diaSourceId", "alertId", "objectId")

# Where an alert keeps what is known of its source.
_SOURCES = ("candidate", "diaSource")

_BLOCKS_KEPT = 4

# What the library raises of bytes that are no Avro, or no whole file of it.
_ERRORS = (OSError, ValueError, EOFError, LookupError, TypeError, AttributeError)


class AlertPool(RecordPool):
    """The alerts of an Avro file [1]_ [2]_ as images of three bands; see :class:`ImagePool`.

    Parameters
    ----------
    path
        The file, absolute.
    pixels
        How the stamps are read and rendered.

    Raises
    ------
    InputError
        If it cannot be opened, or its records have no stamps.
    """

    def __init__(self, path: Path, pixels: PixelsConfig) -> None:
        self.path = path
        self.name = path.stem
        self._lock = threading.Lock()
        self._closed = False
        self._kept: OrderedDict[int, list[Any]] = OrderedDict()
        self._blocks, fields = _blocks(path)
        self._starts = np.cumsum([0, *(count for _, _, count in self._blocks)])
        if not set(STAMPS.values()) & set(fields):
            raise InputError(
                f"{path} has no stamps: its records need {', '.join(STAMPS.values())}, as the alerts of ZTF "
                "and LSST have them."
            )
        rows = int(self._starts[-1])
        if not rows:
            raise InputError(f"{path} has no alerts. Give a file with at least one.")
        sidecar = Sidecar()
        for name in (name for name in (pixels.ids, *_IDS) if name):
            try:
                sidecar.ids = StoredIds(self._texts(name), rows, f"'{name}' in {path}")
            except InputError as error:
                if name == pixels.ids:
                    raise
                if self._value(self._alert(0), name) is not None:
                    sidecar.skipped[name] = str(error).split(". ", maxsplit=1)[0]
                continue
            sidecar.ids_name = name
            break
        sidecar.columns = Columns({name: self._column(name) for name in self._plain_fields()})
        self.ids = self.row_ids = sidecar.ids or RowIds(rows)
        self.columns = sidecar.columns
        self.report = PoolReport(rows, sidecar.skipped)
        self.look(pixels, Bands.named(*STAMPS))
        self.found = told("stamps of alerts: science, template, difference", sidecar)
        self.digest = self.fingerprint(
            f"avro {sidecar.ids.digest if sidecar.ids else ''}", "give alerts with their stamps."
        )

    def record(self, index: int) -> tuple[bytes, ...]:
        """Read the three stamps of one alert, each a FITS file."""
        alert = self._alert(index)
        stamps = []
        for band, name in STAMPS.items():
            stamp = alert.get(name)
            content = stamp.get("stampData") if isinstance(stamp, dict) else stamp
            if not content:
                raise RecordError(f"it has no stamp of the {band} image")
            stamps.append(_unpacked(content))
        return tuple(stamps)

    def close(self) -> None:
        """Refuse later reads, which raise ``ValueError``."""
        self._closed = True
        self._kept.clear()

    def _alert(self, index: int) -> Mapping[str, Any]:
        if self._closed:
            raise PoolClosedError(self.path)
        number = int(np.searchsorted(self._starts, index, side="right")) - 1
        with self._lock:
            if number not in self._kept:
                self._kept[number] = _read_block(self.path, self._blocks[0][0], *self._blocks[number][:2])
                while len(self._kept) > _BLOCKS_KEPT:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(number)
            alert: Mapping[str, Any] = self._kept[number][index - int(self._starts[number])]
        return alert

    def _texts(self, name: str) -> Callable[[int, int], list[str]]:
        def read(start: int, stop: int) -> list[str]:
            values = (self._value(self._alert(index), name) for index in range(start, stop))
            return ["" if value is None else str(value) for value in values]

        return read

    def _plain_fields(self) -> list[str]:
        """Return the fields of an alert and its source that are numbers or text."""
        alert = self._alert(0)
        sources = [alert[name] for name in _SOURCES if isinstance(alert.get(name), dict)]
        names: dict[str, None] = {}
        for record in (alert, *sources):
            names.update(
                (name, None) for name, value in record.items() if isinstance(value, int | float | str)
            )
        return list(names)

    def _column(self, name: str) -> Callable[[], Any]:
        def read() -> Any:
            import pyarrow as pa

            values = [self._value(self._alert(index), name) for index in range(len(self))]
            return pa.chunked_array([pa.array(values)])

        return read

    @staticmethod
    def _value(alert: Mapping[str, Any], name: str) -> Any:
        if alert.get(name) is not None:
            return alert[name]
        sources = (alert[source] for source in _SOURCES if isinstance(alert.get(source), dict))
        return next((source[name] for source in sources if source.get(name) is not None), None)


def _unpacked(content: bytes) -> bytes:
    if not content.startswith(b"\x1f\x8b"):
        return content
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, ValueError) as error:
        raise RecordError("the compression of a stamp is damaged") from error


def _library() -> Any:
    try:
        import fastavro
    except ImportError as error:
        raise InputError(
            "Alerts are read by fastavro. Install it: pip install 'anomalymatch-ui[alerts]'."
        ) from error
    return fastavro


def _blocks(path: Path) -> tuple[list[tuple[int, int, int]], list[str]]:
    """Return offset, size and number of records of each block of a file, and the fields of a record."""
    fastavro = _library()
    try:
        with path.open("rb") as file:
            reader = fastavro.block_reader(file)
            fields = [field["name"] for field in reader.writer_schema.get("fields", ())]
            blocks = [(block.offset, block.size, block.num_records) for block in reader]
    except _ERRORS as error:
        raise InputError(
            f"Cannot open {path} as an Avro file: {str(error) or type(error).__name__}. Fetch it again."
        ) from error
    return blocks, fields


def _read_block(path: Path, header: int, offset: int, size: int) -> list[Any]:
    """Read the records of one block: header and block are an Avro file of their own."""
    try:
        with path.open("rb") as file:
            content = io.BytesIO(file.read(header))
            content.seek(0, io.SEEK_END)
            file.seek(offset)
            content.write(file.read(size))
        content.seek(0)
        return list(_library().reader(content))
    except _ERRORS as error:
        raise RecordError("damaged") from error
