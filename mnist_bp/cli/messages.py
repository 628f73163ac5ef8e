"""Messages on stderr, progress bars, and JSON: all that needs no tables.

A stream that is not a terminal, or a user who sets `NO_COLOR`, gets plain text: no colours, no
escape codes, no bars.
"""

import errno
import json
import os
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import Any

import typer

from mnist_bp.errors import MnistBpError, OutputError


def printable(text: object) -> str:
    """Return a text in one line, with what is not a letter, sign or space as an escape.

    Every text that comes from a file, a server or a flag passes through here before it is printed:
    nothing in it can steer a terminal.
    """
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape", "surrogatepass").decode()
        for each in str(text)
    )


def plain(stream: Any) -> bool:
    """Return whether a stream is to get plain text."""
    return bool(os.environ.get("NO_COLOR")) or stream is None or not stream.isatty()


@contextmanager
def writing(stream: Any) -> Iterator[None]:
    """Flush a stream at the end of the block. From a closed pipe on, it is silent.

    Raises
    ------
    OutputError
        The stream cannot be written for another reason, such as a full disk.
    """
    try:
        yield
        stream.flush()
    except OSError as error:
        silence(stream)
        if error.errno not in (errno.EPIPE, errno.EINVAL):
            name = "stdout" if stream is sys.stdout else "stderr"
            raise OutputError(f"{name} cannot be written: {error.strerror}") from error


def silence(stream: Any) -> None:
    """Let what is left in the buffer of a stream go nowhere: Python would fail to write it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def say(*lines: str, label: str = "", colour: str | None = None) -> None:
    """Print a message on stderr, in lines that a terminal breaks at words."""
    if sys.stderr is None:
        return
    columns = shutil.get_terminal_size().columns if sys.stderr.isatty() else sys.maxsize
    # There is no other place to say that stderr cannot be written.
    with suppress(OutputError), bars_hidden(), writing(sys.stderr):
        for line in lines:
            text = printable(f"{label} {line}".lstrip() if line is lines[0] else line)
            indent = " " * (len(text) - len(text.lstrip()))
            text = textwrap.fill(text, columns, subsequent_indent=indent, break_on_hyphens=False)
            if line is lines[0] and label and not plain(sys.stderr):
                text = text.replace(label, typer.style(label, fg=colour, bold=True), 1)
            sys.stderr.write(text + "\n")


def warn(*lines: str) -> None:
    """Print a warning on stderr."""
    say(*lines, label="Warning:", colour="yellow")


def complain(*lines: str, label: str = MnistBpError.label) -> None:
    """Print an error on stderr."""
    say(*lines, label=label, colour="red")


def show_traceback(_kind: type[BaseException], error: BaseException, _trace: Any) -> None:
    """Print where an error came from, on stderr, in place of Python: it may hold any text."""
    from traceback import format_exception

    say(*"".join(format_exception(error)).splitlines())


def print_json(**values: Any) -> None:
    """Print one JSON object, in one line, as a result."""
    print_line(json.dumps(values, allow_nan=False))


def print_line(line: str) -> None:
    """Print a line as a result: as it is, for another program, if not on a terminal."""
    if sys.stdout is not None:
        with writing(sys.stdout):
            sys.stdout.write((printable(line) if sys.stdout.isatty() else line) + "\n")


def steps_bar(total: int, show: bool = True, unit: str = "step") -> "Bar":
    """Show how many steps are done and how long the rest will take; gives a function to call."""
    return _bar(show, total=total, unit=unit)


def bytes_bar(name: str, size: int) -> "Bar":
    """Show how much of a file has arrived; gives a function to call with each piece's bytes."""
    return _bar(True, desc=name, total=size, unit="B", unit_scale=True)


Bar = AbstractContextManager[Callable[..., object]]


@contextmanager
def _bar(show: bool, **settings: Any) -> Iterator[Callable[..., object]]:
    # Rows that go through a pipe may come out on the same screen, amid the bar.
    if not show or plain(sys.stderr) or plain(sys.stdout):
        yield lambda *_, **__: None
        return
    from tqdm import tqdm

    def update(*count: int, text: str = "") -> None:
        # A terminal that was closed stops no work.
        with suppress(OSError):
            if text:
                bar.set_description_str(text, refresh=False)
            bar.update(*count)

    with (
        suppress(OSError),
        tqdm(file=sys.stderr, dynamic_ncols=True, leave=False, **settings) as bar,
    ):
        yield update


def bars_hidden() -> AbstractContextManager[object]:
    """Take the bars off the screen while something else is printed."""
    if "tqdm" not in sys.modules:
        return nullcontext()
    from tqdm import tqdm

    return tqdm.external_write_mode(file=sys.stderr)
