"""Compares a reader's functions, such as softmax and sigmoid, with ours."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any, TypeAlias

import numpy as np

from mnist_bp.audit.causes import difference
from mnist_bp.audit.subjects import LOSSES, UnknownError, agrees, is_own, required
from mnist_bp.functions import mean_cross_entropy, sigmoid, softmax, target_rows
from mnist_bp.numerical import numerical_gradient

Describe: TypeAlias = Callable[[BaseException], str]
Findings: TypeAlias = tuple[list[str], list[str]]
"""What is wrong, and what is only worth a remark."""

(X,), (ROWS,) = LOSSES[0].draw(3)
Y, LABELS = softmax(X), ROWS.argmax(axis=-1)
Calls: TypeAlias = dict[str, tuple[Any, ...]]
A_BATCH: Calls = {"a batch": (X,)}
A_VECTOR: Calls = {"a vector": (np.prod, X[0])}
REMARKABLE: Calls = {"one example": (X[0],), "inputs around 1000": (X + 1000,)}
FUNCTIONS: dict[str, tuple[Callable[..., Any], Calls, Calls]] = {
    "softmax": (softmax, A_BATCH, REMARKABLE),
    "sigmoid": (sigmoid, A_BATCH, REMARKABLE),
    "relu": (lambda x: np.maximum(x, 0), A_BATCH, REMARKABLE),
    "cross_entropy_error": (
        lambda y, t: mean_cross_entropy(np.log(y), target_rows(t, y)),
        {"one-hot rows": (Y, ROWS), "labels": (Y, LABELS)},
        {"one example": (Y[0], ROWS[0])},
    ),
    "numerical_gradient": (numerical_gradient, A_VECTOR, {"a matrix": (np.sum, X)}),
}
"""For each name ours, then calls of which one must agree, then calls that are worth a remark."""


def check_function(name: str, function: Callable[..., Any], describe: Describe) -> Findings:
    """Compare a function with ours for a batch, where it must agree, and for more."""
    ours, needed, more = FUNCTIONS[name]
    problems = {}
    for what, arguments in (needed | more).items():
        if len(names := required(function)) != len(arguments):
            raise UnknownError(f"it takes {', '.join(names)}")
        arrays = [each for each in arguments if not callable(each)]
        try:
            out, right = function(*deepcopy(arguments)), ours(*arguments)
            if not agrees(out, right):
                problems[what] = difference(out, right, arrays[0], arrays[1:])
        except Exception as error:
            if what == "a vector" and not is_own(error):
                raise UnknownError(f"it is not called like ours: {describe(error)}") from error
            problems[what] = describe(error)
    texts = [f"for {what}, it {text}" for what, text in problems.items()]
    return (texts[:1], []) if set(problems) >= set(needed) else ([], texts)
