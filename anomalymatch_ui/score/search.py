"""Images like some image of an archive, by the cosine of their embeddings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.score.archive import Archive
from anomalymatch_ui.score.queries import Scores
from anomalymatch_ui.score.shards import read_embedding, read_ids
from anomalymatch_ui.score.vectors import NearestRows, embeddings, unit_rows


@dataclass(frozen=True)
class Neighbours:
    """The images most like some others, the most similar first.

    Attributes
    ----------
    ids
        Ids of the images; where two are equally similar, in the archive's order.
    similarities
        Mean cosine to the queries, float32 ``(n,)``, -1 to 1.
    """

    ids: tuple[str, ...]
    similarities: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)


def similar(
    scores: Scores,
    queries: Sequence[str],
    count: int,
    *,
    device: torch.device | None = None,
    approximate: bool = False,
    advance: Callable[[int, int], None] = lambda done, total: None,
) -> Neighbours:
    """Find the images of an archive most like one or several of it.

    Exact: every embedding is read, in blocks, and compared on the device: 256 bytes an image, so 10^8
    images are the reading of 26 GB. Approximate: by an index of the archive, made on first use, that
    reads a few thousand embeddings. Several queries count as the mean of their unit vectors.

    Parameters
    ----------
    scores
        The archive, scored with embeddings.
    queries
        Ids to look for; they are not among the answers.
    count
        How many to give; fewer where the archive holds fewer.
    device
        Where to compare; the CPU if not given.
    approximate
        By the index; see :mod:`anomalymatch_ui.score.neighbours`.
    advance
        Told how many shards of how many are read.

    Raises
    ------
    InputError
        If the archive has no embeddings, a query is not in it, or the index needs what is not installed.
    DamagedStoreError
        If a shard cannot be read.
    StorageError
        If the disk refuses the index.
    """
    archive = scores.archive
    if not archive.manifest.components:
        raise InputError(
            f"{archive.folder} holds scores and no embeddings. Score once more with --embeddings, into "
            "another folder or with --restart."
        )
    places = [_place(scores, image_id) for image_id in dict.fromkeys(queries)]
    direction = _direction(archive, places)
    wanted = count + len(places)
    if approximate:
        from anomalymatch_ui.score.neighbours import NeighbourIndex

        found = NeighbourIndex.of(archive, advance).nearest(direction, wanted)
    else:
        found = _nearest(archive, direction, wanted, device or torch.device("cpu"), advance)
    return _named(archive, found, set(places), count)


def _place(scores: Scores, image_id: str) -> tuple[int, int]:
    place = scores.place_of(image_id)
    if place is None:
        raise InputError(
            f"There is no image {image_id} with a score in {scores.archive.folder}. Ids are as "
            "`anomalymatch top` lists them."
        )
    return place


def _direction(archive: Archive, places: Sequence[tuple[int, int]]) -> torch.Tensor:
    """Return the mean unit vector of some images, float32 ``(components,)``."""
    rows = [read_embedding(archive.shard(shard))[row] for shard, row in places]
    if not rows:
        raise InputError("Give at least one image to compare with.")
    return unit_rows(torch.from_numpy(np.stack(rows))).mean(dim=0)


def _nearest(
    archive: Archive,
    direction: torch.Tensor,
    count: int,
    device: torch.device,
    advance: Callable[[int, int], None],
) -> NearestRows:
    """Compare with every image, shard by shard; only the best are kept."""
    best = NearestRows(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))
    direction = direction.to(device)
    for number, block in embeddings(archive):
        cosines = (unit_rows(torch.from_numpy(block).to(device)) @ direction).cpu().numpy()
        shards = np.concatenate([best.shards, np.full(len(cosines), number)])
        rows = np.concatenate([best.rows, np.arange(len(cosines))])
        similarities = np.concatenate([best.similarities, cosines])
        kept = np.argsort(-similarities, kind="stable")[:count]
        best = NearestRows(shards[kept], rows[kept], similarities[kept])
        advance(number + 1, archive.manifest.shard_count)
    return best


def _named(archive: Archive, found: NearestRows, queries: set[tuple[int, int]], count: int) -> Neighbours:
    """Return the ids of rows, without the queries; rounding must not make a cosine larger than 1."""
    read: dict[int, list[str]] = {}
    ids: list[str] = []
    similarities: list[float] = []
    rows = zip(found.shards.tolist(), found.rows.tolist(), found.similarities.tolist(), strict=True)
    for shard, row, similarity in rows:
        if (shard, row) in queries or len(ids) == count:
            continue
        if shard not in read:
            read[shard] = read_ids(archive.shard(shard))
        ids.append(read[shard][row])
        similarities.append(similarity)
    return Neighbours(tuple(ids), np.clip(np.array(similarities, np.float32), -1, 1))
