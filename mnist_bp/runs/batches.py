"""Batches: which digits each step of an epoch is trained on, and how they are distorted."""

from collections.abc import Iterator
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mnist_bp.data.digits import Digits
from mnist_bp.functions import in_batches, scale_pixels, smooth_labels
from mnist_bp.randomness import Purpose, stream
from mnist_bp.runs.background import prefetch
from mnist_bp.runs.recipe import Recipe

Batch: TypeAlias = tuple[NDArray[np.float32], NDArray[Any]]
"""Pixels from 0 to 1, (N, 28, 28), and targets: labels (N,), or rows (N, 10) if smoothed."""


def permutation(recipe: Recipe, epoch: int, size: int) -> NDArray[np.int64]:
    """Return the indices of the training digits of an epoch (1, 2, ...), in order, (size,)."""
    rng = stream(recipe.seed, Purpose.PERMUTATION, epoch)
    replacement = recipe.sampling == "replacement"
    return rng.integers(size, size=size) if replacement else rng.permutation(size)


def batches(recipe: Recipe, digits: Digits, epoch: int, start: int = 0) -> Iterator[Batch]:
    """Yield the batches of an epoch (1, 2, ...), from number `start` on, as the recipe says.

    Distorted batches are prefetched in another thread. Each batch has a random stream of its own,
    so this changes no number.
    """
    distort = recipe.distortion_in(epoch)

    def prepare(number: int, indices: NDArray[np.int64]) -> Batch:
        images = digits.images.take(indices, axis=0)
        t: NDArray[Any] = digits.labels[indices]
        if recipe.label_smoothing:
            t = smooth_labels(t, recipe.label_smoothing)
        if not distort:
            return scale_pixels(images), t
        return distort(images, stream(recipe.seed, Purpose.DISTORTION, epoch, number)), t

    order = permutation(recipe, epoch, len(digits))
    parts = list(enumerate(in_batches(order, recipe.batch_size)))[start:]
    tasks = (partial(prepare, *part) for part in parts)
    return prefetch(tasks) if distort else (task() for task in tasks)
