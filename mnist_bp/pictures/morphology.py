"""Operations on grey pictures: windows, openings, blurs, and the pieces of a mask."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]
Mask = NDArray[np.bool_]
Pieces = NDArray[np.intp]
"""The number of the piece that each pixel belongs to, from 1; 0 is paper."""


def spread(plane: NDArray[Any], reach: int, best: Callable[..., Any]) -> NDArray[Any]:
    """Return, at each pixel, the `best` of a square window that reaches so far to each side.

    A window of n pixels is two overlapping ones of up to n / 2, and so on.
    """
    return spread_down(spread_down(plane, reach, best).T, reach, best).T


def spread_down(plane: NDArray[Any], reach: int, best: Callable[..., Any]) -> NDArray[Any]:
    """Return, at each pixel, the `best` of what is up to so far above and below it."""
    plane = np.pad(plane, ((reach, reach), (0, 0)), mode="edge")
    width = 1
    while width < 2 * reach + 1:
        step = min(width, 2 * reach + 1 - width)
        plane = best(plane[:-step], plane[step:])
        width += step
    return plane


def opened(plane: Plane, reach: int, beyond: bool) -> Plane:
    """Return the plane without the light things that are narrower than the window.

    Outside the plane is what is at its edge (`beyond`), or else the darkest that is near there.
    """
    outside = 2 * reach
    padded = np.pad(plane, outside, mode="edge")
    inner = slice(outside, -outside)
    if not beyond:
        padded = np.pad(spread(plane, reach, np.minimum), outside, mode="edge")
        padded[inner, inner] = plane
    return spread(spread(padded, reach, np.minimum), reach, np.maximum)[inner, inner]


def blurred(plane: Plane, reach: int) -> Plane:
    """Return, at each pixel, the mean of a square window that reaches so far to each side."""
    for _ in range(2):
        padded = np.pad(plane.T, ((reach + 1, reach), (0, 0)), mode="edge")
        total = np.cumsum(padded, axis=0, dtype=np.float64)
        width = 2 * reach + 1
        plane = ((total[width:] - total[:-width]) / width).astype(np.float32)
    return plane


def noise_of(plane: Plane, apart: int) -> float:
    """Return how much pixels differ that lie so far apart: of most pairs, both are paper."""
    pairs = (plane[apart:], plane[:-apart]), (plane[:, apart:], plane[:, :-apart])
    return sum(float(np.median(np.abs(a - b))) for a, b in pairs if a.size)


def pieces_of(ink: Mask) -> Pieces:
    """Return the pieces of a mask.

    Pixels of a piece touch, if only at their corners. Each pixel points to another of its piece;
    pieces that touch are joined at where they point to, and then all point as far as they can.
    """
    places = np.flatnonzero(ink)
    number = np.zeros((ink.shape[0] + 1, ink.shape[1] + 2), np.intp)
    number[:-1, 1:-1][ink] = np.arange(1, len(places) + 1)
    here = number[:-1, 1:-1]
    neighbours = number[:-1, 2:], number[1:, :-2], number[1:, 1:-1], number[1:, 2:]
    both = [(here[m], other[m]) for other in neighbours for m in [(here > 0) & (other > 0)]]
    one, other = (np.concatenate(side) for side in zip(*both, strict=True))
    points_to = np.arange(len(places) + 1)
    while (points_to[one] != points_to[other]).any():
        here_to, other_to = points_to[one], points_to[other]
        np.minimum.at(points_to, np.maximum(here_to, other_to), np.minimum(here_to, other_to))
        while (points_to[points_to] != points_to).any():
            points_to = points_to[points_to]
    names = np.cumsum(points_to == np.arange(len(points_to))) - 1
    return np.asarray(names[points_to][here], np.intp)


def boxes_of(pieces: Pieces) -> NDArray[np.intp]:
    """Return the left, top, right and bottom edge of each piece, (K, 4); piece 1 is row 0."""
    ys, xs = np.nonzero(pieces)
    numbers = pieces[ys, xs] - 1
    count = int(numbers.max(initial=-1)) + 1
    boxes = np.full((count, 4), pieces.size)
    boxes[:, 2:] = 0
    for side, places in enumerate((xs, ys)):
        np.minimum.at(boxes[:, side], numbers, places)
        np.maximum.at(boxes[:, side + 2], numbers, places + 1)
    return boxes
