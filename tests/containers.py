"""The same images in every kind of file that holds many."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import zarr
from astropy.io import fits
from catalogues import write_mosaic
from fitsfiles import write_extensions

Write = Callable[[Path, np.ndarray, Sequence[str] | None], Path]
"""Writes images ``(n, height, width, bands)`` and their ids into a folder; returns what to open."""


def _hdf5(**storage: object) -> Write:
    def write(folder: Path, images: np.ndarray, ids: Sequence[str] | None) -> Path:
        path = folder / "survey.h5"
        with h5py.File(path, "w") as file:
            file.create_dataset("images", data=images, **{**storage, **_chunks(storage, images.shape)})
            if ids is not None:
                file.create_dataset("ids", data=list(ids), dtype=h5py.string_dtype())
        return path

    return write


def _chunks(storage: dict[str, object], shape: tuple[int, ...]) -> dict[str, object]:
    chunks = storage.get("chunks")
    return {} if chunks is None else {"chunks": tuple(map(min, chunks, shape))}  # type: ignore[call-overload]


def _hdf5_bands_first(folder: Path, images: np.ndarray, ids: Sequence[str] | None) -> Path:
    path = folder / "survey.h5"
    with h5py.File(path, "w") as file:
        file["image_array"] = images.transpose(0, 3, 1, 2)
        if ids is not None:
            file["object_id"] = np.array([name.encode() for name in ids])
    return path


def _hdf5_virtual(folder: Path, images: np.ndarray, ids: Sequence[str] | None) -> Path:
    half = len(images) // 2
    for name, part in (("a", images[:half]), ("b", images[half:])):
        with h5py.File(folder / f"{name}.part", "w") as file:
            file["images"] = part
    layout = h5py.VirtualLayout(images.shape, images.dtype)
    layout[:half] = h5py.VirtualSource("a.part", "images", images[:half].shape)
    layout[half:] = h5py.VirtualSource("b.part", "images", images[half:].shape)
    with h5py.File(folder / "survey.h5", "w") as file:
        file.create_virtual_dataset("images", layout)
        if ids is not None:
            file.create_dataset("ids", data=list(ids), dtype=h5py.string_dtype())
    return folder / "survey.h5"


def zarr_store(
    path: Path, images: np.ndarray, ids: Sequence[str] | None = None, version: int = 3, **options: object
) -> Path:
    """Write a Zarr store; images of one value are written, too."""
    group = zarr.open_group(path, mode="w", zarr_format=version)  # type: ignore[arg-type]
    array = group.create_array(
        "images", shape=images.shape, dtype=images.dtype, config={"write_empty_chunks": True}, **options
    )
    array[:] = images
    if ids is not None:
        group.create_array("ids", shape=(len(ids),), dtype=str)[:] = np.array(ids, dtype=object)
    return path


def _zarr(version: int = 3, chunk: int = 8, shard: int = 0, tiles: int = 1) -> Write:
    def write(folder: Path, images: np.ndarray, ids: Sequence[str] | None) -> Path:
        height, width, bands = images.shape[1:]
        options: dict[str, object] = {"chunks": (chunk, -(-height // tiles), -(-width // tiles), bands)}
        if shard:
            options["shards"] = (shard, height, width, bands)
        return zarr_store(folder / "survey.zarr", images, ids, version, **options)

    return write


def _zarr_zip(folder: Path, images: np.ndarray, ids: Sequence[str] | None) -> Path:
    store = _zarr()(folder, images, ids)
    path = folder / "survey.zarr.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(store.rglob("*")):
            if file.is_file():
                archive.write(file, file.relative_to(store).as_posix())
    return path


def _as_array(image: np.ndarray) -> np.ndarray:
    """Return an image as an NPY file has it: pictures with their colours last, others with bands first."""
    return np.ascontiguousarray(image if image.dtype == np.uint8 else image.transpose(2, 0, 1))


def _tar(folder: Path, images: np.ndarray, ids: Sequence[str] | None) -> Path:
    path = folder / "survey.tar"
    with tarfile.open(path, "w") as archive:
        for row, image in enumerate(images):
            content = io.BytesIO()
            np.save(content, _as_array(image))
            member = tarfile.TarInfo(f"{row if ids is None else ids[row]}.npy")
            member.size = content.tell()
            content.seek(0)
            archive.addfile(member, content)
    return path


def _parquet(folder: Path, images: np.ndarray, ids: Sequence[str] | None) -> Path:
    bands_first = np.ascontiguousarray(images.transpose(0, 3, 1, 2))
    flat = pa.array(bands_first.astype(images.dtype.newbyteorder("=")).ravel())
    for length in (images.shape[2], images.shape[1], images.shape[3]):
        flat = pa.ListArray.from_arrays(np.arange(0, len(flat) + 1, length, dtype=np.int32), flat)
    columns = {"image": flat} if ids is None else {"image": flat, "id": pa.array(list(ids))}
    pq.write_table(pa.table(columns), folder / "survey.parquet", row_group_size=16)
    return folder / "survey.parquet"


def _hugging_face(folder: Path, images: np.ndarray, ids: Sequence[str] | None) -> Path:
    rows = []
    for image in images:
        content = io.BytesIO()
        np.save(content, _as_array(image))
        rows.append({"bytes": content.getvalue(), "path": None})
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    columns = {"image": pa.array(rows, kind)} | ({} if ids is None else {"id": pa.array(list(ids))})
    pq.write_table(pa.table(columns), folder / "survey.parquet", row_group_size=16)
    return folder / "survey.parquet"


def _planes(image: np.ndarray) -> dict[str, np.ndarray]:
    """Return the bands of an image by the names that numbered planes have."""
    return {
        str(place): np.ascontiguousarray(plane) for place, plane in enumerate(image.transpose(2, 0, 1), 1)
    }


def _fits_separate(folder: Path, images: np.ndarray, ids: Sequence[str]) -> Path:
    for name, image in zip(ids, images, strict=True):
        for band, plane in _planes(image).items():
            fits.PrimaryHDU(plane).writeto(folder / f"{name}_{band}.fits")
    return folder


def _fits_extensions(folder: Path, images: np.ndarray, ids: Sequence[str]) -> Path:
    for name, image in zip(ids, images, strict=True):
        write_extensions(folder / f"{name}.fits", _planes(image))
    return folder


def _fits_cubes(folder: Path, images: np.ndarray, ids: Sequence[str]) -> Path:
    for name, image in zip(ids, images, strict=True):
        fits.PrimaryHDU(image.transpose(2, 0, 1)).writeto(folder / f"{name}.fits")
    return folder


def _fits_compressed(folder: Path, images: np.ndarray, ids: Sequence[str]) -> Path:
    """Write extensions compressed in tiles, without a loss."""
    for name, image in zip(ids, images, strict=True):
        hdus = [
            fits.CompImageHDU(
                plane, name=band, compression_type="GZIP_2", quantize_level=0, tile_shape=plane.shape
            )
            for band, plane in _planes(image).items()
        ]
        fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(folder / f"{name}.fits")
    return folder


def _fits_gzipped(folder: Path, images: np.ndarray, ids: Sequence[str]) -> Path:
    for name, image in zip(ids, images, strict=True):
        write_extensions(folder / f"{name}.fits.gz", _planes(image))
    return folder


FITS_FOLDERS: dict[str, Callable[[Path, np.ndarray, Sequence[str]], Path]] = {
    "FITS, a file a band": _fits_separate,
    "FITS extensions": _fits_extensions,
    "FITS cubes": _fits_cubes,
    "FITS compressed": _fits_compressed,
    "FITS gzipped": _fits_gzipped,
}
"""Folders of files; the ids of their images end with the suffix, and those of files a band by a template."""

TEMPLATE = "{name}_{band}.fits"
"""Of the names of files a band."""

CONTAINERS: dict[str, Write] = {
    "hdf5": _hdf5(),
    "hdf5 in chunks": _hdf5(chunks=(8, 16, 16, 3), compression="gzip"),
    "hdf5 in tiles": _hdf5(chunks=(4, 8, 8, 3)),
    "hdf5 an image a chunk": _hdf5(chunks=(1, 16, 16, 3), compression="lzf"),
    "hdf5 bands first": _hdf5_bands_first,
    "hdf5 virtual": _hdf5_virtual,
    "zarr 3": _zarr(),
    "zarr 2": _zarr(version=2),
    "zarr in shards": _zarr(chunk=4, shard=16),
    "zarr an image a chunk": _zarr(chunk=1),
    "zarr in tiles": _zarr(chunk=4, tiles=2),
    "zarr in a zip": _zarr_zip,
    "tar": _tar,
    "parquet": _parquet,
    "parquet of files": _hugging_face,
    "catalogue": write_mosaic,
}
