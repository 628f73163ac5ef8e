"""The nodes of the computation graph: forward and backward, side by side.

A layer is two methods. `forward` computes the output and keeps what `backward` will need.
`backward` takes `dout`, the gradient of the final result with respect to that output, and returns
the gradient with respect to each input: the chain rule, one node at a time.

No `backward` writes into the gradient it was handed, no `forward` into its input. What `forward`
returns does not depend on what was kept, so threads may share a net for `predict`.

The formulas are those of chapter 5 of *Deep Learning from Scratch* (Koki Saitoh, O'Reilly Japan),
unless a docstring says otherwise.
"""

from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from mnist_bp.functions import (
    Array,
    as_floating,
    batch_size,
    log_softmax,
    mean_cross_entropy,
    sigmoid,
    target_rows,
)

Operand: TypeAlias = Any
"""What a graph node computes with: a Python number or an array of numbers, of any shape."""


class Layer(Protocol):
    """What a network needs of a layer: one input, one output, both ways."""

    def forward(self, x: Array, /) -> Array:
        """Return the layer's output."""

    def backward(self, dout: Array, /) -> Any:
        """Return the gradient with respect to the input of the last `forward`."""


class Add:
    """`z = x + y`: the gradient passes to both operands unchanged."""

    def forward(self, x: Operand, y: Operand) -> Operand:
        """Return `x + y`."""
        x, y = as_floating(x), as_floating(y)
        self.shapes = np.shape(x), np.shape(y)
        return x + y

    def backward(self, dout: Operand) -> tuple[Operand, Operand]:
        """Return the gradients with respect to `x` and `y`, each in its operand's shape."""
        x_shape, y_shape = self.shapes
        dout = _broadcast(dout, x_shape, y_shape)
        return _sum_to(dout, x_shape), _sum_to(dout, y_shape)


class Multiply:
    """`z = x * y`: each operand's gradient is scaled by the other operand."""

    def forward(self, x: Operand, y: Operand) -> Operand:
        """Return `x * y`."""
        self.x, self.y = as_floating(x), as_floating(y)
        return self.x * self.y

    def backward(self, dout: Operand) -> tuple[Operand, Operand]:
        """Return the gradients with respect to `x` and `y`, each in its operand's shape."""
        x_shape, y_shape = np.shape(self.x), np.shape(self.y)
        dout = _broadcast(dout, x_shape, y_shape)
        return _sum_to(dout * self.y, x_shape), _sum_to(dout * self.x, y_shape)


class Reciprocal:
    """`z = 1 / x`, whose derivative `-1 / x**2` is `-z**2`."""

    def forward(self, x: Operand) -> Operand:
        """Return `1 / x`."""
        self.z = 1 / as_floating(x)
        return self.z

    def backward(self, dout: Operand) -> Operand:
        """Return the gradient with respect to `x`."""
        return -as_floating(dout) * self.z**2


class Exp:
    """`z = exp(x)`, which is its own derivative."""

    def forward(self, x: Operand) -> Operand:
        """Return `exp(x)`."""
        self.z = np.exp(as_floating(x))
        return self.z

    def backward(self, dout: Operand) -> Operand:
        """Return the gradient with respect to `x`."""
        return dout * self.z


class Log:
    """`z = log(x)`, the natural logarithm, whose derivative is `1 / x`."""

    def forward(self, x: Operand) -> Operand:
        """Return `log(x)`."""
        self.x = as_floating(x)
        return np.log(self.x)

    def backward(self, dout: Operand) -> Operand:
        """Return the gradient with respect to `x`."""
        return dout / self.x


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
        # Where y is nearly 1, the difference 1 - y would keep few of its digits.
        self.y, self.one_minus_y = sigmoid(x), sigmoid(np.negative(x))
        return self.y

    def backward(self, dout: Array) -> Array:
        """Return the gradient with respect to `x`."""
        derivative: Array = self.y * self.one_minus_y
        return dout * derivative


class Affine:
    """`y = x W + b`, for a batch or for a single example.

    Parameters
    ----------
    W : array of shape (D, H)
        Weights, one column for each output. Kept, not copied: an update of the array in place
        updates the layer.
    b : array of shape (H,)
        Biases, kept in the same way.
    needs_dx : bool
        Whether `backward` computes the gradient with respect to `x`. The first layer of a net does
        without: the images do not change, and dx is a third of the layer's arithmetic.

    Attributes
    ----------
    dW, db : arrays of the shapes of `W` and `b`
        The gradients of the last `backward`, summed over its batch.
    """

    dW: Array
    db: Array

    def __init__(self, W: Array, b: Array, *, needs_dx: bool = True) -> None:
        self.W = W
        self.b = b
        self.needs_dx = needs_dx

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
        x = np.asarray(as_floating(x))
        self.x_shape = x.shape
        if x.ndim > 1:
            x = x.reshape(len(x), len(self.W))
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout: Array) -> Array | None:
        """Keep `dW` and `db`, and return the gradient with respect to `x`, in the shape of `x`.

        Without `needs_dx`, return None.
        """
        dout = as_floating(dout)
        self.dW = np.atleast_2d(self.x).T @ np.atleast_2d(dout)
        self.db = np.atleast_2d(dout).sum(axis=0)
        return (dout @ self.W.T).reshape(self.x_shape) if self.needs_dx else None


class SoftmaxWithLoss:
    """Softmax and cross entropy in one node, whose gradient is the plain difference `y - t`.

    The loss is the mean over the batch of `-log(y[target])`. It is computed from the logits by
    log-sum-exp, so it is finite and right even where softmax rounds to 0: nothing needs to be added
    inside the logarithm.
    """

    def forward(self, logits: Array, t: ArrayLike) -> np.floating[Any]:
        """Return the mean cross entropy; shapes and errors are those of `cross_entropy`."""
        log_y = log_softmax(logits)
        self.y = np.exp(log_y)
        self.t = target_rows(t, log_y)
        return mean_cross_entropy(log_y, self.t)

    def backward(self, dout: float = 1.0) -> Array:
        """Return the gradient with respect to the logits, in their shape."""
        return (self.y - self.t) * (dout / batch_size(self.y))


def _broadcast(dout: Operand, *shapes: tuple[int, ...]) -> Operand:
    """Return `dout` in the shape that operands of these shapes have together."""
    shape = np.broadcast_shapes(*shapes)
    dout = as_floating(dout)
    return dout if np.shape(dout) == shape else np.broadcast_to(dout, shape)


def _sum_to(gradient: Operand, shape: tuple[int, ...]) -> Operand:
    """Sum `gradient` over the axes along which an operand of this shape was repeated."""
    if np.shape(gradient) == shape:
        return gradient
    added = np.ndim(gradient) - len(shape)
    stretched = [added + axis for axis, size in enumerate(shape) if size == 1]
    return np.sum(gradient, axis=(*range(added), *stretched)).reshape(shape)
