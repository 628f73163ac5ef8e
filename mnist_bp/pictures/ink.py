"""Where the ink is in a picture, whatever the paper, the light and the pen.

Ink is what is thin. A *closing* (J. Serra, 1982) of a picture of dark strokes fills whatever is
narrower than a square window, and leaves the rest as it is: light that fades, the edge of a shadow,
the edge of a desk. What it has filled is the ink, and how much it has filled is the contrast.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnist_bp.pictures.morphology import (
    Mask,
    Pieces,
    Plane,
    blurred,
    boxes_of,
    noise_of,
    opened,
    pieces_of,
    spread,
)
from mnist_bp.pictures.paper import DARKEST, border_of

FAINTEST = 0.06
"""Contrast of the faintest ink, where black on white is 1."""

TIMES_NOISE = 5
"""The contrast of ink is at least this many times the noise."""

SURE, POSSIBLE = 0.4, 0.1
"""Parts of the strongest contrast: what is ink by itself, and what is ink beside it."""

LINK = 0.2
"""The part of the strongest contrast that joins pieces of ink."""

SPECK = 0.05
"""A piece with this part of the largest piece's ink, or less, is not part of a digit."""

WHOLE = 0.2
"""A piece with this part of the largest piece's ink, or more, may be a digit by itself."""

STANDS_OUT = 0.75
"""How much of the step from paper to ink is found around a piece of ink, at least."""


@dataclass(frozen=True, eq=False)
class Found:
    """The ink in a picture, of H x W pixels.

    Attributes
    ----------
    ink : float array of shape (H, W)
        From 0, paper, to 1.
    pieces : int array of shape (H, W)
        The number of the piece of ink at each pixel; 0 where there is none.
    light : bool
        Whether the ink is lighter than its paper.
    """

    ink: Plane
    pieces: Pieces
    light: bool

    @property
    def fills(self) -> bool:
        """Whether the picture is cropped to the ink.

        Nearly all of it is in pieces that touch the picture's sides, two opposite ones at least.
        If only two or three, it is not a strip along a side, as of a desk, nor a rule.
        """
        pieces = self.pieces
        touched = [side > 0 for side in (*pieces[[0, -1]], *pieces.T[[0, -1]])]
        edge = border_of(pieces)
        touching = np.isin(pieces, edge[edge > 0])
        # A rule touches the sides too, but with no more than its width.
        top, bottom, left, right = (float(side.mean()) > 0.08 for side in touched)
        size = [int(touching.any(axis=axis).sum()) for axis in (0, 1)]
        compact = (
            ((top and bottom) or (left and right))
            and max(float(side.mean()) for side in touched) < 0.95
            and min(size) > 0.2 * max(pieces.shape)
        )
        nearly_all = float(self.ink[touching].sum()) > 0.8 * float(self.ink.sum())
        return nearly_all and (compact or all(side.any() for side in touched))


def find(
    grey: Plane, reach: int, *, light: bool, beyond: bool, near: Mask | None = None
) -> Found | None:
    """Return the ink in a picture; None where there is none.

    Parameters
    ----------
    grey : float array of shape (H, W)
        From 0 to 1.
    reach : int
        Half the width of the window, in pixels: no stroke is broader than the window.
    light : bool
        Whether the ink is lighter than its paper.
    beyond : bool
        Whether what is at the edge goes on beyond it, as the shade of a desk does. If not, there is
        paper beyond the edge.
    near : bool array of shape (H, W), optional
        Ink counts only if some of it is here.
    """
    if not light:
        grey = -grey
    # From here on ink is light. Where there is more noise than contrast, a blur leaves less of it.
    for blur in range(4):
        smooth = blurred(blurred(grey, blur), blur) if blur else grey
        paper = opened(smooth, reach, beyond)
        darker = smooth - paper
        darker -= np.percentile(darker, 30)
        contrast = _linear(darker, light)
        noise = noise_of(smooth, 4 * blur + 1)
        most = float(contrast.max(initial=0, where=True if near is None else near))
        if most > 2 * TIMES_NOISE * noise:
            break
    if most < max(FAINTEST, TIMES_NOISE * noise):
        return None
    faint = max(POSSIBLE * most, 3 * noise)
    sure = max(SURE * most, faint)
    contrast = _linear(_without_shade(smooth, paper, darker, contrast > sure, reach), light)
    kept = _kept(contrast, contrast > sure, near, beyond)
    if kept is None:
        return None
    around = 1 + max(grey.shape) // 100
    soft = spread(kept, around, np.maximum) & (contrast > faint)
    full = _full_ink(np.where(soft, contrast, 0))
    ink = np.clip((contrast - faint) / np.maximum(full - faint, 1e-6), 0, 1) * soft
    # Weak ink links pieces of one digit.
    pieces = pieces_of(soft & (contrast > max(LINK * most, faint)))
    return Found(ink, pieces, light) if ink.any() else None


def _linear(contrast: NDArray[np.floating], light: bool) -> Plane:
    """Return a contrast of logarithms as a contrast of brightness, in parts of the paper's."""
    sign = 1 if light else -1
    return np.asarray(sign * np.expm1(sign * contrast / (1 + DARKEST)), np.float32)


def _full_ink(contrast: Plane) -> Plane:
    """Return the contrast of full ink at each pixel: in a shadow it is less."""
    reach = max(1, round(0.06 * max(contrast.shape)))
    around = blurred(spread(contrast, reach, np.maximum), reach)
    return np.asarray(np.maximum(around, SURE * contrast.max()), np.float32)


def _without_shade(smooth: Plane, paper: Plane, contrast: Plane, ink: Mask, reach: int) -> Plane:
    """Return the contrast without the tips of shadows and of a desk, which are narrow too.

    Ink differs from what is around it on all its sides; the tip of a shadow does not, where it
    goes on into the shadow. In pieces with such a side only what is darker than the shadow is ink.
    """
    pieces = pieces_of(ink)
    step = 2 + max(smooth.shape) // 150
    inside, found = np.zeros(pieces.max() + 1), np.zeros(pieces.max() + 1)
    for one, other in _pairs(smooth.shape, step):
        border = (pieces[one] > 0) & (pieces[other] == 0)
        number = pieces[one][border]
        part = (smooth[one] - smooth[other])[border] / contrast[one][border]
        inside += np.bincount(number, minlength=len(inside))
        found += np.bincount(number, np.clip(part, 0, 1), minlength=len(inside))
    shade = found < STANDS_OUT * inside
    if not shade.any():
        return contrast
    darker = smooth - np.minimum(spread(paper, reach, np.maximum), smooth)
    near = spread(shade[pieces], step, np.maximum)
    return np.asarray(np.where(near, np.minimum(darker, contrast), contrast), np.float32)


def _pairs(
    shape: tuple[int, ...], step: int
) -> list[tuple[tuple[slice, slice], tuple[slice, slice]]]:
    """Return the parts of a plane whose pixels are neighbours, so many pixels apart."""
    every, first, last = slice(None), slice(None, -step), slice(step, None)
    across, down = ((every, first), (every, last)), ((first, every), (last, every))
    return [across, across[::-1], down, down[::-1]]


def _kept(contrast: Plane, ink: Mask, near: Mask | None, beyond: bool) -> Mask | None:
    """Return the ink without specks, frames, and what is not near; None if none is left.

    What goes on beyond the edge, or from side to side, as rules do, is not part of a digit, if
    there is a piece that does not.
    """
    pieces = pieces_of(ink)
    mass = np.bincount(pieces.ravel(), contrast.ravel()).astype(np.float64)
    mass[0] = 0
    if near is not None:
        mass[np.bincount(pieces[near], minlength=len(mass)) == 0] = 0
    if not mass.any():
        return None
    if beyond:
        inside = mass.copy()
        inside[pieces[[0, -1]]] = inside[pieces[:, [0, -1]]] = 0
        boxes = boxes_of(pieces)
        rules = boxes[:, 2:] - boxes[:, :2] > 0.9 * np.array(pieces.shape[::-1])
        inside[1:][rules.any(axis=1)] = 0
        if inside.max() > WHOLE * mass.max():
            mass = inside
    if near is None:
        mass[1:][_frames(pieces, mass)] = 0
    kept: Mask = (mass > SPECK * mass.max())[pieces]
    return kept


def _frames(pieces: Pieces, mass: NDArray[np.floating]) -> Mask:
    """Return which pieces are on all four sides of another that is not small beside them."""
    boxes = boxes_of(pieces)
    sizes = (boxes[:, 2:] - boxes[:, :2]).max(axis=1)
    frames = np.zeros(len(boxes), bool)
    large = np.flatnonzero((mass[1:] > SPECK * mass.max()) & (sizes > 0.15 * sizes.max()))
    for inner in large:
        left, top, right, bottom = boxes[inner]
        x, y = (left + right) // 2, (top + bottom) // 2
        row, column = pieces[y], pieces[:, x]
        around = set(row[:left]) & set(row[right:]) & set(column[:top]) & set(column[bottom:])
        frames[[k - 1 for k in around if k and sizes[inner] > 0.3 * sizes[k - 1]]] = True
    return frames
