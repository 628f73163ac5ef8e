"""How good a net is: accuracy, loss, confusion matrix, precision and recall, and its mistakes."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mnist_bp.errors import DivergedError
from mnist_bp.functions import (
    Array,
    cross_entropy,
    in_batches,
    log_softmax,
    scale_pixels,
    softmax,
    target_rows,
)
from mnist_bp.network import TwoLayerNet

BATCH_SIZE = 1000
"""Images at a time: enough to keep the matrix products busy, few enough to stay in cache."""

MAX_ACTIVATIONS = 4_000_000
"""Hidden units times images at a time: a very wide net is shown fewer images."""

LARGEST_LOGIT = 1e-8
"""As a fraction of the dtype's maximum: losses of larger logits would overflow."""


@dataclass(frozen=True)
class Mistake:
    """An image that the net misclassified, and the probability of its wrong class."""

    index: int
    label: int
    prediction: int
    probability: float


@dataclass(frozen=True)
class DigitFigures:
    """How well one digit is classified.

    Attributes
    ----------
    digit, samples : int
        The digit, and how many images show it.
    precision : float or None
        The fraction of the images classified as this digit that show it; None where there are none.
    recall : float or None
        The fraction of the images of this digit that are classified as it; None where there are
        none.
    """

    digit: int
    samples: int
    precision: float | None
    recall: float | None

    @property
    def texts(self) -> tuple[str, ...]:
        """The four values as they are shown."""
        shares = ("-" if x is None else f"{x:.4f}" for x in (self.precision, self.recall))
        return str(self.digit), f"{self.samples:,}", *shares


@dataclass(frozen=True)
class ConfidenceBin:
    """The digits whose confidence, their largest class probability, lies in one range.

    Attributes
    ----------
    confidence : float
        Its mean.
    digits : Evaluation
    """

    confidence: float
    digits: "Evaluation"


@dataclass(frozen=True, eq=False, repr=False)
class Evaluation:
    """What a net predicts for a set of images, compared with their labels.

    Attributes
    ----------
    logits : array of shape (N, C)
    labels : int array of shape (N,)
    """

    logits: Array
    labels: NDArray[Any]

    def __repr__(self) -> str:
        return (
            f"<Evaluation: accuracy {self.accuracy:.4f}, {self.errors:,} of {self.samples:,} wrong>"
        )

    def _repr_html_(self) -> str:
        """Return the table that a notebook shows."""
        rows = [each.texts for each in self.per_class]
        cells = "".join(f"<tr><td>{'</td><td>'.join(row)}</td></tr>" for row in rows)
        low, high = self.interval
        return (
            f"<table><caption>accuracy {self.accuracy:.4f} (95 % interval {low:.4f} to {high:.4f}),"
            f" loss {self.loss:.4f}</caption><tr><th>digit</th><th>samples</th>"
            f"<th>precision</th><th>recall</th></tr>{cells}</table>"
        )

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
        """How many images are misclassified."""
        return int(np.count_nonzero(self.predictions != self.labels))

    @property
    def accuracy(self) -> float:
        """The fraction that is classified correctly."""
        return (self.samples - self.errors) / self.samples

    @property
    def loss(self) -> float:
        """The mean cross entropy."""
        # A thousand at a time: the intermediate arrays of all at once would need the most memory.
        total = 0.0
        parts = (in_batches(array, BATCH_SIZE) for array in (self.logits, self.labels))
        for logits, labels in zip(*parts, strict=True):
            total += len(labels) * float(cross_entropy(logits.astype(np.float64), labels))
        return total / self.samples

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the accuracy, after E. B. Wilson (1927).

        It holds the true accuracy on digits like these, if they were drawn at random.
        """
        z = 1.959963984540054
        n, p = self.samples, self.accuracy
        centre = (p + z**2 / (2 * n)) / (1 + z**2 / n)
        half = z / (1 + z**2 / n) * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
        return max(0.0, centre - half), min(1.0, centre + half)

    @cached_property
    def confusion(self) -> NDArray[np.int64]:
        """How many images of each digit (row) are classified as each digit (column), (C, C)."""
        classes = self.logits.shape[-1]
        pairs = self.labels.astype(np.int64) * classes + self.predictions
        return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)

    @property
    def per_class(self) -> list[DigitFigures]:
        """The figures of each digit."""
        correct = self.confusion.diagonal()
        shown, predicted = self.confusion.sum(axis=1), self.confusion.sum(axis=0)
        counts = zip(shown.tolist(), predicted.tolist(), correct.tolist(), strict=True)
        return [
            DigitFigures(digit, in_all, _fraction(right, as_this), _fraction(right, in_all))
            for digit, (in_all, as_this, right) in enumerate(counts)
        ]

    def calibration(self) -> list[ConfidenceBin]:
        """Return the bins of confidence that are not empty, from low to high.

        The bins have equal width, 15 of them, as in C. Guo et al., "On calibration of modern neural
        networks" (2017), so that the error can be compared with published ones.
        """
        confidence = softmax(self.logits.astype(np.float64)).max(axis=-1)
        place = np.clip(np.ceil(confidence * 15), 1, 15)
        members = [np.flatnonzero(place == each) for each in np.unique(place)]
        parts = [Evaluation(self.logits[each], self.labels[each]) for each in members]
        means = [float(confidence[each].mean()) for each in members]
        return list(map(ConfidenceBin, means, parts))

    @property
    def calibration_error(self) -> float:
        """The expected calibration error: how far confidence and accuracy differ, on average."""
        bins = [(each.confidence, each.digits) for each in self.calibration()]
        return sum(part.samples * abs(mean - part.accuracy) for mean, part in bins) / self.samples

    @property
    def shading(self) -> NDArray[np.float64]:
        """How dark each cell of the confusion matrix is drawn, from 0 to 1, (C, C).

        A cell on the diagonal by the recall of its digit, one off it by its count relative to the
        most frequent mistake.
        """
        correct = self.confusion.diagonal()
        wrong = self.confusion - np.diag(correct)
        shares: NDArray[np.float64] = wrong / max(1, wrong.max())
        np.fill_diagonal(shares, correct / np.maximum(1, self.confusion.sum(axis=1)))
        return shares

    def figures(self) -> dict[str, Any]:
        """Return the figures for `--json`."""
        names = "samples", "errors", "accuracy", "interval", "loss", "calibration_error"
        lists = {"confusion": self.confusion.tolist(), "per_class": [*map(asdict, self.per_class)]}
        return {name: getattr(self, name) for name in names} | lists

    def mistakes(self, most: int) -> list[Mistake]:
        """Return the most confident mistakes, at most `most`."""
        wrong = np.flatnonzero(self.predictions != self.labels)
        probability = softmax(self.logits[wrong]).max(axis=-1)
        first = np.argsort(-probability, kind="stable")[:most]
        return [
            Mistake(int(i), int(self.labels[i]), int(self.predictions[i]), float(p))
            for i, p in zip(wrong[first], probability[first], strict=True)
        ]


def evaluate(net: TwoLayerNet, images: NDArray[Any], labels: ArrayLike) -> Evaluation:
    """Classify every image, and compare the predictions with the labels.

    Parameters
    ----------
    net : TwoLayerNet
    images : array of shape (N, 28, 28) or (N, 784)
        Integers from 0 to 255, or floats from 0 to 1.
    labels : int array of shape (N,), or one-hot (N, C)

    Raises
    ------
    ValueError
        There are no images, they hold other numbers, or the labels do not fit them.
    DivergedError
        The logits are not finite, or too large to compute a loss from.
    """
    logits = logits_of(net, images)
    labels = np.asarray(labels)
    rows = target_rows(labels, logits)
    return Evaluation(logits, labels if labels.ndim == 1 else rows.argmax(axis=-1))


def logits_of(net: TwoLayerNet, images: NDArray[Any]) -> Array:
    """Return the logits (N, C) of images, in parts; parameters and errors as in `evaluate`."""
    images, dtype = np.asarray(images), net.params["W1"].dtype
    # What interpolates may round to a little above 1.
    if images.dtype.kind == "f" and not images.max(initial=0) < 1.01:
        raise ValueError("images must hold integers from 0 to 255, or floats from 0 to 1")

    def predict(batch: NDArray[Any]) -> Array:
        with np.errstate(over="ignore", invalid="ignore"):
            is_pixels = np.issubdtype(batch.dtype, np.integer)
            return net.predict(scale_pixels(batch, dtype) if is_pixels else batch)

    size = max(1, min(BATCH_SIZE, MAX_ACTIVATIONS // len(net.params["b1"])))
    logits = np.concatenate([predict(batch) for batch in in_batches(images, size)])
    if not np.abs(logits).max(initial=0) < LARGEST_LOGIT * np.finfo(logits.dtype).max:
        raise DivergedError("the net's logits are not finite: its weights are too large")
    return logits


def ensemble(members: Sequence[Evaluation]) -> Evaluation:
    """Return the evaluation of several nets on the same images: the mean of their probabilities."""
    log_y = [log_softmax(each.logits.astype(np.float64)) for each in members]
    return Evaluation(np.logaddexp.reduce(log_y) - np.log(len(members)), members[0].labels)


def _fraction(part: Any, whole: Any) -> float | None:
    return float(part / whole) if whole else None
