"""Runs side by side on this machine: each is a process of its own, `mnist-bp train`."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeAlias

from mnist_bp.runs.recipe import Recipe
from mnist_bp.runs.sweep import SweepRun

Event: TypeAlias = tuple[SweepRun, int | str] | None
"""A run with how many more of its epochs are done; at its end, with the reason why it failed, or
an empty text. None: nothing has happened for a while."""

PAUSE = 0.1
"""Seconds without an event, after which the iteration goes on with None."""


def default_count(recipes: Sequence[Recipe]) -> int:
    """Return how many runs this machine trains well at once, at least 1.

    A run computes in `threads` threads, and distorts its batches in another one; what measures its
    epochs takes a part of a core only.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, (cores or 1) // max(each.threads + bool(each.distortion) for each in recipes))


def train_here(
    runs: Sequence[SweepRun], words: Callable[[SweepRun], list[str]], count: int
) -> Iterator[Event]:
    """Train runs, so many at once, and yield what happens.

    Where the iteration is closed early, every run that has begun saves itself, and ends.

    Parameters
    ----------
    runs : sequence of SweepRun
    words : function
        Returns what is to follow `mnist-bp` for a run.
    count : int
    """
    events: queue.SimpleQueue[tuple[SweepRun, int | str]] = queue.SimpleQueue()
    processes: list[subprocess.Popen[str]] = []
    stopping = threading.Event()

    def train(run: SweepRun) -> None:
        process = _start([*words(run), "--log", "-", "--quiet"])
        processes.append(process)
        if stopping.is_set():
            _stop(process)
        assert process.stdout and process.stderr
        for line in process.stdout:
            events.put((run, int(json.loads(line)["epoch"] > 0)))
        events.put((run, _reason(process.stderr.read(), process.wait())))

    with ThreadPoolExecutor(count) as pool:
        left = len([pool.submit(train, run) for run in runs])
        try:
            while left:
                try:
                    event = events.get(timeout=PAUSE)
                except queue.Empty:
                    yield None
                else:
                    left -= isinstance(event[1], str)
                    yield event
        finally:
            stopping.set()
            pool.shutdown(wait=False, cancel_futures=True)
            for process in processes:
                _stop(process)


def _start(words: list[str]) -> subprocess.Popen[str]:
    """Start `mnist-bp` with these words."""
    paths = [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
    return subprocess.Popen(
        # With -P, files in the current folder replace no module.
        [sys.executable, "-P", "-m", "mnist_bp", *words],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Ctrl-C is passed on once, by this process alone.
        start_new_session=True,
        # A run that outlives this process keeps the lock on the folder.
        close_fds=False,
    )


def _stop(process: subprocess.Popen[str]) -> None:
    """Ask a process to save its run and end. On Windows, Ctrl-C has reached it by itself."""
    if os.name == "posix" and process.poll() is None:
        process.send_signal(signal.SIGINT)


def _reason(errors: str, status: int) -> str:
    """Return why a process failed; nothing if it did not."""
    if status < 0:
        return f"its process was killed by signal {-status}; the same command resumes the run"
    _, _, reason = errors.rpartition("Error: ")
    return " ".join((reason or errors).split()) or "it was stopped" if status else ""
