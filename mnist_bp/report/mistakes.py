"""Where a net goes wrong: the confusion matrix, the digits of its cells, and the worst mistakes."""

from typing import Any

import numpy as np

from mnist_bp.data.digits import Digits
from mnist_bp.evaluation import Evaluation, Mistake
from mnist_bp.report import figures

CELL_DIGITS = 12
"""Digits that a cell of the confusion matrix shows at the most."""
WORST = 24
"""Mistakes that are shown beside those of the cells."""


def matrix(evaluation: Evaluation) -> list[list[dict[str, Any]]]:
    """Return the confusion matrix: each cell's count, and its share of the fullest shade.

    A cell on the diagonal is as full as the fraction of its digit that is right, one off it as its
    part of the commonest mistake.
    """
    counts = evaluation.confusion
    shown = counts.sum(axis=1)
    commonest = max(1, int((counts - np.diag(counts.diagonal())).max()))
    return [
        [
            {
                "count": int(count),
                "right": label == taken,
                "share": float(count / (max(1, shown[label]) if label == taken else commonest)),
            }
            for taken, count in enumerate(row)
        ]
        for label, row in enumerate(counts)
    ]


def cells(evaluation: Evaluation, digits: Digits) -> dict[str, dict[str, Any]]:
    """Return what each cell off the diagonal shows, under its row and column, such as "9-4"."""
    members: dict[str, list[Mistake]] = {}
    for each in evaluation.mistakes(evaluation.errors):
        members.setdefault(f"{each.label}-{each.prediction}", []).append(each)
    return {
        name: {
            "says": _says(mistakes),
            "digits": [_shown(each, digits) for each in mistakes[:CELL_DIGITS]],
        }
        for name, mistakes in members.items()
    }


def worst(evaluation: Evaluation, digits: Digits) -> list[tuple[Mistake, dict[str, str]]]:
    """Return the mistakes that the net was surest of, each with how it is shown."""
    return [(each, _shown(each, digits)) for each in evaluation.mistakes(WORST)]


def _says(mistakes: list[Mistake]) -> str:
    """Return what a cell holds, in words."""
    first, count = mistakes[0], len(mistakes)
    digits = "1 digit" if count == 1 else f"{count:,} digits"
    words = f"{first.label}, taken for {first.prediction}: {digits}, and how sure the net was."
    if count > CELL_DIGITS:
        left_out = f"{count - CELL_DIGITS:,} are left out"
        words += f" Shown are the {CELL_DIGITS} it was surest of; {left_out}."
    return words


def _shown(mistake: Mistake, digits: Digits) -> dict[str, str]:
    """Return a mistake's picture, its description, and how sure the net was."""
    return {
        "picture": figures.digit(digits.images[mistake.index]),
        "alt": f"digit {mistake.index}: {mistake.label}, taken for {mistake.prediction}",
        "sure": f"{100 * mistake.probability:.1f}\N{NO-BREAK SPACE}%",
    }
