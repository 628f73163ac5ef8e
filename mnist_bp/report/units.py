"""Hidden units: which digits each one raises and lowers, and how much it changes the logits."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnist_bp.data.digits import Digits
from mnist_bp.evaluation import BATCH_SIZE
from mnist_bp.functions import in_batches, scale_pixels
from mnist_bp.network import TwoLayerNet


@dataclass(frozen=True)
class Unit:
    """A hidden unit.

    Attributes
    ----------
    index : int
        Its column of `W1`.
    raises, lowers : int
        The digits with the largest and the smallest weight in its row of `W2`.
    influence : float
        How much its output changes the logits from digit to digit: the standard deviation of the
        output times the length of the unit's row of `W2`.
    """

    index: int
    raises: int
    lowers: int
    influence: float


def by_influence(net: TwoLayerNet, digits: Digits) -> list[Unit]:
    """Return all hidden units, the one with the largest influence on these digits first."""
    W2 = net.params["W2"].astype(np.float64)
    # Weights can be so large that their products are not finite.
    with np.errstate(over="ignore", invalid="ignore"):
        influence = _deviation_of_outputs(net, digits) * np.linalg.norm(W2, axis=1)
    return [
        Unit(int(i), int(W2[i].argmax()), int(W2[i].argmin()), float(influence[i]))
        for i in np.argsort(-influence, kind="stable")
    ]


def _deviation_of_outputs(net: TwoLayerNet, digits: Digits) -> NDArray[np.float64]:
    """Return the standard deviation of each hidden unit's output over all digits, (hidden,)."""
    total = squares = np.zeros(len(net.params["b1"]))
    for images in in_batches(digits.images, BATCH_SIZE):
        x = scale_pixels(images, net.params["W1"].dtype)
        hidden = net.layers["Activation"].forward(net.layers["Affine1"].forward(x))
        hidden = hidden.astype(np.float64)
        total = total + hidden.sum(axis=0)
        squares = squares + (hidden**2).sum(axis=0)
    mean = total / len(digits)
    # Rounding can make the variance of a constant output slightly negative.
    return np.sqrt(np.maximum(squares / len(digits) - mean**2, 0))
