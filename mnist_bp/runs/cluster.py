"""A sweep on a cluster that runs Dask: each task trains a part of a run, and sends it back.

A part takes some seconds. What comes back is written at once, so a worker, the scheduler or this
process can end at any time, and the next one goes on from there. Needs the extra `cluster`.
"""

import logging
import queue
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from distributed import Client, get_worker

from mnist_bp.errors import DataError, MnistBpError
from mnist_bp.files import replacing
from mnist_bp.runs.recipe import Recipe
from mnist_bp.runs.sweep import SweepRun
from mnist_bp.runs.task import Task
from mnist_bp.runs.versions import software
from mnist_bp.runs.workers import PAUSE, Event

PART = 15.0
"""Seconds of training after which a checkpoint comes back."""

CONNECT = 10.0
"""Seconds in which a scheduler has to answer."""

one_run = threading.Lock()
"""The number of BLAS threads is that of a process: in each, one run trains at a time."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Part:
    """What comes back from a worker.

    Attributes
    ----------
    worker : str
        Its address.
    checkpoint : bytes
        The file of the run as it is now; empty if not even an epoch was trained.
    epochs : int
        How many epochs were finished.
    finished : bool
        Whether the run is.
    problem : str
        Why the run failed.
    unfit : str
        Why this worker can train no run of this sweep.
    """

    worker: str
    checkpoint: bytes = b""
    epochs: int = 0
    finished: bool = False
    problem: str = ""
    unfit: str = ""


def train_part(task: Task, saved: bytes, versions: str) -> Part:
    """Train a run for some seconds, from its checkpoint on if there is one. Called on a worker."""
    worker = get_worker().address
    if versions != software():
        return Part(worker, unfit=f"it has {software()}, but this sweep {versions}")
    epochs: list[None] = []
    finished, problem = False, ""
    with one_run, TemporaryDirectory() as folder:
        path = Path(folder, "run.npz")
        if saved:
            path.write_bytes(saved)
        try:
            task.digits()
            end = time.monotonic() + PART
            finished = task.train(path, lambda: time.monotonic() > end, lambda: epochs.append(None))
        except DataError as error:
            return Part(worker, unfit=f"{error}")
        except MnistBpError as error:
            problem = f"{error}"
        checkpoint = path.read_bytes() if path.exists() else b""
        return Part(worker, checkpoint, len(epochs), finished, problem)


def train_on_cluster(
    runs: Sequence[SweepRun], task: Callable[[Recipe], Task], address: str
) -> Iterator[Event]:
    """Train runs on the workers of a Dask scheduler, and yield what happens.

    Raises
    ------
    MnistBpError
        No scheduler answers, the connection is lost, or no worker can train these runs.
    """
    # What Dask logs of a lost connection is said once, below.
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", module="distributed")
    try:
        client = Client(address, timeout=CONNECT, set_as_default=False)
    except (OSError, ValueError) as error:
        raise MnistBpError(f"no Dask scheduler answers at {address}: {error}") from error
    with client:
        yield from _Cluster(client, task).train(runs)


class _Cluster:
    """The tasks that are on the cluster."""

    def __init__(self, client: Client, task: Callable[[Recipe], Task]) -> None:
        self.client = client
        # Equal calls are to be made twice: a run may go on from where it was.
        self.executor = client.get_executor(pure=False)
        self.task = task
        self.ended: queue.SimpleQueue[Future[Part]] = queue.SimpleQueue()
        self.running: dict[Future[Part], SweepRun] = {}
        self.unfit: dict[str, str] = {}

    def train(self, runs: Sequence[SweepRun]) -> Iterator[Event]:
        for run in runs:
            self.submit(run)
        while self.running:
            try:
                future = self.ended.get(timeout=PAUSE)
            except queue.Empty:
                yield None
                continue
            # Dask keeps a result for as long as somebody holds its future.
            run = self.running.pop(future)
            if future.cancelled():
                raise MnistBpError(
                    "the connection to the Dask scheduler is lost: start one, and the same "
                    "command goes on"
                )
            yield from self.receive(run, future)
            del future

    def submit(self, run: SweepRun, priority: int = 0) -> None:
        """Submit the next part of a run."""
        saved = run.path.read_bytes() if run.path.exists() else b""
        where = {"workers": self.fit(), "allow_other_workers": True} if self.unfit else {}
        future = self.executor.submit(
            train_part, self.task(run.recipe), saved, software(), priority=priority, **where
        )
        self.running[future] = run
        future.add_done_callback(self.ended.put)

    def receive(self, run: SweepRun, future: Future[Part]) -> Iterator[Event]:
        """Write what came back, and submit the next part, if there is one."""
        if error := future.exception():
            yield run, f"{type(error).__name__}: {error}"
            return
        part = future.result()
        if part.unfit:
            if part.worker not in self.unfit:
                log.warning("the worker %s is not used: %s", part.worker, part.unfit)
            self.unfit[part.worker] = part.unfit
            if not self.fit():
                raise MnistBpError("no worker can train the runs of this sweep")
            self.submit(run)
            return
        if part.checkpoint:
            with replacing(run.path) as file:
                file.write(part.checkpoint)
        yield run, part.epochs
        if part.finished or part.problem:
            yield run, part.problem
        else:
            # Before runs that have not begun.
            self.submit(run, priority=1)

    def fit(self) -> list[str]:
        """Return the workers that are not known to be unfit."""
        return [worker for worker in self.client.nthreads() if worker not in self.unfit]
