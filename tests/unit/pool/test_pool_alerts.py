from __future__ import annotations

import gzip
import io
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.pool import open_pool

fastavro = pytest.importorskip("fastavro")

CANDID = 2739161834506210321
BANDS = ("science", "template", "difference")
STAMP = {"type": "record", "name": "stamp", "fields": [{"name": "stampData", "type": "bytes"}]}


def stamp(values: np.ndarray) -> bytes:
    content = io.BytesIO()
    fits.writeto(content, values)
    return content.getvalue()


def write(path: Path, stamps: list[list[bytes | None]], *, packed: bool = True, codec: str = "null") -> Path:
    """Write alerts as ZTF does, or with bare bytes as LSST does."""
    names = [f"cutout{band.capitalize()}" for band in BANDS]
    kinds = [STAMP if number == 0 else "stamp" for number in range(3)] if packed else ["bytes"] * 3
    source = {
        "type": "record",
        "name": "source",
        "fields": [{"name": name, "type": "double"} for name in ("ra", "dec")],
    }
    schema = {
        "type": "record",
        "name": "alert",
        "fields": [
            {"name": "candid", "type": "long"},
            {"name": "objectId", "type": "string"},
            {"name": "candidate", "type": source},
            *({"name": name, "type": ["null", kind]} for name, kind in zip(names, kinds, strict=True)),
        ],
    }
    records = []
    for row, images in enumerate(stamps):
        wrapped = [
            None if image is None else {"stampData": gzip.compress(image)} if packed else image
            for image in images
        ]
        records.append(
            {"candid": CANDID + row, "objectId": "ZTF17a", "candidate": {"ra": 10.0 + row, "dec": -1.0}}
            | dict(zip(names, wrapped, strict=True))
        )
    with path.open("wb") as file:
        fastavro.writer(file, fastavro.parse_schema(schema), records, codec=codec, sync_interval=20_000)
    return path


def stamps(count: int) -> tuple[np.ndarray, list[list[bytes | None]]]:
    values = np.random.default_rng(0).normal(100, 10, (count, 3, 21, 21)).astype(">f4")
    return values, [[stamp(plane) for plane in image] for image in values]


@pytest.mark.parametrize(
    ("packed", "codec"), [(True, "null"), (True, "deflate"), (False, "null"), (False, "snappy")]
)
def test_alerts_are_images_of_three_bands(tmp_path: Path, packed: bool, codec: str) -> None:
    values, files = stamps(30)
    pool = open_pool(write(tmp_path / "a.avro", files, packed=packed, codec=codec))
    assert list(pool.ids) == [str(CANDID + row) for row in range(30)]
    assert pool.columns["candid"].to_pylist() == [CANDID + row for row in range(30)]
    assert pool.columns.positions == ("ra", "dec")
    assert pool.bands.names == BANDS
    native = pool.native(17)  # type: ignore[attr-defined]
    assert np.array_equal(native.values, values[17].astype("f4"))
    assert pool.read([29, 3], 21).indices.tolist() == [29, 3]
    shown = open_pool(tmp_path / "a.avro", bands=BANDS).image(17)
    assert all(shown[..., place].std() > 20 for place in range(3))


def test_an_alert_that_lacks_a_stamp_or_has_a_damaged_one_is_unreadable(tmp_path: Path) -> None:
    _, files = stamps(6)
    files[2][1], files[4][0] = None, b"junk"
    pool = open_pool(write(tmp_path / "a.avro", files))
    assert pool.read(range(6), 21).indices.tolist() == [0, 1, 3, 5]
    assert pool.report.unreadable[str(CANDID + 2)] == "it has no stamp of the template image"


def test_a_folder_of_alerts_is_one_pool(tmp_path: Path) -> None:
    _, files = stamps(6)
    for row in range(3):
        write(tmp_path / f"{row}.avro", [files[row]] if row else files[3:])
    pool = open_pool(tmp_path)
    assert len(pool) == 5
    assert len(pool.read(range(5), 21).indices) == 5


def test_what_has_no_stamps_is_refused_in_a_sentence(tmp_path: Path) -> None:
    schema = {"type": "record", "name": "a", "fields": [{"name": "x", "type": "long"}]}
    with (tmp_path / "a.avro").open("wb") as file:
        fastavro.writer(file, schema, [{"x": 1}])
    with pytest.raises(InputError, match="has no stamps"):
        open_pool(tmp_path / "a.avro")
    (tmp_path / "b.avro").write_bytes(b"no Avro")
    with pytest.raises(InputError, match="as an Avro file"):
        open_pool(tmp_path / "b.avro")


@pytest.mark.shared_data
def test_a_real_alert_of_ztf(shared_data: Path) -> None:
    pool = open_pool(shared_data / "formats/ztf/alert.avro")
    assert list(pool.ids) == ["472263571115115000"]
    assert pool.image(0).shape == (63, 63, 3)
