"""How fast images are read from each kind of file: streamed as for scoring, and a page of 100 of them.

Every kind of file holds the same images of three bands, float32, rendered as they are read; the folder of
JPEGs beside them has as many pictures of the same size. One thread; each kind in turns, so that whatever
else the machine does slows all of them.

    python benchmarks/containers.py --images 20000 --json containers.json
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import tarfile
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import zarr
from PIL import Image

from anomalymatch_ui import open_pool
from anomalymatch_ui.files import write_bytes_atomically

PAGE = 100
BLOCK = 1024


def images_of(rows: range, size: int) -> np.ndarray:
    """Return float32 ``(n, 3, size, size)``: discs on noise, the same whenever they are asked for."""
    y, x = np.mgrid[:size, :size] - size / 2
    disc = 40 * np.exp(-(x**2 + y**2) / (0.02 * size**2))
    images = np.empty((len(rows), 3, size, size), np.float32)
    for place, row in enumerate(rows):
        images[place] = disc * (row % 7 + 1) + np.random.default_rng(row).normal(0, 3, (3, size, size))
    return images


def blocks(images: int) -> list[range]:
    """Return the rows that are made at one time."""
    return [range(first, min(first + BLOCK, images)) for first in range(0, images, BLOCK)]


def jpegs(folder: Path, images: int, size: int) -> Path:
    """Write the folder that the other kinds are compared with."""
    path = folder / "jpegs"
    for rows in blocks(images):
        (path / str(rows.start)).mkdir(parents=True)
        shown = (images_of(rows, size) + 10).clip(0, 255).astype(np.uint8).transpose(0, 2, 3, 1)
        for row, picture in zip(rows, shown, strict=True):
            Image.fromarray(picture).save(path / str(rows.start) / f"{row}.jpg", quality=90)
    return path


def hdf5(folder: Path, images: int, size: int) -> Path:
    """Write one array in one piece."""
    with h5py.File(folder / "a.h5", "w") as file:
        array = file.create_dataset("images", (images, 3, size, size), np.float32)
        for rows in blocks(images):
            array[rows.start : rows.stop] = images_of(rows, size)
    return folder / "a.h5"


def zarr_store(shard: int, chunk: int = 16) -> Callable[[Path, int, int], Path]:
    """Return what writes a store, in shards of so many images if that is not 0.

    Each chunk that a page needs is unpacked as a whole. By default one has 0.8 MB of images of 64 px, about
    the 1 MB that Zarr's guide advises.
    """

    def write(folder: Path, images: int, size: int) -> Path:
        path = folder / f"shards-{shard}-{chunk}.zarr"
        shape = (images, 3, size, size)
        options = {"shards": (shard, *shape[1:])} if shard else {}
        array = zarr.open_group(path, mode="w").create_array(
            "images", shape=shape, dtype="f4", chunks=(chunk, *shape[1:]), **options
        )
        for rows in blocks(images):
            array[rows.start : rows.stop] = images_of(rows, size)
        return path

    return write


def tar(folder: Path, images: int, size: int) -> Path:
    """Write a NPY file an image."""
    with tarfile.open(folder / "a.tar", "w") as archive:
        for rows in blocks(images):
            for row, image in zip(rows, images_of(rows, size), strict=True):
                content = io.BytesIO()
                np.save(content, image)
                member = tarfile.TarInfo(f"{row:08d}.npy")
                member.size = content.tell()
                content.seek(0)
                archive.addfile(member, content)
    return folder / "a.tar"


def parquet(folder: Path, images: int, size: int) -> Path:
    """Write arrays as lists in one another, 64 to a row group."""
    kind = pa.list_(pa.list_(pa.list_(pa.float32())))
    with pq.ParquetWriter(folder / "a.parquet", pa.schema([("image", kind)])) as writer:
        for rows in blocks(images):
            values = pa.array(images_of(rows, size).ravel())
            for length in (size, size, 3):
                values = pa.ListArray.from_arrays(
                    np.arange(0, len(values) + 1, length, dtype=np.int32), values
                )
            writer.write_table(pa.table({"image": values.cast(kind)}), row_group_size=64)
    return folder / "a.parquet"


WRITERS: dict[str, Callable[[Path, int, int], Path]] = {
    "JPEG folder": jpegs,
    "HDF5": hdf5,
    "Zarr": zarr_store(0),
    "Zarr, 64 a chunk": zarr_store(0, 64),
    "Zarr in shards": zarr_store(1024),
    "tar": tar,
    "Parquet": parquet,
}


def main() -> None:
    """Write the files, read them in turns, and print or keep the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--streamed", type=int, default=2_000, help="images of one turn of streaming")
    parser.add_argument("--size", type=int, default=64, help="side of the images, in pixels")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--json", type=Path, help="keep the figures here")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        pools = {
            kind: open_pool(write(Path(folder), given.images, given.size)) for kind, write in WRITERS.items()
        }
        random = np.random.default_rng(0)
        streamed: dict[str, list[float]] = {kind: [] for kind in pools}
        paged: dict[str, list[float]] = {kind: [] for kind in pools}
        streams = range(min(given.streamed, given.images))
        for _ in range(given.turns):
            page = random.choice(given.images, PAGE, replace=False)
            for kind, pool in pools.items():
                begin = time.perf_counter()
                for first in range(0, len(streams), 256):
                    pool.read(streams[first : first + 256], given.size)
                streamed[kind].append(len(streams) / (time.perf_counter() - begin))
                begin = time.perf_counter()
                pool.read(page, given.size)
                paged[kind].append(1000 * (time.perf_counter() - begin))
        for pool in pools.values():
            pool.close()
    results = {
        kind: {
            "images_per_second": round(statistics.median(streamed[kind])),
            "page_ms": round(statistics.median(paged[kind]), 1),
            "against_jpeg": round(
                statistics.median(streamed[kind]) / statistics.median(streamed["JPEG folder"]), 2
            ),
        }
        for kind in pools
    }
    print(f"{'':17}{'images/s':>10}{'of JPEG':>9}{'page, ms':>10}")
    for kind, row in results.items():
        print(f"{kind:17}{row['images_per_second']:10,}{row['against_jpeg']:9.2f}{row['page_ms']:10.1f}")
    if given.json is not None:
        told = {"images": given.images, "size": given.size, "streamed": len(streams), "readers": results}
        write_bytes_atomically(given.json, json.dumps(told, indent=2).encode())


if __name__ == "__main__":
    main()
