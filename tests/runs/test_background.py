"""Work in another thread: in order, with its errors, and with no thread left over."""

import threading
import time
from functools import partial

import pytest

from mnist_bp.runs.background import measure_in_background, prefetch


def comes_true(condition):
    """Wait until another thread makes a condition true, but not for ever."""
    end = time.monotonic() + 20
    while not condition() and time.monotonic() < end:
        time.sleep(0.001)
    return condition()


def test_tasks_are_done_ahead_in_order_and_their_errors_come_through():
    done = []

    def task(number):
        done.append(number)
        return 1 // (10 - number)

    threads = threading.active_count()
    results = prefetch(partial(task, number) for number in range(20))

    assert next(results) == 0
    # The next four are done before they are asked for.
    assert comes_true(lambda: len(done) >= 5)
    assert [next(results) for _ in range(4)] == [0, 0, 0, 0]
    assert done == sorted(done)
    with pytest.raises(ZeroDivisionError):
        list(results)
    assert threading.active_count() == threads


def test_no_thread_is_left_where_batches_are_given_up():
    threads = threading.active_count()
    results = prefetch(partial(int, number) for number in range(20))
    assert next(results) == 0

    results.close()

    assert threading.active_count() == threads


def test_snapshots_are_measured_in_order_and_steps_without_one_passed_over():
    threads = set()

    def measure(snapshot):
        threads.add(threading.current_thread())
        return -snapshot

    found = list(measure_in_background(measure, iter([1, None, None, 2, 3, None])))

    assert found == [(1, -1), (2, -2), (3, -3)]
    assert len(threads) == 1
    assert threading.current_thread() not in threads
