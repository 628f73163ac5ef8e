"""Removes the lines of ruled and squared paper from a picture, not the ink that crosses them."""

import numpy as np
from numpy.typing import NDArray

from mnist_bp.pictures.morphology import Mask, Plane, noise_of, spread_down

BLOCK = 8
"""Pixels along a rule whose mean is taken; a rule rises or falls in them by a pixel at most."""

THICKEST = 0.03
"""Half the thickness of the thickest rule, as a part of the picture's longer side."""

LEAST = 0.85
"""The part of its length on which a rule is seen, at least."""

STRONGER = 1.4
"""Rules are removed if some ink has this many times their contrast, or more."""

SURELY_INK = 2.1
"""What has this many times the contrast of the rules is ink, and stays."""


def without_rules(grey: Plane, light: bool) -> Plane:
    """Return a picture (H, W) without the lines that cross it from side to side.

    Lines are nearly straight, nearly parallel to a side, and fainter than the ink. `light`: they
    are lighter than the paper, and so is the ink.
    """
    ink = grey if light else -grey
    rest = _without_rows(_without_rows(ink).T).T
    if np.array_equal(rest, ink):
        return grey
    return rest if light else -rest


def _without_rows(grey: Plane) -> Plane:
    height, width = grey.shape
    thickest = max(2, round(THICKEST * max(grey.shape)))
    count = width // BLOCK
    if count < 5 or height <= 2 * thickest:
        return grey
    contrast = grey - _opened_down(grey, thickest)
    starts = np.arange(count) * width // count
    widths = np.diff([*starts, width])
    means = np.add.reduceat(contrast, starts, axis=1) / widths
    rules = _crossing(means > max(0.03, 1.5 * noise_of(grey, 1)), thickest)
    if not rules.any():
        return grey
    thickness = rules.sum() / (np.diff(rules.astype(np.int8), axis=0, prepend=0) == 1).sum()
    band = np.repeat(rules, widths, axis=1)
    level = float(np.percentile(contrast[band], 80))
    if contrast.max() < STRONGER * level:
        return grey
    band = spread_down(band, 1, np.maximum)
    # A stroke that crosses a rule is longer, downwards, than the rule is thick.
    across = _opened_down(grey, 1 + int(thickness + 1) // 2)
    return np.where(band & (contrast < SURELY_INK * level), across, grey)


def _opened_down(grey: Plane, reach: int) -> Plane:
    """Return a picture without the light things that are lower than the window."""
    return spread_down(spread_down(grey, reach, np.minimum), reach, np.maximum)


def _crossing(seen: Mask, reach: int) -> Mask:
    """Return what is on the best paths from the left side to the right, if most of one is seen.

    A path goes up or down by a row, at most, in each column.
    """
    total = _best(seen) + _best(seen[:, ::-1])[:, ::-1] - seen
    best = spread_down(total, reach, np.maximum)
    return np.asarray((total >= LEAST * seen.shape[1]) & (total >= best - 1))


def _best(seen: Mask) -> NDArray[np.intp]:
    """Return how much is seen on the best path from the left side to each place."""
    total = seen.astype(np.intp)
    for here, before in zip(total.T[1:], total.T, strict=False):
        padded = np.pad(before, 1)
        here += np.maximum(np.maximum(padded[:-2], padded[2:]), before)
    return total
