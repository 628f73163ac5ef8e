"""The figures of the page: learning curves, the calibration curve, and pictures of digits."""

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray
from PIL import Image

from mnist_bp.evaluation import Evaluation
from mnist_bp.report.charts import ACCENT, TEXT, chart
from mnist_bp.runs.checkpoint import EpochResult

Look = dict[str, Any]
MAIN: Look = {"color": ACCENT, "linewidth": 2}
SECOND: Look = {"color": TEXT, "linewidth": 1, "linestyle": "--"}
NETS: tuple[Look, ...] = tuple(
    {"color": color, "linewidth": 1.6, "linestyle": style}
    for color, style in (
        ("#2d70e0", "-"),
        ("#d0650f", "--"),
        ("#1f9a62", "-."),
        ("#b04fc0", ":"),
        ("#c94a5a", (0, (6, 2, 1, 2, 1, 2))),
        ("#868c95", (0, (1, 3))),
    )
)
"""One look for each net of a comparison: legible on a light and on a dark page."""


@dataclass(frozen=True)
class Figure:
    """A figure of the page.

    Attributes
    ----------
    title, caption : str
        What the figure shows, and its main numbers, for readers who cannot see it too.
    svg : Markup
        An `<svg>` element.
    """

    title: str
    caption: str
    svg: Markup


def learning_curves(history: Sequence[EpochResult], measured_on: str = "test") -> list[Figure]:
    """Return the loss and the accuracies after each epoch of one run.

    The untrained net, epoch 0, would hide the rest of a curve: its numbers are in the captions.
    Without any row, there is no figure.
    """
    if not history:
        return []
    untrained, last = history[0], history[-1]
    rows = history[1:] or history
    after = f"after epoch {last.epoch}"
    loss = f"{number(last.loss)} {after}"
    accuracy = (
        f"{measured_on.capitalize()} {number(last.test_accuracy)}, "
        f"train {number(last.train_accuracy)} {after}"
    )
    if untrained is not last:
        loss += f"; {number(untrained.loss)} before training"
        accuracy += f"; {measured_on} {number(untrained.test_accuracy)} before training"
    losses = {"mean of the epoch's batches": (rows, "loss", MAIN)}
    accuracies = {
        measured_on: (rows, "test_accuracy", MAIN),
        "train": (rows, "train_accuracy", SECOND),
    }
    return [
        Figure("Loss", f"{loss}.", _lines("loss", losses)),
        Figure("Accuracy", f"{accuracy}.", _lines("accuracy", accuracies)),
    ]


def compared_curves(histories: Mapping[str, Sequence[EpochResult]]) -> list[Figure]:
    """Return the loss and the test accuracy after each epoch of several runs, by their names."""
    named = list(zip(histories.items(), NETS, strict=False))
    caption = f"The lines are nets {', '.join(name for (name, _), _ in named)} of the table."
    figures = []
    for title, column in (("Loss", "loss"), ("Accuracy", "test_accuracy")):
        lines = {name: (history[1:], column, look) for (name, history), look in named}
        figures.append(Figure(title, caption, _lines(column, lines)))
    return figures


def calibration_curve(evaluation: Evaluation) -> Figure:
    """Return the accuracy of digits of about the same confidence, over that confidence."""
    bins = evaluation.calibration()
    x = [each.confidence for each in bins]
    y = np.array([each.digits.accuracy for each in bins])
    low, high = np.array([each.digits.interval for each in bins]).T

    def draw(axes: Axes) -> None:
        axes.set(xlabel="confidence", xlim=(0, 1.02), ylim=(0, 1.02))
        axes.plot([0, 1], [0, 1], **SECOND)
        # Rounding can put an accuracy a little outside its own interval.
        spread = np.maximum([y - low, high - y], 0)
        axes.errorbar(x, y, spread, color=ACCENT, linewidth=1, marker="o", markersize=5)

    confidence = sum(each.confidence * each.digits.samples for each in bins) / evaluation.samples
    caption = (
        f"Expected calibration error {evaluation.calibration_error:.4f}: mean confidence "
        f"{confidence:.4f}, accuracy {evaluation.accuracy:.4f}. "
        "Bars are 95\N{NO-BREAK SPACE}% intervals."
    )
    return Figure("Accuracy at each confidence", caption, chart("calibration", draw))


def _lines(name: str, lines: Mapping[str, tuple[Sequence[EpochResult], str, Look]]) -> Markup:
    """Return a chart with a line for each label: its rows, the column to draw, and its look."""

    def draw(axes: Axes) -> None:
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        for label, (rows, column, look) in lines.items():
            epochs, values = [row.epoch for row in rows], [getattr(row, column) for row in rows]
            axes.plot(epochs, values, marker="o" if len(rows) == 1 else None, label=label, **look)
        if len(lines) > 1:
            axes.legend(loc="best", ncols=2)

    return chart(name, draw)


def number(value: float) -> str:
    """Return a number with four decimals, or a huge one with three digits."""
    return f"{value:.4f}" if abs(value) < 1e9 else f"{value:.3g}"


def digit(image: NDArray[np.uint8]) -> str:
    """Return a digit (28, 28), dark on white, as a `data:` address. No pixel is changed."""
    file = io.BytesIO()
    # A third smaller than PNG.
    Image.fromarray(255 - image).save(file, "WEBP", lossless=True, method=4)
    return f"data:image/webp;base64,{base64.b64encode(file.getvalue()).decode()}"
