"""What a pool takes from outside its folder: nothing, unless it is allowed."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import zarr
from containers import zarr_store
from PIL import Image

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.pool import open_pool
from anomalymatch_ui.pool.catalogue_table import read_table
from anomalymatch_ui.pool.hdf5_outside import led_outside
from anomalymatch_ui.session.catalogue.metadata_table import read_metadata

IMAGES = np.random.default_rng(0).integers(1, 255, (8, 16, 16, 3), dtype=np.uint8)


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
