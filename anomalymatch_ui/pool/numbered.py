"""What all pools of one file have in common: what says what it holds, and ids found by their row."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from anomalymatch_ui.config import PixelsConfig
from anomalymatch_ui.pixels import PLAIN, Bands, Rendering
from anomalymatch_ui.pool.base import PoolReport
from anomalymatch_ui.pool.columns import NO_COLUMNS, Columns
from anomalymatch_ui.pool.ids import RowIds, StoredIds


class NumberedPool(ABC):
    """Images that lie in a file one after the other; see :class:`~anomalymatch_ui.pool.ImagePool`.

    Attributes
    ----------
    row_ids
        The ids, by which images are found.
    failed
        Index -> reason, of images which the file itself says are none.
    """

    path: Path
    name: str
    ids: Sequence[str]
    row_ids: RowIds | StoredIds
    digest: str
    report: PoolReport
    block_images: int
    concurrent: bool
    bands: Bands
    columns: Columns = NO_COLUMNS
    found: Mapping[str, str] = MappingProxyType({})
    failed: Mapping[int, str] = MappingProxyType({})
    rendering: Rendering = PLAIN
    pixels = PixelsConfig()

    @abstractmethod
    def close(self) -> None:
        """Let go of open files."""

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.path} of {len(self):,} images>"

    def __contains__(self, image_id: object) -> bool:
        return image_id in self.row_ids

    def index(self, image_id: str) -> int:
        """Return the index of an image; ``KeyError`` if there is none of that id."""
        row = self.row_ids.row(image_id)
        if row is None:
            raise KeyError(image_id)
        return row
