"""The confusion matrix, the digits behind each of its cells, and the most confident mistakes."""

from typing import Any

import numpy as np

from mnist_bp.data.digits import Digits
from mnist_bp.evaluation import Evaluation, Mistake
from mnist_bp.functions import softmax
from mnist_bp.report import figures

CELL_DIGITS = 8
"""How many digits a cell of the confusion matrix shows at most."""
MISTAKES = 24
"""How many of the most confident mistakes are shown."""


def matrix(evaluation: Evaluation) -> list[list[dict[str, Any]]]:
    """Return the confusion matrix: the count of each cell, and how dark it is, from 0 to 1."""
    counts, shares = evaluation.confusion.tolist(), evaluation.shading.tolist()
    return [
        [
            {"count": count, "correct": label == prediction, "share": share}
            for prediction, (count, share) in enumerate(zip(*rows, strict=True))
        ]
        for label, rows in enumerate(zip(counts, shares, strict=True))
    ]


def cells(evaluation: Evaluation, digits: Digits) -> dict[str, dict[str, Any]]:
    """Return the count of each cell and some of its digits, by label and prediction, as in "9-4".

    Of the mistakes these are the most confident ones; of the correct digits the first ones of the
    data set, as examples that were not selected.
    """
    probability = softmax(evaluation.logits).max(axis=-1)
    labels, predictions = evaluation.labels, evaluation.predictions
    result = {}
    for label, prediction in np.argwhere(evaluation.confusion):
        shown = members = np.flatnonzero((labels == label) & (predictions == prediction))
        if label != prediction:
            shown = members[np.argsort(-probability[members], kind="stable")]
        result[f"{label}-{prediction}"] = {
            "count": len(members),
            "digits": [
                {
                    "index": int(index),
                    "probability": round(float(probability[index]), 4),
                    "picture": figures.digit(digits.images[index]),
                }
                for index in shown[:CELL_DIGITS]
            ],
        }
    return result


def most_confident_mistakes(evaluation: Evaluation, digits: Digits) -> list[tuple[Mistake, str]]:
    """Return the most confident mistakes, each with the picture of its digit."""
    return [
        (each, figures.digit(digits.images[each.index])) for each in evaluation.mistakes(MISTAKES)
    ]
