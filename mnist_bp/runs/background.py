"""Work in another thread: batches before they are needed, measurements while training goes on."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

PREFETCHED = 4
"""Batches that wait for training: enough to even out what each takes."""

R = TypeVar("R")
S = TypeVar("S")


def prefetch(tasks: Iterable[Callable[[], R]]) -> Iterator[R]:
    """Run tasks in another thread, ahead of their use, and yield their results in order."""
    other_thread = ThreadPoolExecutor(1)
    waiting: deque[Future[R]] = deque()
    try:
        for task in tasks:
            waiting.append(other_thread.submit(task))
            if len(waiting) > PREFETCHED:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        other_thread.shutdown(cancel_futures=True)


def measure_in_background(
    measure: Callable[[S], R], snapshots: Iterable[S | None]
) -> Iterator[tuple[S, R]]:
    """Measure snapshots in another thread, while the iteration over them goes on.

    Yields each snapshot with its row, in order, as soon as it is there. At most one waits while
    training goes on.
    """
    with ThreadPoolExecutor(1) as other_thread:
        waiting: deque[tuple[S, Future[R]]] = deque()

        def oldest() -> tuple[S, R]:
            snapshot, row = waiting.popleft()
            return snapshot, row.result()

        for snapshot in snapshots:
            if snapshot:
                waiting.append((snapshot, other_thread.submit(measure, snapshot)))
            while len(waiting) > 1 or (waiting and waiting[0][1].done()):
                yield oldest()
        while waiting:
            yield oldest()
