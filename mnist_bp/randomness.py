"""Random numbers: an independent stream for each purpose, all derived from one seed."""

from enum import IntEnum

import numpy as np


class Purpose(IntEnum):
    """What random numbers are drawn for. Every seed's results depend on the values: reuse none."""

    WEIGHTS = 0
    PERMUTATION = 1
    LAYER_CHECKS = 2
    DRAWING = 3
    DISTORTION = 4


def stream(seed: int, purpose: Purpose, *key: int) -> np.random.Generator:
    """Return the stream of a purpose, independent of the streams of all other purposes and keys.

    Parameters
    ----------
    seed : int
        Not negative.
    purpose : Purpose
    *key : int
        A part of the purpose, such as the number of the epoch. What is drawn for one part does not
        depend on how much was drawn for another, nor on the thread that draws it.
    """
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(purpose, *key)))
