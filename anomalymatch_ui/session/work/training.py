"""One training cycle: from labels and a window of the pool to a checkpoint.

It runs on a job's thread, reports each step, and leaves files.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Mapping
from datetime import UTC, datetime

import numpy as np
import torch

from anomalymatch_ui.config import Config
from anomalymatch_ui.errors import DamagedModelError, InputError
from anomalymatch_ui.files import storage_errors
from anomalymatch_ui.labels import Label
from anomalymatch_ui.learn import (
    AnomalyNetwork,
    Checkpoint,
    StepReport,
    StopTraining,
    Trainer,
    TrainingData,
    build_network,
    load_checkpoint,
    network_digest,
    resolve_device,
    save_checkpoint,
)
from anomalymatch_ui.learn.trainer import ASSUMED_PREVALENCE
from anomalymatch_ui.pixels import Rendering
from anomalymatch_ui.pool import ImagePool
from anomalymatch_ui.rank import FeatureScale, fit_linear_head
from anomalymatch_ui.session.core.folder import SessionFolder
from anomalymatch_ui.session.core.jobs import JobStopped, Reporter
from anomalymatch_ui.session.labelling.evidence import labelled_indices, labelled_mask
from anomalymatch_ui.session.look.embedding import Embedder
from anomalymatch_ui.session.look.reading import READ_ROWS, by_name, read_all
from anomalymatch_ui.session.work.curves import CurveRecorder
from anomalymatch_ui.session.work.cycles import Cycle, save_cycle
from anomalymatch_ui.session.work.interrupted import interrupted_cycle
from anomalymatch_ui.stream import Scorer, usable_cores

logger = logging.getLogger(__name__)

SCALE_IMAGES = 2_000
"""Unlabelled images that tell how much each feature varies; they take two seconds on two cores."""

WARM_REGULARISATION = 0.001
"""C of the head that training starts from, on standardised features."""


def train_cycle(
    folder: SessionFolder,
    pool: ImagePool,
    view: Mapping[str, Label],
    last_seq: int,
    config: Config,
    steps: int | None,
    reporter: Reporter,
    *,
    prevalence: float | None = None,
) -> None:
    """Train one cycle to its end, or on from where one was interrupted; keep its checkpoint and its record.

    Parameters
    ----------
    folder, pool, config
        The files of the session, its images, and its settings.
    view, last_seq
        The labels as the cycle starts, and the number of the journal's last row among them.
    steps
        Steps of the cycle; ``None`` takes those the interrupted cycle asked for, or the settings'.
    reporter
        Told of each step. When it raises ``JobStopped`` the cycle is kept as it is, to go on later.
    prevalence
        Share of anomalies among the pool's images; ``None`` takes the learner's assumption.

    Raises
    ------
    InputError
        If the labels do not allow training.
    """
    device = resolve_device(config.device)
    prevalence = ASSUMED_PREVALENCE if prevalence is None else prevalence
    trainer, steps = _make_trainer(folder, pool, view, config, steps, device, prevalence, reporter)
    curves = CurveRecorder.resumed(folder.interrupted_curves, trainer.cycle, trainer.step)
    reporter.begin("training", steps, done=trainer.step, device=str(device))
    stopped: list[JobStopped] = []
    saved = time.monotonic()

    def keep() -> None:
        curves.save(folder.interrupted_curves, trainer.cycle)
        save_checkpoint(folder.interrupted, trainer, steps, pool.rendering)

    def after_step(report: StepReport) -> None:
        nonlocal saved
        curves.add(report.loss, report.pseudo_label_share, report.seconds)
        late = time.monotonic() - saved >= config.train.checkpoint_seconds
        if report.step < steps and (late or report.step % config.train.checkpoint_every == 0):
            keep()
            saved = time.monotonic()
        try:
            reporter.advance(
                report.step,
                loss=report.loss,
                pseudo_label_share=report.pseudo_label_share,
                loss_curve=curves.loss,
                pseudo_label_curve=curves.pseudo_label_share,
            )
        except JobStopped as stop:
            stopped.append(stop)
            raise StopTraining from stop

    if not trainer.run(steps, [after_step]):
        keep()
        raise stopped[0]
    anomalies, nominals = (len(labelled_indices(pool, view, label)) for label in ("anomaly", "nominal"))
    # The record first: once its checkpoint is there, the cycle counts as finished.
    record = _record(trainer, steps, curves, anomalies, nominals, last_seq)
    save_cycle(folder.cycle_record(trainer.cycle), record)
    save_checkpoint(folder.checkpoint(trainer.cycle), trainer, steps, pool.rendering)
    for file in (folder.interrupted, folder.interrupted_curves):
        file.unlink(missing_ok=True)
    if stopped:  # the last step was done all the same; only the ranking is left for later
        raise stopped[0]


def _record(
    trainer: Trainer, steps: int, curves: CurveRecorder, anomalies: int, nominals: int, last_seq: int
) -> Cycle:
    return Cycle(
        number=trainer.cycle,
        finished=datetime.now(UTC),
        anomalies=anomalies,
        nominals=nominals,
        last_seq=last_seq,
        steps=steps,
        seconds=curves.seconds,
        device=str(trainer.device),
        digest=network_digest(trainer.average),
        loss=curves.loss,
        pseudo_label_share=curves.pseudo_label_share,
    )


def _make_trainer(
    folder: SessionFolder,
    pool: ImagePool,
    view: Mapping[str, Label],
    config: Config,
    steps: int | None,
    device: torch.device,
    prevalence: float,
    reporter: Reporter,
) -> tuple[Trainer, int]:
    """Return a trainer that goes on from the interrupted cycle, the last finished one, or the beginning."""
    interrupted = _interrupted(folder, config, pool.rendering)
    if interrupted is None:
        with storage_errors(folder.interrupted):
            folder.interrupted.unlink(missing_ok=True)
            folder.interrupted_curves.unlink(missing_ok=True)
    cycle = interrupted.cycle if interrupted else folder.cycle + 1
    embedder = Embedder(folder, pool, config)
    symmetry = embedder.symmetry(reporter) if _needs_symmetry(config) else "none"
    network: AnomalyNetwork
    average: AnomalyNetwork | None = None
    begun_with = 0
    if interrupted:
        network, average = interrupted.network, interrupted.average
        steps = max(steps or interrupted.steps, interrupted.step)
        begun_with = interrupted.begun_with or 0
    elif (previous := _carried_over(folder, config, pool.rendering.channels)) is not None:
        network, average = previous.network, previous.average
        begun_with = previous.cycle
    else:
        reads = config.network.reads or embedder.sight(reporter).reads
        network = build_network(config.network.suited(symmetry, reads), config.seed, pool.rendering.channels)
    data = _training_data(pool, view, config, cycle, network.image_size, reporter)
    if config.train.warm_head and not interrupted and average is None:
        _warm_head(network, data, device, config)
    trainer = Trainer(
        network,
        average,
        config.train,
        data,
        device=device,
        seed=config.seed,
        cycle=cycle,
        symmetry=symmetry,
        prevalence=prevalence,
        begun_with=begun_with,
        runtime=config.score.runtime,
    )
    if interrupted:
        interrupted.restore(trainer)
    return trainer, steps or config.train.steps


def _interrupted(folder: SessionFolder, config: Config, rendering: Rendering) -> Checkpoint | None:
    """Return the cycle to go on with; ``None`` where there is none, or it is damaged and set aside."""
    try:
        if interrupted_cycle(folder, config, rendering) is None:
            return None
        return load_checkpoint(folder.interrupted)
    except DamagedModelError as error:
        logger.warning("%s", error)
        folder.set_aside(error.path)
        folder.notices.append(
            "What was kept of the interrupted cycle is damaged on the disk, so the cycle began anew."
        )
        return None


def _needs_symmetry(config: Config) -> bool:
    """Return whether anything in training depends on what changes nothing of the images."""
    augments = config.train.weak == "symmetry" or config.train.strong == "science"
    return augments or config.network.image_size is None


def _carried_over(folder: SessionFolder, config: Config, channels: int) -> Checkpoint | None:
    """Return the cycle whose weights the next one begins with; ``None`` for the pretrained ones.

    Another network than that cycle's, which the settings may ask for since, begins anew.
    """
    if not config.train.carry_over or folder.cycle_in_use == 0:
        return None
    cycle = folder.cycle_in_use
    try:
        previous = load_checkpoint(folder.checkpoint(cycle))
    except DamagedModelError as error:
        folder.set_aside(error.path)
        folder.notices.append(
            f"The network of cycle {cycle} is damaged on the disk, so this cycle does not begin with it."
        )
        return None if error.path.exists() else _carried_over(folder, config, channels)
    fits = config.network.asks_for(previous.network.config) and previous.rendering.channels == channels
    return previous if fits else None


def _warm_head(network: AnomalyNetwork, data: TrainingData, device: torch.device, config: Config) -> None:
    """Start the head from a linear head on the network's own features, instead of from random weights.

    Split evenly between the two logits, it gives the same log-odds.
    """
    rows = np.linspace(0, len(data.unlabelled) - 1, min(len(data.unlabelled), SCALE_IMAGES)).astype(np.int64)
    scorer = Scorer(network, device, runtime=config.score.runtime)
    pool = [scorer.score(part)[1] for part in _parts(data.unlabelled[rows])]
    labelled = np.concatenate([scorer.score(part)[1] for part in _parts(data.labelled)])
    scale = FeatureScale.of(np.concatenate([*pool, labelled]))
    head = fit_linear_head(labelled, data.labels, scale, regularisation=WARM_REGULARISATION)
    weights = torch.from_numpy(head.weights) / 2
    with torch.no_grad():
        network.head.weight.copy_(torch.stack([-weights, weights]))
        network.head.bias.copy_(torch.tensor([-head.bias, head.bias]) / 2)


def _parts(pixels: np.ndarray) -> list[np.ndarray]:
    return np.array_split(pixels, -(-len(pixels) // READ_ROWS)) if len(pixels) else []


def _training_data(
    pool: ImagePool,
    view: Mapping[str, Label],
    config: Config,
    cycle: int,
    size: int,
    reporter: Reporter,
) -> TrainingData:
    """Read the labelled images and a window of the unlabelled ones; another window each cycle.

    Supervised training needs no more of them than tell how much a feature varies, where its head starts warm.
    """
    window = config.train.window
    if config.train.unlabelled_weight == 0:
        window = min(window, SCALE_IMAGES) if config.train.warm_head else 0
    anomalies = labelled_indices(pool, view, "anomaly")
    nominals = labelled_indices(pool, view, "nominal")
    names_in_order = by_name(pool, np.arange(len(pool)))
    is_free = ~labelled_mask(pool, view)[names_in_order]
    unlabelled = names_in_order[cycle_window(is_free, window, config.seed, cycle)]
    reporter.begin("preparing", len(anomalies) + len(nominals) + len(unlabelled))
    labelled = by_name(pool, np.concatenate([anomalies, nominals]))
    workers = config.score.workers or usable_cores()
    readable, labelled_pixels = read_all(pool, labelled, size, workers, reporter, 0)
    looked_at, unlabelled_pixels = read_all(pool, unlabelled, size, workers, reporter, len(labelled))
    is_anomaly = np.isin(readable, anomalies)
    for label, count in (("anomaly", is_anomaly.sum()), ("nominal", (~is_anomaly).sum())):
        if count == 0:
            raise InputError(
                f"None of the images labelled {label} can be read. {pool.report.sentence()} "
                "Label others, or repair these."
            )
    names = "\0".join(pool.ids[row] for row in looked_at.tolist())
    digest = int.from_bytes(hashlib.sha256(names.encode()).digest()[:7])
    return TrainingData(labelled_pixels, is_anomaly, unlabelled_pixels, digest)


def cycle_window(is_free: np.ndarray, window: int, seed: int, cycle: int) -> np.ndarray:
    """Return the places of a cycle's unlabelled images, rising; all of them if they fit into the window.

    The windows of the cycles follow one another through one shuffle of the pool and begin anew at its end: of
    100,000 images five windows of 20,000 show all, where five independent draws would show 67 %.

    Parameters
    ----------
    is_free
        Whether the image at a place has no label, bool ``(n,)``.
    window
        How many images there are to be at most.
    seed
        Seed of the shuffle.
    cycle
        Counted from 1.
    """
    shuffled = np.random.default_rng(seed).permutation(len(is_free))
    shuffled = shuffled[is_free[shuffled]]
    if len(shuffled) > window:
        shuffled = np.take(shuffled, np.arange((cycle - 1) * window, cycle * window), mode="wrap")
    return np.sort(shuffled)
