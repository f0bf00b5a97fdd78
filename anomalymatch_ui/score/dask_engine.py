"""An archive scored by the workers of a Dask cluster: shards as tasks, written here as they come back."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Generator, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.score import dask_worker
from anomalymatch_ui.score.archive import Archive
from anomalymatch_ui.score.dask_worker import EngineSpec, Refusal
from anomalymatch_ui.score.manifest import Arithmetic, Plan
from anomalymatch_ui.score.shards import EncodedShard
from anomalymatch_ui.stream.threads import usable_cores

if TYPE_CHECKING:
    from distributed import Client, Future, SpecCluster

WORKER_SECONDS = 300
"""How long to wait for the first worker: a batch system may let a job wait."""

_SCHEDULER_SECONDS = 30
_RETRIES = 2
_AHEAD = 2
"""Shards asked for at one time, for each thread of a worker: one to do, one to go on with."""


class DaskEngine:
    """Scores on the workers of a cluster; see :class:`~anomalymatch_ui.score.archiving.Engine`.

    Parameters
    ----------
    client
        Client of the cluster.
    spec
        What its workers open.

    Raises
    ------
    InputError
        If no worker comes, or one cannot open what it should.
    """

    def __init__(self, client: Client, spec: EngineSpec) -> None:
        self._client = client
        with _cluster_errors():
            try:
                client.wait_for_workers(1, timeout=WORKER_SECONDS)
            except TimeoutError as error:
                raise InputError(
                    f"No worker has come to {_address(client)} in {WORKER_SECONDS} seconds. Start one by "
                    "`dask worker`, and check that it reaches the scheduler."
                ) from error
        self._resources = _resources(client, spec.device)
        self._spec = self._submit(dask_worker.keep, spec)
        self.arithmetic: Arithmetic
        self.remark: str
        self.arithmetic, self.remark = self._one(dask_worker.arithmetic, self._spec)

    def plan(self) -> Plan:
        """Let one worker find how the images of a new archive are best read."""
        found: Plan = self._one(dask_worker.plan, self._spec)
        return found

    def features(self, indices: np.ndarray, plan: Plan) -> np.ndarray:
        """Return the features of some images, measured by one worker."""
        measured: np.ndarray = self._one(dask_worker.features, self._spec, indices, plan)
        return measured

    def score(self, archive: Archive, missing: Sequence[int]) -> Generator[EncodedShard, None, None]:
        """Score shards, in the order in which workers finish them."""
        from distributed import as_completed

        if not missing:
            return
        components = self._submit(dask_worker.keep, archive.components)
        numbers = iter(missing)
        asked: set[Future] = set()
        done = as_completed(loop=self._client.loop)
        try:
            while True:
                with _cluster_errors():
                    while len(asked) < self._room():
                        number = next(numbers, None)
                        if number is None:
                            break
                        future = self._submit(
                            dask_worker.score_shard, self._spec, archive.manifest, components, number
                        )
                        asked.add(future)
                        done.add(future)
                    if not asked:
                        return
                    finished = next(done)
                asked.discard(finished)
                yield self._answer(finished)
        finally:
            with contextlib.suppress(Exception):  # where the scheduler is gone, nothing is left to be ended
                self._client.cancel([*asked, components])

    def _room(self) -> int:
        """Return how many shards to ask for at one time: workers may come and go."""
        threads: int = sum(self._client.nthreads().values())
        return max(_AHEAD, _AHEAD * threads)

    def _submit(self, task: Any, *arguments: Any) -> Future:
        return self._client.submit(task, *arguments, pure=False, retries=_RETRIES, resources=self._resources)

    def _one(self, task: Any, *arguments: Any) -> Any:
        return self._answer(self._submit(task, *arguments))

    def _answer(self, future: Future) -> Any:
        with _cluster_errors():
            answer = future.result()
        if isinstance(answer, Refusal):
            raise InputError(answer.sentence)
        return answer


@contextlib.contextmanager
def open_client(scheduler: str | None, device: str) -> Iterator[Client]:
    """Connect to a scheduler; without an address, start a cluster on this machine and end it afterwards.

    Parameters
    ----------
    scheduler
        Such as ``tcp://10.0.0.5:8786``.
    device
        For a cluster of this machine: ``cpu`` makes a worker a core, else there is one a GPU, if there are
        any. CUDA is not started in this process.

    Raises
    ------
    InputError
        If Dask is not installed, or no scheduler answers.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise InputError(
            "Scoring on a cluster needs Dask. Install it by `pip install 'anomalymatch-ui[cluster]'`."
        ) from error

    with contextlib.ExitStack() as stack:
        address: Any = scheduler
        if scheduler is None:
            address = stack.enter_context(local_cluster(device))
        try:
            if scheduler is not None:
                _check_address(scheduler)
            client = Client(address, timeout=_SCHEDULER_SECONDS, set_as_default=False)
        except (OSError, ValueError) as error:
            raise InputError(
                f"No Dask scheduler answers at {scheduler}. Start one by `dask scheduler`, and check the "
                "address."
            ) from error
        yield stack.enter_context(client)


def _check_address(scheduler: str) -> None:
    """Raise ``ValueError`` of an address without a port, which Dask would notice with a client half made."""
    from distributed.comm.addressing import parse_address, parse_host_port

    kind, place = parse_address(scheduler)
    if kind in ("tcp", "tls"):
        parse_host_port(place)


def local_cluster(device: str, workers: int | None = None) -> SpecCluster:
    """Make a cluster of this machine, to be used in a ``with``: a worker a GPU, or a worker a core.

    Parameters
    ----------
    device
        See :func:`open_client`.
    workers
        How many; for CPUs only.
    """
    from distributed import Nanny, Scheduler, SpecCluster

    # Spilling and killing by memory are for data that grows; a worker here holds a few batches.
    shared = {"nthreads": 1, "memory_limit": 0, "silence_logs": logging.ERROR, "host": "127.0.0.1"}
    options: list[dict[str, Any]] = [
        shared | {"env": {"CUDA_VISIBLE_DEVICES": name}, "resources": {"GPU": 1}}
        for name in visible_gpus(device)
    ]
    if not options:
        options = [shared] * (workers or usable_cores())
    return SpecCluster(
        workers={number: {"cls": Nanny, "options": chosen} for number, chosen in enumerate(options)},
        scheduler={"cls": Scheduler, "options": {"host": "127.0.0.1", "dashboard_address": "127.0.0.1:0"}},
        silence_logs=logging.ERROR,
    )


def visible_gpus(device: str) -> list[str]:
    """Return the name of each GPU that a worker shall have for itself, as in ``CUDA_VISIBLE_DEVICES``."""
    import torch

    if device in ("cpu", "mps"):
        return []
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    count = torch.cuda.device_count()  # asks the driver, and starts nothing
    names = named.split(",")[:count] if named else [str(number) for number in range(count)]
    _, _, number = device.partition(":")
    return names[int(number) : int(number) + 1] if number else names


def _resources(client: Client, device: str) -> dict[str, float] | None:
    """Ask for workers that say they have a GPU, where some do."""
    workers = client.scheduler_info(n_workers=-1)["workers"].values()
    with_gpu = any(worker.get("resources", {}).get("GPU") for worker in workers)
    return {"GPU": 1} if with_gpu and device != "cpu" else None


@contextlib.contextmanager
def _cluster_errors() -> Iterator[None]:
    """Turn what Dask raises of a cluster, rather than of a task, into a sentence."""
    from concurrent.futures import CancelledError

    from distributed import KilledWorker
    from distributed.comm import CommClosedError

    try:
        yield
    except KilledWorker as error:
        raise InputError(
            f"A shard has ended {error.allowed_failures + 1} workers one after another, as when memory runs "
            "out there. Give them more memory, or look into their logs; the shards that are written stay."
        ) from error
    except (CommClosedError, CancelledError) as error:
        raise InputError(
            "The connection to the Dask scheduler is lost. Start it again and run the same command; the "
            "shards that are written stay."
        ) from error
    except ModuleNotFoundError as error:
        raise InputError(
            f"A worker has no module {error.name!r}. Install anomalymatch-ui there, in the version of here."
        ) from error


def _address(client: Client) -> str:
    scheduler = client.scheduler
    return "the scheduler" if scheduler is None else str(scheduler.address)
