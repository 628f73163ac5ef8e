"""The two-layer network of *Deep Learning from Scratch*, with verified backpropagation."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mnist_bp.comparison import GradientCheck
    from mnist_bp.data.digits import Digits
    from mnist_bp.data.mnist import load_mnist
    from mnist_bp.evaluation import Evaluation, evaluate
    from mnist_bp.gradcheck import check_gradients
    from mnist_bp.network import TwoLayerNet
    from mnist_bp.runs.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
    from mnist_bp.runs.recipe import Recipe
    from mnist_bp.runs.run import Run, train

__version__ = "0.2.0"

_HOMES = {
    "Checkpoint": "runs.checkpoint",
    "Digits": "data.digits",
    "Evaluation": "evaluation",
    "GradientCheck": "comparison",
    "Recipe": "runs.recipe",
    "Run": "runs.run",
    "TwoLayerNet": "network",
    "check_gradients": "gradcheck",
    "evaluate": "evaluation",
    "load_checkpoint": "runs.checkpoint",
    "load_mnist": "data.mnist",
    "save_checkpoint": "runs.checkpoint",
    "train": "runs.run",
}

__all__ = [
    "Checkpoint",
    "Digits",
    "Evaluation",
    "GradientCheck",
    "Recipe",
    "Run",
    "TwoLayerNet",
    "__version__",
    "check_gradients",
    "evaluate",
    "load_checkpoint",
    "load_mnist",
    "save_checkpoint",
    "train",
]


def __getattr__(name: str) -> Any:
    # NumPy is imported when a name that needs it is used, not by `mnist-bp --help`.
    if name in _HOMES:
        return getattr(import_module(f"mnist_bp.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
