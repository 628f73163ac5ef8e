"""Digits and curves, drawn in characters."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from rich.columns import Columns
from rich.console import Console, Group
from rich.text import Text

from mnist_bp.cli.console import heading
from mnist_bp.cli.messages import printable

INK = " .:-=+*#%@"
"""Characters from paper to full ink, for a digit where there are no colours."""


def digits(console: Console, title: str, pictures: Sequence[tuple[Any, str]]) -> None:
    """Print digits side by side, each a uint8 array (28, 28), with a caption under it."""
    heading(console, title)
    captions = [Text(printable(caption)) for _, caption in pictures]
    drawn = [_digit(image, console) for image, _ in pictures]
    console.print(Columns([Group(*pair, "") for pair in zip(drawn, captions, strict=True)]))


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


CURVES = {"o": "bold green", "+": "cyan"}
"""The marks of curves, with their styles: the first is drawn over the others."""

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
    low, high = min(map(min, values.values())), max(map(max, values.values()))
    count = len(next(iter(values.values())))
    axis = f"{high:.4f} |", f"{low:.4f} |"
    # A point takes three columns at the most; where there are more points than columns, some go.
    columns = max(1, min(console.width - len(axis[0]), 3 * (count - 1) + 1))
    drawn = [[" "] * columns for _ in range(CURVE_LINES)]
    places = np.linspace(0, count - 1, columns)
    for points, mark in reversed([*zip(values.values(), CURVES, strict=False)]):
        heights = np.interp(places, range(count), points)
        lines = np.rint((high - heights) / ((high - low) or 1) * (CURVE_LINES - 1))
        for column, line in enumerate(lines.astype(int)):
            drawn[line][column] = mark
    legend = ", ".join(f"{mark} {name}" for name, mark in zip(values, CURVES, strict=False))
    heading(console, f"{title}: {legend}")
    ends = {0: axis[0], CURVE_LINES - 1: axis[1]}
    for i, marks in enumerate(drawn):
        text = Text(ends.get(i, "|".rjust(len(axis[0]))))
        for mark in "".join(marks).rstrip():
            text.append(mark, CURVES.get(mark, ""))
        console.print(text, soft_wrap=True)
