"""Batches: which digits each step of an epoch learns from."""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from mnist_bp.data.digits import Digits, normalized
from mnist_bp.randomness import Purpose, stream
from mnist_bp.recipe import Recipe

Batch = tuple[NDArray[np.float32], NDArray[np.uint8]]
"""Pixels from 0 to 1, (N, 28, 28), and labels, (N,)."""


def steps_per_epoch(recipe: Recipe, size: int) -> int:
    """Return how many batches `size` training digits make."""
    return math.ceil(size / recipe.batch_size)


def epoch_order(recipe: Recipe, epoch: int, size: int) -> NDArray[np.int64]:
    """Return which of the `size` training digits an epoch (1, 2, ...) learns from, in order."""
    rng = stream(recipe.seed, Purpose.ORDER, epoch)
    if recipe.sampling == "replacement":
        return rng.integers(size, size=size)
    return rng.permutation(size)


def in_batches(order: NDArray[np.int64], batch_size: int) -> list[NDArray[np.int64]]:
    """Return `order` in parts of `batch_size`, the last one with what is left."""
    return np.split(order, range(batch_size, len(order), batch_size))


def batches_of(digits: Digits, parts: list[NDArray[np.int64]]) -> Iterator[Batch]:
    """Yield the digits of each part of an epoch's order."""
    for indices in parts:
        yield normalized(digits.images[indices]), digits.labels[indices]
