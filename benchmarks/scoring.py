"""Images scored per second, beside the naive reference, in the same run.

The naive reference reads and decodes with one thread, then runs the network in float32, NCHW, in batches of
1,000. Both give the same network the same pixels. The two take turns, and the medians are compared. Every
measurement is a process of its own; its peak memory is the product's alone.

    python benchmarks/scoring.py --json       # a folder of JPEGs of 64 px
    python benchmarks/scoring.py --all        # formats x sizes, and the growth from 10^4 to 10^6 images
    python benchmarks/scoring.py --gpu        # all that is worth knowing of a CUDA GPU, in one table
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from scoring_cell import NAIVE_BATCH, Cell
from scoring_pools import bytes_on_disk, write_pool

from anomalymatch_ui.stream.clock import STAGES

FORMATS = ("zarr", "hdf5", "folder")
SIZES = (64, 128, 224)

# What takes some seconds a turn on two cores.
CPU_IMAGES = {64: 3000, 128: 1000, 224: 400}

# What takes some seconds a turn on a large GPU. A Zarr store repeats its chunks, an HDF5 file cannot.
GPU_IMAGES = {
    "folder": {64: 60_000, 128: 40_000, 224: 20_000},
    "hdf5": {64: 60_000, 128: 20_000, 224: 6_000},
    "zarr": {64: 400_000, 128: 200_000, 224: 60_000},
}

# Small, for a million of them takes minutes on two cores.
GROWTH_SIZE = 32
GROWTH_IMAGES = (10_000, 100_000, 1_000_000)

COLUMNS = (
    "pool",
    "px",
    "images",
    "batch",
    "images/s",
    "naive/s",
    "ratio",
    "peak MB",
    "disk MB/s",
    *STAGES[:-1],
)


def run_cell(cell: Cell) -> dict[str, Any]:
    """Measure one cell in a process of its own; a failure is told, and the other cells go on."""
    child = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("scoring_cell.py"))],
        input=json.dumps(asdict(cell)),
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if child.returncode != 0:
        figures: dict[str, Any] = asdict(cell) | {"error": f"ended with exit code {child.returncode}"}
    else:
        figures = json.loads(child.stdout.splitlines()[-1])
        figures["bytes_per_image"] = round(bytes_on_disk(Path(cell.path), figures["images"]))
    del figures["path"]  # which nobody else has
    return figures


def row_of(figures: dict[str, Any]) -> list[str]:
    """Return a row of the table."""
    name = figures["format"]
    if figures["compiled"]:
        name += ", compiled"
    if "error" in figures:
        return [name, str(figures["size"]), figures["error"]]
    megabytes = figures["images_per_second"] * figures["bytes_per_image"] / 1e6
    shares = [f"{figures['shares'][s]:.0%}" if s in figures["shares"] else "" for s in STAGES[:-1]]
    naive = figures.get("naive_images_per_second")
    return [
        name,
        str(figures["size"]),
        f"{figures['images']:,}",
        str(figures["batch_size"]),
        f"{figures['images_per_second']:,.0f}",
        f"{naive:,.0f}" if naive else "",
        f"{figures['ratio']:.1f}" if naive else "",
        f"{figures['peak_megabytes']:,.0f}",
        f"{megabytes:,.0f}",
        *shares,
    ]


def show(cells: Iterator[Cell]) -> list[dict[str, Any]]:
    """Measure cells and print a Markdown table, each row as soon as it is known."""
    results: list[dict[str, Any]] = []
    print("| " + " | ".join(COLUMNS) + " |")
    print("|" + "---|" * len(COLUMNS), flush=True)
    for cell in cells:
        results.append(run_cell(cell))
        print("| " + " | ".join(row_of(results[-1])) + " |", flush=True)
    return results


def matrix(folder: Path, arguments: argparse.Namespace) -> Iterator[Cell]:
    """Return formats x sizes, then the growth; each pool is made when its turn comes."""
    for size in arguments.sizes:
        count = arguments.count or CPU_IMAGES.get(size, 1000)
        for name in arguments.formats:
            path = write_pool(folder, name, count, size)
            yield Cell(
                str(path),
                name,
                size,
                device=arguments.device,
                batch_size=arguments.batch_size,
                repeats=arguments.repeats,
                naive_images=min(count, 2 * NAIVE_BATCH),
            )
    for count in arguments.growth:
        path = write_pool(folder, "zarr", count, GROWTH_SIZE)
        # The batch is the same for all, so that nothing but the pool's size differs.
        yield Cell(str(path), "zarr", GROWTH_SIZE, device=arguments.device, batch_size=64, repeats=1)


def gpu_runs(folder: Path, arguments: argparse.Namespace) -> Iterator[Cell]:
    """Return what a GPU is asked for: arrays, JPEGs, and compiled networks."""
    for size in arguments.sizes:
        for name in arguments.formats:
            count = arguments.count or GPU_IMAGES[name].get(size, 20_000)
            path = str(write_pool(folder, name, count, size))
            common = {"device": arguments.device, "batch_size": arguments.batch_size, "repeats": 2}
            yield Cell(path, name, size, naive_images=min(count, 4 * NAIVE_BATCH), **common)
            if (name, size) in (("zarr", 64), ("folder", 128)):
                yield Cell(path, name, size, compiled=True, **common)


def grown(rows: list[dict[str, Any]]) -> str:
    """Say how memory grew with the pool, from the rows of the growth."""
    rows = [row for row in rows if "error" not in row]
    if len(rows) < 2:
        return ""
    first, last = rows[0], rows[-1]
    more = last["peak_megabytes"] - first["peak_megabytes"]
    return f"Peak memory from {first['images']:,} to {last['images']:,} images: {more:+,.0f} MB."


def headline(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure one folder of JPEGs."""
    count = arguments.count or CPU_IMAGES[64]
    path = arguments.images or write_pool(folder, "folder", count, arguments.sizes[0])
    cell = Cell(
        str(path),
        "folder",
        arguments.sizes[0],
        device=arguments.device,
        batch_size=arguments.batch_size,
        repeats=arguments.repeats,
        naive_images=min(count, 3 * NAIVE_BATCH),
    )
    figures = run_cell(cell)
    if "error" in figures:
        sys.exit(f"The measurement {figures['error']}.")
    for name, value in figures.items():
        print(f"{name:24} {value}")
    return figures


def integers(text: str) -> tuple[int, ...]:
    """Read ``64,128``."""
    return tuple(int(part) for part in text.split(",") if part)


def names(text: str) -> tuple[str, ...]:
    """Read ``zarr,folder``."""
    return tuple(part for part in text.split(",") if part)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--all", action="store_true", help="formats x sizes, and growth with the pool")
    parser.add_argument("--gpu", action="store_true", help="everything that is measured on a CUDA GPU")
    parser.add_argument("--images", type=Path, help="folder of images; synthetic ones if not given")
    parser.add_argument("--count", type=int, help="number of synthetic images")
    parser.add_argument("--sizes", type=integers, help="sides of the images, in pixels: 64,128,224")
    parser.add_argument("--formats", type=names, default=FORMATS, help="zarr,hdf5,folder")
    parser.add_argument("--batch-size", type=int, default=0, help="0 measures which is fastest")
    parser.add_argument("--growth", type=integers, default=GROWTH_IMAGES, help="pool sizes of the growth")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--device", default=None, help="auto unless given; with --gpu, cuda")
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    parser.add_argument("--out", type=Path, help="keep all figures in this JSON file")
    arguments = parser.parse_args()
    arguments.sizes = arguments.sizes or (SIZES if arguments.all or arguments.gpu else SIZES[:1])
    arguments.device = arguments.device or ("cuda" if arguments.gpu else "auto")
    if arguments.gpu and arguments.device == "cuda" and not torch.cuda.is_available():
        parser.error("there is no CUDA GPU here; --gpu measures one")
    return arguments


def main() -> None:
    """Run the benchmark and print its figures."""
    arguments = parse()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if not (arguments.all or arguments.gpu):
            result: Any = headline(folder, arguments)
        else:
            if arguments.device == "cuda":
                print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}\n")
            result = show((gpu_runs if arguments.gpu else matrix)(folder, arguments))
            if arguments.all:
                print(f"\n{grown(result[-len(arguments.growth) :])}")
    if arguments.out is not None:
        arguments.out.write_text(json.dumps(result, indent=2) + "\n")
    if arguments.json:
        print(json.dumps(result))


if __name__ == "__main__":
    main()
