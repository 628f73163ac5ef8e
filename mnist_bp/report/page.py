"""The page: what is known about one or several nets, in one self-contained HTML file.

The page loads nothing: style, scripts, pictures and the net itself are inside it, and a
Content-Security-Policy forbids everything else.
"""

import base64
import hashlib
import math
from collections.abc import Sequence
from importlib import resources
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from mnist_bp.data.digits import CLASSES, Digits
from mnist_bp.evaluation import ensemble
from mnist_bp.pictures import shapes, unsure
from mnist_bp.report import confusion, figures
from mnist_bp.report.nets import Net, defaults, facts, shared_errors, table
from mnist_bp.report.units import by_influence
from mnist_bp.runs.checkpoint import PARAMETERS, Checkpoint

RULES = {
    name: value
    for module in (shapes, unsure)
    for name, value in vars(module).items()
    if name.isupper()
}
"""The constants by which the pad finds digits and marks them as unsure, for the page's scripts."""

UNITS = 60
"""Hidden units whose pictures are shown."""

SCRIPTS = (
    *("common.js", "net.js", "units.js", "shapes.js", "prepare.js", "unsure.js"),
    *("grid.js", "inside.js", "pad.js", "prediction.js", "confusion.js"),
)
"""In this order: each uses what those before it define."""


def page(nets: Sequence[Net], digits: Digits, *, split: str, title: str) -> str:
    """Return an HTML page about one net, or about several nets and their ensemble.

    Parameters
    ----------
    nets : sequence of Net
        One net or more, all evaluated on these digits. The interactive parts use the first.
    digits : Digits
    split : {"test", "train"}
        Which part of the data set the digits are.
    title : str
        The heading. It is shown as text: markup in it has no effect.
    """
    first, several = nets[0], len(nets) > 1
    # Finite weights can be so large that what is computed from them is not finite.
    with np.errstate(over="ignore", invalid="ignore"):
        evaluation = ensemble([net.evaluation for net in nets]) if several else first.evaluation
        units = by_influence(first.checkpoint.net, digits)
        content = {
            "title": title,
            "nets": nets,
            "evaluation": evaluation,
            "facts": facts(nets, digits, split),
            "defaults": defaults(nets),
            "table": table(nets, evaluation) if several else [],
            "shared": shared_errors(nets),
            "curves": _curves(nets),
            "calibration": figures.calibration_curve(evaluation),
            "matrix": confusion.matrix(evaluation),
            "cells": confusion.cells(evaluation, digits),
            "mistakes": confusion.most_confident_mistakes(evaluation, digits),
            "units": units[:UNITS],
            "hidden": len(units),
            "outputs": _sides(len(units)),
            "net": _parameters(first.checkpoint),
            "rules": RULES,
        }
    return fill("page.html.j2", SCRIPTS, **content)


def _curves(nets: Sequence[Net]) -> list[figures.Figure]:
    histories = {
        str(i): net.checkpoint.history for i, net in enumerate(nets, 1) if net.checkpoint.history
    }
    if len(nets) > 1:
        return figures.compared_curves(histories) if histories else []
    recipe, history = nets[0].checkpoint.recipe, nets[0].checkpoint.history
    return figures.learning_curves(history, recipe.measured_on) if recipe else []


def _sides(units: int) -> tuple[int, int]:
    """Return the columns and rows of a wide picture with a pixel for each unit."""
    columns = max(1, min(units, max(25, math.ceil(math.sqrt(8 * units)))))
    return columns, max(1, math.ceil(units / columns))


def _parameters(checkpoint: Checkpoint) -> dict[str, Any]:
    """Return the net for the page's scripts: each array as base64 of its numbers, row by row.

    The numbers are float32, or float64 where one of them does not fit into float32.
    """
    params = {name: checkpoint.params[name].astype("<f8") for name in PARAMETERS}
    small = {name: array.astype("<f4") for name, array in params.items()}
    fits = all(np.allclose(small[name], params[name], rtol=1e-6, atol=0) for name in PARAMETERS)
    arrays = small if fits else params
    return {
        "activation": checkpoint.activation,
        "type": "float32" if fits else "float64",
        **{name: base64.b64encode(array.tobytes()).decode() for name, array in arrays.items()},
    }


def fill(template: str, scripts: Sequence[str], **content: Any) -> str:
    """Return a page from its template, which gets the style sheet and these scripts too."""
    environment = Environment(
        loader=PackageLoader("mnist_bp", "report/templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["percent"] = lambda fraction: f"{100 * fraction:.2f}"
    environment.filters["count"] = lambda count: f"{count:,}"
    environment.filters["number"] = figures.number
    texts = [_part(f"scripts/{name}") for name in scripts]
    return environment.get_template(template).render(
        content,
        classes=range(CLASSES),
        style=_part("style.css"),
        scripts=texts,
        script_hashes=[_hash(text) for text in texts],
    )


def _part(name: str) -> Markup:
    """Return a style sheet or a script of the pages."""
    return Markup(resources.files("mnist_bp.report").joinpath(name).read_text(encoding="utf-8"))


def _hash(script: str) -> str:
    """Return how the page's security policy names an inline script."""
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
