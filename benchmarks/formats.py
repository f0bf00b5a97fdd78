"""How fast a folder of FITS streams, beside astropy's own reading of it in a loop.

``python benchmarks/formats.py --json FILE`` writes ``images``, ``rows`` (name, images a second), ``ratio``.
Where fitsio is installed it is measured, too.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from astropy.io import fits

from anomalymatch_ui.pool import open_pool

SIZE, BANDS, REPEATS = 64, ("G", "R", "I"), 3


def write(folder: Path, images: int) -> None:
    random = np.random.default_rng(0)
    for number in range(images):
        hdus = [
            fits.ImageHDU(random.normal(0, 1, (SIZE, SIZE)).astype(np.float32), name=name) for name in BANDS
        ]
        fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(folder / f"{number:05d}.fits")


def rate(work: Callable[[], object], images: int) -> float:
    """Return the images a second of the fastest of a few turns."""
    best = float("inf")
    for _ in range(REPEATS):
        begun = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - begun)
    return images / best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder, images = Path(name), arguments.images
        write(folder, images)
        pool = open_pool(folder)
        paths = [folder / image_id for image_id in pool.ids]

        def native() -> None:
            for index in range(images):
                pool.native(index)

        rates = {
            "astropy.io.fits.getdata": rate(
                lambda: [fits.getdata(path, band) for path in paths for band in BANDS], images
            ),
            "native values": rate(native, images),
            "rendered": rate(lambda: [pool.read(shard, SIZE) for shard in pool.shards(256)], images),
        }
        if importlib.util.find_spec("fitsio"):
            fitsio = importlib.import_module("fitsio")

            def by_fitsio() -> None:
                for path in paths:
                    with fitsio.FITS(path) as file:
                        for band in BANDS:
                            file[band].read()

            rates["fitsio, a file opened once"] = rate(by_fitsio, images)
    base = rates["astropy.io.fits.getdata"]
    for row, value in rates.items():
        print(f"{row:<26} {value:8,.0f} images/s  {value / base:5.1f}x")
    if arguments.json:
        rows = [{"name": row, "images_per_second": round(value)} for row, value in rates.items()]
        told = {
            "images": images,
            "rows": rows,
            "ratio": {row: round(value / base, 2) for row, value in rates.items()},
        }
        arguments.json.write_text(json.dumps(told, indent=2) + "\n")


if __name__ == "__main__":
    main()
