"""The gradient check: what backpropagation says against what difference quotients say.

A net is checked as a whole, every parameter of it, and each layer by itself.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mnist_bp import layers
from mnist_bp.comparison import Evaluate, GradientCheck, Mask, ParameterCheck, compare
from mnist_bp.functions import Array, smooth_labels
from mnist_bp.network import TwoLayerNet
from mnist_bp.numerical import STEP

Inputs: TypeAlias = dict[str, NDArray[np.float64]]
Checks: TypeAlias = Iterator[ParameterCheck]


def check_gradients(
    net: TwoLayerNet, x: ArrayLike, t: ArrayLike, step: float = STEP
) -> GradientCheck:
    """Check every parameter of a net on a batch.

    A hidden unit of ReLU that is zero for every example has zero gradients, right or wrong. For the
    time of the check, the bias of such a dead unit is raised until one example excites it.

    Parameters
    ----------
    net : TwoLayerNet
        With float64 parameters.
    x : array of shape (N, 784) or (N, 28, 28)
    t : labels (N,) or one-hot (N, 10)
    step : float

    Returns
    -------
    GradientCheck
        With the exception in `error` where a layer raised one.

    Raises
    ------
    TypeError
        The parameters are not float64.
    """
    x, t = np.asarray(x), np.asarray(t)
    if net.params["W1"].dtype != np.float64:
        raise TypeError(f"a gradient check needs float64 parameters, not {net.params['W1'].dtype}")
    return _collect("network", _check_parameters(net, x, t, step))


def _collect(name: str, checks: Checks) -> GradientCheck:
    try:
        return GradientCheck(name, list(checks))
    except Exception as error:  # The layers may be a reader's own: what they raise is a result.
        return GradientCheck(name, error=f"raises {type(error).__name__}: {error}")


def _check_parameters(net: TwoLayerNet, x: Array, t: Array, step: float) -> Checks:
    """Check each parameter of a net."""
    with _without_dead_units(net, x):
        # Another batch goes first, to expose a layer that uses what it kept from there.
        net.gradient(np.flip(x), t)
        gradients = net.gradient(x, t)
        for key, array in net.params.items():
            losses = _losses_by_output(net, x, t, affine=f"Affine{key[-1]}")
            yield compare(key, losses, array, gradients[key], step, axes=1)


def _losses_by_output(net: TwoLayerNet, x: Array, t: Array, affine: str) -> Evaluate:
    """Return a function that says what each output of an affine layer does to the loss.

    An entry `W[i, j]` or `b[j]` changes nothing but output `j` of its layer, so a whole row of them
    is perturbed at once. For each output that has changed, the layers that follow are given a copy
    of the batch in which only that output has. The function returns the losses (H,) and the signs
    of ReLU's inputs (H, K).
    """
    chain = list(net.layers.values())
    position = list(net.layers).index(affine)
    for layer in chain[:position]:
        x = layer.forward(x)
    at_first = chain[position].forward(x)
    size, outputs = at_first.shape

    def follow(copies: Array) -> tuple[list[Any], Mask]:
        out, signs = copies.reshape(-1, outputs), np.empty((len(copies), 0), bool)
        for layer in chain[position + 1 :]:
            if isinstance(layer, layers.ReLU):
                signs = np.greater(out, 0).reshape(len(copies), -1)
            out = layer.forward(out)
        # In long double: the difference of two nearly equal losses cancels most digits.
        logits = out.astype(np.longdouble).reshape(len(copies), size, -1)
        return [net.last_layer.forward(each, t) for each in logits], signs

    first_loss, first_signs = follow(at_first[np.newaxis])

    def evaluate() -> tuple[Array, Mask]:
        out = chain[position].forward(x)
        losses, signs = np.repeat(first_loss, outputs), np.repeat(first_signs, outputs, axis=0)
        changed = np.flatnonzero((out != at_first).any(axis=0))
        at_once = max(1, 2**20 // at_first.size)
        for start in range(0, len(changed), at_once):
            some = changed[start : start + at_once]
            own = np.equal.outer(some, np.arange(outputs))[:, np.newaxis]
            losses[some], signs[some] = follow(np.where(own, out, at_first))
        return losses, signs

    return evaluate


@contextmanager
def _without_dead_units(net: TwoLayerNet, x: Array) -> Iterator[None]:
    """Raise the biases of hidden units that are zero for the whole batch, and put them back."""
    biases = net.params["b1"]
    before = biases.copy()
    if isinstance(net.layers["Activation"], layers.ReLU):
        inputs = net.layers["Affine1"].forward(np.asarray(x, biases.dtype))
        highest = inputs.max(axis=0)
        biases += np.where(highest <= 0, np.abs(inputs).max() - highest, 0)
    try:
        yield
    finally:
        biases[...] = before


def check_layer(
    layer: Any, inputs: Inputs, *constants: ArrayLike, step: float = STEP, name: str | None = None
) -> GradientCheck:
    """Check every input and every parameter of a single layer.

    The layer's output is made one number by a weighted sum; the weights are then the `dout` that
    its `backward` is given.

    Parameters
    ----------
    layer : object
        With `forward` and `backward`; `dW` and `db`, where it has `W` and `b`, are checked too.
    inputs : dict of float64 arrays
        The arguments of `forward` that have a gradient, in order.
    *constants : arrays
        The arguments that follow them and have none, such as labels.
    step : float
    name : str, optional
        What to call the layer; by default, its class's name.

    Returns
    -------
    GradientCheck
        With the exception in `error` where the layer raised one.
    """
    return _collect(name or type(layer).__name__, _check_arrays(layer, inputs, constants, step))


def _check_arrays(layer: Any, inputs: Inputs, constants: Iterable[Any], step: float) -> Checks:
    """Check each input of a layer, then each of its parameters."""
    # Another batch goes first, to expose a layer that uses what it kept from there.
    other = layer.forward(*(np.flip(array) for array in inputs.values()), *constants)
    dout = np.cos(np.arange(np.size(other))).reshape(np.shape(other))
    layer.backward(dout)

    def evaluate() -> tuple[Any, Mask]:
        signs = inputs["x"].ravel() > 0 if isinstance(layer, layers.ReLU) else np.empty(0, bool)
        out = layer.forward(*inputs.values(), *constants)
        return (out * dout).sum(dtype=np.longdouble), signs

    evaluate()
    found = layer.backward(dout)
    gradients = dict(zip(inputs, found if isinstance(found, tuple) else (found,), strict=True))
    arrays = inputs | {key: getattr(layer, key) for key in ("W", "b") if hasattr(layer, key)}
    for key, array in arrays.items():
        gradient = gradients[key] if key in inputs else getattr(layer, f"d{key}")
        yield compare(key, evaluate, array, gradient, step)


def check_all_layers(rng: np.random.Generator, step: float = STEP) -> Iterator[GradientCheck]:
    """Check every layer there is, each by itself, on small random inputs."""

    def normal(*shape: int) -> NDArray[np.float64]:
        return rng.standard_normal(shape)

    check = partial(check_layer, step=step)
    off_kink = normal(4, 10)
    off_kink += np.sign(off_kink)  # Now every entry is below -1 or above 1.
    labels = rng.integers(10, size=4)
    yield check(layers.Add(), {"x": normal(3, 4), "y": normal(3, 4)})
    yield check(layers.Multiply(), {"x": normal(3, 4), "y": normal(3, 4)})
    yield check(layers.Reciprocal(), {"x": 1 + normal(3, 4) ** 2})
    yield check(layers.Exp(), {"x": normal(3, 4)})
    yield check(layers.Log(), {"x": 1 + normal(3, 4) ** 2})
    yield check(layers.ReLU(), {"x": off_kink})
    yield check(layers.Sigmoid(), {"x": normal(4, 10)})
    yield check(layers.Affine(normal(12, 50), normal(50)), {"x": normal(4, 3, 4)})
    rows, smoothed = np.eye(10)[labels], smooth_labels(labels, 0.1)
    for kind, t in {"": labels, " (one-hot)": rows, " (smoothed)": smoothed}.items():
        name = f"SoftmaxWithLoss{kind}"
        yield check(layers.SoftmaxWithLoss(), {"logits": normal(4, 10)}, t, name=name)
