"""One forward and one backward pass of a reader's layer or network, and the gradients it leaves."""

import inspect
import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from mnist_bp.audit.subjects import MistakeError, arrays_in, call, forward_of, is_network, required
from mnist_bp.functions import Array

MAX_ENTRIES = 8
"""Along each axis of an array: of more, as many are perturbed, evenly spread."""

Batch: TypeAlias = tuple[list[Array], list[Array]]
"""Inputs and targets."""


@dataclass
class Pass:
    """One forward and one backward pass on a batch.

    Attributes
    ----------
    inputs, t : lists of arrays
    out : number or array
    dout : array
        What `backward` was handed, in the shape of `out`.
    arrays : dict
        The inputs and the parameters, by name; perturbing them in place changes `evaluate()`.
    gradients : dict
        What was found for each of them, and for a network what was found beside that.
    evaluate : function
        Returns the sum of `out * dout`.
    """

    inputs: list[Array]
    t: list[Array]
    out: Any
    dout: Array
    arrays: dict[str, Array]
    gradients: dict[str, Any]
    evaluate: Callable[[], Any]


def run(layer: Any, parameters: dict[str, Array], batch: Batch, frozen: bool = False) -> Pass:
    """Run forward and backward; what is written into an input or dout that is `frozen` raises."""
    inputs, t = batch
    forward = forward_of(layer)

    def copied(x: Array) -> Array:
        x = np.copy(x)
        x.flags.writeable = not frozen
        return x

    def evaluate() -> Any:
        return (call(forward, *map(np.copy, inputs), *t) * dout).sum(dtype=np.longdouble)

    handed = [*map(copied, inputs)]
    # The gradient comes first: a network has to go forward for it by itself.
    gradients = call(layer.gradient, *handed, *t) if is_network(layer) else {}
    out = call(forward, *handed, *t)
    dout = np.cos(np.arange(np.size(out))).reshape(np.shape(out))
    if is_network(layer):
        arrays = parameters
        if not isinstance(gradients, dict):
            kind = type(gradients).__name__
            raise MistakeError(f"gradient returns a {kind}, not a dict like params")
    else:
        before = {path for path, _ in arrays_in(layer)}
        douts = [copied(dout)] if inspect.signature(layer.backward).parameters else []
        found = [*_flat(layer.backward(*douts))]
        names = required(forward)[: len(inputs)]
        if not found or found[0] is None:
            raise MistakeError("backward returns None")
        if len(found) < len(names):
            raise MistakeError(f"backward returns {len(found)} gradient for {len(names)} inputs")
        gradients = dict(zip(names, found, strict=False))
        gradients |= _parameter_gradients(layer, parameters, found[len(names) :], before)
        arrays = dict(zip(names, inputs, strict=True)) | parameters
    return Pass(inputs, t, out, dout, _some(arrays), deepcopy(_some(gradients)), evaluate)


def _parameter_gradients(
    layer: Any, parameters: dict[str, Array], returned: list[Any], before: set[str]
) -> dict[str, Any]:
    """Find each parameter's gradient: by its name, or returned after dx, or a new array that fits.

    `before` names the arrays that the layer held before `backward`.
    """
    gradients, after = {}, dict(arrays_in(layer))
    new = [array for path, array in after.items() if path not in before]
    for i, (name, array) in enumerate(parameters.items()):
        names = {name, *(path for path, each in after.items() if each is array)}
        named = [each for path, each in after.items() if _is_gradient(path, names)]
        fitting = [each for each in (*returned, *new) if np.shape(each) == array.shape]
        gradients[name] = next(iter([*named, *fitting, *returned[i : i + 1]]), None)
    return gradients


def _is_gradient(path: str, names: set[str]) -> bool:
    """Return whether a name such as dW, grad_w, grads.0 or biasGrad is that of a gradient."""
    holder, _, leaf = path.lower().replace("_", "").rpartition(".")
    plain = re.sub(r"^(grad(ient)?s?|delta|d|g)(?=.)|grad(ient)?s?$", "", leaf)
    wanted = {each.lower().replace("_", "").rpartition(".")[2] for each in names}
    wanted |= {each[0] for each in wanted if each[0] in "wb"}
    return (plain != leaf and plain in wanted) or ("grad" in holder and leaf in wanted)


def _flat(found: Any) -> Iterator[Any]:
    """Yield the gradients that backward returns, also of (dx, [dW, db]) or of a dict."""
    if isinstance(found, list | tuple | dict):
        for each in found.values() if isinstance(found, dict) else found:
            yield from _flat(each)
    else:
        yield found


def _some(arrays: dict[str, Any]) -> dict[str, Any]:
    """Return views of arrays, of at most 8 entries along each axis; None stays None."""

    def some(array: Any) -> Any:
        index: Any = *(slice(None, None, -(-n // MAX_ENTRIES)) for n in np.shape(array)), ...
        return None if array is None else np.asarray(array)[index]

    return {name: some(array) for name, array in arrays.items()}
