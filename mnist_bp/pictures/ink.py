"""Where the ink is in a picture, whatever the paper, the light and the pen.

Ink is what is thin. A *closing* (J. Serra, 1982) of a picture of dark strokes fills whatever is
narrower than a square window, and leaves the rest as it is: light that fades, the edge of a shadow,
the edge of a desk. What it has filled is the ink, and how much it has filled is the contrast.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]
Mask = NDArray[np.bool_]

FAINTEST = 0.06
"""Contrast of the faintest ink, where black on white is 1."""

TIMES_NOISE = 5
"""How often the contrast of ink is the noise, at the least."""

SURE, POSSIBLE = 0.35, 0.1
"""Parts of the strongest contrast: what is ink by itself, and what is ink beside it."""

SPECK = 0.05
"""A piece with this part of the largest piece's ink, or less, is none of the digit."""


WHOLE = 0.2
"""A piece with this part of the largest piece's ink, or more, may be a digit by itself."""


@dataclass(frozen=True)
class Found:
    """The ink in a picture, of H x W pixels.

    Attributes
    ----------
    ink : float array of shape (H, W)
        From 0, paper, to 1.
    light : bool
        Whether the ink is lighter than its paper.
    """

    ink: Plane
    light: bool

    @property
    def at_the_edge(self) -> bool:
        """Whether some of the ink is at the edge of the picture."""
        return bool(max(side.max() for side in (*self.ink[[0, -1]], *self.ink.T[[0, -1]])))


def find(
    colours: Plane, reach: int, *, beyond: bool, light: bool | None = None, near: Mask | None = None
) -> Found | None:
    """Return the ink in a picture; None where there is none.

    Parameters
    ----------
    colours : float array of shape (H, W, C)
        From 0 to 1.
    reach : int
        Half the width of the window, in pixels: no stroke is broader than the window.
    beyond : bool
        Whether what is at the edge goes on beyond it, as the shade of a desk does. If not, it may
        be a stroke along the edge.
    light : bool, optional
        Whether the ink is lighter than its paper, if that is known.
    near : bool array of shape (H, W), optional
        Ink counts only if some of it is here.
    """
    grey = _grey(colours)
    if light is None:
        light = _is_light(grey)
    if not light:
        grey = -grey
    # From here on ink is light. Where there is more noise than contrast, a blur leaves less of it.
    for blur in range(4):
        smooth = _blurred(_blurred(grey, blur), blur) if blur else grey
        contrast = smooth - _opened(smooth, reach, beyond)
        contrast -= np.percentile(contrast, 30)
        noise = _noise(smooth, 4 * blur + 1)
        most = float(contrast.max(initial=0, where=True if near is None else near))
        if most > 2 * TIMES_NOISE * noise:
            break
    if most < max(FAINTEST, TIMES_NOISE * noise):
        return None
    faint = max(POSSIBLE * most, 3 * noise)
    digit = _digit(contrast, contrast > max(SURE * most, faint), near, beyond)
    if digit is None:
        return None
    soft = _spread(digit, 1 + max(grey.shape) // 100, np.maximum) & (contrast > faint)
    full = _full_ink(np.where(soft, contrast, 0))
    ink = np.clip((contrast - faint) / np.maximum(full - faint, 1e-6), 0, 1) * soft
    return Found(ink, light) if ink.any() else None


def _grey(colours: Plane) -> Plane:
    """Return the picture (H, W) along the direction in which its colours differ most.

    Slow differences do not count, for they are the light's. It is the first principal component.
    """
    height, width, channels = colours.shape
    if channels == 1 or height * width < 2:
        return np.asarray(colours.mean(axis=2), np.float32)
    reach = max(height, width) // 8 + 1
    planes = np.moveaxis(colours, 2, 0)
    quick = np.stack([plane - _blurred(plane, reach) for plane in planes]).reshape(channels, -1)
    direction = np.linalg.eigh(quick @ quick.T)[1][:, -1]
    # Of a grey picture this is the grey; the sign is the one by which white is lighter.
    direction /= np.abs(direction).sum() * (1 if direction.sum() > 0 else -1)
    return np.asarray(colours @ direction, np.float32)


def _is_light(grey: Plane) -> bool:
    """Return whether the ink is light: around ink there is more paper than ink.

    So most of the pixels there are nearer to the other end of what is around them.
    """
    reach = max(2, round(0.12 * max(grey.shape)))
    top, bottom = _spread(grey, reach, np.maximum), _spread(grey, reach, np.minimum)
    return float((2 * grey - top - bottom).sum()) <= 0


def _opened(plane: Plane, reach: int, beyond: bool) -> Plane:
    """Return the plane without the light things that are narrower than the window."""
    if not beyond:
        return _spread(_spread(plane, reach, np.minimum), reach, np.maximum)
    inner = slice(2 * reach, -2 * reach)
    return _opened(np.pad(plane, 2 * reach, mode="edge"), reach, False)[inner, inner]


def _noise(plane: Plane, apart: int) -> float:
    """Return how much pixels differ that lie so far apart: of most pairs, both are paper."""
    pairs = (plane[apart:], plane[:-apart]), (plane[:, apart:], plane[:, :-apart])
    return sum(float(np.median(np.abs(a - b))) for a, b in pairs if a.size)


def _full_ink(contrast: Plane) -> Plane:
    """Return the contrast of full ink at each pixel: in a shadow it is less."""
    reach = max(1, round(0.06 * max(contrast.shape)))
    around = _blurred(_spread(contrast, reach, np.maximum), reach)
    return np.asarray(np.maximum(around, SURE * contrast.max()), np.float32)


def _digit(contrast: Plane, ink: Mask, near: Mask | None, beyond: bool) -> Mask | None:
    """Return the ink without its specks, and without what is not near; None where none is left.

    What goes on beyond the edge is none of the digit, if there is a piece that does not.
    """
    pieces = _pieces(ink)
    mass = np.bincount(pieces.ravel(), contrast.ravel())
    mass[0] = 0
    if near is not None:
        mass[np.bincount(pieces[near], minlength=len(mass)) == 0] = 0
    if not mass.any():
        return None
    if beyond:
        inside = mass.copy()
        inside[pieces[[0, -1]]] = inside[pieces[:, [0, -1]]] = 0
        if inside.max() > WHOLE * mass.max():
            mass = inside
    kept: Mask = (mass > SPECK * mass.max())[pieces]
    return kept


def _pieces(ink: Mask) -> NDArray[np.intp]:
    """Return the number of the piece that each pixel belongs to, from 1; 0 is paper.

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
        low, high = np.sort([points_to[one], points_to[other]], axis=0)
        np.minimum.at(points_to, high, low)
        while (points_to[points_to] != points_to).any():
            points_to = points_to[points_to]
    names = np.unique(points_to, return_inverse=True)[1]
    return np.asarray(names[here], np.intp)


def _spread(plane: NDArray[Any], reach: int, best: Callable[..., Any]) -> NDArray[Any]:
    """Return, at each pixel, the `best` of a square window that reaches so far to each side.

    A window of n pixels is two overlapping ones of up to n / 2, and so on.
    """
    for _ in range(2):
        plane = np.pad(plane.T, ((reach, reach), (0, 0)), mode="edge")
        width = 1
        while width < 2 * reach + 1:
            step = min(width, 2 * reach + 1 - width)
            plane = best(plane[:-step], plane[step:])
            width += step
    return plane


def _blurred(plane: Plane, reach: int) -> Plane:
    """Return, at each pixel, the mean of a square window that reaches so far to each side."""
    for _ in range(2):
        padded = np.pad(plane.T, ((reach + 1, reach), (0, 0)), mode="edge")
        total = np.cumsum(padded, axis=0, dtype=np.float64)
        width = 2 * reach + 1
        plane = ((total[width:] - total[:-width]) / width).astype(np.float32)
    return plane
