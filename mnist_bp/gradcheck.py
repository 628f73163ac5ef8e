"""The gradient check: what backpropagation says against what difference quotients say.

One checker, `compare`, serves every parameter of a net and every input and parameter of a layer. It
sees a function of one array and the gradient that backpropagation claims for it, nothing else.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mnist_bp.layers import (
    Add,
    Affine,
    Array,
    Exp,
    Multiply,
    Reciprocal,
    ReLU,
    Sigmoid,
    SoftmaxWithLoss,
    smoothed,
)
from mnist_bp.network import TwoLayerNet
from mnist_bp.numerical import STEP, numerical_gradient

TOLERANCE = 1e-7
"""The largest relative error that passes, by default. A wrong formula errs by about 1."""

MAX_CORNER_SHARE = 0.01
"""The share of entries on a corner above which a check says too little to pass."""

Evaluate: TypeAlias = Callable[[], tuple[Any, NDArray[np.bool_]]]
"""Returns numbers and, along one axis more, which inputs of ReLU are positive on the way there."""


@dataclass(frozen=True)
class ParameterCheck:
    """The two gradients of one parameter, compared entry by entry.

    Attributes
    ----------
    name : str
    numerical, backpropagated : float64 arrays of the parameter's shape
    on_corner : bool array of the same shape
        Where a perturbation changed the sign of some ReLU's input. The difference quotient then
        straddles a corner and means nothing, so both figures leave the entry out.
    """

    name: str
    numerical: NDArray[np.float64]
    backpropagated: NDArray[np.float64]
    on_corner: NDArray[np.bool_]

    @property
    def shape(self) -> tuple[int, ...]:
        """The parameter's shape."""
        return self.numerical.shape

    @property
    def corners(self) -> int:
        """How many entries lie on a corner."""
        return int(np.count_nonzero(self.on_corner))

    @property
    def corner_indices(self) -> list[tuple[int, ...]]:
        """Where these entries are, in C order."""
        return [tuple(int(i) for i in index) for index in np.argwhere(self.on_corner)]

    @property
    def errors(self) -> NDArray[np.float64]:
        """Absolute differences, entry by entry; 0 on a corner, infinite for what is no number."""
        difference = np.where(self.on_corner, 0.0, np.abs(self.numerical - self.backpropagated))
        return np.where(np.isfinite(difference), difference, np.inf)

    @property
    def mean_abs_error(self) -> float:
        """The mean difference, over the entries off the corners."""
        return float(self.errors.sum() / max(1, self.errors.size - self.corners))

    @property
    def max_rel_error(self) -> float:
        """The largest difference over the largest gradient; 0 where there is no difference."""
        largest = self.errors.max()
        if largest == 0:
            return 0.0
        both = np.stack([self.numerical, self.backpropagated])[:, ~self.on_corner]
        return float(largest / np.abs(both).max())

    @property
    def worst(self) -> tuple[int, ...]:
        """The index at which the two gradients differ the most."""
        return tuple(int(i) for i in np.unravel_index(self.errors.argmax(), self.shape))

    def figures(self) -> dict[str, Any]:
        """Return what `--json` tells of the parameter; None stands for what is not a number."""
        errors = {"mean_abs_error": self.mean_abs_error, "max_rel_error": self.max_rel_error}
        return {
            "name": self.name,
            "shape": list(self.shape),
            "corners": self.corners,
            **{name: error if np.isfinite(error) else None for name, error in errors.items()},
        }

    def describe_worst(self) -> str:
        """Say where the two gradients differ the most, and both values there."""
        at = self.worst
        return (
            f"{self.name}[{', '.join(map(str, at))}]: backpropagation says "
            f"{self.backpropagated[at]:.6g}, the difference quotient {self.numerical[at]:.6g}"
        )


@dataclass(frozen=True)
class GradientCheck:
    """The checks of all parameters of one net or one layer."""

    name: str
    parameters: list[ParameterCheck]

    @property
    def entries(self) -> int:
        """How many numbers were perturbed."""
        return sum(parameter.numerical.size for parameter in self.parameters)

    @property
    def corners(self) -> int:
        """How many of them lie on a corner."""
        return sum(parameter.corners for parameter in self.parameters)

    @property
    def max_rel_error(self) -> float:
        """The largest relative error of any parameter."""
        return max(parameter.max_rel_error for parameter in self.parameters)

    def failures(self, tolerance: float = TOLERANCE) -> list[str]:
        """Return a sentence for each reason why the check does not hold; none where it does."""
        found = [
            f"{self.name}: {parameter.describe_worst()} "
            f"(relative error {parameter.max_rel_error:.2g}, tolerance {tolerance:.2g})"
            for parameter in self.parameters
            if not parameter.max_rel_error <= tolerance
        ]
        if self.corners > MAX_CORNER_SHARE * self.entries:
            found.append(
                f"{self.name}: {self.corners} of {self.entries} entries lie on a corner of ReLU, "
                f"more than {MAX_CORNER_SHARE:.0%}: try a smaller step or another seed"
            )
        return found


def compare(
    name: str,
    evaluate: Evaluate,
    array: Array,
    backpropagated: Array,
    step: float = STEP,
    *,
    rows_at_once: bool = False,
) -> ParameterCheck:
    """Check the gradient of one array.

    Parameters
    ----------
    name : str
        What to call the array in messages.
    evaluate : function
        Returns the number whose gradient is checked, computed from `array` as it is at that moment,
        and the signs of all inputs of ReLU on the way to it, (K,).
    array : float64 array
        Perturbed in place and put back, entry by entry.
    backpropagated : array of the same shape
        The gradient that backpropagation found.
    step : float
        Half the width of the difference quotients.
    rows_at_once : bool
        As for `numerical_gradient`: `evaluate` returns a number and signs for each entry of a row.

    Returns
    -------
    ParameterCheck
        Failed without a look if the gradient does not even have the array's shape.
    """
    if np.shape(backpropagated) != array.shape:
        return ParameterCheck(
            f"{name} (a gradient of shape {np.shape(backpropagated)}, expected {array.shape}) ",
            numerical=np.zeros(array.shape),
            backpropagated=np.full(array.shape, np.nan),
            on_corner=np.zeros(array.shape, bool),
        )
    _, unperturbed = evaluate()
    crossed: list[NDArray[np.bool_]] = []

    def f(_: Any) -> Any:
        value, signs = evaluate()
        crossed.append((signs != unperturbed).any(axis=-1))
        return value

    numerical = numerical_gradient(f, array, step, rows_at_once=rows_at_once)
    # An entry was perturbed twice, up and down.
    on_corner = np.asarray(np.logical_or(crossed[::2], crossed[1::2])).reshape(array.shape)
    return ParameterCheck(name, numerical, np.array(backpropagated, np.float64), on_corner)


def check_network(
    net: TwoLayerNet, x: ArrayLike, t: ArrayLike, step: float = STEP
) -> GradientCheck:
    """Check every parameter of a net on a batch.

    A hidden unit of ReLU that no example of the batch excites has zero gradients, right or wrong.
    For the time of the check, its bias is raised until one does.

    Parameters
    ----------
    net : TwoLayerNet
        With float64 parameters.
    x : array of shape (N, 784) or (N, 28, 28)
    t : labels (N,) or one-hot (N, 10)
    step : float

    Raises
    ------
    TypeError
        The parameters are not float64.
    """
    x = np.asarray(x)
    with _all_units_awake(net, x):
        # Another batch goes first: a layer that answers with something it kept is found out.
        net.gradient(np.flip(x), t)
        gradients = net.gradient(x, t)
        checks = []
        for name, array in net.params.items():
            evaluate = _losses_by_output(net, x, t, affine=f"Affine{name[-1]}")
            checks.append(compare(name, evaluate, array, gradients[name], step, rows_at_once=True))
        return GradientCheck("network", checks)


def _losses_by_output(net: TwoLayerNet, x: Array, t: ArrayLike, affine: str) -> Evaluate:
    """Return a function that tells what each output of an affine layer does to the loss.

    An entry `W[i, j]` or `b[j]` changes nothing but output `j` of its layer. So a whole row of them
    is perturbed at once, and the rest of the net is given as many copies of the batch as there are
    outputs: in copy `j`, output `j` is as it is now, and the others are as they were at first.
    """
    layers = list(net.layers.values())
    position = list(net.layers).index(affine)
    for layer in layers[:position]:
        x = layer.forward(x)
    at_first = layers[position].forward(x)
    own_output = np.eye(at_first.shape[-1], dtype=bool)[:, np.newaxis]
    copies, batch_size = len(own_output), len(at_first)
    t = np.asarray(t)
    t = np.broadcast_to(t, (copies, *t.shape))

    def evaluate() -> tuple[Any, NDArray[np.bool_]]:
        out = np.where(own_output, layers[position].forward(x), at_first)
        out = out.reshape(copies * batch_size, -1)
        signs = np.empty((copies, 0), bool)
        for layer in layers[position + 1 :]:
            if isinstance(layer, ReLU):
                signs = np.greater(out, 0).reshape(copies, -1)
            out = layer.forward(out)
        # A difference of two nearly equal losses keeps only the digits that rounding left them.
        logits = out.astype(np.longdouble).reshape(copies, batch_size, -1)
        return net.last_layer.forward(logits, t), signs

    return evaluate


@contextmanager
def _all_units_awake(net: TwoLayerNet, x: Array) -> Iterator[None]:
    """Raise the biases of hidden units that are off for the whole batch, and put them back."""
    biases = net.params["b1"]
    before = biases.copy()
    if isinstance(net.layers["Activation"], ReLU):
        inputs = net.layers["Affine1"].forward(np.asarray(x, biases.dtype))
        highest = inputs.max(axis=0)
        asleep = highest <= 0
        biases[asleep] += np.abs(inputs).max() - highest[asleep]
    try:
        yield
    finally:
        biases[...] = before


def check_layer(
    layer: Any,
    inputs: dict[str, NDArray[np.float64]],
    *constants: ArrayLike,
    step: float = STEP,
    name: str | None = None,
) -> GradientCheck:
    """Check every input and every parameter of a single layer.

    The layer's output is made one number by a weighted sum; the weights are then the `dout` that
    its `backward` is given.

    Parameters
    ----------
    layer : object
        With `forward` and `backward`; `dW` and `db`, where it has them, are checked too.
    inputs : dict of float64 arrays
        The arguments of `forward` that have a gradient, in order.
    *constants : arrays
        The arguments that follow them and have none, such as labels.
    step : float
    name : str, optional
        What to call the layer; by default, its class's name.
    """

    def forward() -> Any:
        return layer.forward(*inputs.values(), *constants)

    # Another batch goes first: a layer that answers with something it kept from there is found out.
    other = layer.forward(*(np.flip(array) for array in inputs.values()), *constants)
    dout = np.cos(np.arange(np.size(other))).reshape(np.shape(other))
    layer.backward(dout)

    def evaluate() -> tuple[Any, NDArray[np.bool_]]:
        signs = inputs["x"].ravel() > 0 if isinstance(layer, ReLU) else np.empty(0, bool)
        return (forward() * dout).sum(dtype=np.longdouble), signs

    forward()
    found = layer.backward(dout)
    gradients = dict(zip(inputs, found if isinstance(found, tuple) else (found,), strict=True))
    arrays = dict(inputs)
    for parameter in ("W", "b"):
        if hasattr(layer, parameter):
            arrays[parameter] = getattr(layer, parameter)
            gradients[parameter] = getattr(layer, f"d{parameter}")
    return GradientCheck(
        name or type(layer).__name__,
        [compare(key, evaluate, arrays[key], gradients[key], step) for key in arrays],
    )


def check_all_layers(rng: np.random.Generator, step: float = STEP) -> Iterable[GradientCheck]:
    """Check every layer there is, each by itself, on small random inputs."""

    def normal(*shape: int) -> NDArray[np.float64]:
        return rng.standard_normal(shape)

    off_corner = normal(4, 10)
    off_corner += np.sign(off_corner)
    labels = rng.integers(10, size=4)
    yield check_layer(Add(), {"x": normal(3, 4), "y": normal(3, 4)}, step=step)
    yield check_layer(Multiply(), {"x": normal(3, 4), "y": normal(3, 4)}, step=step)
    yield check_layer(Reciprocal(), {"x": 1 + normal(3, 4) ** 2}, step=step)
    yield check_layer(Exp(), {"x": normal(3, 4)}, step=step)
    yield check_layer(ReLU(), {"x": off_corner}, step=step)
    yield check_layer(Sigmoid(), {"x": normal(4, 10)}, step=step)
    yield check_layer(Affine(normal(12, 50), normal(50)), {"x": normal(4, 3, 4)}, step=step)
    yield check_layer(SoftmaxWithLoss(), {"logits": normal(4, 10)}, labels, step=step)
    yield check_layer(
        SoftmaxWithLoss(),
        {"logits": normal(4, 10)},
        np.eye(10)[labels],
        step=step,
        name="SoftmaxWithLoss (one-hot)",
    )
    yield check_layer(
        SoftmaxWithLoss(),
        {"logits": normal(4, 10)},
        smoothed(labels, 0.1),
        step=step,
        name="SoftmaxWithLoss (smoothed)",
    )
