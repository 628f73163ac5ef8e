"""Where the ink is in a picture, whatever the paper, the light and the pen.

Ink is what is thin. A *closing* (J. Serra, 1982) of a picture of dark strokes fills whatever is
narrower than a square window, and leaves the rest as it is: light that fades, the edge of a shadow,
the edge of a desk. What it has filled is the ink, and how much it has filled is the contrast.
"""

from dataclasses import dataclass
from typing import Any

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

DARKEST = 0.1
"""Added to all brightness, from 0 to 1, so that what is nearly black counts little."""

BLACK = 0.02
"""Brightness of paper that is as black as a screen, at most."""

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


def grey_of(colours: Plane) -> Plane:
    """Return a picture (H, W) along the direction in which its colours (H, W, C) differ most.

    Slow differences do not count, for they are the light's. It is the first principal component.
    """
    height, width, channels = colours.shape
    # A shadow divides the light; in logarithms it takes off as much from ink as from paper.
    colours = (1 + DARKEST) * np.log(colours + np.float32(DARKEST))
    if channels == 1 or height * width < 2:
        return np.asarray(colours.mean(axis=2), np.float32)
    reach = max(height, width) // 8 + 1
    planes = np.moveaxis(colours, 2, 0)
    quick = np.stack([plane - blurred(plane, reach) for plane in planes]).reshape(channels, -1)
    direction = np.linalg.eigh(quick @ quick.T)[1][:, -1]
    # Of a grey picture this is the grey; the sign is the one by which white is lighter.
    direction /= np.abs(direction).sum() * (1 if direction.sum() > 0 else -1)
    return np.asarray(colours @ direction, np.float32)


def brightness(grey: Plane) -> Plane:
    """Return the brightness, from 0 to 1, of a picture in grey."""
    return np.asarray(np.exp(grey / (1 + DARKEST)) - DARKEST, np.float32)


def border_of(plane: NDArray[Any]) -> NDArray[Any]:
    """Return the pixels on the four sides of a plane."""
    return np.concatenate([*plane[[0, -1]], *plane.T[[0, -1]]])


def is_light(grey: Plane, border: bool = False) -> bool:
    """Return whether the ink is light: around ink there is more paper than ink.

    So most of the pixels there are nearer to the other end of what is around them. `border`: only
    the pixels at the border of the picture are asked.
    """
    reach = max(2, round(0.12 * max(grey.shape)))
    top, bottom = spread(grey, reach, np.maximum), spread(grey, reach, np.minimum)
    leaning = 2 * grey - top - bottom
    if border:
        return sum(float(side.sum()) for side in (leaning[[0, -1]], leaning[:, [0, -1]])) <= 0
    return float(leaning.sum()) <= 0


def _linear(contrast: NDArray[np.floating], light: bool) -> Plane:
    """Return a contrast of logarithms as a contrast of brightness, in parts of the paper's."""
    sign = 1 if light else -1
    return np.asarray(sign * np.expm1(sign * contrast / (1 + DARKEST)), np.float32)


def is_on_black(grey: Plane) -> bool:
    """Return whether ink is light, on black paper: the border is black, but not around a sheet."""
    return _has_black_border(grey) and not is_sheet(grey)


def _has_black_border(grey: Plane) -> bool:
    return bool(np.median(brightness(border_of(grey))) < BLACK)


def is_sheet(grey: Plane) -> bool:
    """Return whether a light sheet lies on something dark: a rectangle, with dark ink inside.

    On black, ink need not be seen, for beside black it is nearly as light as the sheet.
    It is sought at about 64 pixels, as the largest piece that is lighter than halfway between the
    mean of what is lighter and the mean of what is darker.
    """
    black = _has_black_border(grey)
    if black:
        # In logarithms, the blurred edges of ink on black are light too, and make it a rectangle.
        grey = brightness(grey)
    step = max(1, max(grey.shape) // 64)
    small = blurred(grey, step // 2)[::step, ::step]
    level = float(small.mean())
    for _ in range(5):
        lighter = small > level
        if not lighter.any() or lighter.all():
            return False
        level = float(small[lighter].mean() + small[~lighter].mean()) / 2
    pieces = pieces_of(small > level)
    sheet = pieces == 1 + np.bincount(pieces.ravel())[1:].argmax()
    filled = _between(sheet) & _between(sheet.T).T
    places = np.stack(np.nonzero(filled))
    angles = np.radians(np.arange(0, 90, 5))
    turns = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    along, across = turns @ places, turns[:, ::-1] * [-1, 1] @ places
    rectangle = ((np.ptp(along, axis=1) + 1) * (np.ptp(across, axis=1) + 1)).min()
    return bool(
        filled.mean() > 0.2
        and border_of(filled).mean() < 0.5
        and filled.sum() > 0.85 * rectangle
        and (black or sheet.sum() < 0.99 * filled.sum())
    )


def _between(mask: Mask) -> Mask:
    """Return what lies between the first and the last pixel of each row."""
    after = np.logical_or.accumulate(mask, axis=1)
    return np.asarray(after & np.logical_or.accumulate(mask[:, ::-1], axis=1)[:, ::-1])


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
