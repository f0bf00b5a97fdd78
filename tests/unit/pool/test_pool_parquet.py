from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.pool import open_pool

IMAGES = np.random.default_rng(0).integers(0, 256, (10, 24, 24, 3), np.uint8)
IDS = [2739161834506210321 + row for row in range(10)]


def jpeg(image: np.ndarray) -> bytes:
    content = io.BytesIO()
    Image.fromarray(image).save(content, "PNG")
    return content.getvalue()


def hugging_face(path: Path, images: list[dict[str, object] | None], **columns: list[object]) -> Path:
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    table = pa.table({"image": pa.array(images, kind), **columns})
    pq.write_table(table, path, row_group_size=4)
    return path


def multimodal(
    path: Path,
    fluxes: list[np.ndarray],
    bands: list[list[str]] | None = None,
    clean: list[np.ndarray] | None = None,
) -> Path:
    bands = bands or [["g", "r", "z"]] * len(fluxes)
    rows = [
        {"band": names, "flux": flux.tolist(), "ivar": flux.tolist(), "mask": mask.tolist()}
        for names, flux, mask in zip(bands, fluxes, clean or [flux < np.inf for flux in fluxes], strict=True)
    ]
    planes = pa.list_(pa.list_(pa.list_(pa.float32())))
    masks = pa.list_(pa.list_(pa.list_(pa.bool_())))
    kind = pa.struct([("band", pa.list_(pa.string())), ("flux", planes), ("ivar", planes), ("mask", masks)])
    table = pa.table({"object_id": IDS[: len(rows)], "image": pa.array(rows, kind), "z": [0.1] * len(rows)})
    pq.write_table(table, path, row_group_size=4)
    return path


def test_images_of_hugging_face_are_decoded_and_named_by_their_files(tmp_path: Path) -> None:
    images = [{"bytes": jpeg(image), "path": f"a/{row}.png"} for row, image in enumerate(IMAGES)]
    pool = open_pool(hugging_face(tmp_path / "a.parquet", images, label=list(range(10)), ra=[1.0] * 10))
    assert list(pool.ids) == [f"{row}.png" for row in range(10)]
    assert np.array_equal(pool.read([9, 2, 2], 24).pixels, IMAGES[[9, 2, 2]].transpose(0, 3, 1, 2))
    assert pool.columns.names == ("label", "ra")
    assert pool.block_images in (3, 4)


def test_rows_without_an_image_are_unreadable(tmp_path: Path) -> None:
    images: list[dict[str, object] | None] = [{"bytes": jpeg(image), "path": None} for image in IMAGES]
    images[1], images[5] = None, {"bytes": None, "path": "b.png"}
    images[7] = {"bytes": jpeg(IMAGES[7])[:100], "path": None}
    pool = open_pool(hugging_face(tmp_path / "a.parquet", images))
    assert pool.read(range(10), 24).indices.tolist() == [0, 2, 3, 4, 6, 8, 9]
    assert pool.report.unreadable["1"] == "there is none in its row"
    assert "only a path" in pool.report.unreadable["5"]
    assert pool.report.unreadable["7"] == "truncated"


def test_flux_of_the_multimodal_universe(tmp_path: Path) -> None:
    import h5py

    fluxes = list(np.random.default_rng(1).normal(0, 1, (10, 3, 16, 20)).astype("f4"))
    pool = open_pool(multimodal(tmp_path / "a.parquet", fluxes))
    assert list(pool.ids) == list(map(str, IDS))
    assert pool.columns["object_id"].to_pylist() == IDS
    assert pool.bands.names == ("g", "r", "z")
    assert pool.rendering.rgb == ("z", "r", "g")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["images"] = np.stack(fluxes)
        file["images"].attrs["bands"] = ["g", "r", "z"]
    expected = open_pool(tmp_path / "a.h5")
    assert np.array_equal(pool.read(range(10), 16).pixels, expected.read(range(10), 16).pixels)


def test_pixels_that_the_multimodal_universe_masks_are_bad(tmp_path: Path) -> None:
    fluxes = list(np.random.default_rng(1).normal(0, 1, (4, 3, 16, 16)).astype("f4"))
    fluxes[2][1, 5, 6] = 1e6  # would decide how the image looks
    clean = [np.ones(flux.shape, bool) for flux in fluxes]
    clean[2][1, 5, 6] = False
    pool = open_pool(multimodal(tmp_path / "a.parquet", fluxes, clean=clean))
    assert np.isnan(pool.native(2).values[1, 5, 6])
    assert np.isfinite(pool.native(2).values).sum() == 3 * 16 * 16 - 1
    shown = pool.image(2)[..., 1]  # z, r and g are red, green and blue
    assert shown[5, 6] == 0
    assert shown.std() > 20


def test_rows_of_other_bands_or_uneven_lists_are_unreadable(tmp_path: Path) -> None:
    fluxes = list(np.random.default_rng(1).normal(0, 1, (5, 3, 8, 8)).astype("f4"))
    bands = [["g", "r", "z"]] * 4 + [["r", "g", "z"]]
    pool = open_pool(multimodal(tmp_path / "a.parquet", fluxes, bands))
    assert pool.read(range(5), 8).indices.tolist() == [0, 1, 2, 3]
    assert pool.report.unreadable[str(IDS[4])] == "its bands are r, g, z"
    rows = [[[1.0, 2.0], [3.0, 4.0]], [[1.0, 2.0], [3.0]], [], [[5.0, 2.0], [3.0, 4.0]]]
    pq.write_table(pa.table({"image": pa.array(rows)}), tmp_path / "b.parquet")
    uneven = open_pool(tmp_path / "b.parquet")
    assert uneven.read(range(4), 8).indices.tolist() == [0, 3]
    assert "differ in length" in uneven.report.unreadable["1"]


def test_a_folder_of_parts_is_one_pool(tmp_path: Path) -> None:
    for part in range(3):
        images = [{"bytes": jpeg(image), "path": f"{part}-{row}"} for row, image in enumerate(IMAGES)]
        hugging_face(tmp_path / f"train-0000{part}-of-00003.parquet", images)
    pool = open_pool(tmp_path)
    assert (len(pool), pool.ids[25]) == (30, "2-5")
    assert np.array_equal(pool.image(25), IMAGES[5])


def test_a_column_is_chosen_by_its_name(tmp_path: Path) -> None:
    table = pa.table(
        {"first": [jpeg(image) for image in IMAGES], "second": [jpeg(~image) for image in IMAGES]}
    )
    pq.write_table(table.append_column("key", [IDS]), tmp_path / "a.parquet")
    with pytest.raises(InputError, match="2 columns of images: first, second"):
        open_pool(tmp_path / "a.parquet")
    pool = open_pool(tmp_path / "a.parquet", array="second", ids="key")
    assert np.array_equal(pool.image(pool.index(str(IDS[3]))), ~IMAGES[3])
    with pytest.raises(InputError, match="no column 'keys'"):
        open_pool(tmp_path / "a.parquet", array="second", ids="keys")


def test_what_has_no_images_is_refused_in_a_sentence(tmp_path: Path) -> None:
    pq.write_table(pa.table({"ra": [1.0], "name": ["a"]}), tmp_path / "a.parquet")
    with pytest.raises(InputError, match="has no images.* and has ra, name"):
        open_pool(tmp_path / "a.parquet")
    (tmp_path / "b.parquet").write_bytes(b"PAR1 no PAR1")
    with pytest.raises(InputError, match="Cannot open"):
        open_pool(tmp_path / "b.parquet")
    hugging_face(tmp_path / "c.parquet", [])
    with pytest.raises(InputError, match="no rows"):
        open_pool(tmp_path / "c.parquet")


def test_a_name_of_a_column_that_is_no_text_is_told_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "damaged.parquet"
    pq.write_table(pa.table({"abcd": [1]}), path)
    path.write_bytes(path.read_bytes().replace(b"abcd", b"ab\x80d"))
    with pytest.raises(InputError, match=r"damaged\.parquet"):
        open_pool(path)
