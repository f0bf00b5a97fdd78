"""The frozen backbone of a session at work: its name, and what it says of images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import numpy as np

from anomalymatch_ui.config import Config, PartConfig, Symmetry
from anomalymatch_ui.learn.keeping import backbone_name
from anomalymatch_ui.learn.plan import AT_THE_END, Taken
from anomalymatch_ui.learn.wanted import WantedBackbone
from anomalymatch_ui.pool import ImagePool, SubsetPool
from anomalymatch_ui.rank import is_centred, light_at_centre, measure_symmetry, sample_rows
from anomalymatch_ui.session.core.jobs import Reporter
from anomalymatch_ui.session.look.at_work import backbone_at_work
from anomalymatch_ui.session.look.sight import Look, Traits
from anomalymatch_ui.stream.streaming import batch_ranges

SAMPLE_IMAGES = 1024
"""Images that tell whether a pool has an up, or a centre; five views take three seconds on two cores."""

SAMPLE_SIZE = 64
"""Side at which they are looked at, in pixels; the threshold was measured at this size."""

SAMPLE_BATCH = 32
"""Of these at one time, unless the settings say another number."""


def digest_of(config: Config, look: Look, bands: int) -> str:
    """Return a name for what the backbone of a look computes of so many bands."""
    return backbone_name(_wanted(config, look, bands))


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
    size
        Side at which it sees each image, in pixels.
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
        taken = tuple(Taken(part.layers, part.place, part.statistics) for part in parts)
        self.size = look.size
        self._images = images
        self._backbone = backbone_at_work(
            _wanted(config, look, images.rendering.channels, taken, adapted), config
        )
        self.widths = self._backbone.widths
        self.device = self._backbone.device
        self.runtime = self._backbone.runtime

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
        batches = self._backbone.look(pool, start, stop, symmetry)
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
    look = Look(SAMPLE_SIZE)
    backbone = backbone_at_work(_wanted(config, look, pool.rendering.channels, (AT_THE_END,)), config)
    reporter.begin("preparing", len(sample), device=backbone.device)

    def see(part: range) -> tuple[np.ndarray, list[np.ndarray]]:
        pixels = sample.read(part, SAMPLE_SIZE, "network").pixels
        turned = [np.rot90(pixels, turns, axes=(2, 3)) for turns in (1, 2, 3)]
        views = [pixels, pixels[..., ::-1], *turned] if len(pixels) else []
        features = [backbone.features(np.ascontiguousarray(view)) for view in views]
        return light_at_centre(pixels), features

    parts = list(batch_ranges(0, len(sample), config.score.batch_size or SAMPLE_BATCH))
    executor = ThreadPoolExecutor(backbone.threads, "traits", initializer=backbone.begin)
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


def _wanted(
    config: Config, look: Look, bands: int, parts: tuple[Taken, ...] = (), adapted: Path | None = None
) -> WantedBackbone:
    file = None if adapted is None else str(adapted)
    return WantedBackbone(look.network(config), config.seed, bands, parts, file)
