"""Optimizers: how a gradient becomes a step. Each updates a net's parameters in place."""

from typing import Protocol

from mnist_bp.layers import Array

Arrays = dict[str, Array]


class Optimizer(Protocol):
    """What training needs of an optimizer, and what a weights file keeps of it."""

    state: Arrays
    """What it remembers from step to step, by name, beside the parameters."""

    def update(self, params: Arrays, gradients: Arrays) -> None:
        """Move every parameter, in place, by its gradient of the same name."""


class SGD:
    """Stochastic gradient descent: `p -= lr * dp`.

    Parameters
    ----------
    lr : float
        Learning rate.
    """

    def __init__(self, lr: float) -> None:
        self.lr = lr
        self.state: Arrays = {}

    def update(self, params: Arrays, gradients: Arrays) -> None:
        """Move every parameter against its gradient."""
        for name, parameter in params.items():
            parameter -= self.lr * gradients[name]
