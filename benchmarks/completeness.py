"""Whether the completeness that a session measures is the true one, on the simulated FITS survey.

    python benchmarks/completeness.py --folder DIR [--runs 5] [--painted 200] [--true 800] [--json FILE]

A session measures with objects painted into finished exposures, whose seeing it does not know. The
truth is the same objects in the sky: light added to (or dimmed in) scenes that are in no exposure of the
survey, and then seen by its camera through the seeing of one of its fields, with photons of their own. Each
run is a session with labels of its own, and counts once for each kind of object: 5 runs are 20 measurements.
Told is in how many of them the 95 % interval holds the share of the true objects that is recovered. What was
looked at is kept in the folder for the next time.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import brentq

from anomalymatch_ui.config import Config
from anomalymatch_ui.demo import DemoSurvey, survey
from anomalymatch_ui.demo.camera import MARGIN, OVERSAMPLING, SIZE, canvas, expose, seeing_transfer
from anomalymatch_ui.demo.exposures import write_exposure
from anomalymatch_ui.demo.scenes import COMMON, background
from anomalymatch_ui.files import write_bytes_atomically
from anomalymatch_ui.pixels import Bands, NativeImage
from anomalymatch_ui.pixels.painting import major_axis, noise_of, signal_to_noise, smooth_light
from anomalymatch_ui.pixels.profiles import Plane
from anomalymatch_ui.pool import open_pool
from anomalymatch_ui.rank import binomial_interval, places_among
from anomalymatch_ui.session import Recipe, Session
from anomalymatch_ui.session.outcome.injection import PROFILES, THICKEST, lane
from anomalymatch_ui.session.outcome.recipe import KINDS, LANE

FIRST = 100
"""Images of the order that count as looked at: a twentieth of the survey."""

ANOMALIES_OF_A_KIND, NOMINALS = 2, 60
"""Labels of a session, drawn anew for each."""

DUST = np.array([1.2, 0.85, 0.64])[:, None, None]
"""Optical depth in g, r and i for one at 550 nm, as the survey's own lanes have it."""


def seen(scene: Plane, transfer: np.ndarray) -> Plane:
    """Return the counts that the camera expects of a scene, ``(3, 64, 64)``."""
    blurred = np.fft.irfft2(np.fft.rfft2(scene) * transfer, s=scene.shape[1:])
    side, inner = SIZE + 2 * MARGIN, slice(MARGIN, MARGIN + SIZE)
    return blurred.reshape(3, side, OVERSAMPLING, side, OVERSAMPLING).sum(axis=(2, 4))[:, inner, inner]


def true_exposure(kind: str, number: int, recipe: Recipe) -> Plane:
    """Return the exposure of an object in the sky, of those that the recipe draws."""
    sky, names = canvas(), list(COMMON)
    shares = [share for share, _ in COMMON.values()]
    for attempt in range(100):
        random = np.random.default_rng([recipe.seed, KINDS.index(kind), number, attempt])
        transfer = seeing_transfer(float(np.clip(random.normal(2.4, 0.3), 1.9, 3.3)))
        scene = COMMON[random.choice(names, p=shares)][1](sky, random)
        around = background(sky, random)
        host = expose(scene + around, transfer, random)
        image = NativeImage(host.astype(np.float32), None, Bands.named("g", "r", "i"))
        noise = noise_of(image)
        size = SIZE * np.exp(random.uniform(*np.log(recipe.size)))
        wanted = np.exp(random.uniform(*np.log(recipe.signal_to_noise)))
        if kind == LANE:
            thickness = DUST * lane(sky, size, major_axis(smooth_light(image)), random)
            depth = depth_of(scene, thickness, transfer, noise, wanted, recipe.signal_to_noise[0])
            if depth is None:
                continue
            changed = scene * np.exp(-depth * thickness)
        else:
            light = noise[:, None, None] * PROFILES[kind](sky, size, random)
            changed = scene + light * wanted / signal_to_noise(seen(light, transfer), noise)
        return expose(changed + around, transfer, random)
    raise SystemExit(f"No scene has the light for a {kind}.")


def depth_of(
    scene: Plane, thickness: Plane, transfer: np.ndarray, noise: np.ndarray, wanted: float, least: float
) -> float | None:
    """Return the depth at which a lane is as significant as wanted; ``None`` where it never is visible."""

    def significance(depth: float) -> float:
        return signal_to_noise(seen(scene * np.expm1(-depth * thickness), transfer), noise)

    most = significance(THICKEST)
    if most < least:
        return None
    return THICKEST if most <= wanted else float(brentq(lambda d: significance(d) - wanted, 0, THICKEST))


def true_images(folder: Path, kind: str, count: int, recipe: Recipe) -> Path:
    """Write the exposures of one kind, of those that are not there yet."""
    images = folder / f"true-{kind}-{count}"
    images.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        path = images / f"{kind}-{number:05}.fits"  # names and sizes tell pools apart
        if not path.exists():
            write_exposure(path, true_exposure(kind, number, recipe), 150.0, 2.0)
    return images


def labels_of(made: DemoSurvey, seed: int) -> dict[str, list[str]]:
    """Draw the labels of a session: some anomalies of each kind of the survey, and nominal images."""
    random = np.random.default_rng([seed, 19])
    with made.truth.open(newline="", encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    drawn: dict[str, list[str]] = {"anomaly": [], "nominal": []}
    for kind in sorted({row["kind"] for row in rows if row["label"] == "anomaly"}):
        names = [row["filename"] for row in rows if row["kind"] == kind]
        drawn["anomaly"] += random.choice(names, ANOMALIES_OF_A_KIND, replace=False).tolist()
    nominal = [row["filename"] for row in rows if row["label"] == "nominal"]
    drawn["nominal"] = random.choice(nominal, NOMINALS, replace=False).tolist()
    return drawn


def measured(
    folder: Path, made: DemoSurvey, seed: int, painted: int, truth: Mapping[str, Path]
) -> Iterator[dict[str, Any]]:
    """Measure the completeness of one session, kind by kind, beside the truth."""
    pool = open_pool(made.images, **made.pixels)
    config = Config.preset("embedding")
    with Session.open(
        folder / f"session-{seed}", pool, config=config, embeddings=folder / "embeddings"
    ) as session:
        for label, names in labels_of(made, seed).items():
            session.label(names, label, origin="known")  # type: ignore[arg-type]
        session.rank(wait=True)
        order = session.ranking().scores
        for kind, images in truth.items():
            # A seed of its own, for else all kinds of a run would be painted into the same images.
            drawn = 1000 + 10 * seed + KINDS.index(kind)
            found = session.completeness.measure(
                Recipe(kinds=(kind,), number=painted, gain=1.0, seed=drawn), first=FIRST
            )
            fraction, low, high = found.fraction()
            others = open_pool(images, **made.pixels)
            scores = session.score_images(others)
            others.close()
            places = places_among(scores, np.append(order, np.nan), np.full(len(scores), len(order)))
            true = int(((places > 0) & (places <= FIRST)).sum())
            (true_low,), (true_high,) = binomial_interval(np.array([true]), np.array([len(places)]))
            yield {
                "run": seed,
                "kind": kind,
                "fraction": fraction,
                "low": low,
                "high": high,
                "truth": true / len(places),
                "truth_low": true_low,
                "truth_high": true_high,
                "held": bool(low <= true / len(places) <= high),
            }


def told(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the table of all measurements, and in how many the interval held the truth."""
    lines = ["| run | kind | recovered | 95 % interval | truth | held |", "|---|---|---|---|---|---|"]
    lines += [
        f"| {row['run']} | {row['kind']} | {row['fraction']:.3f} | {row['low']:.3f}–{row['high']:.3f} | "
        f"{row['truth']:.3f} | {'yes' if row['held'] else 'no'} |"
        for row in rows
    ]
    return "\n".join([*lines, "", f"The truth is held in {sum(row['held'] for row in rows)} of {len(rows)}."])


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="keeps the survey, the truth and sessions")
    parser.add_argument("--runs", type=int, default=5, help="sessions; each measures every kind")
    parser.add_argument("--painted", type=int, default=200, help="objects of a measurement")
    parser.add_argument("--true", type=int, default=800, help="true objects of a kind")
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), help="kinds of objects")
    parser.add_argument("--json", type=Path, help="keeps the results")
    given = parser.parse_args()
    made = survey(given.folder / "demo", fits=True)
    truth = {kind: true_images(given.folder, kind, given.true, Recipe(seed=7)) for kind in given.kinds}
    rows = []
    for run in range(given.runs):
        for row in measured(given.folder, made, run, given.painted, truth):
            rows.append(row)
            print(json.dumps(row), flush=True)
    print(told(rows))
    if given.json is not None:
        kept = {"first": FIRST, "painted": given.painted, "true": given.true, "measurements": rows}
        write_bytes_atomically(given.json, (json.dumps(kept, indent=1) + "\n").encode())


if __name__ == "__main__":
    main()
