"""Files that a stranger made, or that are damaged in a way nobody thought of: one image, or one sentence."""

from __future__ import annotations

import gzip
import io
import re
import sqlite3
import struct
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import tifffile
import zarr
from astropy.io import fits
from containers import zarr_store
from PIL import Image

from anomalymatch_ui.config import Config
from anomalymatch_ui.errors import DamagedJournalError, InputError
from anomalymatch_ui.labels import Journal, read_labels
from anomalymatch_ui.pixels import files
from anomalymatch_ui.pool import open_pool
from anomalymatch_ui.pool.catalogue_table import read_table
from anomalymatch_ui.pool.hdf5_outside import led_outside
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


# What leads out of the folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of a pool, beside which lies what is nobody's business."""
    (tmp_path / "pool").mkdir()
    (tmp_path / "private").mkdir()
    Image.new("RGB", (16, 16), "white").save(tmp_path / "private" / "secret.png")
    with h5py.File(tmp_path / "private" / "secret.h5", "w") as file:
        file["images"] = IMAGES
    IMAGES.tofile(tmp_path / "private" / "secret.raw")
    return tmp_path / "pool"


def test_links_out_of_the_folder_are_followed_only_where_it_is_allowed(folder: Path) -> None:
    Image.new("RGB", (16, 16)).save(folder / "own.png")
    (folder / "file.png").symlink_to("../private/secret.png")
    (folder / "files").symlink_to(folder.parent / "private")
    (folder / "inside.png").symlink_to("own.png")
    pool = open_pool(folder)
    assert list(pool.ids) == ["inside.png", "own.png"]
    assert set(pool.report.skipped) == {"file.png", "files"}
    assert "--follow-links" in pool.report.sentence()
    allowed = open_pool(folder, follow_links=True)
    assert list(allowed.ids) == ["file.png", "files/secret.png", "inside.png", "own.png"]


def _linked(folder: Path) -> None:
    with h5py.File(folder / "survey.h5", "w") as file:
        file["images"] = h5py.ExternalLink("../private/secret.h5", "images")


def _soft_linked(folder: Path) -> None:
    with h5py.File(folder / "survey.h5", "w") as file:
        file["beyond"] = h5py.ExternalLink("../private/secret.h5", "/")
        file["images"] = h5py.SoftLink("/beyond/images")


def _by_a_file_beside(folder: Path) -> None:
    with h5py.File(folder / "step.part", "w") as file:
        file["images"] = h5py.ExternalLink("../private/secret.h5", "images")
    with h5py.File(folder / "survey.h5", "w") as file:
        file["images"] = h5py.ExternalLink("step.part", "images")


def _virtual(folder: Path, name: str = "../private/secret.h5") -> None:
    layout = h5py.VirtualLayout(IMAGES.shape, np.uint8)
    layout[:] = h5py.VirtualSource(name, "images", IMAGES.shape)
    with h5py.File(folder / "survey.h5", "w") as file:
        file.create_virtual_dataset("images", layout)


def _virtual_by_a_link(folder: Path) -> None:
    (folder / "step.part").symlink_to("../private/secret.h5")
    _virtual(folder, "step.part")


def _virtual_behind_a_link(folder: Path) -> None:
    """A source in the same file, which is itself a link out of it."""
    _virtual(folder, ".")
    with h5py.File(folder / "survey.h5", "a") as file:
        file.move("images", "whole")
        file["images"] = h5py.ExternalLink("../private/secret.h5", "images")


def _raw(folder: Path) -> None:
    with h5py.File(folder / "survey.h5", "w") as file:
        where = [(str(folder.parent / "private" / "secret.raw"), 0, h5py.h5f.UNLIMITED)]
        file.create_dataset("images", IMAGES.shape, np.uint8, external=where)


@pytest.mark.parametrize(
    "write", [_linked, _soft_linked, _by_a_file_beside, _virtual, _virtual_by_a_link, _raw]
)
def test_what_an_hdf5_file_takes_from_outside_is_read_only_where_it_is_allowed(
    write: Callable[[Path], None], folder: Path
) -> None:
    write(folder)
    with pytest.raises(InputError, match="outside its folder, which --follow-links allows"):
        open_pool(folder / "survey.h5")
    allowed = open_pool(folder / "survey.h5", follow_links=True)
    assert np.array_equal(allowed.read(np.arange(8), 16).pixels, IMAGES.transpose(0, 3, 1, 2))


def test_a_virtual_source_behind_a_link_out_of_the_folder_is_not_read(folder: Path) -> None:
    _virtual_behind_a_link(folder)
    with h5py.File(folder / "survey.h5") as file:
        assert led_outside(file, "whole", folder) == "../private/secret.h5"
        assert led_outside(file, "image%b", folder) == "../private/secret.h5"  # an array a block
    with pytest.raises(InputError, match="outside its folder, which --follow-links allows"):
        open_pool(folder / "survey.h5", array="whole")


def test_a_partition_of_a_hats_catalogue_that_is_a_link_out_of_it_is_passed_over(folder: Path) -> None:
    positions = pd.DataFrame({"ra": [1.0, 2.0], "dec": [0.0, 0.0], "password": ["a", "b"]})
    partitions = folder / "dataset" / "Norder=0" / "Dir=0"
    partitions.mkdir(parents=True)
    (folder / "hats.properties").write_text("dataproduct_type=object\n")
    positions[:1].to_parquet(partitions / "Npix=0.parquet")
    positions[1:].to_parquet(folder.parent / "private" / "secret.parquet")
    (partitions / "Npix=1.parquet").symlink_to(folder.parent / "private" / "secret.parquet")
    table = read_table(folder)
    assert table.rows == 1
    assert list(table.skipped) == ["dataset/Norder=0/Dir=0/Npix=1.parquet"]
    assert read_table(folder, follow_links=True).rows == 2


def test_one_object_of_an_hdf5_file_that_lies_outside_is_left_out(folder: Path) -> None:
    with h5py.File(folder / "survey.h5", "w") as file:
        for name in "abc":
            file[name] = IMAGES[0]
        file["d"] = h5py.ExternalLink("../private/secret.h5", "images")
    pool = open_pool(folder / "survey.h5")
    assert pool.read(np.arange(4), 16).indices.tolist() == [0, 1, 2]
    assert "outside its folder" in pool.report.unreadable["d"]


def test_a_chunk_of_a_zarr_store_that_is_a_link_out_of_it_is_no_image(folder: Path) -> None:
    store = zarr_store(folder / "survey.zarr", IMAGES, chunks=(1, 16, 16, 3), compressors=None)
    chunk = store / "images" / "c" / "3" / "0" / "0" / "0"
    chunk.unlink()
    chunk.symlink_to(folder.parent / "private" / "secret.raw")
    pool = open_pool(store)
    assert pool.read(np.arange(8), 16).indices.tolist() == [0, 1, 2, 4, 5, 6, 7]


@pytest.mark.parametrize("way", ["named by the store", "a link beside it"])
def test_a_table_of_a_zarr_store_that_lies_outside_is_read_only_where_it_is_allowed(
    way: str, folder: Path
) -> None:
    secret = folder.parent / "private" / "secret.parquet"
    pd.DataFrame({"password": list("abcdefgh")}).to_parquet(secret)
    store = zarr_store(folder / "survey.zarr", IMAGES)
    if way == "named by the store":
        zarr.open_group(store, mode="a").attrs["metadata_file"] = str(secret)
    else:
        (folder / "survey_metadata.parquet").symlink_to(secret)
    pool = open_pool(store)
    assert "password" not in pool.columns
    assert "outside its folder, which --follow-links allows" in pool.report.sentence()
    assert pool.read(np.arange(8), 16).indices.tolist() == list(range(8))
    assert "password" in open_pool(store, follow_links=True).columns


@pytest.mark.parametrize("source", ["../private/secret0000.asdf", "http://127.0.0.1:9/secret0000.asdf"])
def test_an_asdf_file_that_takes_its_image_from_outside_is_refused_before_anything_is_asked(
    source: str, folder: Path
) -> None:
    asdf = pytest.importorskip("asdf")
    asdf.AsdfFile({"data": IMAGES[0, ..., 0]}).write_to(folder / "own.asdf", all_array_storage="external")
    assert open_pool(folder / "own.asdf").read([0], 16).indices.tolist() == [0]
    content = (folder / "own.asdf").read_bytes()
    (folder / "own0000.asdf").rename(folder.parent / "private" / "secret0000.asdf")
    for name, text in (
        ("own", content),
        ("inner", b"#ASDF 1.0.0\n--- {data: {$ref: own.asdf#/data}}\n...\n"),
    ):
        (folder / f"{name}.asdf").write_bytes(text.replace(b"own0000.asdf", source.encode()))
        with pytest.raises(InputError, match="outside its folder, which --follow-links allows"):
            open_pool(folder / f"{name}.asdf")
    if source.startswith(".."):
        assert open_pool(folder / "own.asdf", follow_links=True).read([0], 16).indices.tolist() == [0]


@pytest.mark.parametrize("prefix", ["", "v:"])
def test_a_votable_whose_rows_lie_elsewhere_is_refused_and_nothing_is_fetched(
    prefix: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr("urllib.request.urlopen", asked.append)
    text = (
        '<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE><TABLE>'
        '<FIELD name="ra" datatype="double"/><FIELD name="dec" datatype="double"/><DATA><BINARY>'
        '<STREAM href="file:///etc/passwd"/></BINARY></DATA></TABLE></RESOURCE></VOTABLE>'
    )
    if prefix:
        text = re.sub("(</?)", rf"\1{prefix}", text).replace("xmlns=", "xmlns:v=")
    (folder / "rows.vot").write_text(text)
    with pytest.raises(
        InputError, match="lie elsewhere, at file:///etc/passwd, where nothing is fetched from"
    ):
        read_metadata(folder / "rows.vot")
    assert asked == []


def test_files_that_are_links_within_the_pool_are_read_with_what_lies_beside_them(folder: Path) -> None:
    for part in ("parts", "stores"):
        (folder / part).mkdir()
    with h5py.File(folder / "parts" / "source.part", "w") as file:
        file["images"] = IMAGES
    with h5py.File(folder / "parts" / "survey.real", "w") as file:
        file["images"] = h5py.ExternalLink("source.part", "images")
    (folder / "survey.h5").symlink_to("parts/survey.real")
    assert np.array_equal(open_pool(folder).read(np.arange(8), 16).pixels, IMAGES.transpose(0, 3, 1, 2))
    (folder / "survey.h5").unlink()
    zarr_store(folder / ".real.zarr", IMAGES)
    (folder / "stores" / "survey.zarr").symlink_to("../.real.zarr")
    assert np.array_equal(open_pool(folder).read(np.arange(8), 16).pixels, IMAGES.transpose(0, 3, 1, 2))


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
