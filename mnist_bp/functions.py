"""The functions of the chapter: softmax, sigmoid, cross entropy, and their targets.

They take a batch, with one example in each row, or a single example (1-D). Arrays of whole numbers
are taken as float64.
"""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

Array: TypeAlias = NDArray[Any]
"""Floating-point numbers, unless a docstring says otherwise."""


def sigmoid(x: ArrayLike) -> Array:
    """Return `1 / (1 + exp(-x))` for every entry of `x`, without overflow for any finite `x`.

    Only a non-positive number is ever exponentiated: for `x < 0`, numerator and denominator are
    multiplied by `exp(x)`.
    """
    x = np.asarray(as_floating(x))
    with np.errstate(under="ignore"):
        small: Array = np.exp(-np.abs(x))
        y: Array = np.where(x < 0, small, 1) / (1 + small)
    return y


def softmax(logits: ArrayLike) -> Array:
    """Return the class probabilities of a batch of logits (N, C), or of a single example (C,)."""
    return np.asarray(np.exp(log_softmax(logits)))


def log_softmax(logits: ArrayLike) -> Array:
    """Return the logarithms of `softmax(logits)`, by log-sum-exp: exact where softmax rounds to 0.

    Subtracting a row's largest logit changes no probability, and lets no exponential overflow.
    """
    logits = np.asarray(as_floating(logits))
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))


def cross_entropy(logits: ArrayLike, t: ArrayLike) -> np.floating[Any]:
    """Return the mean of `-log(softmax(logits)[target])` over a batch.

    Parameters
    ----------
    logits : array of shape (N, C), or (C,) for a single example
    t : array of shape (N,) or (N, C); a number or (C,) for a single example
        Labels from 0 to C - 1, or rows that sum to one.

    Raises
    ------
    ValueError
        The batch is empty, or `t` does not fit: see `target_rows`.
    """
    log_y = log_softmax(logits)
    return mean_cross_entropy(log_y, target_rows(t, log_y))


def mean_cross_entropy(log_y: Array, t: Array) -> np.floating[Any]:
    """Return the mean over the batch of `-(t * log_y).sum()`, for two arrays of one shape."""
    total: np.floating[Any] = (t * -log_y).sum()
    return total / batch_size(log_y)


def batch_size(rows: Array) -> int:
    """Return how many examples `rows` holds: N for (N, C), and 1 for a single example (C,)."""
    return len(rows) if rows.ndim > 1 else 1


def one_hot(labels: ArrayLike, classes: int = 10) -> NDArray[np.bool_]:
    """Return labels of any shape (...) as booleans (..., classes), true at each label's place.

    Raises
    ------
    ValueError
        A label is not a whole number from 0 to `classes - 1`.
    """
    labels = np.asarray(labels)
    rows: NDArray[np.bool_] = labels[..., np.newaxis] == np.arange(classes)
    if np.count_nonzero(rows) != labels.size:
        raise ValueError(f"labels must be whole numbers from 0 to {classes - 1}")
    return rows


def smooth_labels(labels: ArrayLike, smoothing: float, classes: int = 10) -> NDArray[np.float64]:
    """Return smoothed targets (..., classes): `smoothing` in equal parts, the rest at the label.

    With them the loss no longer rewards ever larger logits (C. Szegedy et al., "Rethinking the
    inception architecture for computer vision", 2016).

    Raises
    ------
    ValueError
        A label is not a whole number from 0 to `classes - 1`.
    """
    rows = one_hot(labels, classes)
    return np.where(rows, 1 - smoothing + smoothing / classes, smoothing / classes)


def target_rows(t: ArrayLike, logits: Array) -> Array:
    """Return targets, given as labels or as rows, as rows in the shape of the logits.

    Raises
    ------
    ValueError
        There are no logits, the targets have another shape, or a label lies outside 0 to C - 1.
    """
    t, shape = np.asarray(t), logits.shape
    if not logits.size:
        raise ValueError("the batch is empty, so it has no loss")
    if t.shape == shape:
        return t.astype(logits.dtype, copy=False)
    if t.shape == shape[:-1]:
        return one_hot(t, shape[-1])
    raise ValueError(
        f"targets of shape {t.shape} do not fit logits of shape {shape}: "
        f"expected labels {shape[:-1]} or one-hot rows {shape}"
    )


def as_floating(x: Any) -> Any:
    """Return arrays of integers as float64; floating point and Python numbers as they are."""
    if isinstance(x, (int, float)):
        return x
    x = np.asarray(x)
    return x if x.dtype.kind == "f" else x.astype(np.float64)


def scale_pixels(images: NDArray[np.uint8], dtype: DTypeLike = np.float32) -> Array:
    """Return pixels from 0 to 255 as fractions from 0 to 1, in the same shape."""
    # Not divided by 255: a product is faster, and at most the last bit differs.
    return np.multiply(images, 1 / 255, dtype=dtype)


def in_batches(array: NDArray[Any], size: int) -> list[NDArray[Any]]:
    """Return views of an array in parts of `size` rows; the last part has what is left."""
    return np.split(array, range(size, len(array), size))
