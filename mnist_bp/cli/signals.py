"""Ctrl-C and SIGTERM: the first is noticed and waits for a good moment, the second does not."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def noticed() -> Iterator[list[int]]:
    """Collect the signals that ask the process to end, instead of ending it.

    Yields
    ------
    list of int
        Empty, until a signal comes: then its number is in it. From then on the next one has its
        usual effect again.
    """
    asked: list[int] = []
    usual = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def notice(number: int, _: FrameType | None) -> None:
        asked.append(number)
        restore()

    def restore() -> None:
        for number, handler in usual.items():
            signal.signal(number, handler)

    for number, handler in usual.items():
        # Who started the process may have told it to ignore one of them.
        if handler is not signal.SIG_IGN:
            signal.signal(number, notice)
    try:
        yield asked
    finally:
        restore()
