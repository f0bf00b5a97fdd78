"""Small valid files of every reader, made as the other tests make theirs."""

from __future__ import annotations

import gzip
import io
import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import tifffile
from astropy.io import fits
from astropy.table import Table
from containers import CONTAINERS, FITS_FOLDERS, zarr_store
from pictures import pictures
from PIL import Image

from anomalymatch_ui.config import Config


@dataclass(frozen=True)
class Seed:
    """A valid file, or a folder of some.

    Attributes
    ----------
    reader
        By which it is read.
    name
        Of the seed, for a report.
    files
        Contents by path relative to a folder.
    opened
        Path of what is opened, relative to that folder; ``"."`` is the folder.
    """

    reader: str
    name: str
    files: dict[str, bytes]
    opened: str


def seeds() -> Iterator[Seed]:
    """Return the seeds of all readers."""
    for name, content in pictures().items():
        yield _file(name.rpartition(".")[2].replace("tif", "tiff"), name, content)
    picture = Image.fromarray(_images(1, np.uint8)[0])
    for kind, options in (
        ("bmp", {}),
        ("gif", {}),
        ("jpg", {"progressive": True}),
        ("webp", {"quality": 80}),
    ):
        yield _file(kind, f"a.{kind}", _saved(picture, {"jpg": "JPEG"}.get(kind, kind.upper()), **options))
    for compression in (None, "zlib"):
        buffer = io.BytesIO()
        tifffile.imwrite(buffer, _images(1, np.float32)[0], compression=compression, predictor=None)
        yield _file("tiff", f"{compression}.tif", buffer.getvalue())
    for dtype in (np.uint8, np.float32, np.int16):
        buffer = io.BytesIO()
        np.save(buffer, _images(1, dtype)[0])
        yield _file("npy", f"{np.dtype(dtype).name}.npy", buffer.getvalue())
    for name, write in FITS_FOLDERS.items():
        yield from _written("fits", name, lambda folder, write=write: write(folder, _images(1), ["a"]))
    for name, write in CONTAINERS.items():
        images = _images(12, np.uint8 if "tiles" in name or "zip" in name else np.float32)
        yield from _written(
            _reader_of(name), name, lambda folder, w=write, i=images: w(folder, i, _names(12))
        )
    yield from _written("zarr", "zarr as it is", _bare_zarr)
    yield from _written("avro", "alerts", _alerts)
    yield from _written("asdf", "asdf", _asdf)
    yield from _tables()


def _reader_of(container: str) -> str:
    return container.partition(" ")[0]


READERS = (
    *("jpg", "png", "gif", "bmp", "tiff", "webp", "npy", "fits"),
    *dict.fromkeys(map(_reader_of, CONTAINERS)),
    *("avro", "asdf", "labels", "metadata", "config"),
)
"""All readers, in the order in which they are tried."""

TEXTS = ("labels", "metadata", "config")
"""Readers of tables and settings, not of images."""


def _images(count: int, dtype: type = np.float32) -> np.ndarray:
    """Return images without a zero, ``(n, 24, 24, 3)``, so that what is missing is told from what is dark."""
    random = np.random.default_rng(1)
    return random.integers(1, 250, (count, 24, 24, 3)).astype(dtype)


def _names(count: int) -> list[str]:
    return [f"image-{number}" for number in range(count)]


def _saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def _file(reader: str, name: str, content: bytes) -> Seed:
    return Seed(reader, name, {name: content}, ".")


def _written(reader: str, name: str, write: object) -> Iterator[Seed]:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        opened = write(root)  # type: ignore[operator]
        files = {
            path.relative_to(root).as_posix(): path.read_bytes()
            for path in sorted(root.rglob("*"))
            if path.is_file()
        }
        if opened.name.endswith(".zarr.zip"):  # beside the store that it was made of
            files = {opened.name: files[opened.name]}
        yield Seed(reader, name, files, opened.relative_to(root).as_posix())


def _bare_zarr(folder: Path) -> Path:
    return zarr_store(folder / "a.zarr", _images(6), chunks=(2, 24, 24, 3), compressors=None)


def _alerts(folder: Path) -> Path:
    import fastavro

    stamp = {"type": "record", "name": "stamp", "fields": [{"name": "stampData", "type": "bytes"}]}
    names = ("cutoutScience", "cutoutTemplate", "cutoutDifference")
    kinds = [stamp, "stamp", "stamp"]
    fields = [{"name": name, "type": ["null", kind]} for name, kind in zip(names, kinds, strict=True)]
    schema = {"type": "record", "name": "alert", "fields": [{"name": "candid", "type": "long"}, *fields]}
    records = []
    for row, image in enumerate(_images(6)):
        record: dict[str, object] = {"candid": row}
        for band, name in enumerate(names):
            content = io.BytesIO()
            fits.writeto(content, np.ascontiguousarray(image[..., band]))
            record[name] = {"stampData": gzip.compress(content.getvalue(), mtime=0)}
        records.append(record)
    with (folder / "alerts.avro").open("wb") as file:
        fastavro.writer(file, fastavro.parse_schema(schema), records, codec="deflate", sync_interval=9_000)
    return folder / "alerts.avro"


def _asdf(folder: Path) -> Path:
    import asdf

    asdf.AsdfFile({"roman": {"data": _images(1)[0, ..., 0]}}).write_to(
        folder / "r.asdf", all_array_compression="zlib"
    )
    return folder / "r.asdf"


def _tables() -> Iterator[Seed]:
    labels = pd.DataFrame({"filename": _names(5), "label": ["anomaly", "nominal"] * 2 + ["unsure"]})
    yield Seed("labels", "csv", {"labels.csv": labels.to_csv(index=False).encode()}, "labels.csv")
    said = json.dumps([{"task": "T0", "value": "anomaly"}])
    subject = json.dumps({"17": {"filename": "image-1.png"}})
    zooniverse = pd.DataFrame({"user_name": ["ada"], "annotations": [said], "subject_data": [subject]})
    yield Seed("labels", "zooniverse", {"z.csv": zooniverse.to_csv(index=False).encode()}, "z.csv")
    result = [{"type": "choices", "value": {"choices": ["anomaly"]}}]
    task = [{"data": {"image": "image-1.png"}, "annotations": [{"result": result, "completed_by": 1}]}]
    yield Seed("labels", "label studio", {"s.json": json.dumps(task).encode()}, "s.json")
    columns = {"filename": _names(5), "ra": np.arange(5.0), "dec": np.arange(5.0), "mag": [1.5, 2, 3, 4, 5]}
    table = Table(columns)
    for kind in ("csv", "ecsv", "fits", "vot", "parquet"):
        yield from _written("metadata", kind, lambda folder, kind=kind: _metadata(folder, kind, table))
    yield from _written("config", "toml", _settings)


def _metadata(folder: Path, kind: str, table: Table) -> Path:
    path = folder / f"table.{kind}"
    if kind == "parquet":
        table.to_pandas().to_parquet(path)
        return path
    table.write(path, format={"csv": "ascii.csv", "ecsv": "ascii.ecsv", "vot": "votable"}.get(kind, kind))
    return path


def _settings(folder: Path) -> Path:
    Config.preset("paper").save(folder / "config.toml")
    return folder / "config.toml"
