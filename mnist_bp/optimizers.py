"""Optimizers: how a gradient becomes a step, and how the learning rate changes over a run.

Each optimizer updates a net's parameters in place. With weight decay, a step also takes
`lr * weight_decay` of every weight off (decoupled from the gradient: I. Loshchilov and F. Hutter,
"Decoupled weight decay regularization", 2019). Biases do not decay.
"""

import math
from typing import Literal, Protocol, TypeAlias, get_args

import numpy as np

from mnist_bp.functions import Array

Arrays: TypeAlias = dict[str, Array]
Schedule: TypeAlias = Literal["constant", "linear", "cosine"]


class Optimizer(Protocol):
    """What training needs of an optimizer, and what a checkpoint keeps of it."""

    state: Arrays
    """What it remembers from step to step, by name, beside the parameters."""

    def update(self, params: Arrays, gradients: Arrays, lr: float) -> None:
        """Move every parameter, in place, by its gradient of the same name."""


class SGD:
    """Stochastic gradient descent, with momentum if wanted.

    Plain, it steps along the gradient: `p -= lr * g`. With momentum it steps along a velocity, a
    sum of gradients in which each counts `momentum` times what the next one does:
    `v = momentum * v + g`, `p -= lr * v`. Nesterov's form looks a step further ahead:
    `p -= lr * (g + momentum * v)` (I. Sutskever et al., "On the importance of initialization and
    momentum in deep learning", 2013, as it is commonly rearranged).

    Parameters
    ----------
    params : dict of arrays
        Those that will be updated, for their shapes.
    momentum : float
        From 0 to 1.
    nesterov : bool
    weight_decay : float
    """

    def __init__(
        self,
        params: Arrays,
        momentum: float = 0.0,
        *,
        nesterov: bool = False,
        weight_decay: float = 0.0,
    ) -> None:
        self.momentum = momentum
        self.nesterov = nesterov
        self.weight_decay = weight_decay
        self.state: Arrays = {}
        if momentum:
            self.state = {f"velocity.{name}": np.zeros_like(p) for name, p in params.items()}

    def update(self, params: Arrays, gradients: Arrays, lr: float) -> None:
        """Move every parameter against its gradient."""
        decay(params, lr * self.weight_decay)
        for name, parameter in params.items():
            direction = gradients[name]
            if self.momentum:
                velocity = self.state[f"velocity.{name}"]
                velocity *= self.momentum
                velocity += direction
                direction = direction + self.momentum * velocity if self.nesterov else velocity
            parameter -= lr * direction


class Adam:
    """Adam: each step is scaled by the recent size of its own gradient.

    `m = beta1 * m + (1 - beta1) * g` and `v = beta2 * v + (1 - beta2) * g**2` are running means
    that start at zero; bias correction makes up for that, `m_hat = m / (1 - beta1**t)` and
    `v_hat = v / (1 - beta2**t)` after t steps. Then `p -= lr * m_hat / (sqrt(v_hat) + epsilon)`
    (D. Kingma and J. Ba, "Adam: a method for stochastic optimization", 2015).

    Parameters
    ----------
    params : dict of arrays
        Those that will be updated, for their shapes.
    steps : int
        Steps taken already, where a run is resumed.
    weight_decay : float
    beta1, beta2, epsilon : float
        By default those of the paper.
    """

    def __init__(
        self,
        params: Arrays,
        *,
        steps: int = 0,
        weight_decay: float = 0.0,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
    ) -> None:
        self.steps = steps
        self.weight_decay = weight_decay
        self.beta1, self.beta2, self.epsilon = beta1, beta2, epsilon
        self.state: Arrays = {}
        for name, parameter in params.items():
            self.state[f"m.{name}"] = np.zeros_like(parameter)
            self.state[f"v.{name}"] = np.zeros_like(parameter)

    def update(self, params: Arrays, gradients: Arrays, lr: float) -> None:
        """Move every parameter against its gradient."""
        decay(params, lr * self.weight_decay)
        self.steps += 1
        for name, parameter in params.items():
            m, v, gradient = self.state[f"m.{name}"], self.state[f"v.{name}"], gradients[name]
            m *= self.beta1
            m += (1 - self.beta1) * gradient
            v *= self.beta2
            v += (1 - self.beta2) * gradient**2
            m_hat = m / (1 - self.beta1**self.steps)
            v_hat = v / (1 - self.beta2**self.steps)
            parameter -= lr * m_hat / (np.sqrt(v_hat) + self.epsilon)


def decay(params: Arrays, share: float) -> None:
    """Take a share off every weight, in place; biases stay."""
    if share:
        for parameter in params.values():
            if parameter.ndim > 1:
                parameter *= 1 - share


def learning_rate(peak: float, schedule: Schedule, warmup: float, step: int, steps: int) -> float:
    """Return the learning rate of a step.

    Parameters
    ----------
    peak : float
        The highest rate.
    schedule : {"constant", "linear", "cosine"}
        How it falls until the end of the run: not at all, straight, or along a cosine
        (I. Loshchilov and F. Hutter, "SGDR", 2017, without restarts).
    warmup : float
        The share of the run, 0 to 1, in which it first rises in a straight line.
    step, steps : int
        Steps done so far, and steps of the whole run.

    Raises
    ------
    ValueError
        The schedule is unknown.
    """
    rising = warmup * steps
    progress = (step - rising) / max(1.0, steps - rising)
    match schedule:
        case "constant":
            factor = 1.0
        case "linear":
            factor = 1 - progress
        case "cosine":
            factor = (1 + math.cos(math.pi * progress)) / 2
        case _:
            known = ", ".join(get_args(Schedule))
            raise ValueError(f"schedule must be one of {known}, not {schedule!r}")
    return peak * (min(1.0, (step + 1) / rising) if step < rising else factor)
