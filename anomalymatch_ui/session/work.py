"""What the background jobs do: features of the pool, a training cycle, scores of the pool.

These functions run on a job's thread. They take what they need, write files, and report; the session
puts the results together.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing

import numpy as np
import torch

from anomalymatch_ui.config import Config
from anomalymatch_ui.labels import Label
from anomalymatch_ui.learn import (
    AnomalyNetwork,
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
from anomalymatch_ui.pool import ImagePool
from anomalymatch_ui.rank import FeatureScale, InstantScores, fuse_scores, instant_scores
from anomalymatch_ui.score import (
    ScoreStore,
    StoreManifest,
    open_embeddings,
    read_ahead,
    score_pool,
    write_embeddings,
)
from anomalymatch_ui.session.folder import SessionFolder
from anomalymatch_ui.session.jobs import JobStopped, Reporter

READ_ROWS = 256
"""Images read at one time while a cycle's window is gathered."""


def labelled_indices(pool: ImagePool, view: Mapping[str, Label], label: Label) -> np.ndarray:
    """Give the pool indices with that label, int64, ascending, without images that are gone."""
    indices = []
    for image_id, given in view.items():
        if given == label:
            try:
                indices.append(pool.index(image_id))
            except KeyError:
                continue
    return np.array(sorted(indices), dtype=np.int64)


def pool_features(folder: SessionFolder, pool: ImagePool, config: Config, reporter: Reporter) -> np.ndarray:
    """Give the frozen backbone's features of the pool, computed once and kept on disk."""
    network = build_network(config.network, config.seed)
    path = folder.embeddings(network_digest(network), pool.digest)
    if not path.exists():
        device = resolve_device(config.device)
        reporter.begin("embedding", len(pool), device=str(device))
        with closing(score_pool(pool, network, config.score, device=device)) as batches:
            write_embeddings(
                path,
                batches,
                images=len(pool),
                feature_count=network.feature_count,
                advance=reporter.advance,
            )
    return open_embeddings(path)


def instant_ranking(
    features: np.ndarray, scale: FeatureScale, pool: ImagePool, view: Mapping[str, Label], config: Config
) -> InstantScores:
    """Score the pool from frozen features and the labels now."""
    return instant_scores(
        features,
        scale,
        labelled_indices(pool, view, "anomaly"),
        labelled_indices(pool, view, "nominal"),
        config.head,
        seed=config.seed,
    )


def train_cycle(
    folder: SessionFolder,
    pool: ImagePool,
    view: Mapping[str, Label],
    config: Config,
    steps: int | None,
    reporter: Reporter,
) -> None:
    """Train one cycle to its end, or on from where one was interrupted, and keep its checkpoint.

    Parameters
    ----------
    folder, pool, view, config
        Of the session; ``view`` is the labels as the cycle starts.
    steps
        Steps of the cycle; ``None`` takes those the interrupted cycle asked for, or the settings'.
    reporter
        Told of each step. When it raises ``JobStopped`` the cycle is kept as it is, to go on later.

    Raises
    ------
    InputError
        If the labels do not allow training.
    """
    device = resolve_device(config.device)
    trainer, steps = _make_trainer(folder, pool, view, config, steps, device, reporter)
    reporter.begin("training", steps, done=trainer.step, device=str(device))
    stopped: list[JobStopped] = []

    def after_step(report: StepReport) -> None:
        if report.step % config.train.checkpoint_every == 0 and report.step < steps:
            save_checkpoint(folder.interrupted, trainer, steps)
        try:
            reporter.advance(report.step, loss=report.loss, pseudo_label_share=report.pseudo_label_share)
        except JobStopped as stop:
            stopped.append(stop)
            raise StopTraining from stop

    if not trainer.run(steps, [after_step]):
        save_checkpoint(folder.interrupted, trainer, steps)
        raise stopped[0]
    save_checkpoint(folder.checkpoint(trainer.cycle), trainer, steps)
    folder.interrupted.unlink(missing_ok=True)
    if stopped:  # the last step was done all the same; only the ranking is left for later
        raise stopped[0]


def cycle_scores(
    folder: SessionFolder, pool: ImagePool, cycle: int, config: Config, reporter: Reporter
) -> np.ndarray:
    """Give a finished cycle's scores, float32 by pool index; shards that are missing are scored."""
    network = load_checkpoint(folder.checkpoint(cycle)).average
    manifest = StoreManifest(network_digest(network), pool.digest, len(pool), config.score.shard_size)
    store = ScoreStore(folder.scores(manifest.model, pool.digest), manifest)
    if store.finished_shards < store.shard_count:
        device = resolve_device(config.device)
        start = store.finished_shards * manifest.shard_size
        reporter.begin("ranking", len(pool), done=start, device=str(device))
        with closing(score_pool(pool, network, config.score, device=device, start=start)) as batches:
            store.write(pool, batches, reporter.advance)
    return store.scores(pool)


def combine(
    by_network: np.ndarray | None, by_head: InstantScores | None, cycle: int
) -> tuple[np.ndarray, str]:
    """Give the scores that order the pool, and what gave them.

    Without an anomaly among the labels the head only measures novelty, about which the network has
    nothing to learn; then the network's scores stand alone.
    """
    if by_network is None:
        assert by_head is not None
        return by_head
    if by_head is None or by_head.source == "novelty":
        return by_network, f"cycle {cycle}"
    return fuse_scores(by_head.scores, by_network), f"cycle {cycle} and {by_head.source}"


def _make_trainer(
    folder: SessionFolder,
    pool: ImagePool,
    view: Mapping[str, Label],
    config: Config,
    steps: int | None,
    device: torch.device,
    reporter: Reporter,
) -> tuple[Trainer, int]:
    """Give a trainer that goes on from the interrupted cycle, the last finished one, or the beginning."""
    interrupted = load_checkpoint(folder.interrupted) if folder.interrupted.exists() else None
    cycle = interrupted.cycle if interrupted else folder.cycle + 1
    network: AnomalyNetwork
    average: AnomalyNetwork | None
    if interrupted:
        network, average = interrupted.network, interrupted.average
        steps = steps or interrupted.steps
    elif folder.cycle > 0:
        previous = load_checkpoint(folder.checkpoint(folder.cycle))
        network, average = previous.network, previous.average
    else:
        network, average = build_network(config.network, config.seed), None
    data = _training_data(pool, view, config, cycle, network.config.image_size, reporter)
    trainer = Trainer(network, average, config.train, data, device=device, seed=config.seed, cycle=cycle)
    if interrupted:
        interrupted.restore(trainer)
    return trainer, steps or config.train.steps


def _training_data(
    pool: ImagePool,
    view: Mapping[str, Label],
    config: Config,
    cycle: int,
    size: int,
    reporter: Reporter,
) -> TrainingData:
    """Read the labelled images and a window of the unlabelled ones; another window each cycle."""
    anomalies = labelled_indices(pool, view, "anomaly")
    nominals = labelled_indices(pool, view, "nominal")
    unsure = labelled_indices(pool, view, "unsure")
    unlabelled = np.setdiff1d(np.arange(len(pool)), np.concatenate([anomalies, nominals, unsure]))
    if len(unlabelled) > config.train.window:
        random = np.random.default_rng((config.seed, cycle))
        unlabelled = np.sort(random.choice(unlabelled, config.train.window, replace=False))
    reporter.begin("preparing", len(anomalies) + len(nominals) + len(unlabelled))
    labelled = np.sort(np.concatenate([anomalies, nominals]))
    workers = config.score.workers
    readable, labelled_pixels = _read_all(pool, labelled, size, workers, reporter, 0)
    _, unlabelled_pixels = _read_all(pool, unlabelled, size, workers, reporter, len(labelled))
    return TrainingData(labelled_pixels, np.isin(readable, anomalies), unlabelled_pixels)


def _read_all(
    pool: ImagePool, indices: np.ndarray, size: int, workers: int, reporter: Reporter, done: int
) -> tuple[np.ndarray, np.ndarray]:
    """Read images into one array; gives the indices that could be read and their pixels."""
    read = np.empty(len(indices), np.int64)
    pixels = np.empty((len(indices), 3, size, size), np.uint8)
    filled = 0
    chunks = [indices[start : start + READ_ROWS] for start in range(0, len(indices), READ_ROWS)]
    with closing(read_ahead(pool, chunks, size, workers)) as batches:
        for chunk, batch in batches:
            stop = filled + len(batch.indices)
            read[filled:stop], pixels[filled:stop] = batch.indices, batch.pixels
            filled = stop
            done += len(chunk)
            reporter.advance(done)
    return read[:filled], pixels[:filled]
