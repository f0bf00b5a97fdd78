"""Benchmarks by name: GalaxyMNIST and miniImageNet as in the published figures, or a table of one's own.

The published figures [1]_ are means over classes that are the anomaly in turn: the four of GalaxyMNIST, and
five of miniImageNet (hourglass, guitar, piano, printer, orange). They were taken at 224 pixels on all images
without a label, which are the images searched. A round added 10 anomalies and 10 nominal images, which
:class:`Protocol` calls ``"balanced"``. :func:`open_published` searches so. :func:`open_benchmark` is about a
person instead: one class, a test split that is kept apart, and a round labels the 20 images shown first.

References
----------
.. [1] Gómez & O'Ryan 2025, "AnomalyMatch", arXiv:2505.03509, and its authors' repository esa/AnomalyMatch.
.. [2] Vinyals et al. 2016, "Matching Networks for One Shot Learning", arXiv:1606.04080: miniImageNet.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from anomalymatch_ui.demo import GalaxyMnist, galaxy_mnist
from anomalymatch_ui.demo.galaxies import CLASSES, START_ANOMALIES, START_NOMINALS, check_class
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.evaluate.runner import Protocol
from anomalymatch_ui.evaluate.task import Task
from anomalymatch_ui.labels import Label
from anomalymatch_ui.pool import ImagePool, open_pool

GALAXY_MNIST = "galaxy_mnist"
MINI_IMAGENET = "miniimagenet"

HOURGLASS = ("n03544143", "hourglass")
PUBLISHED_CLASSES = (
    HOURGLASS,
    ("n03272010", "electric_guitar", "guitar"),
    ("n04515003", "upright", "piano"),
    ("n03924679", "photocopier", "printer"),
    ("n07747607", "orange"),
)
"""What the folders of the published classes may be called: by their WordNet numbers, or by their names."""

ALL = "all"

_NOMINALS_FOR_AN_ANOMALY = 99
_ONE_PERCENT = (0.0095, 0.0105)  # what 1 % may be without leaving images out
_POOL_SHARE = 0.6
_SPLIT_SEED = 42
_CLASSES_NAMED = 5


@dataclass(frozen=True)
class Figures:
    """Published figures: means over classes, after the rounds."""

    auroc: float
    ap: float
    precision_top1: float


FIGURES = {GALAXY_MNIST: Figures(0.89, 0.77, 0.94), MINI_IMAGENET: Figures(0.96, 0.82, 0.76)}
"""Of [1]_, version 2: AUROC, AUPRC, and the precision among the first 1 %."""


@dataclass(frozen=True)
class Benchmark:
    """What is searched, where its images are, and how it is searched unless asked otherwise."""

    task: Task
    images: Path
    protocol: Protocol


def open_benchmark(
    name: str,
    images: Path | None = None,
    *,
    anomaly: str | None = None,
    download: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> Benchmark:
    """Open a benchmark.

    Parameters
    ----------
    name
        ``"galaxy_mnist"``, ``"miniimagenet"``, or the path of a table ``filename,label,split``.
    images
        The folder of the images. GalaxyMNIST is looked for and kept there, by default in the user's cache;
        miniImageNet lies there in one folder a class.
    anomaly
        The class to search, in the two data sets; by default ``edge_on_disk`` and hourglass.
    download, progress
        Download and progress of GalaxyMNIST; see :func:`anomalymatch_ui.demo.galaxy_mnist`.

    Raises
    ------
    InputError
        If something given cannot be used, or data are absent.
    StorageError
        If the disk refuses.
    """
    if name == GALAXY_MNIST:
        anomaly = check_class(anomaly)
        galaxies = galaxy_mnist(images, download=download, progress=progress)
        protocol = Protocol(start_anomalies=START_ANOMALIES, start_nominals=START_NOMINALS, per_cycle=20)
        return Benchmark(galaxy_task(galaxies, anomaly), galaxies.images, protocol)
    if images is None:
        raise InputError("Say with --images in which folder the images of the task are.")
    if name == MINI_IMAGENET:
        with contextlib.closing(open_pool(images)) as pool:
            task = class_folder_task(pool, anomaly)
        return Benchmark(task, images, Protocol(start_anomalies=5, start_nominals=495, per_cycle=20))
    if anomaly is not None:
        raise InputError(
            f"The table {name} says itself what an anomaly is: --anomaly goes with {GALAXY_MNIST} and "
            f"{MINI_IMAGENET} only."
        )
    return Benchmark(Task.read(Path(name)), images, Protocol())


def open_published(
    name: str,
    images: Path | None = None,
    *,
    anomalies: Sequence[str] = (),
    download: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> list[Benchmark]:
    """Open a benchmark as it was published: one search a class, on all images, measured where it searches.

    Parameters
    ----------
    name
        ``"galaxy_mnist"`` or ``"miniimagenet"``.
    images, download, progress
        As for :func:`open_benchmark`.
    anomalies
        The classes that are the anomaly in turn; ``["all"]`` takes every class. By default the four of
        GalaxyMNIST, and of the folders of miniImageNet the five that were published.

    Raises
    ------
    InputError
        If something given cannot be used, or data are absent.
    StorageError
        If the disk refuses.
    """
    if name == GALAXY_MNIST:
        every = CLASSES if list(anomalies) in ([], [ALL]) else [check_class(each) for each in anomalies]
        galaxies = galaxy_mnist(images, download=download, progress=progress)
        start, images = (START_ANOMALIES, START_NOMINALS), galaxies.images
        tasks = [Task(f"{GALAXY_MNIST}_{each}", galaxies.labels(each), {}) for each in every]
    elif name == MINI_IMAGENET:
        if images is None:
            raise InputError("Say with --images in which folder the images of the task are.")
        start = (5, 495)
        with contextlib.closing(open_pool(images)) as pool:
            tasks = whole_class_tasks(pool, anomalies)
    else:
        raise InputError(
            f"The protocol was published for {GALAXY_MNIST} and {MINI_IMAGENET}, not for {name}. Leave "
            "--as-published away."
        )
    protocol = Protocol(
        start_anomalies=start[0],
        start_nominals=start[1],
        per_cycle=20,
        queries="balanced",
        measured="searched",
    )
    return [Benchmark(task, images, protocol) for task in tasks]


def galaxy_task(galaxies: GalaxyMnist, anomaly: str) -> Task:
    """Search one class of GalaxyMNIST, 25 % of it: its training split is the pool, its test split the test.

    Raises
    ------
    InputError
        If there is no class of that name.
    """
    labels = list(galaxies.labels(anomaly).items())
    split = galaxies.train_images
    return Task(f"{GALAXY_MNIST}_{anomaly}", dict(labels[:split]), dict(labels[split:]))


def class_folder_task(pool: ImagePool, anomaly: str | None = None) -> Task:
    """Search one of many classes, each a folder of images, where 1 % of the images are of it.

    The larger side is thinned until there are 99 nominal images for an anomaly: nothing is left out of 100
    classes of one size. Then 60 % of either label are the pool and the others the test. Both are drawn with a
    fixed seed, so that all runs search the same images.

    Parameters
    ----------
    pool
        Images whose ids are paths ``…/class/image``.
    anomaly
        Name of the class's folder; by default hourglass.

    Raises
    ------
    InputError
        If the images do not lie in folders, there is no such class, or there are too few images.
    """
    classes = _classes(pool)
    if anomaly is None:
        anomaly = next((name for name in HOURGLASS if name in classes), HOURGLASS[0])
    anomalies, nominals = _rows_of(pool, classes, anomaly)
    count = min(len(anomalies), len(nominals) // _NOMINALS_FOR_AN_ANOMALY)
    random = np.random.default_rng(_SPLIT_SEED)
    odd_pool, odd_test = _divide(anomalies, count, random)
    common_pool, common_test = _divide(nominals, count * _NOMINALS_FOR_AN_ANOMALY, random)
    return Task(
        f"{MINI_IMAGENET}_{anomaly}",
        _labels(pool, odd_pool, common_pool),
        _labels(pool, odd_test, common_test),
    )


def whole_class_tasks(pool: ImagePool, anomalies: Sequence[str] = ()) -> list[Task]:
    """Search some of many classes in turn, each a folder of images, on all images and without a test split.

    Where a class is 1 % of the images, rounded to a tenth of a percent, nothing is left out, so that all such
    searches look at the same images. Else the larger side is thinned, as by :func:`class_folder_task`.

    Parameters
    ----------
    pool
        Images whose ids are paths ``…/class/image``.
    anomalies
        Names of the folders; ``["all"]`` is every one. By default the published classes that are there.

    Raises
    ------
    InputError
        If the images do not lie in folders, there is no such class, or there are too few images.
    """
    classes = _classes(pool)
    there = set(classes.tolist())
    if list(anomalies) == [ALL]:
        anomalies = sorted(there)
    elif not anomalies:
        anomalies = [name for names in PUBLISHED_CLASSES for name in names if name in there]
        if not anomalies:
            raise InputError(
                f"{pool.path} has none of the published classes, {HOURGLASS[0]} for one. Choose with "
                f"--anomaly, or take --anomaly {ALL}: {_listed(classes)}."
            )
    tasks = []
    for name in anomalies:
        odd, common = _rows_of(pool, classes, name)
        if not _ONE_PERCENT[0] <= len(odd) / len(classes) < _ONE_PERCENT[1]:
            count = min(len(odd), len(common) // _NOMINALS_FOR_AN_ANOMALY)
            random = np.random.default_rng(_SPLIT_SEED)
            odd = random.permutation(odd)[:count]
            common = random.permutation(common)[: count * _NOMINALS_FOR_AN_ANOMALY]
        tasks.append(Task(f"{MINI_IMAGENET}_{name}", _labels(pool, odd, common), {}))
    return tasks


def _rows_of(pool: ImagePool, classes: np.ndarray, anomaly: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of a class and those of all others, where they are enough for a search at 1 %."""
    if anomaly not in classes:
        raise InputError(
            f"{pool.path} has no class {anomaly!r}. Choose one with --anomaly: {_listed(classes)}."
        )
    anomalies, nominals = np.flatnonzero(classes == anomaly), np.flatnonzero(classes != anomaly)
    if min(len(anomalies), len(nominals) // _NOMINALS_FOR_AN_ANOMALY) < 2:
        raise InputError(
            f"{pool.path} holds {len(anomalies):,} images of {anomaly} and {len(nominals):,} others. "
            f"A search at 1 % takes at least 2 and {2 * _NOMINALS_FOR_AN_ANOMALY}: give more images."
        )
    return anomalies, nominals


def _classes(pool: ImagePool) -> np.ndarray:
    """Return the name of the folder that each image lies in, str ``(n,)``."""
    classes = np.array([PurePosixPath(image_id).parent.name for image_id in pool.ids])
    if "" in classes:
        raise InputError(
            f"Images of {pool.path} do not lie in folders of classes, such as {HOURGLASS[0]}/1.jpg. "
            "Give the folder that holds one folder a class."
        )
    return classes


def _listed(classes: np.ndarray) -> str:
    names = np.unique(classes).tolist()
    more = f", … ({len(names)} in all)" if len(names) > _CLASSES_NAMED else ""
    return ", ".join(names[:_CLASSES_NAMED]) + more


def _divide(rows: np.ndarray, count: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw ``count`` rows and divide them into those of the pool and those of the test."""
    drawn = random.permutation(rows)[:count]
    pool = round(_POOL_SHARE * count)
    return drawn[:pool], drawn[pool:]


def _labels(pool: ImagePool, anomalies: np.ndarray, nominals: np.ndarray) -> dict[str, Label]:
    """Return the label of each of these rows, in the order of the rows."""
    odd = set(anomalies.tolist())
    rows = np.sort(np.concatenate([anomalies, nominals])).tolist()
    return {pool.ids[row]: "anomaly" if row in odd else "nominal" for row in rows}
