"""The numerical gradient: difference quotients of any function of an array."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

STEP = 3e-5
"""The step size h of a central difference, by default.

Central differences err by about `step**2 / 6` times the third derivative, and by the rounding of
`f` over `step`. At 3e-5 both lie far below 1e-9 for a network's loss, even in plain double
precision; and the smaller the step, the fewer perturbations cross a kink of ReLU.
"""


def numerical_gradient(
    f: Callable[[NDArray[np.float64]], Any], x: NDArray[Any], step: float = STEP
) -> NDArray[np.float64]:
    """Return the gradient of `f` at `x` by central differences, `(f(x + h) - f(x - h)) / 2h`.

    Parameters
    ----------
    f : function of an array
        Returns a number. It is called twice for each entry of `x`, in C order, first with the entry
        raised, then with it lowered. What it returns is subtracted as it is: a `np.longdouble`
        keeps the digits that a float64 would round away.
    x : float64 array of any shape
        Perturbed in place, one entry at a time, so that `f` may also look at it through a network
        that holds it; it always ends as it was.
    step : float
        The `h` above.

    Returns
    -------
    float64 array of the shape of `x`

    Raises
    ------
    TypeError
        `x` is not float64: a step as small as this is lost in fewer digits.
    """
    if x.dtype != np.float64:
        raise TypeError(f"numerical gradients need a float64 array, not {x.dtype}")
    gradient = np.empty_like(x)
    for index in np.ndindex(x.shape):
        centre = x[index]
        high, low = centre + step, centre - step
        try:
            x[index] = high
            above = f(x)
            x[index] = low
            below = f(x)
        finally:
            x[index] = centre
        gradient[index] = (above - below) / (high - low)
    return gradient
