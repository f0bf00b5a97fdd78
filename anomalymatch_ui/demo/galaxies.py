"""GalaxyMNIST: 10,000 galaxies in four classes, labelled by the volunteers of Galaxy Zoo.

Images of DECaLS, each class 2,500 times, in the published division into 8,000 and 2,000 [1]_.

References
----------
.. [1] https://github.com/mwalmsley/galaxy_mnist, which gives addresses and MD5s of the archives.
.. [2] Walmsley et al. 2022, "Galaxy Zoo DECaLS", MNRAS 509, 3966: cite it where results are published.
"""

from __future__ import annotations

import gzip
import io
import zlib
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from anomalymatch_ui.cachefolder import cache_folder
from anomalymatch_ui.demo.download import ProgressCallback, RemoteFile, read_or_download
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.files import write_bytes_atomically
from anomalymatch_ui.labels import Label, write_labels_csv

CLASSES = ("smooth_round", "smooth_cigar", "edge_on_disk", "unbarred_spiral")
"""In the order of their numbers in the archives."""

DEFAULT_ANOMALY = "edge_on_disk"

TRAIN = RemoteFile(
    "train_dataset.hdf5.gz",
    "https://dl.dropboxusercontent.com/s/5a14de0o7slyif9/train_dataset.hdf5.gz",
    "e408ae294e9b975482dc1abffeb373a6",
)
TEST = RemoteFile(
    "test_dataset.hdf5.gz",
    "https://dl.dropboxusercontent.com/s/5rza12nn24cwd2k/test_dataset.hdf5.gz",
    "7a940e4cea64a8b7cb60339098f74490",
)

START_ANOMALIES, START_NOMINALS = 10, 30
"""Labels of a search's start, as in arXiv:2505.03509."""

_SIZE = 64
_SEED = 42


@dataclass(frozen=True)
class GalaxyMnist:
    """Where the galaxies lie, and what they are.

    Attributes
    ----------
    images
        One HDF5 file with ``images`` uint8 ``(n, 64, 64, 3)`` and ``labels`` uint8 ``(n,)``, which
        :func:`anomalymatch_ui.open_pool` opens; an image's id is the number of its row.
    classes
        Name of each image's class, by row.
    train_images
        How many are of the published training split. They come first; the others are of the test split.
    """

    images: Path
    classes: tuple[str, ...]
    train_images: int

    def labels(self, anomaly: str) -> dict[str, Label]:
        """Return the label of every image where one class is the anomaly.

        Raises
        ------
        InputError
            If there is no class of that name.
        """
        check_class(anomaly)
        return {
            str(row): "anomaly" if name == anomaly else "nominal" for row, name in enumerate(self.classes)
        }


@dataclass(frozen=True)
class GalaxySearch:
    """What the dashboard needs to search GalaxyMNIST.

    Attributes
    ----------
    images
        The pool.
    labels
        CSV ``filename,label`` to start from: 10 anomalies and 30 nominal images.
    session
        Where labels are kept, one session a class.
    aim
        The class in words, for the line on what is looked for.
    """

    images: Path
    labels: Path
    session: Path
    aim: str


def galaxy_mnist(
    folder: Path | None = None, *, download: bool = True, progress: ProgressCallback | None = None
) -> GalaxyMnist:
    """Return GalaxyMNIST, downloading it on first use.

    Parameters
    ----------
    folder
        Where the archives ``train_dataset.hdf5.gz`` and ``test_dataset.hdf5.gz`` are or shall be, and where
        they are unpacked into one file; by default in the user's cache. What is there is not fetched again.
    download
        Whether the network may be used.
    progress
        Called with the kilobytes of an archive downloaded and their total.

    Raises
    ------
    InputError
        If an archive is absent and cannot be downloaded, is not the published one, or cannot be unpacked.
    StorageError
        If the disk refuses.
    """
    folder = cache_folder("galaxy-mnist") if folder is None else Path(folder)
    images = folder / "galaxy_mnist.hdf5"
    if not images.exists():
        parts = [
            _unpack(
                read_or_download(archive, folder, download=download, progress=progress), folder / archive.name
            )
            for archive in (TRAIN, TEST)
        ]
        write_bytes_atomically(images, _join(*parts))
    return _open(images)


def search_galaxies(
    anomaly: str | None = None,
    folder: Path | None = None,
    *,
    download: bool = True,
    progress: ProgressCallback | None = None,
) -> GalaxySearch:
    """Return GalaxyMNIST as a search for one class, with labels to start from drawn by a fixed seed.

    Parameters
    ----------
    anomaly
        The class; by default ``edge_on_disk``.
    folder, download, progress
        As in :func:`galaxy_mnist`.

    Raises
    ------
    InputError
        If there is no class of that name, or as in :func:`galaxy_mnist`.
    StorageError
        If the disk refuses.
    """
    anomaly = check_class(anomaly)
    galaxies = galaxy_mnist(folder, download=download, progress=progress)
    random = np.random.default_rng(_SEED)
    start: dict[str, str] = {}
    truth = galaxies.labels(anomaly)
    wanted: tuple[tuple[Label, int], ...] = (("anomaly", START_ANOMALIES), ("nominal", START_NOMINALS))
    for label, count in wanted:
        names = [name for name, its in truth.items() if its == label]
        start |= dict.fromkeys(random.choice(names, size=count, replace=False).tolist(), label)
    beside = galaxies.images.parent
    search = GalaxySearch(
        galaxies.images,
        beside / f"{anomaly}.csv",
        beside / f"{anomaly}.session",
        f"galaxies of the class {anomaly.replace('_', ' ')}",
    )
    write_labels_csv(search.labels, start)
    return search


def check_class(anomaly: str | None) -> str:
    """Return the class asked for, ``edge_on_disk`` if none was.

    Raises
    ------
    InputError
        If there is no class of that name.
    """
    if anomaly is None:
        return DEFAULT_ANOMALY
    if anomaly not in CLASSES:
        raise InputError(
            f"GalaxyMNIST has no class {anomaly!r}. Choose one of: {', '.join(sorted(CLASSES))}."
        )
    return anomaly


def _unpack(content: bytes, path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return images uint8 ``(n, 64, 64, 3)`` and numbers of their classes uint8 ``(n,)`` of an archive."""
    try:
        with h5py.File(io.BytesIO(gzip.decompress(content)), "r") as file:
            images, labels = np.asarray(file["images"]), np.asarray(file["labels"])
    except (OSError, EOFError, zlib.error, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise InputError(
            f"Cannot unpack {path}: {error}. Remove it, and run this again to fetch it."
        ) from error
    shape = (len(labels) if labels.ndim else 0, _SIZE, _SIZE, 3)
    if images.dtype != np.uint8 or images.shape != shape or not np.isin(labels, range(len(CLASSES))).all():
        raise InputError(
            f"{path} is not an archive of GalaxyMNIST: it holds images {images.dtype} {images.shape} and "
            f"labels {labels.shape}. Remove it, and run this again to fetch it."
        )
    return images, labels.astype(np.uint8)


def _join(train: tuple[np.ndarray, np.ndarray], test: tuple[np.ndarray, np.ndarray]) -> bytes:
    """Return one HDF5 file of both splits."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        for name, parts in zip(("images", "labels"), zip(train, test, strict=True), strict=True):
            file.create_dataset(name, data=np.concatenate(parts))
        file.attrs["train_images"] = len(train[1])
    return buffer.getvalue()


def _open(images: Path) -> GalaxyMnist:
    try:
        with h5py.File(images, "r") as file:
            classes = tuple(CLASSES[number] for number in file["labels"][()])
            return GalaxyMnist(images, classes, int(file.attrs["train_images"]))
    except (OSError, LookupError, RuntimeError, TypeError, ValueError) as error:
        raise InputError(
            f"{images} is damaged or another file. Remove it, and run this again to make it anew."
        ) from error
