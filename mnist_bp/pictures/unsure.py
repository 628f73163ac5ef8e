"""Which answers of a net are marked as unsure, and why.

The probability of the best digit catches most mistakes that can be caught, in the nets that we
tried: a third of them where one correct answer in fifty is marked. It needs no temperature: over
held-out training digits a temperature of 1 gives the least loss and the least calibration error.
A net is also certain of what no digit looks like, so the strokes are counted too.
"""

import numpy as np
from numpy.typing import NDArray

LEAST_PROBABILITY = 0.58
"""Below this probability an answer is unsure: 2 % of held-out training digits."""

NEARLY = 0.6
"""A second digit with this part of the best one's probability is nearly as likely."""

MOST_STROKES = 1.95, 2.75
"""How many strokes a row, and a column, of a digit crosses on average, at most: 99.5 % do."""

MOST_SOLID = 40
"""Pixels of a digit that are at least 4 pixels from all paper, at most: 99.9 % have fewer."""

INK = 100
"""From this value on, of 255, a pixel is ink."""


def reasons(probabilities: NDArray[np.floating], images: NDArray[np.uint8]) -> list[str | None]:
    """Return why each answer is unsure; None where it is not.

    Parameters
    ----------
    probabilities : float array of shape (N, 10)
    images : uint8 array of shape (N, 28, 28)
        From 0, paper, to 255.
    """
    strange = unlike_digits(images)
    second, best = np.sort(probabilities, axis=1)[:, -2:].T
    unlikely = np.where(
        second > NEARLY * best, "two digits are nearly as likely", "no digit is likely"
    )
    return [
        "not like a digit" if odd else str(reason) if most < LEAST_PROBABILITY else None
        for odd, most, reason in zip(strange, best, unlikely, strict=True)
    ]


def unlike_digits(images: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return which images (N, 28, 28) have too many strokes for a digit, or are a blob."""
    ink = np.pad(images >= INK, ((0, 0), (1, 1), (1, 1)))
    strange = np.zeros(len(images), bool)
    for axis, most in zip((2, 1), MOST_STROKES, strict=True):
        strokes = (np.diff(ink.astype(np.int8), axis=axis) == 1).sum(axis=axis)
        crossed = np.maximum((strokes > 0).sum(axis=1), 1)
        strange |= strokes.sum(axis=1) > most * crossed
    solid = ink
    for _ in range(3):
        sides = [np.roll(solid, step, axis) for axis in (1, 2) for step in (-1, 1)]
        solid = solid & np.logical_and.reduce(sides)
    return np.asarray(strange | (solid.sum(axis=(1, 2)) > MOST_SOLID))
