"""The screen: where output goes and how it looks. What the numbers mean is known elsewhere.

Results go to stdout, everything else to stderr. A stream that is not a terminal, or a user who sets
`NO_COLOR`, gets plain text: no colours, no escape codes, no bars. Every text is shown as text: no
markup, no emoji codes, and characters that could steer a terminal as escapes.
"""

import errno
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Literal

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mnist_bp.errors import MnistBpError, OutputError

MIN_PLAIN_WIDTH = 100
"""Columns for text that goes to a file or a pipe."""


def printable(text: object) -> str:
    """Return a text in one line, with what is not a letter, sign or space as an escape.

    Every text that comes from a file, a server or a flag passes through here before it is printed.
    """
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape", "surrogatepass").decode()
        for each in str(text)
    )


class _Stream(Console):
    """A console that shows every text as it is. A closed pipe makes it silent, a full disk raises.

    Raises
    ------
    OutputError
        The stream cannot be written. It is silent from then on.
    """

    def render_str(self, text: str, **options: Any) -> Text:
        style = options.get("style", "")
        return Text(printable(text), style=style, justify=options.get("justify"))

    def print(self, *objects: Any, **options: Any) -> None:
        with _writing(self.file):
            super().print(*objects, **options)
            self.file.flush()

    def on_broken_pipe(self) -> None:
        """Leave it to `print`, where Rich would end the process."""
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


@contextmanager
def _writing(stream: Any) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        # What is left in the buffer goes nowhere; at its end, Python would fail to write it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        if error.errno not in (errno.EPIPE, errno.EINVAL):
            name = "stdout" if stream is sys.stdout else "stderr"
            raise OutputError(f"{name} cannot be written: {error.strerror}") from error


def plain(stream: Any) -> bool:
    """Return whether a stream is to get plain text."""
    return bool(os.environ.get("NO_COLOR")) or stream is None or not stream.isatty()


def results() -> Console:
    """Return the console for results, on stdout."""
    return _console(sys.stdout)


def messages() -> Console:
    """Return the console for warnings and errors, on stderr."""
    return _console(sys.stderr)


def _console(stream: Any) -> Console:
    options: dict[str, Any] = {"highlight": False, "markup": False, "emoji": False}
    if not plain(stream):
        return _Stream(file=stream, **options)
    columns = os.environ.get("COLUMNS", "")
    width = max(MIN_PLAIN_WIDTH, int(columns) if columns.isdecimal() else 0)
    if stream is not None and stream.isatty():
        width = shutil.get_terminal_size().columns
    return _Stream(file=stream, color_system=None, width=width, quiet=stream is None, **options)


def print_json(**values: Any) -> None:
    """Print one JSON object, in one line, as a result."""
    if sys.stdout is not None:
        with _writing(sys.stdout):
            sys.stdout.write(json.dumps(values, allow_nan=False) + "\n")
            sys.stdout.flush()


def say(*lines: str, label: str = "", style: str = "") -> None:
    """Print a message on stderr: in lines that are broken at words in a terminal."""
    out = messages()
    start = f"{label} " if label else ""
    try:
        with bars_hidden():
            for line in lines:
                text = Text.assemble((start, style), printable(line))
                out.print(text, soft_wrap=not out.is_terminal)
                start = ""
    except OutputError:
        pass  # There is no other place to say it.


def warn(*lines: str) -> None:
    """Print a warning on stderr."""
    say(*lines, label="Warning:", style="yellow")


def complain(*lines: str, label: str = MnistBpError.label) -> None:
    """Print an error on stderr."""
    say(*lines, label=label, style="bold red")


Cell = str | Text


class GrowingTable:
    """A table whose rows are printed as they come; the heading goes with the first.

    Parameters
    ----------
    console : Console
    title : str
    columns : dict
        From each heading to the characters of its widest number.
    """

    def __init__(self, console: Console, title: str, columns: dict[str, int]) -> None:
        self.console = console
        self.title = title
        self.columns = columns
        self.rows = 0

    def row(self, *cells: str) -> None:
        """Print one row."""
        widest = ["0" * width for width in self.columns.values()]
        table = _table(self.console, list(self.columns), [widest, cells], left=0)
        table.show_header = self.rows == 0
        table.add_row(*cells)
        with bars_hidden():
            if self.rows == 0:
                heading(self.console, self.title)
            self.console.print(table)
        self.rows += 1


def table(
    console: Console,
    title: str,
    headings: Sequence[str],
    rows: Sequence[Sequence[Cell]],
    left: int = 1,
) -> None:
    """Print a table: the first `left` columns hold texts, the others numbers, to the right.

    Where the console is too narrow, texts and headings are broken between words, numbers never.
    """
    result = _table(console, headings, rows, left)
    result.show_header = any(headings)
    for row in rows:
        result.add_row(*row)
    heading(console, title)
    console.print(result, "")


def _table(
    console: Console, headings: Sequence[str], rows: Sequence[Sequence[Cell]], left: int
) -> Table:
    """Return an empty table with the columns for these headings and rows."""
    wide, narrow = [], []
    for index, (name, *cells) in enumerate(zip(headings, *rows, strict=True)):
        texts = [printable(cell) for cell in cells]
        wide.append(max(map(cell_len, (name, *texts))))
        # A heading or a text may be broken between words, a number not at all.
        unbroken = name.split() + (" ".join(texts).split() if index < left else texts)
        narrow.append(max(map(cell_len, unbroken), default=0))
    padding = 1 if sum(narrow) + 3 * len(narrow) <= console.width else 0
    room = console.width - (1 + 2 * padding) * len(wide)
    while sum(wide) > room and wide != narrow:
        most = max(range(len(wide)), key=lambda i: wide[i] - narrow[i])
        wide[most] -= 1
    result = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, padding))
    for index, (name, width) in enumerate(zip(headings, wide, strict=True)):
        justify: Literal["left", "right"] = "left" if index < left else "right"
        result.add_column(name, justify=justify, width=max(1, width), overflow="fold")
    return result


def heading(console: Console, title: str) -> None:
    """Print the title of a table or a picture."""
    text = Text(printable(title), style="bold")
    console.print(text, soft_wrap=not console.is_terminal)


@contextmanager
def steps_bar(total: int, show: bool = True, unit: str = "step") -> Iterator[Callable[[], object]]:
    """Show how many steps are done and how long the rest will take; gives a function to call."""
    with _bar(show, total=total, unit=unit, leave=False) as update:
        yield update


@contextmanager
def bytes_bar(name: str, size: int) -> Iterator[Callable[[int], object]]:
    """Show how much of a file has arrived; gives a function to call with each piece's bytes."""
    with _bar(True, desc=name, total=size, unit="B", unit_scale=True, leave=False) as update:
        yield update


@contextmanager
def _bar(show: bool, **settings: Any) -> Iterator[Callable[..., object]]:
    # Rows that go through a pipe may come out on the same screen, amid the bar.
    if not show or plain(sys.stderr) or plain(sys.stdout):
        yield lambda *_: None
        return
    from tqdm import tqdm

    def update(*count: int) -> None:
        # A terminal that was closed stops no work.
        with suppress(OSError):
            bar.update(*count)

    with suppress(OSError), tqdm(file=sys.stderr, dynamic_ncols=True, **settings) as bar:
        yield update


@contextmanager
def bars_hidden() -> Iterator[None]:
    """Take the bars off the screen while something else is printed."""
    if "tqdm" not in sys.modules:
        yield
        return
    from tqdm import tqdm

    with tqdm.external_write_mode(file=sys.stderr):
        yield
