"""The two-layer network of *Deep Learning from Scratch*, with verified backpropagation."""

from importlib import import_module
from typing import Any

from mnist_bp.version import __version__ as __version__

_HOMES = {
    "Checkpoint": "runs.checkpoint",
    "Digits": "data.digits",
    "Evaluation": "evaluation",
    "GradientCheck": "comparison",
    "Graph": "graph",
    "PictureDigits": "pictures.picture",
    "Recipe": "runs.recipe",
    "Run": "runs.run",
    "TwoLayerNet": "network",
    "check_gradients": "gradcheck",
    "evaluate": "evaluation",
    "load_checkpoint": "runs.checkpoint",
    "load_digits": "data.sources",
    "load_mnist": "data.sources",
    "read_picture": "pictures.picture",
    "save_checkpoint": "runs.checkpoint",
    "train": "runs.run",
}
"""The public names, and the modules that define them; `__init__.pyi` gives them types."""

__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> Any:
    # NumPy is imported when a name that needs it is used, not by `mnist-bp --help`.
    if name in _HOMES:
        return getattr(import_module(f"mnist_bp.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
