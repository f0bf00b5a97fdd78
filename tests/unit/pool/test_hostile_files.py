"""Files that a stranger made, or that are damaged in a way nobody thought of: one image, or one sentence."""

from __future__ import annotations

import gzip
import io
import sqlite3
import struct
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile
from astropy.io import fits
from PIL import Image

from anomalymatch_ui.config import Config
from anomalymatch_ui.errors import DamagedJournalError, InputError
from anomalymatch_ui.labels import Journal, read_labels
from anomalymatch_ui.pixels import files
from anomalymatch_ui.pool import open_pool
from anomalymatch_ui.session.catalogue.metadata_table import read_metadata
from anomalymatch_ui.session.core.poolrecord import PoolRecord

PIXELS = np.arange(40 * 30, dtype=np.uint16).reshape(40, 30)
IMAGES = np.random.default_rng(0).integers(1, 255, (8, 16, 16, 3), dtype=np.uint8)


# Decoders


def _png(kind: int, data: bytes) -> bytes:
    """Return a PNG of 8 x 8 pixels of a kind, with these compressed bytes."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        )

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, kind, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", data) + chunk(b"IEND", b"")


ODD_FILES = {
    "a palette picture without a palette.png": _png(3, zlib.compress(bytes(72))),
    "compressed rows cut off.png": _png(2, zlib.compress(np.random.default_rng(0).bytes(200))[:99]),
    "no zlib.png": _png(0, b"nothing of the kind"),
    "packed garbage.fits.gz": gzip.compress(b"SIMPLE  = no header at all"),
    "cut off.fits.gz": gzip.compress(np.random.default_rng(0).bytes(9999))[:5000],
    "no axes.npy": b"\x93NUMPY\x01\x00\x46\x00{'descr': '<f8', 'fortran_order': False, 'shape': (), }".ljust(
        90
    ),
    "a header of brackets.npy": b"\x93NUMPY\x01\x00\x46\x00" + b"(" * 70,
}


def test_an_odd_file_is_one_unreadable_image_and_the_others_are_read(tmp_path: Path) -> None:
    for name, content in ODD_FILES.items():
        (tmp_path / name).write_bytes(content)
    Image.new("RGB", (16, 16), "white").save(tmp_path / "good.png")
    pool = open_pool(tmp_path)
    read = pool.read(np.arange(len(pool)), 16)
    assert [pool.ids[index] for index in read.indices] == ["good.png"]
    assert set(pool.report.unreadable) == set(ODD_FILES)


def test_whatever_a_decoder_raises_is_one_unreadable_image(tmp_path: Path, monkeypatch) -> None:
    class OfACodecError(Exception):
        pass

    def decode(*_: object) -> None:
        raise OfACodecError

    Image.new("RGB", (16, 16)).save(tmp_path / "a.jpg")
    Image.new("RGB", (16, 16), "white").save(tmp_path / "b.png")
    monkeypatch.setattr(files, "load_rgb", decode)
    pool = open_pool(tmp_path)
    assert len(pool.read([0, 1], 16).indices) == 0
    assert dict(pool.report.unreadable) == {"a.jpg": "damaged", "b.png": "damaged"}


# The limit of a cutout

SAVE: dict[str, Callable[[Path], object]] = {
    "a.png": lambda path: Image.fromarray(PIXELS.astype(np.uint8)).save(path),
    "a.jpg": lambda path: Image.fromarray(PIXELS.astype(np.uint8)).save(path),
    "a.fits": lambda path: fits.PrimaryHDU(PIXELS).writeto(path),
    "a.fits.gz": lambda path: path.write_bytes(gzip.compress(b"SIMPLE  =" + bytes(10_000_000))),
    "a.npy": lambda path: np.save(path, PIXELS),
    "a.tif": lambda path: tifffile.imwrite(path, PIXELS.astype(np.float32)),
}


@pytest.mark.parametrize("name", SAVE)
def test_an_image_over_the_limit_is_not_decoded(name: str, tmp_path: Path) -> None:
    SAVE[name](tmp_path / name)
    pool = open_pool(tmp_path, cutout_limit=0.001)
    assert len(pool.read([0], 16).indices) == 0
    assert pool.report.unreadable[name].startswith("too large to be a cutout: ")
    assert "--cutout-limit" in pool.report.unreadable[name]


@pytest.mark.parametrize("name", [name for name in SAVE if not name.endswith(".gz")])
def test_an_image_within_the_limit_is_read(name: str, tmp_path: Path) -> None:
    SAVE[name](tmp_path / name)
    assert len(open_pool(tmp_path, cutout_limit=0.0012).read([0], 16).indices) == 1


def test_the_limit_changes_no_pool(tmp_path: Path) -> None:
    SAVE["a.fits"](tmp_path / "a.fits")
    assert open_pool(tmp_path, cutout_limit=1).digest == open_pool(tmp_path).digest


def test_an_array_of_images_over_the_limit_is_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "survey.h5", "w") as file:
        file["images"] = IMAGES
    with pytest.raises(InputError, match="16 x 16 pixels, where 0.0001 million are the limit"):
        open_pool(tmp_path / "survey.h5", cutout_limit=0.0001)


# Text that is nested, or as long, as no program writes it


def test_settings_that_are_nested_without_end_are_told_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("seed = " + "[" * 100_000)
    with pytest.raises(InputError, match="nested too deeply"):
        Config.load(path)
    path.write_text("seed = " + "9" * 10_000)
    with pytest.raises(InputError, match="Cannot read the settings"):
        Config.load(path)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"path": ' * 100_000, "9" * 10_000, "null"])
def test_a_record_that_is_nested_without_end_is_damaged(text: str, tmp_path: Path) -> None:
    path = tmp_path / "pool.json"
    path.write_text(text)
    with pytest.raises(InputError, match="is damaged"):
        PoolRecord.load(path)


def test_cells_longer_than_any_are_told_in_one_line(tmp_path: Path) -> None:
    table = tmp_path / "labels.csv"
    table.write_text("x" * 200_000 + "\n1\n")
    with pytest.raises(InputError, match="first line"):
        read_labels(table)
    table.write_text("filename,label\n" + "x" * 200_000 + ",anomaly\n")
    with pytest.raises(InputError, match="Line 2"):
        read_labels(table)
    with pytest.raises(InputError):
        read_metadata(_written(tmp_path / "columns.csv", "x" * 200_000 + "\n1\n"))


def _written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_notes_of_a_tar_that_are_nested_without_end_say_nothing(tmp_path: Path) -> None:
    image = io.BytesIO()
    Image.new("RGB", (16, 16), "white").save(image, "PNG")
    with tarfile.open(tmp_path / "survey.tar", "w") as archive:
        for name, content in (("a.png", image.getvalue()), ("a.json", b"[" * 100_000)):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    pool = open_pool(tmp_path / "survey.tar")
    assert len(pool.read([0], 16).indices) == 1
    assert not pool.columns


# A journal


@pytest.mark.parametrize(
    "change",
    [
        "CREATE TRIGGER more AFTER INSERT ON journal BEGIN UPDATE meta SET value = ''; END",
        "CREATE VIEW more AS SELECT * FROM journal",
        "CREATE TABLE more (x TEXT)",
        "ALTER TABLE journal ADD COLUMN more TEXT",
        "ALTER TABLE extras ADD COLUMN more TEXT AS (image_id)",
        "DROP TRIGGER journal_rows_stay",
        "CREATE INDEX more ON journal (label)",
    ],
)
def test_a_journal_with_other_tables_or_triggers_is_refused(change: str, tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with Journal(path) as journal:
        journal.append(["a"], "anomaly", "me", "key")
    with sqlite3.connect(path) as stranger:
        stranger.execute(change)
    stranger.close()
    with pytest.raises(DamagedJournalError, match=r"tables and triggers are not those.*anomalymatch repair"):
        Journal(path)


# Settings


@pytest.mark.parametrize(
    "setting",
    [
        "score.workers=1000000",
        "score.batch_size=10000000",
        "train.steps=1000000000",
        "train.labelled_batch=1000000",
        "train.window=1000000000000",
        "embedding.components=10000000",
        "pixels.cutout_limit=1e9",
        "network.image_size=100000",
    ],
)
def test_absurd_settings_are_refused(setting: str) -> None:
    with pytest.raises(InputError, match="Cannot use " + setting.partition("=")[0]):
        Config().with_assignment(setting)
