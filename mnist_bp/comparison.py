"""Two gradients of the same parameter, compared entry by entry."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mnist_bp.functions import Array
from mnist_bp.numerical import STEP

TOLERANCE = 1e-7
"""The largest relative error that passes, by default. Most wrong formulas err by about 1."""

MAX_KINK_SHARE = 0.01
"""The share of entries on a kink above which a check says too little to pass."""

Mask: TypeAlias = NDArray[np.bool_]

Evaluate: TypeAlias = Callable[[], tuple[Any, Mask]]
"""Returns a number, and which inputs of ReLU are positive on the way to it, (K,)."""


@dataclass(frozen=True, eq=False)
class ParameterCheck:
    """The two gradients of one parameter, compared entry by entry.

    Attributes
    ----------
    name : str
    numerical, backpropagated : float64 arrays of the parameter's shape
    on_kink : bool array of the same shape
        Where a perturbation changed the sign of some ReLU's input. The difference quotient then
        straddles the kink and means nothing, so the mean and the maximum leave the entry out.
    problem : str
        Why there is no gradient to compare, if there is none.
    """

    name: str
    numerical: NDArray[np.float64]
    backpropagated: NDArray[np.float64]
    on_kink: Mask
    problem: str = ""

    @property
    def shape(self) -> tuple[int, ...]:
        """The parameter's shape."""
        return self.numerical.shape

    @property
    def kinks(self) -> int:
        """How many entries lie on a kink."""
        return int(np.count_nonzero(self.on_kink))

    @property
    def kink_indices(self) -> list[tuple[int, ...]]:
        """Where these entries are, in C order."""
        return [tuple(int(i) for i in index) for index in np.argwhere(self.on_kink)]

    @property
    def errors(self) -> NDArray[np.float64]:
        """Absolute differences, by entry; 0 on a kink, infinite where a gradient is not finite."""
        difference = np.where(self.on_kink, 0.0, np.abs(self.numerical - self.backpropagated))
        return np.where(np.isfinite(difference), difference, np.inf)

    @property
    def mean_abs_error(self) -> float:
        """The mean difference, over the entries off the kinks."""
        return float(self.errors.sum() / max(1, self.errors.size - self.kinks))

    @property
    def max_rel_error(self) -> float:
        """The largest difference over the largest gradient; 0 where there is no difference."""
        largest = self.errors.max(initial=0)
        if largest in (0, np.inf):
            return float(largest)
        both = np.stack([self.numerical, self.backpropagated])[:, ~self.on_kink]
        return float(largest / np.abs(both).max())

    @property
    def worst(self) -> tuple[int, ...]:
        """The index at which the two gradients differ the most."""
        return tuple(int(i) for i in np.unravel_index(self.errors.argmax(), self.shape))

    def figures(self) -> dict[str, Any]:
        """Return the figures for `--json`; None stands for what is not a finite number."""
        errors = {"mean_abs_error": self.mean_abs_error, "max_rel_error": self.max_rel_error}
        finite = {name: each if np.isfinite(each) else None for name, each in errors.items()}
        return {"name": self.name, "shape": list(self.shape), "corners": self.kinks} | finite

    def describe_worst(self, tolerance: float) -> str:
        """Say where the two gradients differ the most, and both values there."""
        if self.problem:
            return f"{self.name}: {self.problem}"
        at = self.worst
        return (
            f"{self.name}[{', '.join(map(str, at))}]: backpropagation says "
            f"{self.backpropagated[at]:.6g}, the difference quotient {self.numerical[at]:.6g} "
            f"(difference / largest gradient: {self.max_rel_error:.2g}, tolerance {tolerance:.2g})"
        )


@dataclass(frozen=True, eq=False)
class GradientCheck:
    """The checks of all parameters of one net or one layer.

    Attributes
    ----------
    name : str
    parameters : list of ParameterCheck
    error : str
        The exception that ended the check, if one did.
    """

    name: str
    parameters: list[ParameterCheck] = field(default_factory=list)
    error: str = ""

    @property
    def entries(self) -> int:
        """How many numbers were perturbed."""
        return sum(parameter.numerical.size for parameter in self.parameters)

    @property
    def max_rel_error(self) -> float:
        """The largest relative error of any parameter; infinite where an exception came first."""
        if self.error:
            return float("inf")
        return max((each.max_rel_error for each in self.parameters), default=0.0)

    def __repr__(self) -> str:
        result = self.error or f"{self.entries:,} entries, max_rel_error {self.max_rel_error:.2g}"
        return f"<GradientCheck of {self.name}: {result}>"

    def failures(self, tolerance: float = TOLERANCE) -> list[str]:
        """Return a sentence for each reason why the check does not hold; none where it does."""
        if self.error:
            return [f"{self.name}: {self.error}"]
        wrong = [each for each in self.parameters if not each.max_rel_error <= tolerance]
        found = [f"{self.name}: {each.describe_worst(tolerance)}" for each in wrong]
        kinks = sum(each.kinks for each in self.parameters)
        if kinks > MAX_KINK_SHARE * self.entries:
            share = f"{kinks} of {self.entries} entries lie on a kink of ReLU"
            advice = "try a smaller step or another seed"
            found.append(f"{self.name}: {share}, more than {MAX_KINK_SHARE:.0%}: {advice}")
        return found


def compare(
    name: str, evaluate: Evaluate, array: Array, gradient: Any, step: float = STEP, axes: int = 0
) -> ParameterCheck:
    """Check the gradient of one array.

    Parameters
    ----------
    name : str
        What to call the array in messages.
    evaluate : function
        Returns the number whose gradient is checked, computed from `array` as it is at that moment,
        and the signs of all inputs of ReLU on the way to it.
    array : float64 array
        Perturbed in place and put back, entry by entry.
    gradient : array of the same shape
        What backpropagation found. Anything else fails at once.
    step : float
        Half the width of the difference quotients.
    axes : int
        The entries along so many last axes are perturbed at once. `evaluate` then returns arrays:
        for each of these entries a number, and signs (..., K), that depend on no other of them.

    Raises
    ------
    TypeError
        `array` is not float64.
    """
    if array.dtype != np.float64:
        raise TypeError(f"a gradient check needs float64 arrays, not {array.dtype}")
    numerical, on_kink = np.zeros_like(array), np.zeros(array.shape, bool)
    if gradient is None or np.shape(gradient) != array.shape:
        problem = f"the gradient has the shape {np.shape(gradient)}, expected {array.shape}"
        if gradient is None:
            problem = "backward returned None in place of a gradient"
        return ParameterCheck(name, numerical, np.full(array.shape, np.nan), on_kink, problem)
    _, unperturbed = evaluate()
    for index in np.ndindex(array.shape[: array.ndim - axes]):
        entries = array[(*index, ...)]
        centre = entries.copy()
        high, low = centre + step, centre - step
        try:
            entries[...] = high
            above, signs_above = evaluate()
            entries[...] = low
            below, signs_below = evaluate()
        finally:
            entries[...] = centre
        numerical[index] = (above - below) / (high - low)
        crossed = (signs_above != unperturbed) | (signs_below != unperturbed)
        on_kink[index] = crossed.any(axis=-1)
    return ParameterCheck(name, numerical, np.array(gradient, np.float64), on_kink)
