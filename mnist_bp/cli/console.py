"""The screen: tables on stdout. What the numbers mean is known elsewhere.

Every text is shown as text: no markup, no emoji codes, no escape codes but the console's own.
"""

import shutil
import sys
from collections.abc import Collection, Sequence
from typing import Any, TypeAlias

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mnist_bp.cli.messages import bars_hidden, plain, printable, writing

Cell: TypeAlias = str | Text

PLAIN_WIDTH = 100
"""Columns for text that goes to a file or a pipe; a table may take more."""

LONG_WORD = 16
"""Columns to which a longer word, such as a path, is shortened where a terminal is too narrow."""


class _Results(Console):
    """A console that shows every text as it is; errors are those of `messages.writing`."""

    def render_str(self, text: str, **options: Any) -> Text:
        return Text(printable(text), options.get("style", ""), justify=options.get("justify"))

    def print(self, *objects: Any, **options: Any) -> None:
        with bars_hidden(), writing(self.file):
            super().print(*objects, **options)

    def on_broken_pipe(self) -> None:
        """Leave it to `writing`, where Rich would end the process."""
        raise


def results() -> Console:
    """Return the console for results, on stdout."""
    options: dict[str, Any] = {"highlight": False, "quiet": sys.stdout is None}
    if plain(sys.stdout):
        columns, _ = shutil.get_terminal_size((PLAIN_WIDTH, 0))
        options |= {"color_system": None, "width": columns}
    return _Results(file=sys.stdout, **options)


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
        table = _table(self.console, list(self.columns), [widest, cells], ())
        table.show_header = self.rows == 0
        table.add_row(*cells)
        if self.rows == 0:
            heading(self.console, self.title)
        self.console.print(table)
        self.rows += 1


def table(
    console: Console,
    title: str,
    headings: Sequence[str],
    rows: Sequence[Sequence[Cell]],
    texts: Collection[int] = (0,),
) -> None:
    """Print a table: the columns `texts` hold texts, the others numbers, to the right.

    Where a terminal is too narrow, long words of texts lose their beginnings, and texts and
    headings are broken between words. Numbers are never broken.
    """
    result = _table(console, headings, rows, texts)
    for row in rows:
        cells = zip(row, result.columns, strict=True)
        result.add_row(*(_fitted(cell, column.width or 1) for cell, column in cells))
    heading(console, title)
    console.print(result, "")


def _table(
    console: Console,
    headings: Sequence[str],
    rows: Sequence[Sequence[Cell]],
    texts: Collection[int],
) -> Table:
    """Return an empty table with the columns for these headings and rows."""
    wide, narrow = [], []
    longest = LONG_WORD if console.is_terminal else sys.maxsize
    for index, column in enumerate(zip(headings, *rows, strict=True)):
        name, *cells = map(printable, column)
        wide.append(max(map(cell_len, (name, *cells))))
        words = [min(cell_len(word), longest) for cell in cells for word in cell.split()]
        unbroken = words if index in texts else map(cell_len, cells)
        narrow.append(max([*map(cell_len, name.split()), *unbroken], default=0))
    if not console.is_terminal:
        console.width = max(console.width, sum(narrow) + 3 * len(narrow))
    padding = 1 if sum(narrow) + 3 * len(narrow) <= console.width else 0
    room = console.width - (1 + 2 * padding) * len(wide)
    while sum(wide) > room and wide != narrow:
        most = max(range(len(wide)), key=lambda i: wide[i] - narrow[i])
        wide[most] -= 1
    result = Table(
        box=box.SIMPLE_HEAD, show_edge=False, padding=(0, padding), show_header=any(headings)
    )
    for index, (name, width) in enumerate(zip(headings, wide, strict=True)):
        justify: Any = "left" if index in texts else "right"
        result.add_column(name, justify=justify, width=max(1, width), overflow="fold")
    return result


def _fitted(cell: Cell, width: int) -> Cell:
    """Return a cell whose words are no wider than its column: they lose their beginnings."""
    if isinstance(cell, Text):
        return cell
    # Rich cuts the end of a text, so it gets the words from back to front.
    backward = [Text(word[::-1]) for word in printable(cell).split(" ")]
    for word in backward:
        word.truncate(width, overflow="ellipsis")
    return " ".join(word.plain[::-1] for word in backward)


def heading(console: Console, title: str) -> None:
    """Print the title of a table or a drawing."""
    text = Text(printable(title), style="bold")
    console.print(text, soft_wrap=not console.is_terminal)
