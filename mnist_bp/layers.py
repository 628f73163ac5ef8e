"""The nodes of the computation graph: what each computes forward, and what it hands backward.

A layer is two methods. `forward` computes the output and keeps what the way back will need.
`backward` takes `dout`, the gradient of the final result with respect to that output, and returns
the gradient with respect to each input: the chain rule, one node at a time.

No `backward` writes into the gradient it is handed, and no `forward` into its input. What `forward`
returns does not depend on what was kept, so threads may share a net that only answers.

The formulas are those of chapter 5 of *Deep Learning from Scratch* (Koki Saitoh, O'Reilly Japan),
unless a docstring says otherwise.
"""

from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array: TypeAlias = NDArray[Any]
"""Numbers in floating point, where nothing else is said."""

Operand: TypeAlias = Any
"""What a graph node computes with: a Python number or an array of numbers, of any shape."""


class Layer(Protocol):
    """What a network needs of the layers it is made of: one input, one output, both ways."""

    def forward(self, x: Array, /) -> Array:
        """Return the layer's output."""

    def backward(self, dout: Array, /) -> Any:
        """Return the gradient with respect to the last `forward`'s input."""


class Add:
    """`z = x + y`: the gradient passes to both operands unchanged."""

    def forward(self, x: Operand, y: Operand) -> Operand:
        """Return `x + y`."""
        x, y = _as_real(x), _as_real(y)
        self.shapes = np.shape(x), np.shape(y)
        return x + y

    def backward(self, dout: Operand) -> tuple[Operand, Operand]:
        """Return the gradients with respect to `x` and `y`, each in its operand's shape."""
        x_shape, y_shape = self.shapes
        dout = _as_real(dout)
        return _sum_to(dout, x_shape), _sum_to(dout, y_shape)


class Multiply:
    """`z = x * y`: each operand's gradient is scaled by the other operand."""

    def forward(self, x: Operand, y: Operand) -> Operand:
        """Return `x * y`."""
        self.x, self.y = _as_real(x), _as_real(y)
        return self.x * self.y

    def backward(self, dout: Operand) -> tuple[Operand, Operand]:
        """Return the gradients with respect to `x` and `y`, each in its operand's shape."""
        dout = _as_real(dout)
        return _sum_to(dout * self.y, np.shape(self.x)), _sum_to(dout * self.x, np.shape(self.y))


class Reciprocal:
    """`z = 1 / x`, whose derivative `-1 / x**2` is `-z**2`."""

    def forward(self, x: Operand) -> Operand:
        """Return `1 / x`."""
        self.z = 1 / _as_real(x)
        return self.z

    def backward(self, dout: Operand) -> Operand:
        """Return the gradient with respect to `x`."""
        return -_as_real(dout) * self.z**2


class Exp:
    """`z = exp(x)`, which is its own derivative."""

    def forward(self, x: Operand) -> Operand:
        """Return `exp(x)`."""
        self.z = np.exp(_as_real(x))
        return self.z

    def backward(self, dout: Operand) -> Operand:
        """Return the gradient with respect to `x`."""
        return dout * self.z


class ReLU:
    """`y = max(x, 0)`: the gradient passes where the input was positive and stops elsewhere."""

    def forward(self, x: Array) -> Array:
        """Return `x` with its negative entries set to zero."""
        self.mask = np.greater(x, 0)
        return np.maximum(x, 0)

    def backward(self, dout: Array) -> Array:
        """Return the gradient with respect to `x`; at exactly zero it is taken to be zero."""
        return dout * self.mask


class Sigmoid:
    """`y = 1 / (1 + exp(-x))`, whose derivative is `y * (1 - y)`."""

    def forward(self, x: Array) -> Array:
        """Return the sigmoid of every entry of `x`."""
        self.y = y = sigmoid(x)
        return y

    def backward(self, dout: Array) -> Array:
        """Return the gradient with respect to `x`."""
        derivative: Array = self.y * (1 - self.y)
        return dout * derivative


class Affine:
    """`y = x W + b`, for a batch or for a single example.

    Parameters
    ----------
    W : array of shape (D, H)
        Weights, one column for each output. Kept, not copied: whoever updates the array in place
        updates the layer.
    b : array of shape (H,)
        Biases, kept in the same way.
    wants_dx : bool
        Whether `backward` computes the gradient with respect to `x`. A net's first layer does
        without: nobody changes the images, and it is a third of the layer's arithmetic.

    Attributes
    ----------
    dW, db : arrays of the shapes of `W` and `b`
        The gradients of the last `backward`, summed over its batch.
    """

    dW: Array
    db: Array

    def __init__(self, W: Array, b: Array, *, wants_dx: bool = True) -> None:
        self.W = W
        self.b = b
        self.wants_dx = wants_dx

    def forward(self, x: Array) -> Array:
        """Return `x W + b`.

        Parameters
        ----------
        x : array of shape (N, D), (D,), or (N, ...) with D entries for each example
            Images go in as they are, (N, 28, 28) for D = 784.

        Returns
        -------
        array of shape (N, H), or (H,) for a single example (D,)

        Raises
        ------
        ValueError
            An example does not have D entries.
        """
        x = np.asarray(_as_real(x))
        self.x_shape = x.shape
        self.x = x = x if x.ndim == 1 else x.reshape(len(x), len(self.W))
        return x @ self.W + self.b

    def backward(self, dout: Array) -> Array | None:
        """Keep `dW` and `db`, and return the gradient with respect to `x`, in the shape of `x`.

        Without `wants_dx`, return None.
        """
        dout = _as_real(dout)
        self.dW = np.atleast_2d(self.x).T @ np.atleast_2d(dout)
        self.db = np.atleast_2d(dout).sum(axis=0)
        return (dout @ self.W.T).reshape(self.x_shape) if self.wants_dx else None


class SoftmaxWithLoss:
    """Softmax and cross entropy in one node, whose gradient is the plain difference `y - t`.

    The loss is the mean over the batch of `-log(y[target])`. It is computed from the logits by
    log-sum-exp, so it is finite and right even where softmax rounds to 0: nothing needs to be added
    inside the logarithm.
    """

    def forward(self, logits: Array, t: ArrayLike) -> np.floating[Any]:
        """Return the mean cross entropy of a batch, or that of a single example.

        Parameters
        ----------
        logits : array of shape (N, C) or (C,)
            Or (..., N, C): batches side by side, each with a loss of its own.
        t : array of shape (N,) or (N, C); a number or (C,) for a single example
            Labels from 0 to C - 1, or one row for each example that sums to one (one-hot).

        Raises
        ------
        ValueError
            `t` fits neither form, or holds a label that is no class.
        """
        log_y = log_softmax(logits)
        self.y = np.exp(log_y)
        self.t = as_rows(t, log_y)
        return _mean_cross_entropy(log_y, self.t)

    def backward(self, dout: float = 1.0) -> Array:
        """Return the gradient with respect to the logits, in their shape."""
        return (self.y - self.t) * (dout / _batch_size(self.y))


def sigmoid(x: ArrayLike) -> Array:
    """Return `1 / (1 + exp(-x))` for every entry of `x`, without overflow for any finite `x`.

    Only a non-positive number is ever exponentiated: for `x < 0` the fraction is taken times
    `exp(x)`, above and below.
    """
    x = np.asarray(_as_real(x))
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
    logits = np.asarray(_as_real(logits))
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))


def cross_entropy(logits: ArrayLike, t: ArrayLike) -> np.floating[Any]:
    """Return the mean of `-log(softmax(logits)[target])`; shapes as for `SoftmaxWithLoss.forward`.

    Raises
    ------
    ValueError
        `t` fits neither form, or holds a label that is no class.
    """
    log_y = log_softmax(logits)
    return _mean_cross_entropy(log_y, as_rows(t, log_y))


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


def smoothed(labels: ArrayLike, smoothing: float, classes: int = 10) -> NDArray[np.float64]:
    """Return smoothed targets (..., classes): `smoothing` in equal parts, the rest at the label.

    So the net need not become ever surer of what it knows already (C. Szegedy et al., "Rethinking
    the inception architecture for computer vision", 2016).

    Raises
    ------
    ValueError
        A label is not a whole number from 0 to `classes - 1`.
    """
    rows = one_hot(labels, classes)
    return np.where(rows, 1 - smoothing + smoothing / classes, smoothing / classes)


def as_rows(t: ArrayLike, logits: Array) -> Array:
    """Return targets, labels or one-hot, as rows in the shape of the logits.

    Raises
    ------
    ValueError
        They fit neither form, or hold a label that is no class.
    """
    t, shape = np.asarray(t), logits.shape
    if t.shape == shape:
        return t.astype(logits.dtype, copy=False)
    if t.shape == shape[:-1]:
        return one_hot(t, shape[-1])
    raise ValueError(
        f"targets of shape {t.shape} do not fit logits of shape {shape}: "
        f"expected labels {shape[:-1]} or one-hot rows {shape}"
    )


def _mean_cross_entropy(log_y: Array, t: Array) -> np.floating[Any]:
    total: np.floating[Any] = (t * -log_y).sum(axis=(-2, -1) if log_y.ndim > 1 else -1)
    return total / _batch_size(log_y)


def _batch_size(rows: Array) -> int:
    """Return how many examples a batch of `rows` (N, C) has: a single one (C,) is one."""
    return rows.shape[-2] if rows.ndim > 1 else 1


def _as_real(x: Any) -> Any:
    """Return `x` ready for calculus: arrays of whole numbers become float64, all else stays."""
    if isinstance(x, (int, float)):
        return x
    x = np.asarray(x)
    return x if x.dtype.kind == "f" else x.astype(np.float64)


def _sum_to(gradient: Any, shape: tuple[int, ...]) -> Any:
    """Sum `gradient` over the axes along which an operand of this shape was repeated."""
    if np.shape(gradient) == shape:
        return gradient
    added = np.ndim(gradient) - len(shape)
    stretched = [added + axis for axis, size in enumerate(shape) if size == 1]
    return np.sum(gradient, axis=(*range(added), *stretched)).reshape(shape)
