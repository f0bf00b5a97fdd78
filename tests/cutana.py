"""Batches of cutouts as Cutana writes them; it cannot be installed beside this package."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import zarr

FIRST_ID = 2739161834506210321  # 19 digits: a float64 would end its last three


def write_batch(folder: Path, images: np.ndarray, first_id: int, ra: np.ndarray) -> Path:
    """Write a batch as Cutana 0.4.0 does: one chunk, its table beside it.

    Parameters
    ----------
    folder
        Made for it.
    images
        float32 ``(n, height, width, bands)``.
    first_id
        Of the first image; those of the others count up.
    ra
        Degrees, float ``(n,)``; the declination is -2.5.
    """
    folder.mkdir(parents=True)
    group = zarr.open_group(folder / "images.zarr", mode="w")
    codec = zarr.codecs.BloscCodec(cname="lz4", clevel=1, shuffle="shuffle")
    group.create_array(
        "images", shape=images.shape, chunks=images.shape, dtype="f4", compressors=[codec], fill_value=0
    )[:] = images
    group.attrs["metadata_file"] = "/gone/on/another/machine/images_metadata.parquet"
    pd.DataFrame(
        {
            "source_id": [first_id + row for row in range(len(images))],
            "ra": ra,
            "dec": -2.5,
            "tile": "EUC_MER.fits",
            "extraction_size": images.shape[1],
        }
    ).to_parquet(folder / "images_metadata.parquet")
    return folder
