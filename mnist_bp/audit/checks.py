"""Checks what a file defines: gradients, results, and what becomes of the arrays handed over."""

import inspect
from collections.abc import Sequence
from functools import partial
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np

from mnist_bp.audit.causes import cause_of_shape, cause_of_values, difference
from mnist_bp.audit.functions import FUNCTIONS, Describe, Findings, check_function
from mnist_bp.audit.loading import BLAME, Loaded, frames_of
from mnist_bp.audit.passes import Pass, run
from mnist_bp.audit.subjects import MistakeError, Subject, UnknownError, agrees, recognise
from mnist_bp.comparison import compare

TOLERANCE, ROUNDING = 1e-4, 1e-7
"""Relative and absolute: `+ 1e-7` inside a logarithm passes; a wrong formula errs by about 1."""

BATCHES = 1, 3, 5
NO_SIGNS = np.empty(0, bool)
Result: TypeAlias = Literal["holds", "warning", "fails", "not checked"]


class ClassCheck(NamedTuple):
    """What was found about a class or a function.

    Attributes
    ----------
    name : str
    kind : str
        What it was taken for, such as "ReLU", "2 inputs" or "network".
    result : {"holds", "warning", "fails", "not checked"}
    reason : str
        What is wrong, and where; empty where there is nothing to say.
    """

    name: str
    kind: str
    result: Result
    reason: str = ""


def check(loaded: Loaded, name: str, suspects: Sequence[str]) -> ClassCheck | None:
    """Check a class or a function of a file; returns None where there is nothing to check.

    Of the `suspects`, which are wrong and which it uses, the first is what to mend first.
    """
    kind, describe = "unknown", partial(loaded.describe, suspects=suspects)
    try:
        if name in FUNCTIONS and name in loaded.names:
            kind = "function"
            wrong, remarks = check_function(name, loaded.names[name], describe)
        else:
            subject = _subject(loaded, name)
            if subject is None:
                return None
            kind = subject.kind
            wrong, remarks = _check_subject(subject, describe)
        if wrong and suspects:
            wrong = [BLAME.format(suspects[0])]
    except UnknownError as error:
        return ClassCheck(name, kind, "not checked", str(error))
    except (Exception, SystemExit) as error:
        if isinstance(error, NameError) and error.name in loaded.definitions.left_out_names:
            reason = f"it needs {error.name}, which a statement that was left out defines"
            return ClassCheck(name, kind, "not checked", reason)
        wrong, remarks = [str(error) if isinstance(error, MistakeError) else describe(error)], []
    result: Result = "fails" if wrong else "warning" if remarks else "holds"
    return ClassCheck(name, kind, result, "; ".join(wrong or remarks))


def _subject(loaded: Loaded, name: str) -> Subject | None:
    """Recognise a class by its methods, even one whose definition failed: that is its mistake."""
    item: Any = loaded.names.get(name)
    node, broken = loaded.broken.get(name, (None, None))
    methods = {getattr(each, "name", "") for each in getattr(node, "body", ())} or set(dir(item))
    if not (methods >= {"forward", "backward"} or methods >= {"loss", "gradient"}):
        if broken and name in FUNCTIONS:
            raise broken
        if len(missing := {"forward", "backward"} - methods) == 1:
            raise UnknownError(f"it has no {missing.pop()}")
        return None
    if broken:
        raise broken
    if inspect.isabstract(item) or getattr(item, "_is_protocol", False):
        raise UnknownError("it is abstract")
    try:
        return recognise(item)
    except (MistakeError, NotImplementedError):
        if any(item in getattr(each, "__mro__", ())[1:] for each in loaded.names.values()):
            raise UnknownError("it is a base class") from None
        raise


def _check_subject(subject: Subject, describe: Describe) -> Findings:
    for n in BATCHES:
        p = run(*subject.make(), subject.case.draw(n))
        if p.evaluate() != p.evaluate():
            raise UnknownError("forward gives another result each time")
        if wrong := failures(subject, p):
            return [f"batch of {n}: {wrong[0]}", *wrong[1:]], []
    made = subject.make()
    for seed, n in enumerate((5, 3, 3, 1, 3)):
        try:
            p = run(*made, subject.case.draw(n, seed))
        except Exception as error:
            return [f"is right for a first batch, but a batch of {n} then {describe(error)}"], []
        if wrong := failures(subject, p):
            kept = "is right for a first batch, but keeps something of it for the next"
            return [f"{kept}: {wrong[0]}"], []
    return [], _remarks(subject, p, describe)


def failures(subject: Subject, p: Pass) -> list[str]:
    """Say what is wrong with a pass: its result, and each of its gradients."""
    found = []
    parameters = dict([*p.arrays.items()][len(p.inputs) :])
    right = subject.known(parameters, p.inputs, p.t).get(subject.kind)
    if right is not None and not agrees(p.out, right):
        found.append(f"forward {difference(p.out, right, p.inputs[0], p.t)}")
    d = "" if subject.kind == "network" else "d"
    results = {}
    for name, array in p.arrays.items():
        results[name] = compare(d + name, lambda: (p.evaluate(), NO_SIGNS), array, _fitted(p, name))
    expected = {name: each.numerical for name, each in results.items()}
    others = [key for key in p.gradients if key not in p.arrays]
    for name in p.arrays:
        if p.gradients.get(name) is None:
            given = [key for key in others if agrees(p.gradients[key], expected[name])]
            under = f": it is given under {given[0]!r}" if given else ""
            raise MistakeError(f"there is no gradient of {name}{under}")
    for name, each in results.items():
        if each.problem:
            found.append(f"{d}{name} {cause_of_shape(name, p.gradients[name], p)}")
        elif each.errors.max() > ROUNDING and not each.max_rel_error <= TOLERANCE:
            cause = cause_of_values(name, each.backpropagated, expected, p)
            found.append(f"{each.describe_worst(TOLERANCE)}{cause and f': {d}{name} {cause}'}")
    return found


def _fitted(p: Pass, name: str) -> Any:
    """Return a gradient in the shape of its array where only axes of length 1 differ."""
    array, gradient = p.arrays[name], p.gradients.get(name)
    if gradient is None:
        return 0 * array
    same = [n for n in gradient.shape if n > 1] == [n for n in array.shape if n > 1]
    return gradient.reshape(array.shape) if same else gradient


def _remarks(subject: Subject, p: Pass, describe: Describe) -> list[str]:
    """Return what is not wrong, but will surprise."""
    found = ["takes labels only, not one-hot rows"] * (subject.case.targets == "labels")
    layer, parameters = subject.make()
    try:
        run(layer, parameters, (p.inputs, p.t), frozen=True)
    except ValueError as error:
        if "read-only" in str(error) and (frames := frames_of(error)):
            backward = frames[0][0].endswith(".backward")
            what = "backward writes into dout" if backward else "forward writes into its input"
            found.append(f"{what} ({frames[-1][1]})")
    pairs: dict[str, Any] = {}
    if subject.kind in ("Softmax", "SoftmaxWithLoss"):
        text = "for inputs around 1000 (subtract the largest input of each row before exp), it"
        pairs[text] = (p.inputs, p.t), ([x + 1000 for x in p.inputs], p.t)
    if subject.case.domain != "probabilities":
        whole = [np.where(x > 0, np.ceil(x), np.floor(x)) for x in p.inputs]
        pairs["with integers, it"] = (whole, p.t), ([x.astype(int) for x in whole], p.t)
    if subject.case.targets == "one-hot" and subject.kind != "loss":
        labels = p.t[0].argmax(axis=-1)
        pairs["takes one-hot only: with labels, it"] = (p.inputs, p.t), (p.inputs, [labels])
    for text, batches in pairs.items():
        try:
            right, other = (run(layer, parameters, batch) for batch in batches)
            same = [agrees(other.gradients[name], each) for name, each in right.gradients.items()]
            if not all([agrees(other.out, right.out), *same]):
                found.append(f"{text} gives another result")
        except Exception as error:
            found.append(f"{text} {describe(error)}")
    return found
