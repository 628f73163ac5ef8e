"""Signals that ask a run to end: deferred once, then as usual; an ignored one stays ignored."""

import os
import signal
import time

import pytest

from mnist_bp.cli.signals import deferred_signals, remember_interrupts

pytestmark = pytest.mark.posix

ALL = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


@pytest.fixture(autouse=True)
def _handlers():
    before = {number: signal.getsignal(number) for number in ALL}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_the_first_signal_is_deferred_and_the_second_is_not():
    with deferred_signals() as signals:
        os.kill(os.getpid(), signal.SIGINT)
        assert signals == [signal.SIGINT]
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(1)


@pytest.mark.parametrize("number", ALL)
def test_every_signal_is_deferred(number):
    with deferred_signals() as signals:
        assert signals == []
        os.kill(os.getpid(), number)
        assert signals == [number]


def test_the_usual_handlers_are_back_afterwards():
    before = [signal.getsignal(number) for number in ALL]

    with deferred_signals():
        assert [signal.getsignal(number) for number in ALL] != before

    assert [signal.getsignal(number) for number in ALL] == before


def test_a_signal_that_the_parent_ignores_stays_ignored():
    signal.signal(signal.SIGHUP, signal.SIG_IGN)

    with deferred_signals() as signals:
        os.kill(os.getpid(), signal.SIGHUP)
        assert signals == []


def test_a_ctrl_c_that_an_import_lost_is_remembered():
    signal.signal(signal.SIGINT, signal.default_int_handler)
    remember_interrupts()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)

    with deferred_signals() as signals:
        assert signals == [signal.SIGINT]
