"""The two-layer network of *Deep Learning from Scratch*, with verified backpropagation."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mnist_bp.data.mnist import load_mnist
    from mnist_bp.network import TwoLayerNet

__version__ = "0.1.0"

__all__ = ["TwoLayerNet", "__version__", "load_mnist"]

_HOMES = {"TwoLayerNet": "mnist_bp.network", "load_mnist": "mnist_bp.data.mnist"}


def __getattr__(name: str) -> Any:
    # NumPy is loaded by the first name that needs it, not by `mnist-bp --help`.
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
