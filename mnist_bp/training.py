"""The training loop, as the chapter's last listing has it: forward, backward, update.

All that makes a run repeatable, measured, saved and resumed lies around this loop, in `runs/`.
"""

import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_bp.errors import DivergedError
from mnist_bp.functions import Array
from mnist_bp.network import TwoLayerNet
from mnist_bp.optimizers import Optimizer


def train_batches(
    net: TwoLayerNet,
    optimizer: Optimizer,
    batches: Iterable[tuple[Array, NDArray[Any]]],
    rates: Iterable[float],
) -> Iterator[float]:
    """Train a net on one batch after the other, and yield the loss of each batch.

    Parameters
    ----------
    net : TwoLayerNet
    optimizer : Optimizer
        Updates the parameters of the net in place.
    batches : iterable of (x, t)
        Pixels from 0 to 1, (N, 784) or (N, 28, 28), and targets: labels (N,) or rows (N, 10).
    rates : iterable of float
        The learning rate of each step; it may go on when the batches end.

    Yields
    ------
    float
        The mean cross entropy of a batch, from before its update.

    Raises
    ------
    DivergedError
        The loss is not a finite number.
    """
    # A batch is asked for before a rate: where the batches of an epoch end, no rate is lost.
    for (x, t), lr in zip(batches, rates, strict=False):
        with np.errstate(over="ignore", invalid="ignore"):
            loss, gradients = net.loss_and_gradient(x, t)
            optimizer.update(net.params, gradients, lr)
        if not math.isfinite(loss):
            raise DivergedError(f"the loss is {loss}")
        yield float(loss)
