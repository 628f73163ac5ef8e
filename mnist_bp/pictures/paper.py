"""The paper in a picture: lighter or darker than its ink, and what it lies on; colours in grey."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_bp.pictures.morphology import Mask, Plane, blurred, pieces_of, spread

DARKEST = 0.1
"""Added to all brightness, from 0 to 1, so that what is nearly black counts little."""

BLACK = 0.02
"""Brightness of paper that is as black as a screen, at most."""


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


def is_on_black(grey: Plane) -> bool:
    """Return whether ink is light, on black paper: the border is black, but not around a sheet."""
    return _has_black_border(grey) and not is_sheet(grey)


def _has_black_border(grey: Plane) -> bool:
    return bool(np.median(brightness(border_of(grey))) < BLACK)


def is_sheet(grey: Plane) -> bool:
    """Return whether a light sheet lies on something dark: a rectangle, with dark ink inside.

    It is sought at about 64 pixels, as the largest piece that is lighter than halfway between the
    mean of what is lighter and the mean of what is darker. On black, the ink is not asked for:
    beside black it is nearly as light as the sheet.
    """
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
        and (_has_black_border(grey) or sheet.sum() < 0.99 * filled.sum())
    )


def _between(mask: Mask) -> Mask:
    """Return what lies between the first and the last pixel of each row."""
    after = np.logical_or.accumulate(mask, axis=1)
    return np.asarray(after & np.logical_or.accumulate(mask[:, ::-1], axis=1)[:, ::-1])
