"""What is known about each net of a page, and how several nets compare."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from mnist_bp.data.digits import CLASSES, Digits
from mnist_bp.evaluation import Evaluation
from mnist_bp.runs.checkpoint import Checkpoint, versions
from mnist_bp.runs.recipe import Recipe

DEFAULTS = asdict(Recipe())


@dataclass(frozen=True, eq=False)
class Net:
    """A net to write a page about.

    Attributes
    ----------
    name : str
        What the page calls it: the name of its file.
    checkpoint : Checkpoint
        The net itself, and the record of its run.
    evaluation : Evaluation
        Its evaluation on the digits of the page.
    """

    name: str
    checkpoint: Checkpoint
    evaluation: Evaluation


def facts(nets: Sequence[Net], digits: Digits, split: str) -> dict[str, str]:
    """Return what a result can be traced by: digits, versions, and how the nets came to be."""
    now = datetime.now(UTC).astimezone()
    first = nets[0]
    result = {
        "weights": first.name if len(nets) == 1 else f"{len(nets)} files: see the table",
        "data set": f"{digits.dataset}, {len(digits):,} {split} digits",
        "evaluated": f"{now:%Y-%m-%d %H:%M %Z}, by {versions()}",
    }
    if len(nets) == 1:
        result["net"] = _shape(first.checkpoint)
        if first.checkpoint.recipe:
            result["trained"] = (
                f"on {first.checkpoint.dataset}, to epoch {first.checkpoint.epochs}, "
                f"by {first.checkpoint.versions}"
            )
    return result | {"recipe": _recipe(nets)}


def _recipe(nets: Sequence[Net]) -> str:
    """Return the hyperparameters that all nets share, but for those that are the defaults."""
    common = _common(nets)
    if not any(_recipes(nets)):
        return "unknown: the four arrays are all there is"
    changed = _list({key: value for key, value in common.items() if value != DEFAULTS[key]})
    if len(common) < len(DEFAULTS):
        return f"{changed}{'; ' * bool(changed)}what differs is in the table"
    return changed or "default hyperparameters"


def defaults(nets: Sequence[Net]) -> str:
    """Return the hyperparameters that have their default value in all nets."""
    return _list({key: value for key, value in _common(nets).items() if value == DEFAULTS[key]})


def table(nets: Sequence[Net], ensemble: Evaluation) -> list[dict[str, Any]]:
    """Return a row for each net, and a last one for their ensemble."""
    common = _common(nets)
    datasets = [net.checkpoint.dataset or "unknown digits" for net in nets]
    several = len({*datasets} - {"unknown digits"}) > 1
    rows = [
        {
            "name": net.name,
            "net": _shape(net.checkpoint) + f", trained on {dataset}" * several,
            "settings": _list({k: v for k, v in recipe.items() if k not in common})
            or ("same recipe" if recipe else "recipe unknown"),
            "evaluation": net.evaluation,
        }
        for net, dataset, recipe in zip(nets, datasets, _recipes(nets), strict=True)
    ]
    return [*rows, {"name": "ensemble", "net": "", "settings": "", "evaluation": ensemble}]


def shared_errors(nets: Sequence[Net]) -> dict[str, Any]:
    """Return which errors several nets share.

    Returns
    -------
    dict
        `pairs`: how many digits both nets of a pair misclassify, (nets, nets); `by_count`: how many
        digits are misclassified by exactly 0, 1, 2 ... nets; `wrong_in`: by how many nets each
        digit is misclassified.
    """
    wrong = np.array([net.evaluation.predictions != net.evaluation.labels for net in nets])
    wrong_in = wrong.sum(axis=0)
    return {
        "pairs": (wrong.astype(np.int64) @ wrong.T).tolist(),
        "by_count": np.bincount(wrong_in, minlength=len(nets) + 1).tolist(),
        "wrong_in": wrong_in,
    }


def _recipes(nets: Sequence[Net]) -> list[dict[str, Any]]:
    """Return the hyperparameters of each net; none, where they are unknown."""
    return [asdict(net.checkpoint.recipe) if net.checkpoint.recipe else {} for net in nets]


def _common(nets: Sequence[Net]) -> dict[str, Any]:
    """Return the hyperparameters that all nets with a recipe have in common."""
    first, *others = [recipe for recipe in _recipes(nets) if recipe] or [{}]
    return {k: v for k, v in first.items() if all(recipe[k] == v for recipe in others)}


def _shape(checkpoint: Checkpoint) -> str:
    return f"784-{len(checkpoint.params['b1'])}-{CLASSES}, {checkpoint.activation}"


def _list(settings: dict[str, Any]) -> str:
    return " · ".join(f"{key} {value}" for key, value in settings.items())
