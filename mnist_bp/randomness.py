"""Where chance comes from: one stream of random numbers for each purpose, all from one seed."""

from enum import IntEnum

import numpy as np


class Purpose(IntEnum):
    """What random numbers are drawn for. Every seed's results depend on the values: reuse none."""

    WEIGHTS = 0
    ORDER = 1
    LAYER_CHECKS = 2
    DRAWING = 3
    DISTORTION = 4


def stream(seed: int, purpose: Purpose, *key: int) -> np.random.Generator:
    """Return the stream of one purpose, independent of every other purpose and key.

    Parameters
    ----------
    seed : int
        Not negative.
    purpose : Purpose
    *key : int
        Which part of the purpose, such as the epoch: what is drawn for it then never depends on how
        much was drawn before, or in which thread.
    """
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(purpose, *key)))
