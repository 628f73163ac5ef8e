"""Which pieces of ink make one digit, in which order digits are read, and where to cut ink."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

from mnist_bp.pictures.morphology import Mask, Pieces, boxes_of

PART = 0.5
"""A piece that is lower than this part of a digit's height is not a digit by itself."""

NEAR = 0.3
"""A part belongs to the nearest digit, up to this distance as a part of a digit's height."""

WIDE, TALL = 1.3, 0.75
"""Ink this much wider than high, whose halves have this part of its height, may be two digits."""

LEANS = (-0.3, 0.0, 0.3)
"""Columns per row by which cuts lean."""

NARROWEST = 0.2
"""A part that is cut off has this part of the mean width of the parts, at least."""

Ink = NDArray[np.float64]


@dataclass(eq=False)
class Shape:
    """Pieces of ink that make one digit, or several that touch.

    Attributes
    ----------
    numbers : list of int
        The numbers of its pieces.
    box : int array (4,)
        Its left, top, right and bottom edge in pixels.
    row : int
        The row that it is in, from 0.
    count : int
        How many digits it makes.
    """

    numbers: list[int]
    box: NDArray[np.intp]
    row: int = 0
    count: int = 1

    @property
    def size(self) -> NDArray[np.intp]:
        """Width and height, in pixels."""
        return self.box[2:] - self.box[:2]

    def mask(self, pieces: Pieces) -> Mask:
        """Return where its pieces are."""
        return np.isin(pieces, self.numbers)

    def take(self, other: "Shape") -> None:
        """Add the pieces of another shape."""
        self.numbers += other.numbers
        self.box = np.append(
            np.minimum(self.box[:2], other.box[:2]), np.maximum(self.box[2:], other.box[2:])
        )


def shapes_of(pieces: Pieces, count: int | None = None) -> list[Shape]:
    """Return the shapes that pieces of ink make, in reading order.

    Parameters
    ----------
    pieces : int array of shape (H, W)
    count : int, optional
        How many digits there are; without it, what is joined is one shape.
    """
    shapes = [Shape([k + 1], box) for k, box in enumerate(boxes_of(pieces))]
    heights = np.array([shape.size[1] for shape in shapes])
    height = float(np.median(heights[heights >= PART * heights.max()]))
    _join(shapes, height)
    wholes = [shape for shape in shapes if shape.size[1] >= PART * height] or shapes
    while count and len(wholes) > count:
        gaps = {
            (i, j): _gap(wholes[i], wholes[j]).max() for j in range(len(wholes)) for i in range(j)
        }
        i, j = min(gaps, key=lambda pair: gaps[pair])
        wholes[i].take(wholes.pop(j))
    while count and sum(shape.count for shape in wholes) < count:
        max(wholes, key=lambda shape: shape.size[0] / shape.count / shape.size[1]).count += 1
    return _in_rows(wholes)


def _gap(one: Shape, other: Shape) -> NDArray[np.intp]:
    """Return how far apart two shapes are, across and down; negative where they overlap."""
    return np.maximum(one.box[:2], other.box[:2]) - np.minimum(one.box[2:], other.box[2:])


def _join(shapes: list[Shape], height: float) -> None:
    """Join the shapes that are parts of the same digit, the nearest first."""
    waiting = sorted(shapes, key=lambda shape: -shape.size[1])
    shapes.clear()
    for shape in waiting:
        gaps = [_distance(shape, whole, height) for whole in shapes]
        nearest = int(np.argmin(gaps)) if gaps else 0
        if gaps and gaps[nearest] <= NEAR * height:
            shapes[nearest].take(shape)
        else:
            shapes.append(shape)


def _distance(part: Shape, whole: Shape, height: float) -> float:
    """Return how far apart two shapes are that may be one digit; infinity for two digits.

    They are one if one is too low to be a digit, or if they lie over each other: then they overlap
    in half of their width, or more than in their height.
    """
    across, down = gap = _gap(part, whole)
    overlap = -gap / np.minimum(part.size, whole.size)
    low = part.size[1] < PART * height
    beside = overlap[0] < min(0.5, overlap[1])
    higher = max(part.box[3], whole.box[3]) - min(part.box[1], whole.box[1]) > 1.4 * height
    if (higher and down > 0.15 * height) or (beside and not low):
        return np.inf
    return float(max(across, down, 0))


def _in_rows(shapes: list[Shape]) -> list[Shape]:
    """Return shapes row by row, from left to right.

    A shape continues the row whose last shape lies at the same height: so rows may be askew.
    """
    rows: list[list[Shape]] = []
    for shape in sorted(shapes, key=lambda shape: int(shape.box[0])):
        overlaps = [-_gap(shape, row[-1])[1] / min(shape.size[1], row[-1].size[1]) for row in rows]
        if overlaps and max(overlaps) > 0.4:
            rows[int(np.argmax(overlaps))].append(shape)
        else:
            rows.append([shape])
    rows.sort(key=lambda row: float(np.mean([shape.box[1::2].mean() for shape in row])))
    for number, row in enumerate(rows):
        for shape in row:
            shape.row = number
    return [shape for row in rows for shape in row]


def seem_to_touch(ink: Ink) -> bool:
    """Return whether ink (H, W), without paper around it, may be several digits that touch.

    It is wide, and if it is cut in two, both halves are about as high as the whole. The halves of
    a wide 2 or 5 are not.
    """
    height, width = ink.shape
    if width <= WIDE * height:
        return False
    rows = [np.flatnonzero(half.any(axis=1)) for half in cut(ink, 2)]
    return all(len(each) and np.ptp(each) + 1 > TALL * height for each in rows)


def cut(ink: Ink, count: int) -> list[Ink]:
    """Return ink (H, W) in so many parts, cut from top to bottom where least ink is lost."""
    height, width = ink.shape
    edges: list[NDArray[np.intp]] = [np.zeros(height, np.intp)]
    for k in range(1, count):
        low, high = (int(width * (k + aside) / count) for aside in (-0.4, 0.4))
        edges.append(low + _seam(ink[:, low : high + 1]))
    edges.append(np.full(height, width, np.intp))
    columns = np.arange(width)
    return [
        ink * ((columns >= left[:, np.newaxis]) & (columns < right[:, np.newaxis]))
        for left, right in pairwise(edges)
    ]


def best_cut(ink: Ink, count: int, judge: Callable[[list[Ink]], NDArray[np.floating]]) -> list[Ink]:
    """Return ink (H, W) in so many parts, cut from top to bottom so that they are likely digits.

    There must be no paper around the ink. `judge` returns the logarithm of how likely each part is;
    parts that are low or have little ink are less likely. Cuts are tried in many places, upright
    and leaning, each where least ink is lost.
    """
    seams = _seams(ink, count)
    columns, ends = np.arange(ink.shape[1]), {0, len(seams) - 1}
    parts = {}
    for i, j in combinations(range(len(seams)), 2):
        share = float((seams[j] - seams[i]).mean()) * count / ink.shape[1]
        if NARROWEST < share < 2 - NARROWEST and (count > 2 or ends & {i, j}):
            inside = (columns >= seams[i][:, np.newaxis]) & (columns < seams[j][:, np.newaxis])
            if (ink * inside).any():
                parts[i, j] = ink * inside
    if not parts:
        return cut(ink, count)
    sizes = [part.any(axis=1).sum() * part.sum() for part in parts.values()]
    worth = dict(zip(parts, judge(list(parts.values())) + np.log(sizes), strict=True))
    # The best way to cut what lies left of each seam into so many parts: its worth, and its seams.
    best: dict[int, tuple[float, list[int]]] = {0: (0.0, [0])}
    for _ in range(count):
        longer: dict[int, tuple[float, list[int]]] = {}
        for (i, j), value in worth.items():
            if i in best:
                longer[j] = max(
                    longer.get(j, (-np.inf, [])), (best[i][0] + value, [*best[i][1], j])
                )
        best = longer
    if len(seams) - 1 not in best:
        return cut(ink, count)
    return [parts[pair] for pair in pairwise(best[len(seams) - 1][1])]


def _seams(ink: Ink, count: int) -> list[NDArray[np.intp]]:
    """Return the columns (H,) of many cuts from top to bottom, from left to right."""
    height, width = ink.shape
    reach = max(1, round(0.1 * width / count))
    rows = np.arange(height)
    seams = []
    for middle in np.linspace(0.25, count - 0.25, 8 * count) * width / count:
        for lean in LEANS:
            first = np.rint(middle - reach + lean * (rows - height / 2)).astype(int)
            columns = np.clip(first[:, np.newaxis] + np.arange(2 * reach + 1), 0, width - 1)
            seams.append(columns[rows, _seam(np.take_along_axis(ink, columns, axis=1))])
    seams.sort(key=lambda seam: int(seam.sum()))
    return [np.zeros(height, np.intp), *seams, np.full(height, width, np.intp)]


def _seam(ink: Ink) -> NDArray[np.intp]:
    """Return the column, in each row, of the path downwards that crosses the least ink."""
    total = ink + 1e-3
    steps = np.zeros(ink.shape, np.intp)
    for y in range(1, len(ink)):
        padded = np.pad(total[y - 1], 1, constant_values=np.inf)
        # A step aside is a longer way.
        above = np.stack([padded[1:-1], padded[:-2] + 1e-3, padded[2:] + 1e-3])
        steps[y] = np.array([0, -1, 1])[above.argmin(axis=0)]
        total[y] += above.min(axis=0)
    path = np.zeros(len(ink), np.intp)
    path[-1] = total[-1].argmin()
    for y in range(len(ink) - 1, 0, -1):
        path[y - 1] = path[y] + steps[y, path[y]]
    return path
