"""Ctrl-C, SIGTERM and SIGHUP: the first one waits for a good moment, the second does not."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

NUMBERS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]


class Interrupted:
    """The usual handler of Ctrl-C, which remembers that it was called."""

    called = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Raise KeyboardInterrupt."""
        self.called = True
        signal.default_int_handler(number, frame)


def remember_interrupts() -> None:
    """Remember a Ctrl-C that an import loses: some C code clears the exception."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, Interrupted())


@contextmanager
def deferred_signals() -> Iterator[list[int]]:
    """Collect the signals that ask the process to end, instead of ending it.

    Yields
    ------
    list of int
        Empty, until a signal comes: then it holds its number. From then on the next signal has its
        usual effect again.
    """
    received: list[int] = []
    usual = {number: signal.getsignal(number) for number in NUMBERS}

    def defer(number: int, _: FrameType | None) -> None:
        received.append(number)
        restore()

    def restore() -> None:
        for number, handler in usual.items():
            signal.signal(number, handler)

    received += [n for n, handler in usual.items() if getattr(handler, "called", False)]
    for number, handler in usual.items():
        # The parent process may have asked this one to ignore a signal.
        if handler is not signal.SIG_IGN:
            signal.signal(number, defer)
    try:
        yield received
    finally:
        restore()
