"""Scores of the pool: by the labels now, by the last cycle's network, or by both."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import numpy as np

from anomalymatch_ui.config import Config
from anomalymatch_ui.files import storage_errors
from anomalymatch_ui.labels import Label
from anomalymatch_ui.learn import (
    AnomalyNetwork,
    backbone_digest,
    build_network,
    load_checkpoint,
    network_digest,
    resolve_device,
)
from anomalymatch_ui.pool import ImagePool
from anomalymatch_ui.rank import FeatureScale, Fusion, InstantModel, fit_instant
from anomalymatch_ui.score import (
    DamagedStoreError,
    ScoreStore,
    StoreManifest,
    open_embeddings,
    score_pool,
    write_embeddings,
)
from anomalymatch_ui.session.folder import SessionFolder
from anomalymatch_ui.session.jobs import Reporter

logger = logging.getLogger(__name__)


class PoolScorer:
    """Scores a session's pool; features and the scores of each network are computed once and kept on disk.

    Parameters
    ----------
    folder, pool, config
        Of the session.
    """

    def __init__(self, folder: SessionFolder, pool: ImagePool, config: Config) -> None:
        self._folder = folder
        self._pool = pool
        self._config = config
        self._measured: tuple[np.ndarray, FeatureScale] | None = None

    def scores(self, view: Mapping[str, Label], reporter: Reporter) -> tuple[np.ndarray, str]:
        """Score the pool.

        Parameters
        ----------
        view
            The labels now.
        reporter
            Told how far it is.

        Returns
        -------
        scores
            float32 ``(len(pool),)`` by pool index; NaN where an image could not be read.
        source
            What gave them: ``"linear head"``, ``"cycle 2"``, ``"cycle 2 and linear head"`` …
        """
        cycle = self._trained_cycle
        if cycle > 0:
            by_network = self._cycle_scores(cycle, reporter)
            if self._config.order == "network":
                return by_network, f"cycle {cycle}"
        features, scale = self._features(reporter)
        model = self._fit(features, scale, view)
        by_labels = model.scores(features)
        if cycle == 0:
            return by_labels, model.source
        if not model.knows_anomalies:
            return by_network, f"cycle {cycle}"
        fused = Fusion.of(by_labels, by_network).scores(by_labels, by_network)
        return fused, f"cycle {cycle} and {model.source}"

    def scores_of(self, images: ImagePool, view: Mapping[str, Label], reporter: Reporter) -> np.ndarray:
        """Score other images as :meth:`scores` does the pool's, on the pool's scale.

        Returns
        -------
        numpy.ndarray
            float32 ``(len(images),)``; NaN where an image could not be read.
        """
        cycle = self._trained_cycle
        if cycle > 0:
            network = load_checkpoint(self._folder.checkpoint(cycle)).average
            by_network, _ = self._run(images, network, reporter)
            if self._config.order == "network":
                return by_network
        features, scale = self._features(reporter)
        model = self._fit(features, scale, view)
        if cycle > 0 and not model.knows_anomalies:
            return by_network
        _, other_features = self._run(
            images, build_network(self._config.network, self._config.seed), reporter
        )
        by_labels = model.scores(other_features)
        if cycle == 0:
            return by_labels
        fusion = Fusion.of(model.scores(features), self._cycle_scores(cycle, reporter))
        return fusion.scores(by_labels, by_network)

    @property
    def _trained_cycle(self) -> int:
        return 0 if self._config.order == "labels" else self._folder.cycle

    def _run(
        self, images: ImagePool, network: AnomalyNetwork, reporter: Reporter
    ) -> tuple[np.ndarray, np.ndarray]:
        """Give scores ``(n,)`` and features ``(n, features)`` of images, with NaN where unreadable."""
        scores = np.full(len(images), np.nan, np.float32)
        features = np.full((len(images), network.feature_count), np.nan, np.float16)
        device = resolve_device(self._config.device)
        reporter.begin("ranking", len(images), device=str(device))
        with closing(score_pool(images, network, self._config.score, device=device)) as batches:
            for batch in batches:
                scores[batch.indices], features[batch.indices] = batch.scores, batch.features
                reporter.advance(batch.asked.stop)
        return scores, features

    def _fit(self, features: np.ndarray, scale: FeatureScale, view: Mapping[str, Label]) -> InstantModel:
        return fit_instant(
            features,
            scale,
            labelled_indices(self._pool, view, "anomaly"),
            labelled_indices(self._pool, view, "nominal"),
            self._config.head,
            seed=self._config.seed,
        )

    def _features(self, reporter: Reporter) -> tuple[np.ndarray, FeatureScale]:
        """Give the frozen backbone's features of the pool, and their scale."""
        if self._measured is None:
            features = self._open_or_make_features(reporter)
            self._measured = features, FeatureScale.of(features)
        return self._measured

    def _open_or_make_features(self, reporter: Reporter) -> np.ndarray:
        config, pool = self._config, self._pool
        network = build_network(config.network, config.seed)
        path = self._folder.embeddings(backbone_digest(network), pool.digest)
        if path.exists():
            try:
                return open_embeddings(path)
            except DamagedStoreError as error:
                logger.warning("%s They are made again.", error)
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

    def _cycle_scores(self, cycle: int, reporter: Reporter) -> np.ndarray:
        """Give the scores of a finished cycle's averaged network; what is missing or damaged is made."""
        network = load_checkpoint(self._folder.checkpoint(cycle)).average
        digest = network_digest(network)
        folder = self._folder.scores(digest, self._pool.digest)
        try:
            return self._stored_scores(folder, network, digest, reporter)
        except DamagedStoreError as error:
            logger.warning("%s They are made again.", error)
            with storage_errors(folder):
                shutil.rmtree(folder)
            return self._stored_scores(folder, network, digest, reporter)

    def _stored_scores(
        self, folder: Path, network: AnomalyNetwork, digest: str, reporter: Reporter
    ) -> np.ndarray:
        pool, config = self._pool, self._config.score
        store = ScoreStore(folder, StoreManifest(digest, pool.digest, len(pool), config.shard_size))
        if store.finished_shards < store.shard_count:
            device = resolve_device(self._config.device)
            start = store.finished_shards * config.shard_size
            reporter.begin("ranking", len(pool), done=start, device=str(device))
            with closing(score_pool(pool, network, config, device=device, start=start)) as batches:
                store.write(pool, batches, reporter.advance)
        return store.scores(pool)


def labelled_indices(pool: ImagePool, view: Mapping[str, Label], label: Label) -> np.ndarray:
    """Give the pool indices with that label, int64, ascending, without images that are gone."""
    indices = [pool.index(name) for name, given in view.items() if given == label and name in pool]
    return np.array(sorted(indices), dtype=np.int64)
