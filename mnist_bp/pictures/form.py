"""From ink to a digit as the makers of MNIST prepared theirs."""

import numpy as np
from numpy.typing import NDArray

Ink = NDArray[np.float64]

SIDE = 28
"""Pixels on each side of a digit of MNIST."""

BOX = 20
"""Pixels of the longer side of its ink."""

CENTRE = 14.5
"""Where its centre of mass is, in pixels from the upper left corner."""

THICK = 3.3
"""Pixels of the width of thick strokes: nine in ten digits of MNIST have thinner ones."""


def to_mnist(ink: Ink) -> NDArray[np.uint8]:
    """Return ink as a digit of MNIST: fitted into 20 x 20, and placed by its centre of mass.

    The bounding box of the ink is scaled, keeping its proportions, until its longer side is 20
    pixels, each pixel the mean of the area that it covers. It is placed in 28 x 28 so that its
    centre of mass is at the centre of the pixel [14, 14]: that is where MNIST has it, within half a
    pixel. Ink that has this size already is moved by whole pixels, so that digits of MNIST stay as
    they are. The darkest pixel becomes full ink.

    Parameters
    ----------
    ink : float array of shape (H, W)
        From 0, paper, to 1; some of it above 0.

    Returns
    -------
    uint8 array of shape (28, 28)
        From 0, paper, to 255.

    References
    ----------
    Y. LeCun, C. Cortes, C. J. C. Burges, The MNIST database of handwritten digits.
    """
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    box = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    longer = max(box.shape)
    digit: Ink = _placed(box.sum(axis=1), longer) @ box @ _placed(box.sum(axis=0), longer).T
    levels: Ink = np.rint(255 * digit / digit.max())
    return levels.astype(np.uint8)


def thinned(digit: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a digit (28, 28) with thinner strokes if they are thicker than those of MNIST.

    The width of the strokes is twice their area divided by the length of their edges. The grey of
    the edges becomes lighter.
    """
    levels = digit / 255
    width = 2 * levels.sum() / np.hypot(*np.gradient(levels)).sum()
    thinner: Ink = np.rint(255 * levels ** max(1, (width / THICK) ** 2))
    return thinner.astype(np.uint8)


def _placed(ink: Ink, longer: int) -> Ink:
    """Return the matrix (28, N) that scales and places one side of a box.

    Parameters
    ----------
    ink : float array of shape (N,)
        How much of it is in each row, or in each column, of the box.
    longer : int
        The pixels of the longer side of the box, which become 20.

    Returns
    -------
    float array of shape (28, N)
        In row i and column j, how much of pixel i the pixel j of the box covers.
    """
    edges = BOX * np.arange(len(ink) + 1) / longer
    middles = (edges[:-1] + edges[1:]) / 2
    start = CENTRE - middles @ ink / ink.sum()
    if longer == BOX:
        start = np.floor(start + 0.5)
    # All of the box stays in the picture, wherever its centre of mass is.
    edges += np.clip(start, 0, SIDE - edges[-1])
    pixels = np.arange(SIDE)[:, np.newaxis]
    overlap: Ink = np.minimum(pixels + 1, edges[1:]) - np.maximum(pixels, edges[:-1])
    return np.maximum(overlap, 0)
