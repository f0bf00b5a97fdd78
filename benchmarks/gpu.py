"""Run and judge all that a GPU does, in one go of some five minutes.

    python benchmarks/gpu.py --out FILE.json                # the first CUDA device
    python benchmarks/gpu.py --device cpu --seconds 1       # the same script on a CPU, to try it out

Each line is a check with its figure, what is wanted, and whether that holds; the exit code is 1 where one
does not. Speeds stand beside a plain baseline in the same run: torch's DataLoader with a worker a core,
Pillow, and the unchanged network in float32.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scoring_pools import write_pool
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from anomalymatch_ui import __version__
from anomalymatch_ui.config import Config, NetworkConfig, PartConfig, ScoreConfig, TrainConfig
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.learn import (
    StopTraining,
    Trainer,
    TrainingData,
    build_network,
    load_checkpoint,
    multiplies_bfloat16,
    network_digest,
    resolve_device,
    save_checkpoint,
)
from anomalymatch_ui.pool import ImagePool, open_pool
from anomalymatch_ui.stream import Scorer, score_pool
from anomalymatch_ui.stream.threads import usable_cores

SIZE = 64
NETWORK = NetworkConfig(image_size=SIZE)
MIDDLE = PartConfig(layers=(7, 10), size=96, statistics=("mean", "deviation"), place="centre")
"""What the embedding takes of cutouts of the sky."""

EXACT = 1e-4
"""By how much a float32 score may differ between a GPU and a CPU: rounding in another order."""

FEATURES = 2e-3
"""Of features by their largest: they are kept as float16, whose spacing is 1e-3 of a value."""

BATCH = 512
STEPS = 5


@dataclass(frozen=True, slots=True)
class Check:
    """What came out and what is wanted; ``passed`` is ``None`` where it cannot be asked here."""

    name: str
    passed: bool | None
    figure: str
    wanted: str


class Images(Dataset[Tensor]):
    """A pool as a plain program reads it: image by image, by Pillow or from an array."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._pool: ImagePool | None = None
        with closing(open_pool(path)) as pool:
            self._count = len(pool)

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> Tensor:
        if self._pool is None:  # each worker opens it for itself
            self._pool = open_pool(self._path)
        return torch.from_numpy(self._pool.read([index], SIZE).pixels[0])


def batches(path: str) -> Iterator[Tensor]:
    """Return batches of a plain DataLoader, uint8, over and over."""
    loader = DataLoader(Images(path), BATCH, num_workers=usable_cores(), pin_memory=torch.cuda.is_available())
    return itertools.chain.from_iterable(itertools.repeat(loader))


def rate(work: Iterable[int], seconds: float, device: torch.device) -> float:
    """Return how many things a second come from ``work``, after the first of them, in so many seconds."""
    done, started = 0, 0.0
    for number in work:
        if started == 0.0:  # the first one compiles, allocates and starts workers
            _wait(device)
            started = time.perf_counter()
            continue
        done += number
        if time.perf_counter() - started >= seconds:
            break
    _wait(device)
    return done / (time.perf_counter() - started)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def formats(device: torch.device) -> Iterator[Check]:
    """Say what the hardware multiplies; a T4 or V100 emulates bfloat16, and is to be given float32."""
    if device.type != "cuda":
        yield Check("bfloat16 is for hardware that has it", None, str(device), "a CUDA device")
        return
    capability = torch.cuda.get_device_capability(device)
    has = multiplies_bfloat16(device)
    yield Check(
        "bfloat16 is for hardware that has it",
        has == (capability >= (8, 0)) or torch.version.hip is not None,
        f"{torch.cuda.get_device_name(device)}, capability {capability}: {has}",
        "from capability 8.0 on",
    )


def same_as_cpu(device: torch.device) -> Iterator[Check]:
    """Compare scores and features of the device with those of a CPU, in float32."""
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (64, 3, SIZE, SIZE), np.uint8)
    network, cpu = build_network(NETWORK, 0), torch.device("cpu")
    for name, parts in (("scores", ()), ("the embedding", (MIDDLE,))):
        here = Scorer(network, device, parts=parts).score(pixels, "square")
        there = Scorer(network, cpu, parts=parts).score(pixels, "square")
        apart = np.abs(here[0] - there[0]).max() if not parts else 0.0
        features = [values.astype(np.float32) for values in (here[1], there[1])]
        relative = np.abs(features[0] - features[1]).max() / np.abs(features[1]).max()
        yield Check(
            f"{name} are those of a CPU",
            bool(apart <= EXACT and relative <= FEATURES),
            f"{apart:.1e} apart, features {relative:.1e} of the largest",
            f"{EXACT:.0e} and {FEATURES:.0e}",
        )


def training_data() -> TrainingData:
    """Return noise to train on: what it is of does not matter to how fast it goes."""
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (600, 3, SIZE, SIZE), np.uint8)
    return TrainingData(pixels[:60], np.arange(60) < 20, pixels[60:])


def trainer_on(device: torch.device, config: TrainConfig) -> Trainer:
    """Return a trainer that has not begun; each begins with the same weights."""
    return Trainer(
        build_network(NETWORK, 0), None, config, training_data(), device=device, seed=1, symmetry="square"
    )


def same_weights(device: torch.device, config: TrainConfig) -> Iterator[Check]:
    """Train a few steps twice, and once with a stop between them."""
    digests = []
    for _ in range(2):
        trainer = trainer_on(device, config)
        trainer.run(STEPS)
        digests.append(network_digest(trainer.average))
    yield Check("trained twice, the same weights", len(set(digests)) == 1, " ".join(digests), "equal")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "current.safetensors"
        begun = trainer_on(device, config)
        begun.run(STEPS, [_stop_after(2)])
        save_checkpoint(path, begun, STEPS)
        kept = load_checkpoint(path)
        resumed = Trainer(
            kept.network, kept.average, config, training_data(), device=device, seed=1, symmetry="square"
        )
        kept.restore(resumed)
        resumed.run(STEPS)
    digests.append(network_digest(resumed.average))
    yield Check("stopped and resumed, the same weights", len(set(digests)) == 1, digests[-1], "equal")


def _stop_after(step: int) -> Callable[[Any], None]:
    def stop(report: Any) -> None:
        if report.step == step:
            raise StopTraining

    return stop


def little_memory(device: torch.device, config: TrainConfig) -> Iterator[Check]:
    """Let the process have 2 GB of the GPU's memory: batches are halved, and the work is done."""
    names = ("a step finds its way into little memory", "scoring finds its way into little memory")
    if device.type != "cuda":
        yield from (Check(name, None, str(device), "a CUDA device") for name in names)
        return
    total = torch.cuda.get_device_properties(device).total_memory
    large = config.model_copy(update={"labelled_batch": 512, "unlabelled_batch": 1024})
    pixels = np.zeros((16_384, 3, SIZE, SIZE), np.uint8)
    torch.cuda.empty_cache()
    allowed = (torch.cuda.memory_reserved(device) + 2**31) / total
    torch.cuda.set_per_process_memory_fraction(min(1.0, allowed), device)
    try:
        trainer = trainer_on(device, large)
        done = trainer.run(2)
        halved = trainer.batches
        yield Check(names[0], done and halved < (512, 1024), f"{halved} of (512, 1024)", "halved, and done")
        scorer = Scorer(build_network(NETWORK, 0), device)
        scores, _ = scorer.score(pixels)
        alike = np.ptp(scores) <= EXACT
        yield Check(names[1], len(scores) == len(pixels) and bool(alike), f"{len(scores):,} scored", "all")
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0, device)
        torch.cuda.empty_cache()


def training_speed(path: str, device: torch.device, config: TrainConfig, seconds: float) -> Iterator[Check]:
    """Compare a step of the preset with one of plain FixMatch fed by a DataLoader."""
    trainer = trainer_on(device, config)

    def steps() -> Iterator[int]:
        for step in itertools.count(1):
            trainer.run(step)
            yield 1

    ours = rate(steps(), seconds, device)
    plain = rate(_plain_steps(path, device, config), seconds, device)
    yield _faster("training, steps a second", ours, plain)


def _plain_steps(path: str, device: torch.device, config: TrainConfig) -> Iterator[int]:
    network = build_network(NETWORK.model_copy(update={"frozen_blocks": 0}), 0).to(device).train()
    optimizer = torch.optim.SGD([p for p in network.parameters() if p.requires_grad], lr=0.01, momentum=0.9)
    count = config.labelled_batch + 2 * config.unlabelled_batch
    classes = torch.arange(config.labelled_batch, device=device) % 2
    for batch in batches(path):
        for start in range(0, len(batch) - count + 1, count):
            views = batch[start : start + count].to(device).float() / 255
            logits = network(views)
            labelled, weak, strong = logits.tensor_split(
                [config.labelled_batch, config.labelled_batch + config.unlabelled_batch]
            )
            loss = nn.functional.cross_entropy(labelled, classes)
            loss = loss + nn.functional.cross_entropy(strong, weak.detach().argmax(dim=1))
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            yield 1


def scoring_speed(path: str, name: str, device: torch.device, seconds: float) -> Iterator[Check]:
    """Compare scoring, and the embedding, with the network fed by a DataLoader."""
    network = build_network(NETWORK, 0)
    with closing(open_pool(path)) as pool:
        for what, parts in (("scoring", ()), ("embedding", (MIDDLE,))):
            scorer = Scorer(network, device, parts=parts)

            def streamed(scorer: Scorer = scorer) -> Iterator[int]:
                while True:
                    config = ScoreConfig(batch_size=BATCH)
                    with closing(score_pool(pool, network, config, device=device, scorer=scorer)) as scored:
                        yield from (len(batch.indices) for batch in scored)

            ours = rate(streamed(), seconds, device)
            plain = rate(_plain_scores(path, device), seconds, device)
            yield _faster(f"{what} from {name}, images a second", ours, plain)


@torch.inference_mode()
def _plain_scores(path: str, device: torch.device) -> Iterator[int]:
    network = build_network(NETWORK, 0).to(device).eval()
    for batch in batches(path):
        torch.softmax(network(batch.to(device).float() / 255), dim=1).cpu()
        yield len(batch)


def _faster(name: str, ours: float, plain: float) -> Check:
    figure = f"{ours:,.1f} beside {plain:,.1f} of a DataLoader: {ours / plain:.2f}x"
    return Check(name, ours >= plain, figure, "at least 1x")


GROUPS = ("numbers", "weights", "memory", "speed")


def checks(
    folder: Path, device: torch.device, groups: Sequence[str], seconds: float, count: int
) -> Iterator[Check]:
    """Return the checks of some groups, what must be right before what must be fast."""
    config = Config.preset("default").train.model_copy(update={"steps": STEPS})
    if "numbers" in groups:
        yield from formats(device)
        yield from same_as_cpu(device)
    if "weights" in groups:
        yield from same_weights(device, config)
    if "memory" in groups:
        yield from little_memory(device, config)
    if "speed" in groups:
        yield from speeds(folder, device, config, seconds, count)


def speeds(
    folder: Path, device: torch.device, config: TrainConfig, seconds: float, count: int
) -> Iterator[Check]:
    """Return all speeds beside the baseline's."""
    arrays, jpegs = (str(write_pool(folder, name, count, SIZE)) for name in ("zarr", "folder"))
    yield from scoring_speed(arrays, "arrays", device, seconds)
    yield from scoring_speed(jpegs, "JPEGs", device, seconds)
    yield from training_speed(jpegs, device, config, seconds)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--seconds", type=float, default=15.0, help="of each speed")
    parser.add_argument("--count", type=int, default=100_000, help="images of each pool")
    parser.add_argument("--groups", nargs="+", choices=GROUPS, default=GROUPS, help="what is checked")
    parser.add_argument("--out", type=Path, help="keep the checks in this JSON file")
    arguments = parser.parse_args()
    try:
        device = resolve_device(arguments.device)
    except InputError as error:
        parser.error(str(error))
    found: list[Check] = []
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        for check in checks(Path(folder), device, arguments.groups, arguments.seconds, arguments.count):
            found.append(check)
            mark = {True: "ok", False: "FAILS", None: "not here"}[check.passed]
            print(f"{mark:9}{check.name}: {check.figure} (wanted: {check.wanted})", flush=True)
            if arguments.out is not None:  # after each, so that a loan that ends leaves what it has found
                _keep(arguments.out, device, time.perf_counter() - started, found)
    return 1 if any(check.passed is False for check in found) else 0


def _keep(path: Path, device: torch.device, seconds: float, found: list[Check]) -> None:
    cuda = device.type == "cuda"
    machine = {
        "device": torch.cuda.get_device_name(device) if cuda else str(device),
        "torch": torch.__version__,
        "cuda": torch.version.cuda if cuda else None,
        "cores": usable_cores(),
        "software": __version__,
        "seconds": round(seconds, 1),
    }
    path.write_text(json.dumps({**machine, "checks": [asdict(check) for check in found]}, indent=2) + "\n")


if __name__ == "__main__":
    sys.exit(main())
