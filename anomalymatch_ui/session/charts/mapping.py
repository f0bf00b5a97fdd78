"""A map of a pool: its embedding in two dimensions, principal components at once, UMAP when it is ready."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import io
import json
import logging
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from anomalymatch_ui.errors import AnomalyMatchError, InputError, StorageError
from anomalymatch_ui.files import write_bytes_atomically
from anomalymatch_ui.pool import ImagePool
from anomalymatch_ui.rank import sample_rows
from anomalymatch_ui.sealed import UNREADABLE
from anomalymatch_ui.session.charts.plane import Frame, Plane, mean_of_nearest

logger = logging.getLogger(__name__)

Method = Literal["PCA", "UMAP"]

POINTS = 100_000
"""Most images drawn at random for a map; more take UMAP minutes and a browser too long."""

COMPONENTS = 50
"""Principal components that UMAP starts from: as many as its authors advise, and ten times faster."""

LEAST = 10
"""Images below which UMAP has no neighbourhoods to keep."""

SEED = 0  # of the sample: with a session's own, sessions could not share a map

MISSING = "For UMAP, which keeps neighbours together, install anomalymatch-ui[map]."


@dataclass(frozen=True)
class PoolMap:
    """Where images lie on a map.

    Attributes
    ----------
    method
        ``"PCA"`` or ``"UMAP"``.
    rows
        Pool indices, int64 ``(n,)``, ascending; of a large pool a random sample.
    places
        float32 ``(n, 2)`` in [-1, 1], centred.
    images
        Images of the pool that could have been mapped.
    """

    method: Method
    rows: np.ndarray
    places: np.ndarray
    images: int


@dataclass(frozen=True)
class MapState:
    """A map, or what is being done about it.

    Attributes
    ----------
    version
        Counts up with each new map; 0 before there is one.
    newest
        The newest map; ``None`` before there is one.
    sentence
        What is being done, or why there is no map, or none by UMAP; empty if there is nothing to say.
    at_work
        Whether a map is being made.
    """

    version: int = 0
    newest: PoolMap | None = None
    sentence: str = ""
    at_work: bool = False


class Mapper:
    """Maps a session's embedding on a thread of its own.

    Parameters
    ----------
    folder
        Where maps by UMAP are kept.
    pool
        The images.
    embedding
        Returns the pool's embedding; ``None`` while it has not been made.
    """

    def __init__(self, folder: Path, pool: ImagePool, embedding: Callable[[], np.ndarray | None]) -> None:
        self._folder = folder
        self._pool = pool
        self._embedding = embedding
        self._lock = threading.Lock()
        self._state = MapState()
        self._listeners: list[Callable[[MapState], None]] = []
        self._thread: threading.Thread | None = None
        self._child: subprocess.Popen[str] | None = None
        self._closed = False
        self._made: tuple[np.ndarray, Plane, Frame] | None = None  # what the newest map was made of

    @property
    def state(self) -> MapState:
        """The newest map and what is being done."""
        with self._lock:
            return self._state

    def subscribe(self, listener: Callable[[MapState], None]) -> Callable[[], None]:
        """Be told of every new state, on the mapper's thread; a listener must not wait.

        Returns
        -------
        Callable
            Ends the subscription.
        """
        with self._lock:
            self._listeners.append(listener)

        def unsubscribe() -> None:
            with self._lock:
                if listener in self._listeners:
                    self._listeners.remove(listener)

        return unsubscribe

    @property
    def outdated(self) -> bool:
        """Whether the images have been looked at anew, by other settings, since the newest map was made."""
        embedding, made = self._embedding(), self._made
        if made is None or embedding is None or embedding is made[0]:
            return False
        # The same one may have been opened again; another differs in every image.
        return not np.array_equal(_probe(embedding), _probe(made[0]), equal_nan=True)

    def begin(self) -> None:
        """Make the maps in the background, unless they are there or being made; returns at once."""
        outdated = self.outdated
        with self._lock:
            running = self._thread is not None and self._thread.is_alive()
            newest = self._state.newest
            whole = newest is not None and newest.method == "UMAP" and not outdated
            if running or self._closed or whole:
                return
            self._thread = threading.Thread(target=self._run, name="mapper", daemon=True)
            self._thread.start()

    def wait(self, timeout: float | None = None) -> MapState:
        """Wait until nothing is being made, at most ``timeout`` seconds."""
        if self._thread is not None:
            self._thread.join(timeout)
        return self.state

    def places_of(self, rows: np.ndarray) -> np.ndarray:
        """Return the places of images on the newest map, float32 ``(n, 2)``, also of those it did not draw.

        Exact for principal components; for UMAP the mean of the nearest images that it has seen. NaN where
        an image could not be read.

        Raises
        ------
        InputError
            If there is no map yet.
        """
        newest, made = self.state.newest, self._made
        if newest is None or made is None:
            raise InputError("There is no map yet. Rank the images first, then ask again.")
        embedding, plane, frame = made
        wanted = np.asarray(embedding[rows], dtype=np.float32)
        if newest.method == "PCA":
            return frame.apply(plane.apply(wanted, 2))
        places = np.full((len(rows), 2), np.nan, dtype=np.float32)
        at = np.searchsorted(newest.rows, rows).clip(max=len(newest.rows) - 1)
        drawn = newest.rows[at] == rows
        places[drawn] = newest.places[at[drawn]]
        others = np.flatnonzero(~drawn & ~np.isnan(wanted).any(axis=1))
        if len(others):
            seen = np.asarray(embedding[newest.rows], dtype=np.float32)
            places[others] = mean_of_nearest(wanted[others], seen, newest.places)
        return places

    def close(self) -> None:
        """End what is being made; it begins anew when it is asked for again."""
        with self._lock:
            self._closed = True
            if self._child is not None:
                self._child.kill()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        try:
            self._make()
        except AnomalyMatchError as error:
            self._tell(sentence=str(error), at_work=False)
        except Exception as error:
            if self._closed:  # the embedding's file was closed with the session
                return
            logger.exception("The map failed")
            sentence = f"The map could not be made: {type(error).__name__}: {error}. Everything else goes on."
            self._tell(sentence=sentence, at_work=False)

    def _make(self) -> None:
        embedding = self._embedding()
        if embedding is None:
            sentence = "There is no map yet: the images have not been looked at. It comes after the ranking."
            self._tell(sentence=sentence, at_work=False)
            return
        self._tell(sentence="Measuring the principal components …", at_work=True)
        rows = np.sort(sample_rows(self._pool.ids, SEED, POINTS))
        sample = np.asarray(embedding[rows], dtype=np.float32)
        readable = ~np.isnan(sample).any(axis=1)
        rows, sample = rows[readable], sample[readable]
        if len(rows) < 2:
            self._tell(sentence="There are too few readable images for a map.", at_work=False)
            return
        plane = Plane(sample, COMPONENTS)
        places = plane.apply(sample, 2)
        if places.shape[1] == 1:
            places = np.concatenate([places, np.zeros_like(places)], axis=1)
        frame = Frame.of(places)
        self._made = embedding, plane, frame
        first = PoolMap("PCA", rows, frame.apply(places), len(self._pool))
        self._tell(newest=first, sentence="", at_work=True)
        self._make_umap(first, sample, plane)

    def _make_umap(self, first: PoolMap, sample: np.ndarray, plane: Plane) -> None:
        if len(first.rows) < LEAST:
            self._tell(sentence=f"UMAP needs {LEAST} images.", at_work=False)
            return
        path = self._folder / f"{_digest(first.rows, sample)}.npz"
        places = _load(path, len(first.rows))
        if places is None:
            if importlib.util.find_spec("umap") is None:
                self._tell(sentence=MISSING, at_work=False)
                return
            self._tell(sentence="UMAP: looking for neighbours …")
            made = self._in_another_process(plane.apply(sample, COMPONENTS))
            if made is None:
                return
            places = Frame.of(made).apply(made)
            _save(path, places)
        self._tell(newest=replace(first, method="UMAP", places=places), sentence="", at_work=False)

    def _in_another_process(self, components: np.ndarray) -> np.ndarray | None:
        """Let another process run UMAP; ``None`` if it was ended by :meth:`close`.

        In this one its compiled loops would hold up every label for seconds, and Numba's threads do not
        bear other threads beside them.
        """
        with tempfile.TemporaryDirectory(prefix="anomalymatch-umap-") as name:
            given, made = Path(name) / "components.npy", Path(name) / "places.npy"
            np.save(given, components)
            command = [
                sys.executable,
                "-m",
                "anomalymatch_ui.session.charts.umap_process",
                str(given),
                str(made),
            ]
            with (Path(name) / "errors.txt").open("w+") as errors:
                with self._lock:
                    if self._closed:
                        return None
                    self._child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
                with self._child as child:
                    assert child.stdout is not None
                    for line in child.stdout:
                        with contextlib.suppress(ValueError):  # what Numba may print is no progress
                            self._tell(sentence=f"UMAP: laying out, {json.loads(line)['percent']:.0f} % …")
                if self._closed:
                    return None
                if child.returncode != 0:
                    errors.seek(0)
                    reason = (errors.read().strip().splitlines() or [f"exit code {child.returncode}"])[-1]
                    raise InputError(
                        f"UMAP failed ({reason}). Installing anomalymatch-ui[map] anew may help."
                    )
            places: np.ndarray = np.load(made, allow_pickle=False)
            return places

    def _tell(
        self, *, newest: PoolMap | None = None, sentence: str | None = None, at_work: bool | None = None
    ) -> None:
        with self._lock:
            known = self._state
            self._state = MapState(
                known.version + (newest is not None),
                newest or known.newest,
                known.sentence if sentence is None else sentence,
                known.at_work if at_work is None else at_work,
            )
            state = self._state
            listeners = () if self._closed else tuple(self._listeners)
        for listener in listeners:
            listener(state)


def _probe(embedding: np.ndarray) -> np.ndarray:
    return np.asarray(embedding[:: max(1, len(embedding) // 50)], dtype=np.float32)


def _digest(rows: np.ndarray, sample: np.ndarray) -> str:
    """Name a map by what it is made of: the rows, and a thousand of their embeddings."""
    digest = hashlib.sha256(rows.tobytes())
    digest.update(sample[:: max(1, len(sample) // 1000)].astype(np.float16).tobytes())
    return f"umap-{digest.hexdigest()[:16]}"


def _save(path: Path, places: np.ndarray) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, places=places)
    try:
        write_bytes_atomically(path, buffer.getvalue(), root=path.parent.parent)
    except StorageError as error:  # it is there now, and is made again next time
        logger.info("%s", error)


def _load(path: Path, images: int) -> np.ndarray | None:
    try:
        with np.load(path, allow_pickle=False) as saved:
            places: np.ndarray = saved["places"]
    except UNREADABLE:  # it can be made again
        return None
    return places if places.shape == (images, 2) and np.isfinite(places).all() else None
