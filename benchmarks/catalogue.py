"""How fast cutouts are cut from tiles, beside astropy's Cutout2D on a file opened for each, and Cutana.

``python benchmarks/catalogue.py --cutana PYTHON --json FILE`` writes ``cutouts``, ``tiles``, ``workers``,
``rows`` (name, cutouts a second), ``ratio`` to Cutout2D, ``to_cutana`` (native values to its float32,
rendered to its 8 bits), and whether the pixels agree. PYTHON is an interpreter that has Cutana 0.4.0;
without it Cutana is left out. It is measured by its fastest path, which stays in its process and writes
nothing; ``--processes`` adds the one that starts processes and writes a store.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.nddata import Cutout2D
from astropy.wcs import WCS

from anomalymatch_ui.pool import open_pool

WHAT = "native values", "rendered"
SIDE, SCALE = 64, 0.1  # of a cutout in pixels; of a pixel in arcseconds

DRIVER = """
import json, sys, time
import numpy as np, pandas as pd
from cutana import get_default_config, Orchestrator
from cutana.direct_cutout import create_cutouts_direct
catalogue, out, workers, side = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
processes = sys.argv[5] == "True"
def config(**more):
    made = get_default_config()
    made.source_catalogue, made.output_dir, made.target_resolution = catalogue, out, side
    made.normalisation_method, made.data_type, made.apply_flux_conversion = "none", "float32", False
    made.selected_extensions = [{"name": "PRIMARY", "ext": "PrimaryHDU"}]
    made.channel_weights, made.max_workers = {"PRIMARY": [1.0]}, workers
    made.console_log_level = made.log_level = "ERROR"
    made.loadbalancer.skip_memory_calibration_wait = True
    for name, value in more.items():
        made[name] = value
    return made
table = pd.read_csv(catalogue)
def direct(**more):
    best = float("inf")
    for _ in range(3):
        begun = time.perf_counter()
        found = create_cutouts_direct(table, config(**more), workers, log_set_progress=False)
        best = min(best, time.perf_counter() - begun)
    return best, found
in_8_bits, _ = direct(normalisation_method="linear", data_type="uint8")
best, found = direct()
ids = [str(m["source_id"]) for batch in found for m in batch["metadata"]]
origin = [[m["extraction_origin_x"], m["extraction_origin_y"]] for batch in found for m in batch["metadata"]]
np.savez(out + "/direct.npz", ids=ids, origin=origin, cutouts=np.concatenate([b["cutouts"] for b in found]))
told = {"native values": best, "rendered": in_8_bits}
if processes:
    begun = time.perf_counter()
    Orchestrator(config(skip_fits_check=True)).run()
    told["written by processes"] = time.perf_counter() - begun
print("TOLD " + json.dumps(told))
"""


def write(folder: Path, tiles: int, side: int, cutouts: int) -> pd.DataFrame:
    """Write tiles and a catalogue, whose rows are in no order, into a folder."""
    random = np.random.default_rng(0)
    rows = []
    for number in range(tiles):
        wcs = WCS(naxis=2)
        wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
        wcs.wcs.crval, wcs.wcs.crpix = [150 + 0.2 * number, 2.2], [(side + 1) / 2] * 2
        wcs.wcs.cdelt = [-SCALE / 3600, SCALE / 3600]
        path = folder / f"tile_{number:03d}.fits"
        fits.writeto(path, random.standard_normal((side, side), np.float32), wcs.to_header())
        share = len(range(number, cutouts, tiles))
        # Whole windows only: Cutana centres what is left of one that is cut off by the edge.
        sky = wcs.pixel_to_world(*random.uniform(SIDE, side - SIDE, (2, share)))
        rows += [
            (ra, dec, SIDE, json.dumps([str(path)])) for ra, dec in zip(sky.ra.deg, sky.dec.deg, strict=True)
        ]
    table = pd.DataFrame(rows, columns=["RA", "Dec", "diameter_pixel", "fits_file_paths"])
    table.insert(0, "SourceID", [f"s{number}" for number in range(len(table))])
    table = table.sample(frac=1, random_state=0)
    table.to_csv(folder / "catalogue.csv", index=False)
    return table


def by_cutout2d(table: pd.DataFrame) -> list[np.ndarray]:
    """Cut as one does by hand: each from a file that is opened for it."""
    cutouts = []
    for row in table.itertuples():
        with fits.open(json.loads(row.fits_file_paths)[0]) as opened:
            position = SkyCoord(row.RA, row.Dec, unit="deg")
            cutout = Cutout2D(
                opened[0].data, position, row.diameter_pixel, WCS(opened[0].header), mode="partial", copy=True
            )
            cutouts.append(cutout.data)
    return cutouts


def best_of(work: Callable[[], object], turns: int = 3) -> float:
    best = float("inf")
    for _ in range(turns):
        begun = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - begun)
    return best


def opened_and_read(catalogue: Path, workers: int, *, rendered: bool) -> int:
    """Open the catalogue and read all of it, natively or as the network sees it; return how many."""
    pool = open_pool(catalogue)

    def read(shard: range) -> int:
        if rendered:
            return len(pool.read(shard, SIDE).indices)
        return sum(pool.native(index).values.nbytes > 0 for index in shard)

    with ThreadPoolExecutor(workers) as executor:
        count = sum(executor.map(read, pool.shards(128)))
    pool.close()
    return count


def own_rates(catalogue: Path, workers: int, cutouts: int) -> dict[str, float]:
    """Return cutouts a second, opening the catalogue included."""
    return {
        what: cutouts
        / best_of(lambda what=what: opened_and_read(catalogue, workers, rendered=what == "rendered"))
        for what in WHAT
    }


def run_cutana(
    python: Path, folder: Path, workers: int, *, processes: bool
) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """Run Cutana on the catalogue; return its times and what its in-process path cut."""
    out = folder / "cutana"
    out.mkdir()
    arguments = [str(folder / "catalogue.csv"), str(out), str(workers), str(SIDE), str(processes)]
    done = subprocess.run([python, "-c", DRIVER, *arguments], capture_output=True, text=True, check=True)
    told = json.loads(next(line for line in done.stdout.splitlines() if line.startswith("TOLD "))[5:])
    with np.load(out / "direct.npz") as kept:
        return told, {name: kept[name] for name in kept.files}


def agreement(
    catalogue: Path, table: pd.DataFrame, theirs: dict[str, np.ndarray] | None
) -> dict[str, object]:
    """Compare pixels with Cutout2D's, and with Cutana's where their windows begin."""
    pool = open_pool(catalogue)
    some = table.head(200)
    ours = [pool.native(pool.index(name)).values[0] for name in some["SourceID"]]
    told: dict[str, object] = {
        "as_cutout2d": all(map(np.array_equal, ours, by_cutout2d(some))),
    }
    if theirs is not None:
        shifts = set()
        same = True
        for place in range(min(200, len(theirs["ids"]))):
            index = pool.index(str(theirs["ids"][place]))
            _, x, y, _ = pool.window(index)
            dx, dy = (int(v) for v in theirs["origin"][place] - (x, y))
            shifts.add((dx, dy))
            own, other = pool.native(index).values[0], theirs["cutouts"][place][..., 0]
            rows, columns = slice(max(0, dy), SIDE + min(0, dy)), slice(max(0, dx), SIDE + min(0, dx))
            there = slice(max(0, -dy), SIDE + min(0, -dy)), slice(max(0, -dx), SIDE + min(0, -dx))
            same &= np.array_equal(own[rows, columns], other[there])
        told |= {"as_cutana": bool(same), "shifts_of_cutana": sorted(shifts)}
    pool.close()
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cutouts", type=int, default=10_000)
    parser.add_argument("--tiles", type=int, default=20)
    parser.add_argument("--side", type=int, default=4096, help="of a tile, in pixels")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--cutana", type=Path, help="an interpreter that has Cutana")
    parser.add_argument("--processes", action="store_true", help="measure Cutana's orchestrator, too")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder, workers = Path(name), arguments.workers
        table = write(folder, arguments.tiles, arguments.side, arguments.cutouts)
        catalogue, cutouts = folder / "catalogue.csv", len(table)
        by_hand = table.head(min(1000, cutouts))
        rates = {"Cutout2D, file opened for each": len(by_hand) / best_of(lambda: by_cutout2d(by_hand), 1)}
        theirs = None
        # Before and after Cutana, so that a machine whose load changes meanwhile favours neither.
        rates |= own_rates(catalogue, workers, cutouts)
        if arguments.cutana:
            took, theirs = run_cutana(arguments.cutana, folder, workers, processes=arguments.processes)
            rates |= {f"Cutana, {what}": cutouts / seconds for what, seconds in took.items()}
            again = own_rates(catalogue, workers, cutouts)
            rates |= {what: max(rate, rates[what]) for what, rate in again.items()}
        agree = agreement(catalogue, table, theirs)
    base = rates["Cutout2D, file opened for each"]
    for row, rate in rates.items():
        print(f"{row:<32} {rate:8,.0f} cutouts/s  {rate / base:6.1f}x")
    told = {
        "cutouts": cutouts,
        "tiles": arguments.tiles,
        "workers": workers,
        "rows": [{"name": row, "cutouts_per_second": round(rate)} for row, rate in rates.items()],
        "ratio": {row: round(rate / base, 2) for row, rate in rates.items()},
        "to_cutana": {
            what: round(rates[what] / rates[f"Cutana, {what}"], 2)
            for what in WHAT
            if f"Cutana, {what}" in rates
        },
        **agree,
    }
    print({name: told[name] for name in ("to_cutana", *agree)})
    if arguments.json:
        arguments.json.write_text(json.dumps(told, indent=2) + "\n")


if __name__ == "__main__":
    main()
