"""Worker processes on this machine: each trains one run after the other, as `train` does."""

import multiprocessing
import os
import queue
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, TypeAlias

from mnist_bp.runs.recipe import Recipe
from mnist_bp.runs.sweep import SweepRun
from mnist_bp.runs.task import Task

Event: TypeAlias = tuple[SweepRun, int | str] | None
"""A run with how many more of its epochs are done; at its end, with the reason why it failed, or
an empty text. None: nothing has happened for a while."""

PAUSE = 0.1
"""Seconds without an event, after which the iteration goes on with None."""

ENDING = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]
"""The signals that ask a process to end."""


def default_count(recipes: Sequence[Recipe]) -> int:
    """Return how many runs this machine trains well at once, at least 1.

    A run computes in `threads` threads, and distorts its batches in another one. What measures
    its epochs takes a part of a core only.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    threads = max(recipe.threads + bool(recipe.distortion) for recipe in recipes)
    return max(1, (cores or 1) // threads)


def train_here(
    runs: Sequence[SweepRun], task: Callable[[Recipe], Task], count: int
) -> Iterator[Event]:
    """Train runs in so many processes, and yield what happens.

    Where the iteration is closed early, each run is saved as it is, and the processes end.
    """
    waiting, idle = deque(runs), list[_Worker]()
    busy: dict[Any, tuple[_Worker, SweepRun]] = {}
    try:
        while waiting or busy:
            while waiting and len(busy) < count:
                worker, run = idle.pop() if idle else _Worker(), waiting.popleft()
                busy[worker.connection] = worker, run
                worker.send((task(run.recipe), run.path))
            for connection in wait(list(busy), PAUSE):
                worker, run = busy[connection]
                message = worker.receive()
                if isinstance(message, str):
                    del busy[connection]
                    idle += [worker] * worker.process.is_alive()
                yield run, message
            yield None
    finally:
        workers = idle + [worker for worker, _ in busy.values()]
        for worker in workers:
            worker.send(None)
        for worker in workers:
            worker.process.join()


class _Worker:
    """A process that trains runs, seen from its parent."""

    def __init__(self) -> None:
        # A new interpreter, not a copy of this one with the locks of its threads.
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs,), daemon=True)
        held = _hold_signals()
        try:
            self.process.start()
        finally:
            _release_signals(held)
        theirs.close()

    def send(self, message: tuple[Task, Path] | None) -> None:
        """Send a run to train; None to save the run and end."""
        with suppress(OSError):  # Where the process has died, `receive` says so.
            self.connection.send(message)

    def receive(self) -> int | str:
        """Return the next message."""
        try:
            message: int | str = self.connection.recv()
            return message
        except (EOFError, OSError):
            self.process.join()
            code = self.process.exitcode or 0
            how = f"killed by signal {-code}" if code < 0 else "stopped"
            return f"its process was {how}; the same command resumes the run"


def _serve(connection: Connection) -> None:
    """Train what the parent sends, in a process of its own."""
    tasks: queue.SimpleQueue[tuple[Task, Path] | None] = queue.SimpleQueue()
    stop = threading.Event()
    for number in ENDING:
        # Ctrl-C reaches all processes of a terminal. What the parent ignores is ignored here too.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda *_: stop.set())
    _release_signals(ENDING)

    def listen() -> None:
        try:
            while message := connection.recv():
                tasks.put(message)
        except (EOFError, OSError):
            # The parent was killed. From now on another sweep may work in this folder.
            os._exit(1)
        stop.set()
        tasks.put(None)

    threading.Thread(target=listen, daemon=True).start()
    while not stop.is_set() and (message := tasks.get()):
        task, path = message
        try:
            if task.train(path, stop.is_set, lambda: connection.send(1)):
                connection.send("")
        except Exception as error:
            connection.send(f"{error}" or type(error).__name__)


def _hold_signals() -> list[int]:
    """Hold back the signals that end a process which is not ready for them; return which."""
    if not hasattr(signal, "pthread_sigmask"):
        return []
    return list(set(ENDING) - signal.pthread_sigmask(signal.SIG_BLOCK, ENDING))


def _release_signals(numbers: Sequence[int]) -> None:
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, numbers)
