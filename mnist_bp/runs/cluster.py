"""A sweep on a cluster that runs Dask: each task trains a part of a run, and sends it back.

A part takes some seconds, and is written as soon as it is back: whatever ends, a worker, the
scheduler or this process, the next one goes on from there. Needs the extra `cluster`.
"""

import logging
import queue
import threading
import time
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from distributed import Client, KilledWorker, get_worker
from distributed.comm import get_address_host_port

from mnist_bp.data.digits import Digits
from mnist_bp.data.sources import read_digits
from mnist_bp.errors import DataError, MnistBpError, ParameterError
from mnist_bp.files import replacing
from mnist_bp.runs.checkpoint import load_checkpoint, save_checkpoint
from mnist_bp.runs.recipe import Recipe
from mnist_bp.runs.run import Run
from mnist_bp.runs.sweep import SweepRun
from mnist_bp.runs.versions import SOFTWARE
from mnist_bp.runs.workers import PAUSE, Event

PART = 15.0
"""Seconds of training after which a checkpoint comes back."""

CONNECT = 10.0
"""Seconds in which a scheduler has to answer."""

one_run = threading.Lock()
"""A process has one number of BLAS threads, so it trains one run at a time."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Source:
    """Which digits a worker has to read: their name, their digests, and a folder to look in.

    The versions of the sweep's software belong to it: a worker with others is not used.
    """

    dataset: str
    data_dir: str | None
    digests: tuple[tuple[str, str], ...]
    software: str = SOFTWARE

    def read(self, splits: tuple[str, ...]) -> list[Digits]:
        """Return the digits.

        Raises
        ------
        DataError
            This worker cannot have them, or has other ones, or other software.
        """
        if self.software != SOFTWARE:
            raise DataError(f"it has {SOFTWARE}, but the sweep {self.software}")
        digits = _read(splits, self.dataset, self.data_dir)
        if tuple(each.digests for each in digits) != self.digests:
            raise DataError(f"its digits of {self.dataset} are not those of the sweep")
        return digits


@lru_cache(maxsize=1)
def _read(splits: tuple[str, ...], dataset: str, data_dir: str | None) -> list[Digits]:
    return read_digits(splits, dataset, data_dir if data_dir and Path(data_dir).is_dir() else None)


@dataclass(frozen=True)
class Part:
    """What comes back from a worker.

    Attributes
    ----------
    worker : str
        Its address.
    checkpoint : bytes
        The file of the run as it is now, if there is one.
    epochs : int
        How many more epochs are finished.
    ended : str or None
        At the run's end, why it failed, or an empty text; None: it goes on.
    unfit : str
        Why this worker can train no run of the sweep.
    """

    worker: str
    checkpoint: bytes = b""
    epochs: int = 0
    ended: str | None = None
    unfit: str = ""


def train_part(recipe: Recipe, source: Source, saved: bytes) -> Part:
    """Train a run for some seconds, from its checkpoint on if there is one. Called on a worker."""
    worker, epochs, ended = get_worker().address, 0, None
    with one_run, TemporaryDirectory() as folder:
        try:
            digits = source.read(recipe.splits)
        except MnistBpError as error:
            return Part(worker, unfit=" ".join(error.lines))
        path = Path(folder, "run.npz")
        end = time.monotonic() + PART
        try:
            if saved:
                path.write_bytes(saved)
            run = Run.resume(load_checkpoint(path), *digits) if saved else Run(recipe, *digits)
            for row, checkpoint in run.results(lambda: time.monotonic() > end):
                if row.epoch > 0:
                    save_checkpoint(path, checkpoint)
                    epochs += 1
            if run.finished:
                ended = ""
            else:
                save_checkpoint(path, run)
        except MnistBpError as error:
            ended = " ".join(error.lines)
        return Part(worker, path.read_bytes() if path.exists() else b"", epochs, ended)


def train_on_cluster(runs: Sequence[SweepRun], source: Source, address: str) -> Iterator[Event]:
    """Train runs on the workers of a Dask scheduler, and yield what happens.

    Raises
    ------
    MnistBpError
        No scheduler answers, its connection is lost, or no worker can train these runs.
    """
    # What Dask has to say of a lost connection is said below, once.
    for name in ("distributed", "distributed.client", "tornado.application"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", module="distributed")
    try:
        get_address_host_port(address)
        client = Client(address, timeout=CONNECT, set_as_default=False)
    except ValueError as error:
        problem = f"must be an address such as tcp://host:8786, not {address}"
        raise ParameterError("dask", problem) from error
    except OSError as error:
        raise MnistBpError(f"no Dask scheduler answers at {address}: {error}") from error
    with client:
        if not client.nthreads():
            log.warning("the scheduler has no workers yet: waiting for them")
        tasks = _Tasks(client, source)
        for run in runs:
            tasks.submit(run)
        while tasks.running:
            try:
                future = tasks.ended.get(timeout=PAUSE)
            except queue.Empty:
                yield None
            else:
                yield from tasks.receive(tasks.running.pop(future), future)
                # Dask computes again what a dead worker held, if a future still asks for it.
                del future


class _Tasks:
    """The tasks that are on the cluster."""

    def __init__(self, client: Client, source: Source) -> None:
        self.client, self.source = client, source
        # Equal calls are to be made again: a run may have gone on.
        self.executor = client.get_executor(pure=False)
        self.running: dict[Future[Part], SweepRun] = {}
        self.ended: queue.SimpleQueue[Future[Part]] = queue.SimpleQueue()
        self.unfit: set[str] = set()

    def submit(self, run: SweepRun, **options: Any) -> None:
        """Submit the next part of a run."""
        if self.unfit:
            fit = [worker for worker in self.client.nthreads() if worker not in self.unfit]
            if not fit:
                raise MnistBpError("none of the workers can train the runs of this sweep")
            options |= {"workers": fit, "allow_other_workers": True}
        saved = run.path.read_bytes() if run.path.exists() else b""
        future = self.executor.submit(train_part, run.recipe, self.source, saved, **options)
        self.running[future] = run
        future.add_done_callback(self.ended.put)

    def receive(self, run: SweepRun, future: Future[Part]) -> Iterator[Event]:
        """Write what came back of a run, and submit its next part, if there is one."""
        if future.cancelled():
            lost = "the connection to the Dask scheduler is lost"
            raise MnistBpError(f"{lost}; once it is there again, the same command goes on")
        error = future.exception()
        if isinstance(error, KilledWorker):
            yield run, "every worker that trained it was killed; is there enough memory?"
            return
        if error:
            problem = f"a worker cannot train: {str(error).partition('. ')[0]}"
            raise MnistBpError(f"{problem}: is the same mnist-bp installed there?")
        part = future.result()
        if part.unfit:
            if part.worker not in self.unfit:
                log.warning("the worker %s is not used: %s", part.worker, part.unfit)
            self.unfit.add(part.worker)
            return self.submit(run)
        if part.checkpoint:
            with replacing(run.path) as file:
                file.write(part.checkpoint)
        yield run, part.epochs
        if part.ended is None:
            # Before the runs that have not begun.
            self.submit(run, priority=1)
        else:
            yield run, part.ended
