"""How good a net is: accuracy, loss, confusion, figures for each digit, and the worst mistakes."""

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_bp.data.digits import CLASSES, Digits
from mnist_bp.errors import DivergedError
from mnist_bp.functions import Array, cross_entropy, in_batches, log_softmax, scale_pixels, softmax
from mnist_bp.network import TwoLayerNet

BATCH_SIZE = 1000
"""Images at a time: enough to keep the matrix products busy, few enough to stay in cache."""


@dataclass(frozen=True)
class Mistake:
    """An image that the net took for another digit."""

    index: int
    label: int
    prediction: int
    probability: float


@dataclass(frozen=True)
class DigitFigures:
    """How well one digit is told from the others.

    Attributes
    ----------
    digit, samples : int
        The digit, and how many images show it.
    precision : float or None
        The fraction of the images taken for this digit that are; None where there are none.
    recall : float or None
        The fraction of this digit's images that are taken for it; None where there are none.
    """

    digit: int
    samples: int
    precision: float | None
    recall: float | None


@dataclass(frozen=True)
class Evaluation:
    """What a net says of a set of images, held against their labels.

    Attributes
    ----------
    logits : array of shape (N, 10)
    labels : uint8 array of shape (N,)
    """

    logits: Array
    labels: NDArray[np.uint8]

    @cached_property
    def predictions(self) -> NDArray[np.intp]:
        """The most probable digit of each image, (N,)."""
        return np.asarray(self.logits.argmax(axis=-1))

    @property
    def samples(self) -> int:
        """How many images there are."""
        return len(self.labels)

    @property
    def errors(self) -> int:
        """How many images are taken for another digit."""
        return int(np.count_nonzero(self.predictions != self.labels))

    @property
    def accuracy(self) -> float:
        """The fraction that is not."""
        return (self.samples - self.errors) / self.samples

    @property
    def loss(self) -> float:
        """The mean cross entropy."""
        # A thousand at a time: all at once, the steps in between would take the most memory of all.
        total = 0.0
        parts = (in_batches(array, BATCH_SIZE) for array in (self.logits, self.labels))
        for logits, labels in zip(*parts, strict=True):
            total += len(labels) * float(cross_entropy(logits.astype(np.float64), labels))
        return total / self.samples

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the accuracy, after E. B. Wilson (1927).

        It is where the true accuracy lies, on digits like these, if they were drawn at random.
        """
        z = 1.959963984540054
        n, p = self.samples, self.accuracy
        centre = (p + z**2 / (2 * n)) / (1 + z**2 / n)
        half = z / (1 + z**2 / n) * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
        return max(0.0, centre - half), min(1.0, centre + half)

    @cached_property
    def confusion(self) -> NDArray[np.int64]:
        """How often each digit (row) is taken for each digit (column), (10, 10)."""
        pairs = self.labels.astype(np.int64) * CLASSES + self.predictions
        return np.bincount(pairs, minlength=CLASSES**2).reshape(CLASSES, CLASSES)

    @property
    def per_class(self) -> list[DigitFigures]:
        """The figures of each digit."""
        right = self.confusion.diagonal()
        shown, taken = self.confusion.sum(axis=1), self.confusion.sum(axis=0)
        return [
            DigitFigures(
                digit,
                int(shown[digit]),
                precision=_fraction(right[digit], taken[digit]),
                recall=_fraction(right[digit], shown[digit]),
            )
            for digit in range(CLASSES)
        ]

    def figures(self) -> dict[str, Any]:
        """Return what `--json` tells of the net."""
        return {
            "samples": self.samples,
            "errors": self.errors,
            "accuracy": self.accuracy,
            "loss": self.loss,
            "confusion": self.confusion.tolist(),
            "per_class": [asdict(figures) for figures in self.per_class],
        }

    def mistakes(self, most: int) -> list[Mistake]:
        """Return the mistakes that the net was surest of, `most` at the most."""
        wrong = np.flatnonzero(self.predictions != self.labels)
        probability = softmax(self.logits[wrong]).max(axis=-1)
        surest = np.argsort(-probability, kind="stable")[:most]
        return [
            Mistake(
                int(wrong[i]),
                int(self.labels[wrong[i]]),
                int(self.predictions[wrong[i]]),
                float(probability[i]),
            )
            for i in surest
        ]


def evaluate(net: TwoLayerNet, digits: Digits, threads: int = 1) -> Evaluation:
    """Show every image to the net.

    Parameters
    ----------
    net : TwoLayerNet
    digits : Digits
    threads : int
        How many share the work; what comes out does not depend on it.

    Raises
    ------
    DivergedError
        It answers with numbers that are not finite.
    """
    return Evaluation(answers(net, digits.images, threads), digits.labels)


def answers(net: TwoLayerNet, images: NDArray[np.uint8], threads: int = 1) -> Array:
    """Return the logits (N, 10) of images (N, 28, 28); `threads` as for `evaluate`.

    Raises
    ------
    DivergedError
        The net answers with numbers that are not finite.
    """
    dtype = net.params["W1"].dtype

    def answer(batch: NDArray[np.uint8]) -> Array:
        with np.errstate(over="ignore", invalid="ignore"):
            return net.predict(scale_pixels(batch, dtype))

    with ThreadPoolExecutor(threads) as pool:
        # A single one would only be waited for.
        each = pool.map if threads > 1 else map
        parts = list(each(answer, in_batches(images, BATCH_SIZE)))
    logits = np.concatenate(parts)
    if not np.isfinite(logits).all():
        raise DivergedError("the net answers with numbers that are not finite: too large weights")
    return logits


def committee(members: Sequence[Evaluation]) -> Evaluation:
    """Return what several nets say together of the same images: the mean of their probabilities."""
    log_y = [log_softmax(each.logits.astype(np.float64)) for each in members]
    return Evaluation(np.logaddexp.reduce(log_y) - np.log(len(members)), members[0].labels)


def _fraction(part: Any, whole: Any) -> float | None:
    return float(part / whole) if whole else None
