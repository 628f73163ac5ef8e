"""Hidden units: what each looks for, and how much the net uses it."""

from dataclasses import dataclass

import numpy as np

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
    speaks_for, speaks_against : int
        The digits to which its output adds most and least.
    use : float
        How much its output changes the logits from digit to digit: the standard deviation of the
        output times the length of the unit's row of `W2`.
    """

    index: int
    speaks_for: int
    speaks_against: int
    use: float


def most_used(net: TwoLayerNet, digits: Digits) -> list[Unit]:
    """Return all hidden units, the one that these digits use most first."""
    W2 = net.params["W2"].astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        use = _spread_of_outputs(net, digits) * np.linalg.norm(W2, axis=1)
    return [
        Unit(int(i), int(W2[i].argmax()), int(W2[i].argmin()), float(use[i]))
        for i in np.argsort(-use, kind="stable")
    ]


def _spread_of_outputs(net: TwoLayerNet, digits: Digits) -> np.ndarray:
    """Return the standard deviation of each hidden unit's output over all digits, (hidden,)."""
    total = squares = np.zeros(len(net.params["b1"]))
    for images in in_batches(digits.images, BATCH_SIZE):
        x = scale_pixels(images, net.params["W1"].dtype)
        hidden = net.layers["Activation"].forward(net.layers["Affine1"].forward(x))
        hidden = hidden.astype(np.float64)
        total = total + hidden.sum(axis=0)
        squares = squares + (hidden**2).sum(axis=0)
    mean = total / len(digits)
    # Rounding can leave a little less than nothing of a unit that never changes.
    return np.sqrt(np.maximum(squares / len(digits) - mean**2, 0))
