"""A computation graph as a picture: values above its edges, gradients below, from left to right.

Text for a terminal and SVG have one layout, in the cells of a terminal; a row is four lines high. A
node stands one column to the right of the last of its operands. Its first operand's edge lies in
its own row, that of the second comes up from a row below; so the edges of a tree never cross. Where
a value is used twice, a line leads down from its first edge to the others.

Nothing is imported from `graph.py`, which draws itself with this file. What is said of nodes and
edges here holds for the classes there.
"""

import math
import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from html import escape
from itertools import count, pairwise
from pathlib import Path
from string import Template
from typing import Any

CELL, LINE = 8.6, 18
"""Pixels of a character's width, and of the height of a line of text."""

STROKES = " ───│╯╰┴│╮╭┬│┤├│"
BITS = {(-1, 0): 1, (1, 0): 2, (0, -1): 4, (0, 1): 8}
"""The sides to which lines leave a cell: left, right, up, down; their sum is the place of a sign in
`STROKES`."""


class Diagram:
    """The layout of a graph.

    Parameters
    ----------
    nodes : sequence of `graph.Node`
        Each after its operands; the last one is the result.

    Attributes
    ----------
    width : int
        How many columns of a terminal the drawing needs.
    labels : list of (x, y, text, kind)
        Where a text begins: the cell, and the line. `kind` is name, box, value or gradient.
    paths : list of lists of (x, y)
        The corners of each line, which goes straight from one to the next.
    """

    def __init__(self, nodes: Sequence[Any]) -> None:
        self.labels: list[tuple[int, int, str, str]] = []
        self.paths: list[list[tuple[int, int]]] = []
        edges = [edge for node in nodes for edge in node.outputs]
        lines = _assign_lines(edges[-1])
        columns: dict[Any, int] = {}
        for node in nodes:
            columns[node] = max((columns[edge.source] + 1 for edge in node.inputs), default=0)
        x, starts, forks = 0, {}, {}
        for column in range(max(columns.values()) + 1):
            here = [node for node in nodes if columns[node] == column]
            widest = max(cells(text) for node in here for text in (node.label, _sum(node)))
            for node in here:
                starts[node] = x if column else x + widest - cells(node.label)
                total = x + widest - cells(_sum(node)), lines[node] + 1, _sum(node), "gradient"
                kind = "box" if node.layer else "name"
                self.labels += (starts[node], lines[node], node.label, kind), total
            x += widest + 2
            for node in here:
                forks[node] = x
                x += 2 * (len(node.outputs) > 1)
            gap = 0
            for edge in (edge for node in here for edge in node.outputs):
                value, gradient = rounded(edge.source.value), rounded(edge.gradient)
                self.labels.append((x, lines[edge] - 1, value, "value"))
                self.labels.append((x, lines[edge] + 1, gradient, "gradient"))
                gap = max(gap, 3 + len(value), 3 + len(gradient))
            x += gap
        self.labels = [label for label in self.labels if label[2]]
        self.width, self.height = x, max(lines.values()) + 2
        for edge in edges:
            source, target, y = edge.source, edge.target, lines[edge]
            path = [(starts[source] + cells(source.label) + 1, y)]
            if y > lines[source]:
                path = [(forks[source], lines[source]), (forks[source], y)]
            if target and y > lines[target]:
                path += [(starts[target], y), (starts[target], lines[target] + 1)]
            else:
                path += [(starts[target] - 2 if target else x - 1, y)]
            self.paths.append(path)

    def text(self) -> str:
        """Return the drawing as lines of text."""
        bits: dict[tuple[int, int], int] = defaultdict(int)
        for path in self.paths:
            for (x, y), (to_x, to_y) in pairwise(path):
                dx, dy = (to_x > x) - (to_x < x), (to_y > y) - (to_y < y)
                while (x, y) != (to_x, to_y):
                    bits[y, x] |= BITS[dx, dy]
                    x, y = x + dx, y + dy
                    bits[y, x] |= BITS[-dx, -dy]
        pieces = {place: STROKES[sides] for place, sides in bits.items()}
        pieces |= {(y, x): text for x, y, text, _ in self.labels}
        lines = [""] * self.height
        for (y, x), piece in sorted(pieces.items()):
            lines[y] += " " * (x - cells(lines[y])) + piece
        return "\n".join(lines)

    def svg(self, title: str) -> str:
        """Return the drawing as an SVG document that needs nothing else."""
        shapes = []
        for path in self.paths:
            points = [((x + 2.5) * CELL, (y + 1.5) * LINE) for x, y in path]
            corners = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
            shapes.append(f'<polyline points="{corners}"/>')
            if path[0][0] == path[1][0]:
                shapes.append('<circle cx="{:.1f}" cy="{:.1f}" r="3"/>'.format(*points[0]))
        for x, y, text, kind in self.labels:
            left, top, width = (x + 2) * CELL, (y + 1) * LINE, cells(text) * CELL
            if kind == "box":
                size = f'width="{width + 2 * CELL:.1f}" height="{LINE + 8}" rx="13"'
                shapes.append(f'<rect x="{left - CELL:.1f}" y="{top - 4}" {size}/>')
            place = f'x="{left + width / 2:.1f}" y="{top + 14}" text-anchor="middle"'
            shapes.append(f'<text class="{kind}" {place}>{escape(text)}</text>')
        template = Template(Path(__file__).with_suffix(".svg").read_text(encoding="utf-8"))
        return template.substitute(
            width=round((self.width + 4) * CELL),
            height=(self.height + 2) * LINE,
            title=escape(title),
            shapes="\n".join(shapes),
        )


def cells(text: str) -> int:
    """Return how many columns of a terminal a text takes: a Chinese or Korean letter takes two."""
    wide = sum(unicodedata.east_asian_width(each) in "WF" for each in text)
    return len(text) + wide - sum(unicodedata.combining(each) > 0 for each in text)


def rounded(number: float, digits: int = 6) -> str:
    """Return a number with so many digits; nothing for NaN, which stands for no number yet."""
    # Adding 0 makes -0.0 a plain 0.
    return "" if math.isnan(number) else f"{number + 0:.{digits}g}"


def _sum(node: Any) -> str:
    """Return what stands below a name that is used more than once: the sum of its gradients."""
    shared = not node.inputs and len(node.outputs) > 1 and not math.isnan(node.gradient)
    return f"sum {rounded(node.gradient)}" if shared else ""


def _assign_lines(result: Any) -> dict[Any, int]:
    """Return the line in which each node and each edge of a graph lies."""
    rows: dict[Any, int] = {}
    free, waiting = count(1, 4), [result]
    while waiting:
        edge = waiting.pop()
        first = edge.target and edge is edge.target.inputs[0]
        rows[edge] = rows[edge.target] if first else next(free)
        if edge.source not in rows:
            rows[edge.source] = rows[edge]
            waiting += reversed(edge.source.inputs)
    return rows
