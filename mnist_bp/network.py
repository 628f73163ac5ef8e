"""The two-layer network: Affine, ReLU, Affine, SoftmaxWithLoss."""

import math
from collections.abc import MutableMapping
from typing import Any, Literal, TypeAlias, cast

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from mnist_bp.functions import Array, softmax, target_rows
from mnist_bp.layers import Affine, Layer, ReLU, Sigmoid, SoftmaxWithLoss
from mnist_bp.numerical import numerical_gradient

Activation: TypeAlias = Literal["relu", "sigmoid"]
ACTIVATIONS: dict[str, type[Layer]] = {"relu": ReLU, "sigmoid": Sigmoid}

Init: TypeAlias = Literal["he", "xavier"]
GAINS: dict[str, float] = {"he": 2.0, "xavier": 1.0}
"""By the name of the rule: the variance of a weight is this gain / number of inputs."""


class Parameters(dict[str, Array]):
    """The arrays that a net's layers compute with, by name.

    Assigning to a key copies into the array that is there, so the layers see it. An unknown key
    raises KeyError, an array of another shape ValueError.
    """

    def __setitem__(self, name: str, value: ArrayLike) -> None:
        if name not in self:
            raise KeyError(f"there is no parameter {name!r}; there are {', '.join(self)}")
        array, value = self[name], np.asarray(value)
        if value.shape != array.shape:
            raise ValueError(f"{name} has the shape {array.shape}, not {value.shape}")
        if value is not array:
            array[...] = value

    update = MutableMapping.update

    def __ior__(self, other: Any) -> "Parameters":  # type: ignore[override,misc]
        self.update(other)
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        # Copied and pickled as a whole: item by item, every key would be unknown.
        return Parameters, (dict(self),)


class TwoLayerNet:
    """The network of chapter 5: two affine layers with an activation between them.

    Parameters
    ----------
    input_size, hidden_size, output_size : int
        Pixels of an image, hidden units, classes: 784, 50 and 10 in the chapter.
    weight_init_std : float or {"he", "xavier"}
        Standard deviation of the normal distribution that both weight matrices are drawn from, or
        the rule that gives it from the number of a layer's inputs: the root of 2 over them, after
        K. He et al. (2015), made for ReLU, or of 1 over them, after X. Glorot and Y. Bengio (2010),
        as the book has it, for the sigmoid. Biases start at zero.
    dtype : dtype
        Type of the parameters, and so of all arithmetic. float64, the default, is what checking
        gradients needs; training takes float32.
    activation : {"relu", "sigmoid"}
    rng : numpy.random.Generator or int, optional
        Where the weights are drawn from; an int is a seed. Without one, every net is different.

    Attributes
    ----------
    params : dict
        `{"W1": (input, hidden), "b1": (hidden,), "W2": (hidden, output), "b2": (output,)}`: the
        layers' own arrays. Update them in place, or assign: that copies into them.
    layers : dict of layers
        From input to logits, in order: `Affine1`, `Activation`, `Affine2`.
    last_layer : SoftmaxWithLoss

    Raises
    ------
    ValueError
        The activation or the rule is unknown.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        output_size: int,
        weight_init_std: float | Init = 0.01,
        *,
        dtype: DTypeLike = np.float64,
        activation: Activation = "relu",
        rng: np.random.Generator | int | None = None,
    ) -> None:
        if isinstance(weight_init_std, str) and weight_init_std not in GAINS:
            known = " or ".join(GAINS)
            raise ValueError(f"weight_init_std must be a number, {known}, not {weight_init_std!r}")
        rng = np.random.default_rng(rng)

        def draw(inputs: int, outputs: int) -> Array:
            std = weight_init_std
            if isinstance(std, str):
                std = math.sqrt(GAINS[std] / inputs)
            return std * rng.standard_normal((inputs, outputs))

        params = {
            "W1": draw(input_size, hidden_size),
            "b1": np.zeros(hidden_size),
            "W2": draw(hidden_size, output_size),
            "b2": np.zeros(output_size),
        }
        self._assemble({name: array.astype(dtype) for name, array in params.items()}, activation)

    @classmethod
    def from_params(
        cls, params: dict[str, Array], activation: Activation = "relu"
    ) -> "TwoLayerNet":
        """Return a net that computes with these arrays themselves: `W1`, `b1`, `W2` and `b2`."""
        net = cls.__new__(cls)
        net._assemble(params, activation)
        return net

    def _assemble(self, params: dict[str, Array], activation: str) -> None:
        if activation not in ACTIVATIONS:
            known = ", ".join(ACTIVATIONS)
            raise ValueError(f"activation must be one of {known}, not {activation!r}")
        self.params = Parameters(params)
        self.layers: dict[str, Layer] = {
            "Affine1": Affine(params["W1"], params["b1"], needs_dx=False),
            "Activation": ACTIVATIONS[activation](),
            "Affine2": Affine(params["W2"], params["b2"]),
        }
        self.last_layer = SoftmaxWithLoss()

    def __repr__(self) -> str:
        (inputs, hidden), outputs = self.params["W1"].shape, len(self.params["b2"])
        activation = type(self.layers["Activation"]).__name__
        return f"<TwoLayerNet {inputs}-{hidden}-{outputs}, {activation}, {self.params['W1'].dtype}>"

    def predict(self, x: ArrayLike) -> Array:
        """Return the logits (N, 10) of a batch of images, or those (10,) of a single one.

        Parameters
        ----------
        x : array of shape (N, 784), (N, 28, 28), or (784,)
            Pixels between 0 and 1; taken in the type of the parameters.
        """
        out = np.asarray(x, self.params["W1"].dtype)
        for layer in self.layers.values():
            out = layer.forward(out)
        return out

    def predict_proba(self, x: ArrayLike) -> Array:
        """Return the class probabilities (N, 10), or (10,): the softmax of `predict(x)`."""
        return softmax(self.predict(x))

    def loss(self, x: ArrayLike, t: ArrayLike) -> np.floating[Any]:
        """Return the mean cross entropy; `t` holds labels (N,) or one-hot rows (N, 10)."""
        return self.last_layer.forward(self.predict(x), t)

    def accuracy(self, x: ArrayLike, t: ArrayLike) -> float:
        """Return the fraction of the batch that is classified as `t` says."""
        y = self.predict(x)
        return float(np.mean(y.argmax(axis=-1) == target_rows(t, y).argmax(axis=-1)))

    def gradient(self, x: ArrayLike, t: ArrayLike) -> dict[str, Array]:
        """Return the gradient of the loss by backpropagation, under the names of `params`."""
        return self.loss_and_gradient(x, t)[1]

    def loss_and_gradient(
        self, x: ArrayLike, t: ArrayLike
    ) -> tuple[np.floating[Any], dict[str, Array]]:
        """Return the loss and its gradient, from one forward and one backward pass."""
        loss = self.loss(x, t)

        dout = self.last_layer.backward()
        for layer in reversed(self.layers.values()):
            dout = layer.backward(dout)

        first, second = cast(Affine, self.layers["Affine1"]), cast(Affine, self.layers["Affine2"])
        return loss, {"W1": first.dW, "b1": first.db, "W2": second.dW, "b2": second.db}

    def numerical_gradient(self, x: ArrayLike, t: ArrayLike) -> dict[str, NDArray[np.float64]]:
        """Return the same gradient by central differences: slow, and right without any `backward`.

        Raises
        ------
        TypeError
            The parameters are not float64.
        """

        def loss(_: Any) -> np.floating[Any]:
            # In long double: the difference of two nearly equal losses cancels most digits.
            return self.last_layer.forward(self.predict(x).astype(np.longdouble), t)

        return {name: numerical_gradient(loss, array) for name, array in self.params.items()}
