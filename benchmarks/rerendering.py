"""How long a page of cards takes to be rendered anew after a change of stretch, limits or bands.

``python benchmarks/rerendering.py --json`` prints the median time of each change, for 100 cutouts of three
bands of float32 as FITS: until the sheet that the browser shows is encoded. The values are in memory by then,
as they are after the first choice; the first one reads the files, and is told apart.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np
from astropy.io import fits

from anomalymatch_ui.app.looking.natives import Natives
from anomalymatch_ui.app.looking.sheet import contact_sheet
from anomalymatch_ui.pixels import Rendering
from anomalymatch_ui.pool import open_pool

CUTOUTS = 100
CHANGES = {
    "stretch": [Rendering(stretch="asinh"), Rendering(stretch="log"), Rendering(stretch="lupton")],
    "bands": [Rendering(stretch="asinh", rgb=(band, band, band)) for band in "GRI"],
    "percentiles": [Rendering(stretch="asinh", percentiles=(low, 100 - low)) for low in (0.5, 1, 2.5)],
    "limits in units": [Rendering(stretch="asinh", limits=(-1, white)) for white in (3.0, 5.0, 9.0)],
    "zscale, not seen before": [Rendering(limits="zscale")],
    "fitsbolt": [Rendering(stretch="fitsbolt-asinh"), Rendering(stretch="fitsbolt-midtones")],
}


def write_cutouts(folder: Path, side: int) -> None:
    """Write noise with a source in it."""
    random = np.random.default_rng(0)
    y, x = np.mgrid[:side, :side] - side / 2
    source = 20 * np.exp(-(x**2 + y**2) / 50)
    for number in range(CUTOUTS):
        bands = [
            fits.ImageHDU((random.normal(0, 1, (side, side)) + source).astype(np.float32), name=name)
            for name in "GRI"
        ]
        fits.HDUList([fits.PrimaryHDU(), *bands]).writeto(folder / f"{number:03d}.fits")


def measured(side: int) -> dict[str, dict[str, float]]:
    """Return milliseconds by change, the median over pages: elapsed, and of all cores together."""
    with tempfile.TemporaryDirectory() as folder:
        write_cutouts(Path(folder), side)
        pool = open_pool(folder)
        natives = Natives(pool)
        found = {"first choice": [_milliseconds(natives, Rendering(stretch="sqrt").bound(pool.bands), side)]}
        for name, renderings in CHANGES.items():
            found[name] = [_milliseconds(natives, one.bound(pool.bands), side) for one in renderings]
        natives.close()
    names = ("elapsed", "cpu")  # the second one does not depend on what else the machine does
    return {
        name: dict(zip(names, np.median(times, axis=0).round(1).tolist(), strict=True))
        for name, times in found.items()
    }


def _milliseconds(natives: Natives, rendering: Rendering, side: int) -> np.ndarray:
    start = np.array([time.perf_counter(), time.process_time()])
    contact_sheet(natives.rendered(rendering), range(CUTOUTS), side)
    return 1e3 * (np.array([time.perf_counter(), time.process_time()]) - start)


def main() -> None:
    """Measure, and print a table or JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    results = {f"{side} px": measured(side) for side in (64, 128)}
    if options.json:
        print(json.dumps(results, indent=2))
        return
    for size, changes in results.items():
        for name, times in changes.items():
            print(f"{size:7} {name:24} {times['elapsed']:7.0f} ms, {times['cpu']:.0f} ms of CPU")


if __name__ == "__main__":
    main()
