"""The screen: where output goes and how it looks. What the numbers mean is known elsewhere.

Results go to stdout, everything else to stderr. A stream that is no terminal, or a user who sets
`NO_COLOR`, gets plain text: no colours, no escape codes, no bars.
"""

import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich import box
from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.style import Style
from rich.table import Table
from rich.text import Text

from mnist_bp.errors import MnistBpError

INK = " .:-=+*#%@"
"""Characters from paper to full ink, for a digit where there are no colours."""

MIN_PLAIN_WIDTH = 100
"""Columns for text that goes to a file or a pipe: nothing is cut off there."""


class _Stream(Console):
    """A console that falls silent when its stream takes no more: the work goes on, and is saved."""

    def print(self, *objects: Any, **options: Any) -> None:
        try:
            super().print(*objects, **options)
            self.file.flush()
        except OSError:
            self.on_broken_pipe()

    def on_broken_pipe(self) -> None:
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.file.fileno())


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
    if plain(stream):
        columns = os.environ.get("COLUMNS", "")
        width = max(MIN_PLAIN_WIDTH, int(columns) if columns.isdecimal() else 0)
        if stream is not None and stream.isatty():
            width = shutil.get_terminal_size().columns
        return _Stream(
            file=stream, color_system=None, width=width, highlight=False, quiet=stream is None
        )
    return _Stream(file=stream, highlight=False)


def say(message: str, label: str = "", style: str = "") -> None:
    """Print a message on stderr, in lines as long as they are."""
    text = Text.assemble((f"{label} ", style) if label else "", message)
    with _bars_hidden():
        messages().print(text, soft_wrap=True)


def warn(message: str) -> None:
    """Print a warning on stderr."""
    say(message, "Warning:", "yellow")


def complain(message: str, label: str = MnistBpError.label) -> None:
    """Print an error on stderr."""
    say(message, label, "bold red")


class GrowingTable:
    """A table whose rows are printed as they come; the heading goes with the first.

    Parameters
    ----------
    console : Console
    title : str
    columns : dict
        From each heading to the columns that it takes; numbers stand to the right.
    """

    def __init__(self, console: Console, title: str, columns: dict[str, int]) -> None:
        self.console = console
        self.title = title
        self.columns = columns
        self.rows = 0

    def row(self, *cells: str) -> None:
        """Print one row."""
        table = Table(box=box.SIMPLE_HEAD, show_header=self.rows == 0, show_edge=False)
        share = self.console.width // len(self.columns) - 3
        for heading, width in self.columns.items():
            narrow = max(1, min(width, share))
            table.add_column(heading, justify="right", width=narrow, overflow="fold")
        table.add_row(*cells)
        with _bars_hidden():
            if self.rows == 0:
                _heading(self.console, self.title)
            self.console.print(table)
        self.rows += 1


def table(
    console: Console, title: str, headings: Sequence[str], rows: Sequence[Sequence[RenderableType]]
) -> None:
    """Print a table with its first column to the left and the others to the right."""
    result = Table(box=box.SIMPLE_HEAD, show_header=any(headings), show_edge=False)
    for i, heading in enumerate(headings):
        result.add_column(heading, justify="right" if i else "left", overflow="fold")
    for row in rows:
        result.add_row(*row)
    _heading(console, title)
    console.print(result, "")


def _heading(console: Console, title: str) -> None:
    console.print(Text(title, style="bold"), soft_wrap=True)


def shaded(text: str, share: float, colour: tuple[int, int, int]) -> Text:
    """Return a text on a background between black (`share` 0) and the colour (`share` 1)."""
    red, green, blue = (round(part * share) for part in colour)
    return Text(text, style=Style.parse(f"white on rgb({red},{green},{blue})"))


def digits(console: Console, title: str, pictures: Sequence[tuple[Any, str]]) -> None:
    """Print digits side by side, each a uint8 array (28, 28), with a caption under it."""
    _heading(console, title)
    console.print(
        Columns([Group(_digit(image, console), Text(caption), "") for image, caption in pictures])
    )


def _digit(image: Any, console: Console) -> Text:
    """Draw two rows of pixels in one line of characters, which are twice as high as wide."""
    lines = []
    for upper, lower in zip(image[::2].tolist(), image[1::2].tolist(), strict=True):
        line = Text()
        for high, low in zip(upper, lower, strict=True):
            if console.color_system:
                line.append("▀", f"rgb({high},{high},{high}) on rgb({low},{low},{low})")
            else:
                line.append(INK[(high + low) * (len(INK) - 1) // 510])
        lines.append(line)
    return Text("\n").join(lines)


CURVES = "o+"
"""What a curve is drawn with: the first of several over the others."""

CURVE_LINES = 8


def curves(console: Console, title: str, values: dict[str, Sequence[float]]) -> None:
    """Draw curves over each other, from the first value on the left to the last on the right.

    Parameters
    ----------
    console : Console
    title : str
    values : dict of sequences of float
        The points of each curve, under its name; as many for each.
    """
    low = min(min(points) for points in values.values())
    high = max(max(points) for points in values.values())
    count = len(next(iter(values.values())))
    axis = f"{high:.4f} |", f"{low:.4f} |"
    # A point takes three columns at the most; where there are more points than columns, some go.
    columns = max(1, min(console.width - len(axis[0]), 3 * (count - 1) + 1))
    drawn = [[" "] * columns for _ in range(CURVE_LINES)]
    for points, mark in reversed([*zip(values.values(), CURVES, strict=False)]):
        for column in range(columns):
            before, part = divmod(column * (count - 1) / max(1, columns - 1), 1)
            after = points[min(int(before) + 1, count - 1)]
            value = (1 - part) * points[int(before)] + part * after
            line = round((high - value) / ((high - low) or 1) * (CURVE_LINES - 1))
            drawn[line][column] = mark
    styles = dict(zip(CURVES, ("bold green", "cyan"), strict=True))
    legend = ", ".join(f"{mark} {name}" for name, mark in zip(values, CURVES, strict=False))
    _heading(console, f"{title}: {legend}")
    for i, marks in enumerate(drawn):
        ends = {0: axis[0], CURVE_LINES - 1: axis[1]}
        text = Text(ends.get(i, "|".rjust(len(axis[0]))))
        for mark in marks:
            text.append(mark, styles.get(mark, ""))
        text.rstrip()
        console.print(text, soft_wrap=True)


def one_line(text: object) -> str:
    """Return a text with what is no letter, sign or space as an escape: names may hold anything."""
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape", "surrogatepass").decode()
        for each in str(text)
    )


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

    with tqdm(file=sys.stderr, dynamic_ncols=True, **settings) as bar:
        yield bar.update


@contextmanager
def _bars_hidden() -> Iterator[None]:
    """Take the bars off the screen while something else is printed."""
    if "tqdm" not in sys.modules:
        yield
        return
    from tqdm import tqdm

    with tqdm.external_write_mode(file=sys.stderr):
        yield
