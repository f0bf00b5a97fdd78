"""Which files hold many images each, told by their names."""

from __future__ import annotations

import os

ZARR_MARKERS = ("zarr.json", ".zgroup", ".zarray")

SUFFIXES = {
    ".zarr": "zarr",
    ".zarr.zip": "zarr",
    ".h5": "hdf5",
    ".hdf5": "hdf5",
    ".hdf": "hdf5",
    ".he5": "hdf5",
    ".parquet": "parquet",
    ".tar": "tar",
    ".avro": "avro",
    ".asdf": "asdf",
}
"""End of a name in small letters -> kind of file."""

KINDS = {
    "zarr": "Zarr stores",
    "hdf5": "HDF5 files",
    "parquet": "Parquet files",
    "tar": "tar files",
    "avro": "Avro files",
    "asdf": "ASDF files",
}
"""Kind of file -> what to call them."""

TEXT_TABLES = (".csv", ".tsv", ".ecsv", ".dat", ".txt")
VOTABLES = (".vot", ".votable", ".xml")
"""Ends of the names of catalogues, in small letters; Parquet and FITS files may be catalogues, too."""

# Tables about images, which lie beside them, and none of them.
_TABLES = ("_metadata.parquet", "_common_metadata.parquet", "per_partition_statistics.parquet")


def container_kind(path: str, *, is_folder: bool) -> str | None:
    """Return the kind of a file, or a folder, with many images; ``None`` if it is none.

    A folder is a Zarr store if it is called one, or has what every store has.
    """
    name = os.path.basename(path).lower()
    if is_folder:
        # Unlike Path.is_file, of a closed folder it says no.
        marked = any(os.path.isfile(os.path.join(path, marker)) for marker in ZARR_MARKERS)
        return "zarr" if marked or name.endswith(".zarr") else None
    if name.endswith(_TABLES):
        return None
    return next((kind for suffix, kind in SUFFIXES.items() if name.endswith(suffix)), None)
