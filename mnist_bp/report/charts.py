"""Charts as SVG, in the colours and the font of the page that holds them."""

import io
import re
from collections.abc import Callable
from typing import Any

import matplotlib.style
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Placeholders for colours that only the page knows: those of its text and of its accent.
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
"""Inches of a chart: its text has the size of the page's where the page is as wide as a phone."""


def chart(name: str, draw: Callable[[Axes], object], height: float = SIZE[1]) -> Markup:
    """Return what `draw` draws on a pair of axes, as an `<svg>` element.

    Matplotlib's settings are those of `STYLE` while it draws, and the user's again afterwards. No
    backend is chosen, and pyplot is not imported.

    Parameters
    ----------
    name : str
        A name of its own for each chart of a page: identifiers inside the SVG are made from it.
    draw : function of `matplotlib.axes.Axes`
    height : float
        In inches.
    """
    with matplotlib.style.context(STYLE | {"svg.hashsalt": name}, after_reset=True):
        figure = Figure(figsize=(SIZE[0], height), layout="constrained")
        draw(figure.add_subplot())
        return _svg(figure)


def _svg(figure: Figure) -> Markup:
    """Return a figure as SVG for the inside of a page: no fixed size, no fixed colours."""
    file = io.StringIO()
    figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    svg = file.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", svg, flags=re.DOTALL)
    svg = re.sub(r' id="[\w.]+_\d+"| (?:width|height)="[\d.]+pt"', "", svg)
    svg = re.sub(r"font-family: [^;\"]*", "font-family: inherit", svg)
    for placeholder, colour in PAGE_COLOURS.items():
        svg = svg.replace(placeholder, colour)
    return Markup(svg)
