"""The pool, streamed through a network: threads read and decode while the device computes."""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch

from anomalymatch_ui.config import ScoreConfig, Symmetry
from anomalymatch_ui.learn import ANOMALY, AnomalyNetwork, inference_dtype, is_out_of_memory, symmetries
from anomalymatch_ui.pool import Batch, ImagePool

Chunk = TypeVar("Chunk", range, np.ndarray)


@dataclass(frozen=True, slots=True)
class ScoredBatch:
    """What the network says of some images.

    Attributes
    ----------
    asked
        Pool indices that were asked for.
    indices
        Those that could be read, int64 ``(n,)``.
    scores
        Probability of an anomaly, float32 ``(n,)``.
    features
        Pooled features of the backbone, float16 ``(n, features)``.
    """

    asked: range
    indices: np.ndarray
    scores: np.ndarray
    features: np.ndarray


def score_pool(
    pool: ImagePool,
    network: AnomalyNetwork,
    config: ScoreConfig,
    *,
    device: torch.device,
    start: int = 0,
    symmetry: Symmetry = "none",
) -> Generator[ScoredBatch, None, None]:
    """Score the images of a pool from index ``start`` on, in order.

    The network runs in small channels-last batches, in bfloat16 where the hardware multiplies it; its
    head runs in float32, so that scores keep their order. Images that cannot be read are left out and
    noted in the pool's report. Closing the iterator stops the readers.

    Parameters
    ----------
    pool
        Where the images come from.
    network
        Gives the scores; it is copied, not changed.
    config
        Batch size and number of reader threads.
    device
        Where the network runs.
    start
        Index of the first image.
    symmetry
        Average logits and features over these views of each image.
    """
    dtype = inference_dtype(device)
    scorer = _scorer(network, device, dtype)
    size = network.config.image_size
    chunks = [
        range(first, min(first + config.batch_size, len(pool)))
        for first in range(start, len(pool), config.batch_size)
    ]
    for asked, batch in read_ahead(pool, chunks, size, config.workers):
        if len(batch.indices) == 0:
            features = np.empty((0, network.feature_count), np.float16)
            yield ScoredBatch(asked, batch.indices, np.empty(0, np.float32), features)
            continue
        scores, features = _score(scorer, batch.pixels, device, dtype, symmetry)
        yield ScoredBatch(asked, batch.indices, scores, features)


def features_of(network: AnomalyNetwork, pixels: np.ndarray, device: torch.device) -> np.ndarray:
    """Give the features, float16 ``(n, features)``, of a batch of images that is at hand.

    Parameters
    ----------
    network
        It is copied, not changed.
    pixels
        uint8 ``(n, 3, height, width)``.
    device
        Where the network runs.
    """
    dtype = inference_dtype(device)
    _, features = _score(_scorer(network, device, dtype), pixels, device, dtype, "none")
    return features


@torch.inference_mode()
def _score(
    scorer: AnomalyNetwork, pixels: np.ndarray, device: torch.device, dtype: torch.dtype, symmetry: Symmetry
) -> tuple[np.ndarray, np.ndarray]:
    """Give scores and features; where the device's memory is used up, in two halves."""
    try:
        images = torch.from_numpy(pixels).to(device).to(dtype) / 255
        views = [
            scorer.forward_with_features(view.contiguous(memory_format=torch.channels_last))
            for view in symmetries(images, symmetry)
        ]
        logits = torch.stack([logits.float() for logits, _ in views]).mean(dim=0)
        features = torch.stack([features.float() for _, features in views]).mean(dim=0)
        scores = torch.softmax(logits, dim=1)[:, ANOMALY]
        return scores.cpu().numpy(), features.to(torch.float16).cpu().numpy()
    except RuntimeError as error:
        if not is_out_of_memory(error) or len(pixels) == 1:
            raise
    parts = [_score(scorer, half, device, dtype, symmetry) for half in np.array_split(pixels, 2)]
    return np.concatenate([scores for scores, _ in parts]), np.concatenate([part for _, part in parts])


def _scorer(network: AnomalyNetwork, device: torch.device, dtype: torch.dtype) -> AnomalyNetwork:
    scorer: AnomalyNetwork = copy.deepcopy(network).eval().requires_grad_(False)
    scorer = scorer.to(device).to(memory_format=torch.channels_last)
    scorer.backbone.to(dtype)
    return scorer


def read_ahead(
    pool: ImagePool, chunks: Iterable[Chunk], size: int, workers: int
) -> Generator[tuple[Chunk, Batch], None, None]:
    """Read chunks of a pool in threads, a bounded number ahead, and give them in order.

    Parameters
    ----------
    pool
        Where the images come from.
    chunks
        Pool indices to read at one time.
    size
        Side of the images, in pixels.
    workers
        Number of threads.
    """
    executor = ThreadPoolExecutor(workers, thread_name_prefix="read-pool")
    waiting: deque[tuple[Chunk, Future[Batch]]] = deque()
    try:
        for chunk in chunks:
            waiting.append((chunk, executor.submit(pool.read, chunk, size)))
            if len(waiting) > 2 * workers:
                asked, future = waiting.popleft()
                yield asked, future.result()
        while waiting:
            asked, future = waiting.popleft()
            yield asked, future.result()
    finally:
        executor.shutdown(wait=True, cancel_futures=True)
