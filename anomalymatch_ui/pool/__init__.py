"""Where images come from; one file a format.

A pool gives its images as uint8 RGB, by index, and has a stable id for each. What cannot be read is
noted in its report and left out, never fatal.
"""

from anomalymatch_ui.pool.around import Surroundings, has_surroundings, surroundings
from anomalymatch_ui.pool.base import Batch, Fetched, ImagePool, PoolReport, UnreadableImageError
from anomalymatch_ui.pool.columns import position_names
from anomalymatch_ui.pool.lookup import index_in, rows_in
from anomalymatch_ui.pool.opening import open_pool
from anomalymatch_ui.pool.subset import SubsetPool, content_probe, content_stamps, numbered_rows, rows_of

__all__ = [
    "Batch",
    "Fetched",
    "ImagePool",
    "PoolReport",
    "SubsetPool",
    "Surroundings",
    "UnreadableImageError",
    "content_probe",
    "content_stamps",
    "has_surroundings",
    "index_in",
    "numbered_rows",
    "open_pool",
    "position_names",
    "rows_in",
    "rows_of",
    "surroundings",
]
