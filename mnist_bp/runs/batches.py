"""Batches: which digits each step of an epoch learns from."""

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import fields
from functools import partial
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from mnist_bp.data.digits import Digits
from mnist_bp.data.distortion import Distortion
from mnist_bp.functions import in_batches, scale_pixels, smooth_labels
from mnist_bp.randomness import Purpose, stream
from mnist_bp.runs.recipe import Recipe

Batch = tuple[NDArray[np.float32], NDArray[Any]]
"""Pixels from 0 to 1, (N, 28, 28), and targets: labels (N,), or rows (N, 10) if smoothed."""

PREPARED_AHEAD = 4
"""Batches that wait for training: enough to even out what each takes."""

R = TypeVar("R")


def steps_per_epoch(recipe: Recipe, size: int) -> int:
    """Return how many batches `size` training digits make."""
    return math.ceil(size / recipe.batch_size)


def epoch_order(recipe: Recipe, epoch: int, size: int) -> NDArray[np.int64]:
    """Return which of the `size` training digits an epoch (1, 2, ...) learns from, in order."""
    rng = stream(recipe.seed, Purpose.ORDER, epoch)
    if recipe.sampling == "replacement":
        return rng.integers(size, size=size)
    return rng.permutation(size)


def batches(
    recipe: Recipe, digits: Digits, epoch: int, order: NDArray[np.int64], start: int = 0
) -> Iterator[Batch]:
    """Yield the batches of an epoch, from number `start` on, as the recipe wants them.

    What is distorted is prepared in another thread, ahead of its use. The random numbers of each
    batch are its own, so that changes nothing.
    """
    distort = Distortion(**{each.name: getattr(recipe, each.name) for each in fields(Distortion)})

    def prepare(number: int, indices: NDArray[np.int64]) -> Batch:
        images = digits.images.take(indices, axis=0)
        t: NDArray[Any] = digits.labels[indices]
        if recipe.label_smoothing:
            t = smooth_labels(t, recipe.label_smoothing)
        if not distort:
            return scale_pixels(images), t
        return distort(images, stream(recipe.seed, Purpose.DISTORTION, epoch, number)), t

    parts = list(enumerate(in_batches(order, recipe.batch_size)))[start:]
    work = (partial(prepare, *part) for part in parts)
    return ahead(work) if distort else (prepared() for prepared in work)


def ahead(work: Iterable[Callable[[], R]]) -> Iterator[R]:
    """Do the work in another thread, and yield what comes of each piece, in order.

    While one result is in use, the next ones are already made.
    """
    other_thread = ThreadPoolExecutor(1)
    waiting: deque[Future[R]] = deque()
    try:
        for piece in work:
            waiting.append(other_thread.submit(piece))
            if len(waiting) > PREPARED_AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        other_thread.shutdown(cancel_futures=True)
