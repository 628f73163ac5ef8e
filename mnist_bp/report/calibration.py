"""Calibration: whether a net is right as often as it is confident."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mnist_bp.evaluation import Evaluation
from mnist_bp.functions import softmax

BINS = 15


@dataclass(frozen=True)
class Bin:
    """The digits whose confidence, their largest class probability, lies in one range.

    Attributes
    ----------
    confidence : float
        Its mean.
    digits : Evaluation
    """

    confidence: float
    digits: Evaluation


def calibration(evaluation: Evaluation, bins: int = BINS) -> list[Bin]:
    """Return the bins that are not empty, from low to high confidence.

    The bins have equal width, 15 of them by default, as in C. Guo et al., "On calibration of modern
    neural networks" (2017), so that the figure can be compared with published ones. Bins of equal
    size would nearly all lie above 0.99 for MNIST.
    """
    confidence = softmax(evaluation.logits.astype(np.float64)).max(axis=-1)
    place = np.clip(np.ceil(confidence * bins), 1, bins)
    members = [np.flatnonzero(place == each) for each in range(1, bins + 1)]
    return [
        Bin(
            float(confidence[each].mean()),
            Evaluation(evaluation.logits[each], evaluation.labels[each]),
        )
        for each in members
        if len(each)
    ]


def expected_calibration_error(bins: Sequence[Bin]) -> float:
    """Return the mean difference of confidence and accuracy, weighted by the size of the bins."""
    gaps = [each.digits.samples * abs(each.confidence - each.digits.accuracy) for each in bins]
    return sum(gaps) / sum(each.digits.samples for each in bins)
