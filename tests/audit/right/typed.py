from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Layer(Protocol):
    def forward(self, x: Array) -> Array: ...
    def backward(self, dout: Array) -> Array: ...


@dataclass
class Affine:
    W: Array
    b: Array
    dW: Array = field(init=False, repr=False)
    db: Array = field(init=False, repr=False)
    kind: ClassVar[str] = "affine"

    def forward(self, x: Array) -> Array:
        self._x = x
        return x @ self.W + self.b

    def backward(self, dout: Array) -> Array:
        self.dW = self._x.T @ dout
        self.db = dout.sum(axis=0)
        return dout @ self.W.T


@dataclass(eq=False)
class Relu:
    mask: Array | None = None

    def forward(self, x: Array) -> Array:
        self.mask = x > 0
        return np.where(self.mask, x, 0.0)

    def backward(self, dout: Array) -> Array:
        assert self.mask is not None
        return dout * self.mask
