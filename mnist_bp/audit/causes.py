"""What the numbers of a wrong gradient or result say about the mistake, and nothing beyond them."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mnist_bp.audit.passes import Pass
from mnist_bp.audit.subjects import agrees
from mnist_bp.functions import Array, mean_cross_entropy, softmax, target_rows

MASKED = "dout * (x > 0)"
MASKS = {"dout": "missing", "dout * (x <= 0)": "inverted", "dout * (dout > 0)": "that of dout"}
FORMULAS = [
    *("dout", "dout * x", "dout * y", "-dout", MASKED, "dout * (x <= 0)", "dout / x", "dout * 0"),
    *("dout * (dout > 0)", "dout / y", "-dout / x", "-dout * y", "x", "y", "x > 0", "y * (1 - y)"),
    *("1 - y**2", "dout * (1 - x)", "dout * (1 - y)", "dout * x * (1 - x)", "dout * y * (1 - y)"),
    *("dout * (1 - x**2)", "dout * (1 - y**2)", "dout * x**2", "dout * y**2", "-dout * y**2"),
]
"""What a node may return: y is its second input, or else its output."""


def cause_of_shape(name: str, gradient: Any, p: Pass) -> str:
    """Say which array a gradient of the wrong shape would fit."""
    shape, expected = np.shape(gradient), p.arrays[name].shape
    fits = [key for key, array in (*p.arrays.items(), ("dout", p.dout)) if array.shape == shape]
    if fits:
        return f"has the shape of {fits[0]} {shape}, expected that of {name} {expected}"
    transposed = ": it is transposed" if shape == expected[::-1] else ""
    return f"has the shape {shape}, expected that of {name} {expected}{transposed}"


def cause_of_values(name: str, found: Array, expected: dict[str, Array], p: Pass) -> str:
    """Say what a gradient of the right shape is in place of the expected one, if that is plain."""
    right, x = expected[name], p.inputs[0]
    if agrees(right, 0 * right):
        return f"should be 0: the result does not depend on {name}"
    if text := factor(found, right, x):
        return text
    if p.t and x.shape == found.shape and agrees(x.sum(axis=-1), np.ones(len(x))):
        of_logits = x - target_rows(p.t[0], x)
        if agrees(found, of_logits) or agrees(found, of_logits / len(x)):
            return "is the gradient with respect to the logits, not to y"
    for other, gradient in expected.items():
        if agrees(found, gradient):
            return f"is the gradient with respect to {other}"
        if other == name and agrees(found, p.arrays[name]):
            return f"has the values of {name} itself, not of its gradient"
    for i, row in enumerate(p.dout if p.dout.ndim == 2 else ()):
        if agrees(found, row):
            return f"is row {i} of dout alone, expected the sum of its rows"
    y = p.inputs[1] if len(p.inputs) > 1 else p.out
    if not np.shape(x) == np.shape(y) == np.shape(found):
        return ""
    variables = {"x": x, "y": y, "dout": p.dout}

    def formula_of(gradient: Array) -> str:
        return next((each for each in FORMULAS if agrees(gradient, eval(each, variables))), "")

    is_, expected_ = formula_of(found), formula_of(right)
    mask = f": the mask is {MASKS[is_]}" if is_ in MASKS and expected_ == MASKED else ""
    return f"is {is_}{expected_ and f', expected {expected_}'}{mask}" if is_ else ""


def difference(found: Any, right: Any, x: Array, targets: Sequence[Array]) -> str:
    """Say where a result differs from ours the most, both values there, and the cause if known."""
    if np.shape(found) != np.shape(right):
        return f"has the shape {np.shape(found)}, expected {np.shape(right)}"
    at = np.unravel_index(np.abs(np.subtract(found, right)).argmax(), np.shape(right))
    index = f"[{', '.join(map(str, at))}]: " if at else ""
    values = f"{np.asarray(found)[at]:.6g}, expected {np.asarray(right)[at]:.6g}"
    cause = _cause_of_result(found, right, x, targets)
    return f"gives {index}{values}{cause and f': {cause}'}"


def _cause_of_result(out: Any, right: Any, x: Array, targets: Sequence[Array]) -> str:
    """Say how a result differs from that of the chapter's layer, if that is plain."""
    if text := factor(out, right, x):
        return text
    if not np.isfinite(out).all():
        return "exp overflows; in softmax, subtract the largest input of each row first"
    if x.ndim == 2:
        whole, columns = softmax(x.ravel()).reshape(x.shape), softmax(x.T).T
        for y, text in (whole, "the whole batch?"), (columns, "axis 0, the batch?"):
            losses = [mean_cross_entropy(np.log(y), target_rows(t, y)) for t in targets]
            if agrees(out, [*losses, y][0]):
                return f"rows do not sum to 1: softmax over {text}"
    return "is min(x, 0): the mask is inverted" if agrees(out, np.minimum(x, 0)) else ""


def factor(found: Any, right: Any, x: Array) -> str:
    """Say by how much all values are too large or too small, and what is known of that size."""
    if np.shape(found) != np.shape(right) or not np.any(right):
        return ""
    ratio = float(np.vdot(found, right) / np.vdot(right, right))
    if not agrees(found, ratio * right) or not abs(ratio) > 1e-6:
        return ""
    if ratio < 0:
        return "has the wrong sign" if agrees(found, -right) else ""
    times = max(ratio, 1 / ratio)
    sizes = zip(("batch size", "number of columns"), x.shape if x.ndim == 2 else (), strict=False)
    known = "".join(f": the {what} is {n}" for what, n in sizes if agrees(times, n))
    text = f"is {times:.3f} times too {'large' if ratio > 1 else 'small'}{known}"
    return text if known or np.size(right) > 1 else ""
