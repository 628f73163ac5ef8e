"""Why a run learns nothing: what its recipe and its first epoch say."""

from collections.abc import Sequence

from mnist_bp.runs.checkpoint import EpochResult
from mnist_bp.runs.recipe import DEFAULT_RATES, Recipe

CHANCE = 0.15
"""An accuracy that guessing can have: the most common digit makes up 11 % of MNIST."""

ROUNDING = 1e-4
"""The relative difference that rounding in float32 can make to a loss."""

FEW_STEPS = 10
"""With fewer steps in an epoch than this, one epoch says nothing about the learning rate."""


def diagnose(recipe: Recipe, history: Sequence[EpochResult], steps_per_epoch: int) -> str | None:
    """Return the likely reason why a run has learned nothing in its first epoch; None if it has."""
    first = history[-1]
    if first.epoch != 1 or first.train_accuracy > CHANCE:
        return None
    if starts_at_zero(recipe):
        reason = "all weights started at zero, so all hidden units are the same: try init=he"
    elif first.loss > history[0].loss * (1 + ROUNDING):
        smaller = smaller_rate(recipe)
        reason = f"the learning rate of {recipe.lr:g} may be far too large: try lr={smaller:g}"
    elif steps_per_epoch < FEW_STEPS and recipe.batch_size > 100:
        few = f"too few steps, {steps_per_epoch} in an epoch"
        reason = f"{few}: try smaller batches, batch_size=100"
    else:
        larger = max(DEFAULT_RATES[recipe.optimizer], recipe.lr * 10)
        reason = f"the learning rate of {recipe.lr:g} may be far too small: try lr={larger:g}"
    return f"the net has learned nothing yet: {reason}"


def starts_at_zero(recipe: Recipe) -> bool:
    """Return whether all weights start at zero: then no hidden unit ever changes."""
    return recipe.init == "normal" and recipe.weight_init_std == 0


def smaller_rate(recipe: Recipe) -> float:
    """Return a learning rate to try in place of one that is too large."""
    return min(DEFAULT_RATES[recipe.optimizer], recipe.lr / 10)
