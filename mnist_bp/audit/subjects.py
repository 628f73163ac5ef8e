"""Recognises what a class is by the arguments of its `__init__` and `forward`, under any name."""

import inspect
import random
import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_bp.functions import Array, cross_entropy, mean_cross_entropy, sigmoid, softmax
from mnist_bp.functions import target_rows as rows

D, H, C = 6, 7, 4
"""Features, hidden units, classes: none equals another or a batch, so nothing fits by chance."""

TRAINS = re.compile(r"(is_?)?train(ing)?(_?fla?g)?$", re.IGNORECASE)
TARGET = re.compile(r"(t|targets?|labels?|teacher|y_?true|answers?)$", re.IGNORECASE)
WEIGHTS = re.compile(r"(w|weights?)\d?$", re.IGNORECASE)
INPUT = re.compile(r"[xytwbad]\d?$|d?out$|inputs?$|d[xyz]$", re.IGNORECASE)
SIZES = re.compile(r"in|hid|out|n_|num_|[a-z]\d?$|.*(size|dim|units)", re.IGNORECASE)
PARAMETER = re.compile(r"params?\..*|(w(eights?)?|b(ias(es)?)?)\d?$", re.IGNORECASE)

_rng = np.random.default_rng(0)
W, BIASES, SCALES, SHIFTS, KERNELS = (_rng.normal(size=n) for n in ((D, C), C, D, D, (C, 2, 3, 3)))
PAIRS: list[Any] = [(W, BIASES), (BIASES, W), (W.T, BIASES), (SCALES, SHIFTS)]
PAIRS += [(D, C), (KERNELS, BIASES), (2, 2)]
# A network may count on the sizes of MNIST, or ask for an activation by its name.
NETS = [(D, H, C), (D, [H], C), (784, H, 10)], [(D, H, H, C), (D, H, C, 0.1), (D, H, C, "relu")]
ARGUMENTS: list[Any] = [[()], [(W,), (0.5,), (D,), ([D, H, C],)], PAIRS, *NETS]
"""What `__init__` may take, by the number of its arguments."""

DOMAINS: dict[str, Any] = {"real": np.positive, "positive": np.abs, "probabilities": softmax}
"""How numbers of any sign become inputs."""


@dataclass(frozen=True)
class Case:
    """One way of calling `forward`.

    Attributes
    ----------
    shapes : tuple of shapes
        Those of the inputs that have a gradient; 0 stands for the batch size.
    domain : {"real", "positive", "probabilities"}
    targets : {"", "one-hot", "labels"}
        What follows the inputs, if anything.
    classes : int
    """

    shapes: tuple[tuple[int, ...], ...]
    domain: str = "real"
    targets: str = ""
    classes: int = C

    def draw(self, samples: int, seed: int = 0) -> tuple[list[NDArray[np.float64]], list[Array]]:
        """Return the inputs and the targets of a batch; no input is near ReLU's kink at 0."""
        rng = np.random.default_rng([samples, seed])
        drawn = [rng.normal(size=[n or samples for n in shape]) for shape in self.shapes]
        inputs = [np.asarray(DOMAINS[self.domain](x + 0.2 * np.sign(x))) for x in drawn]
        labels = rng.integers(self.classes, size=samples)
        both: dict[str, Array] = {"one-hot": np.eye(self.classes)[labels], "labels": labels}
        return inputs, [both[self.targets]] if self.targets else []


ROW, MATRIX = (0, D), (D, C)
TARGETS = "one-hot", "labels"
LOSSES = [Case(((0, C),), domain, t) for domain in ("real", "probabilities") for t in TARGETS]
# The last one is for a loss that counts on the ten classes of MNIST.
LOSSES += [Case((ROW,), "real", "one-hot"), Case(((0, 10),), "real", "labels", 10)]
ONE_INPUT = [Case((ROW,)), Case((ROW,), "positive")]
ONE_INPUT += [Case((shape,)) for shape in ((0, 2, D), (0, 2, 4, 4), ())]
TWO_INPUTS = [Case((ROW, ROW)), Case((ROW, ROW), "positive"), Case((ROW, MATRIX))]
TWO_INPUTS += [Case(((), ()), "positive")]
THREE_INPUTS = [Case((ROW, MATRIX, (C,))), Case((ROW, ROW, ROW))]
CASES: list[list[Case]] = [[], ONE_INPUT, LOSSES + TWO_INPUTS, THREE_INPUTS]
"""Ways of calling `forward`, by the number of its arguments; the first that fits counts."""


class UnknownError(Exception):
    """A class is not any of the kinds that can be checked."""


class MistakeError(Exception):
    """A mistake that Python itself does not report."""


@dataclass(frozen=True)
class Subject:
    """A class, with a way to construct and to call it; `kind` is what it was taken for."""

    cls: Any
    arguments: tuple[Any, ...]
    case: Case = Case(())
    kind: str = ""

    def make(self) -> tuple[Any, dict[str, Array]]:
        """Return a new object, and its parameters by name: those it was given, or made itself."""
        own = dict(zip(required(self.cls), deepcopy(self.arguments), strict=True))
        layer = call(self.cls, **own)
        held = dict(sorted(arrays_in(layer), key=lambda item: "." in item[0]))
        if is_network(layer):
            return layer, _refilled(layer.params)
        if int in map(type, own.values()):
            named = {id(a): (name, a) for name, a in held.items() if PARAMETER.match(name)}
            return layer, _refilled(dict(named.values()))
        given = {name: array for name, array in own.items() if isinstance(array, np.ndarray)}
        for name, array in given.items():
            equal = (each for each in held.values() if np.array_equal(each, array))
            given[name] = next(equal, array)
        return layer, given

    def known(self, parameters: dict[str, Array], inputs: list[Array], t: list[Array]) -> Any:
        """Return what those layers of the chapter give that are called in this way, by kind."""
        x, y = inputs[0], inputs[-1]
        arguments: list[Any] = [len(inputs), self.case.targets, *parameters.values()]
        match arguments:
            case 1, "" if not self.arguments:
                results = {"ReLU": np.maximum(x, 0), "Sigmoid": sigmoid(x), "Exp": np.exp(x)}
                results["Reciprocal"] = np.divide(1, x)
                return results | ({"Softmax": softmax(x)} if x.ndim > 1 else {})
            case 2, "" if x.shape == y.shape:
                return {"Add": x + y, "Multiply": x * y}
            case 1, "", weights, biases if weights.shape == (D, C) and x.ndim == 2:
                return {"Affine": x @ weights + biases}
            case 1, ("one-hot" | "labels") if x.shape[1:] in ((C,), (10,)) and not self.arguments:
                if self.case.domain == "real":
                    return {"SoftmaxWithLoss": cross_entropy(x, t[0])}
                return {"cross entropy": mean_cross_entropy(np.log(x), rows(t[0], x))}
        return {}


def _refilled(parameters: dict[str, Array]) -> dict[str, Array]:
    """Fill arrays in place, for layers hold them: tiny weights, or huge ones, would hide much."""
    rng = np.random.default_rng(0)
    for array in parameters.values():
        if np.ndim(array) == 0 or array.dtype != np.float64:
            raise UnknownError("it has parameters that are not float64 arrays")
        array[...] = rng.normal(scale=len(array) ** -0.5, size=array.shape)
    return parameters


def recognise(cls: Any) -> Subject:
    """Find out how a class is constructed and called.

    Raises
    ------
    UnknownError
        No way of calling it is known.
    Exception
        What the class itself raises.
    """
    _check_self(cls)
    names, problems, unmade = required(cls), list[Exception](), list[Exception]()
    for arguments in ARGUMENTS[len(names)] if len(names) < len(ARGUMENTS) else ():
        try:
            cases = _cases(*Subject(cls, arguments).make())
        except Exception as error:
            if isinstance(error, UnknownError):
                raise
            unmade.append(error)
            continue
        fitting = filter(None, (_fit(Subject(cls, arguments, case), problems) for case in cases))
        if first := next(fitting, None):
            losses = (each for each in fitting if each.case.targets and each.kind != "loss")
            return next(losses, first) if first.kind == "loss" else first
    problems += unmade  # What could be constructed comes first: its arguments were right.
    own = [each for each in problems if is_own(each)]
    if problems and (own or not names or _is_known(cls, names)):
        raise (own or problems)[0]
    raise UnknownError(f"__init__ takes {', '.join(names)}: what these are is not known")


def _check_self(cls: Any) -> None:
    """Raise where a method plainly begins with something else than the object itself."""
    for name in ("__init__", "forward", "backward", "loss", "gradient"):
        method = inspect.getattr_static(cls, name, None)
        if inspect.isfunction(method):
            first = next(iter(inspect.signature(method).parameters), "missing")
            if first == "missing" or INPUT.match(first):
                raise MistakeError(f"{name} has no self: its first argument is {first}")


def _cases(layer: Any, parameters: dict[str, Array]) -> list[Case]:
    if is_network(layer):
        if any(array.ndim > 2 for array in parameters.values()):
            raise UnknownError("it has weights with more than two axes")
        matrices = [array.shape for array in parameters.values() if array.ndim > 1]
        shapes, classes = ((0, matrices[0][0]),), matrices[-1][-1]
        return [Case(shapes, "real", targets, classes) for targets in TARGETS]
    if not hasattr(layer, "forward"):
        raise UnknownError("its params are not a dict")
    names, backward = required(forward_of(layer)), required(layer.backward)
    if not 0 < len(names) < len(CASES) or len(backward) > 1 or "ctx" in names:
        raise UnknownError(f"forward takes {', '.join(names)}; backward {', '.join(backward)}")
    is_loss = len(names) == 2 and TARGET.match(names[1])
    return LOSSES if is_loss or len(required(type(layer))) > 2 else CASES[len(names)]


def _fit(subject: Subject, problems: list[Exception]) -> Subject | None:
    """Return the subject with its kind, if it can be called in this way."""
    try:
        for samples in (3, 1):
            layer, parameters = subject.make()
            inputs, t = subject.case.draw(samples)
            out = call(forward_of(layer), *map(np.copy, inputs), *t)
            if out is None:
                raise MistakeError(f"{forward_of(layer).func.__name__} returns None")
            if np.asarray(out).dtype == np.float32:
                raise UnknownError("it computes in float32: the check needs float64")
            is_loss = np.size(out) == 1 or TARGET.match(required(forward_of(layer))[-1])
            is_batch = np.shape(out) == () or (inputs[0].ndim and len(out) == samples)
            if not np.isfinite(out).all() or (t and not is_loss) or not is_batch:
                return None
    except Exception as error:
        if isinstance(error, UnknownError):
            raise
        problems.append(error)
        return None
    if is_network(layer):
        return replace(subject, kind="network")
    known = subject.known(parameters, inputs, t)
    short = re.sub(r"layer|node|gate|function|my|_|\d", "", subject.cls.__name__.lower())
    by_name = [kind for kind in known if len(short) > 2 and kind.lower().startswith(short)]
    kinds = by_name or [kind for kind, result in known.items() if agrees(out, result)]
    count = ("one input", "two inputs", "three inputs")[len(inputs) - 1]
    return replace(subject, kind=[*kinds, "loss" if t else "weights" if parameters else count][0])


def _is_known(cls: Any, names: list[str]) -> bool:
    """Return whether `__init__` plainly takes weights and biases, or the sizes of a network."""
    if hasattr(cls, "loss") and hasattr(cls, "gradient"):
        return len(names) in (3, 4) and all(map(SIZES.match, names[:3]))
    return len(names) == 2 and WEIGHTS.match(names[0]) is not None


def is_own(error: BaseException) -> bool:
    """Return whether an exception is a mistake of the class, whatever it is called with."""
    if isinstance(error, AttributeError):
        return not isinstance(error.obj, np.ndarray | np.number | float | int | list)
    return not isinstance(error, TypeError | ValueError | IndexError)


def is_network(layer: Any) -> bool:
    """Return whether an object has the shape of the chapter's network."""
    has_methods = hasattr(layer, "loss") and hasattr(layer, "gradient")
    return has_methods and isinstance(getattr(layer, "params", None), dict)


def forward_of(layer: Any) -> Any:
    """Return the function whose gradient is checked; one that asks is told that it trains."""
    forward = layer.loss if is_network(layer) else layer.forward
    flags = [name for name in inspect.signature(forward).parameters if TRAINS.match(name)]
    return partial(forward, **dict.fromkeys(flags, True))


def call(function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """Call a function with the same global random numbers each time, as Dropout needs it."""
    np.random.seed(0)  # noqa: NPY002
    random.seed(0)
    return function(*arguments, **named)


def required(function: Any) -> list[str]:
    """Return the arguments that a function needs, with targets that may be left out."""
    parameters = [*inspect.signature(function).parameters.values()]
    needed = (p for p in parameters if p.default is p.empty)
    names = [p.name for p in needed if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    following = [p.name for p in parameters[1:2] if len(names) == 1 and TARGET.match(p.name)]
    return names + following


def arrays_in(layer: Any) -> Iterator[tuple[str, Any]]:
    """Yield the arrays that an object holds, also in lists and dicts, such as "grads.W"."""
    for name in dict.fromkeys([*getattr(layer, "__dict__", ()), *dir(type(layer))]):
        if name.startswith("__"):
            continue
        try:  # A property may need what is not there yet.
            value = getattr(layer, name)
        except Exception:
            continue
        name = re.sub(r"^_[^_]\w*?__|^_+", "", name)  # self.__W is stored as _Affine__W
        if isinstance(value, list | tuple):
            value = dict(enumerate(value))
        for key, part in value.items() if isinstance(value, dict) else [("", value)]:
            if isinstance(part, np.ndarray | np.number):
                yield f"{name}.{key}".removesuffix("."), part


def agrees(out: Any, result: Any) -> bool:
    """Return whether two results are equal but for `+ 1e-7` inside a logarithm."""
    return np.shape(out) == np.shape(result) and np.allclose(out, result, rtol=1e-4, atol=1e-5)
