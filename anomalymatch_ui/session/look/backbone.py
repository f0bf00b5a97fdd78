"""The frozen backbone of a session at work: its name, and what it says of images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import numpy as np
import torch

from anomalymatch_ui.config import Config, PartConfig, Symmetry
from anomalymatch_ui.learn import (
    AnomalyNetwork,
    backbone_digest,
    build_network,
    load_adapted,
    resolve_device,
    width,
)
from anomalymatch_ui.pool import ImagePool, SubsetPool
from anomalymatch_ui.rank import is_centred, light_at_centre, measure_symmetry, sample_rows
from anomalymatch_ui.session.core.jobs import Reporter
from anomalymatch_ui.session.look.sight import Look, Traits
from anomalymatch_ui.stream import Scorer, batch_ranges, score_pool
from anomalymatch_ui.stream.threads import compute_in_one_thread

SAMPLE_IMAGES = 1024
"""Images that tell whether a pool has an up, or a centre; five views take three seconds on two cores."""

SAMPLE_SIZE = 64
"""Side at which they are looked at, in pixels; the threshold was measured at this size."""

SAMPLE_BATCH = 32
"""Of these at one time, unless the settings say another number."""


def digest_of(config: Config, look: Look, bands: int) -> str:
    """Return a name for what the backbone of a look computes of so many bands."""
    return backbone_digest(_network(config, look, bands))


class Looker:
    """A backbone that looks at images of a pool at one size, in one view of each or in several.

    Parameters
    ----------
    images, config
        What is looked at, and how.
    look, parts
        The backbone and its size, and what is taken there.
    adapted
        Weights adapted to the session's pool; ``None`` for the pretrained ones.

    Attributes
    ----------
    widths
        Columns of each part.
    device, runtime
        Where the backbone runs, and what computes it.

    Raises
    ------
    InputError
        If the backbone has no such layer, or the adapted weights are damaged.
    """

    def __init__(
        self,
        images: ImagePool,
        config: Config,
        look: Look,
        parts: Sequence[PartConfig],
        adapted: Path | None = None,
    ) -> None:
        self.device = resolve_device(config.device)
        network = _network(config, look, images.rendering.channels)
        if adapted is not None:
            load_adapted(adapted, network)
        self.widths = [width(network, part) for part in parts]
        self._images = images
        self._scoring = config.score
        self._scorer = Scorer(
            network,
            self.device,
            number_format=config.score.number_format,
            compiled=config.score.compiled,
            parts=parts,
            runtime=config.score.runtime,
        )
        self.runtime = self._scorer.runtime

    def look(self, rows: np.ndarray, symmetry: Symmetry) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Look at some images.

        Parameters
        ----------
        rows
            Pool indices, int64 ``(n,)``, ascending.
        symmetry
            Views that the features are averaged over.

        Yields
        ------
        rows : numpy.ndarray
            The next of them, int64 ``(m,)``.
        features : numpy.ndarray
            float16 ``(m, features)``, the columns of all parts; NaN where an image cannot be read.
        """
        if len(rows) == 0:
            return
        pool, start, stop = self._images, int(rows[0]), int(rows[-1]) + 1
        in_a_row = len(rows) == stop - start
        if not in_a_row:  # an array is read by whole chunks where nothing is left out
            pool = SubsetPool(pool, [pool.ids[row] for row in rows.tolist()])
            start, stop = 0, len(rows)
        batches = score_pool(
            pool,
            self._scorer.network,
            self._scoring,
            device=self.device,
            symmetry=symmetry,
            start=start,
            stop=stop,
            scorer=self._scorer,
        )
        with closing(batches):
            for batch in batches:
                features = np.full((len(batch.asked), sum(self.widths)), np.nan, np.float16)
                features[batch.indices - batch.asked.start] = batch.features
                yield rows[batch.asked.start - start : batch.asked.stop - start], features


def look_for_traits(pool: ImagePool, config: Config, seed: int, reporter: Reporter) -> Traits:
    """Measure on a sample which views of a pool's images mean the same, and whether they are centred.

    Parameters
    ----------
    pool, config
        What is looked at, and how.
    seed
        Seed of the sample.
    reporter
        Told how far it is.
    """
    rows = sample_rows(pool.ids, seed, SAMPLE_IMAGES)
    sample = SubsetPool(pool, [pool.ids[row] for row in rows])
    device = resolve_device(config.device)
    network = _network(config, Look(SAMPLE_SIZE), pool.rendering.channels)
    scoring = config.score
    scorer = Scorer(network, device, number_format=scoring.number_format, runtime=scoring.runtime)
    reporter.begin("preparing", len(sample), device=str(device))

    def see(part: range) -> tuple[np.ndarray, list[np.ndarray]]:
        pixels = sample.read(part, SAMPLE_SIZE, "network").pixels
        turned = [np.rot90(pixels, turns, axes=(2, 3)) for turns in (1, 2, 3)]
        views = [pixels, pixels[..., ::-1], *turned] if len(pixels) else []
        features = [scorer.score(np.ascontiguousarray(view))[1] for view in views]
        return light_at_centre(pixels), features

    on_cpu = device.type == "cpu"
    parts = list(batch_ranges(0, len(sample), config.score.batch_size or SAMPLE_BATCH))
    executor = ThreadPoolExecutor(
        torch.get_num_threads() if on_cpu else 1,
        "traits",
        initializer=compute_in_one_thread if on_cpu else None,
    )
    views: list[list[np.ndarray]] = [[] for _ in range(5)]
    light = []
    try:
        for part, (share, features) in zip(parts, executor.map(see, parts), strict=True):
            reporter.advance(part.stop)
            light.append(share)
            for known, new in zip(views, features, strict=False):
                known.append(new)
    finally:
        executor.shutdown(cancel_futures=True)
    if not any(map(len, light)):
        return Traits("none", centred=False)
    upright, mirrored, *turns = (np.concatenate(features) for features in views)
    return Traits(measure_symmetry(upright, mirrored, turns), is_centred(np.concatenate(light)))


def _network(config: Config, look: Look, bands: int) -> AnomalyNetwork:
    return build_network(look.network(config), config.seed, bands)
