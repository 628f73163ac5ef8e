"""The pictures of the page: learning curves as SVG, digits as PNG."""

import base64
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib.style
import numpy as np
from markupsafe import Markup
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray
from PIL import Image

from mnist_bp.runs.checkpoint import EpochResult

# Stand-ins for colours that only the page knows: those of its text and of its accent.
TEXT, ACCENT = "#010203", "#040506"
PAGE_COLOURS = {TEXT: "currentColor", ACCENT: "var(--accent)"}

STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.size": 11,
    "text.color": TEXT,
    "axes.edgecolor": TEXT,
    "axes.labelcolor": TEXT,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": TEXT,
    "grid.alpha": 0.15,
    "xtick.color": TEXT,
    "ytick.color": TEXT,
    "xtick.major.width": 0.6,
    "ytick.major.size": 0,
    "legend.frameon": False,
}
SIZE = 4.3, 2.6
"""Inches of a figure: text has its size where the page is as wide as a phone."""


@dataclass(frozen=True)
class Curves:
    """A figure of the page.

    Attributes
    ----------
    title, caption : str
        What it shows, and what is to be seen, for those too who do not see it.
    svg : Markup
        An `<svg>` element, in the colours and the font of the page.
    """

    title: str
    caption: str
    svg: Markup


def learning_curves(history: Sequence[EpochResult], measured_on: str = "test") -> list[Curves]:
    """Return the loss and the accuracies after each epoch.

    The untrained net, epoch 0, is left out of the figures, which it would flatten, and put into
    their captions.
    """
    untrained = next((row for row in history if row.epoch == 0), None)
    rows = [row for row in history if row.epoch > 0] or list(history)
    last = rows[-1]
    after = f"after epoch {last.epoch}"
    loss = f"{last.loss:.4f} {after}"
    accuracy = (
        f"{measured_on.capitalize()} {last.test_accuracy:.4f}, "
        f"train {last.train_accuracy:.4f} {after}"
    )
    if untrained and untrained is not last:
        loss += f"; {untrained.loss:.4f} before training"
        accuracy += f"; {measured_on} {untrained.test_accuracy:.4f} before training"
    return [
        Curves("Loss", f"{loss}.", _curves(rows, {"loss": "the epoch's batches"})),
        Curves(
            "Accuracy",
            f"{accuracy}.",
            _curves(rows, {"test_accuracy": measured_on, "train_accuracy": "train"}),
        ),
    ]


def _curves(rows: Sequence[EpochResult], columns: dict[str, str]) -> Markup:
    """Return a line for each of these columns of the history."""
    looks: tuple[dict[str, Any], ...] = (
        {"color": ACCENT, "linewidth": 2},
        {"color": TEXT, "linewidth": 1, "linestyle": "--"},
    )
    marker = "o" if len(rows) == 1 else None
    # Names inside the SVG are made of the salt: two figures of a page must not share them.
    style = STYLE | {"svg.hashsalt": " ".join(columns)}
    with matplotlib.style.context(style, after_reset=True):
        figure = Figure(figsize=SIZE, layout="constrained")
        axes = figure.add_subplot(xlabel="epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        for (column, label), look in zip(columns.items(), looks, strict=False):
            values = [getattr(row, column) for row in rows]
            axes.plot([row.epoch for row in rows], values, marker=marker, label=label, **look)
        if len(columns) > 1:
            axes.legend(loc="lower right")
        return _inline(figure)


def _inline(figure: Figure) -> Markup:
    """Return a figure as SVG for the inside of a page."""
    file = io.StringIO()
    figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    svg = file.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", svg, flags=re.DOTALL)
    svg = re.sub(r' id="[\w.]+_\d+"| (?:width|height)="[\d.]+pt"', "", svg)
    svg = re.sub(r"font-family: [^;\"]*", "font-family: inherit", svg)
    for stand_in, colour in PAGE_COLOURS.items():
        svg = svg.replace(stand_in, colour)
    return Markup(svg)


def digit(image: NDArray[np.uint8]) -> str:
    """Return a digit (28, 28), dark on white, as the address of a PNG that holds it itself."""
    file = io.BytesIO()
    Image.fromarray(255 - image).save(file, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
