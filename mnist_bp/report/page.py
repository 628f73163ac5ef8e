"""The page: what is known of a net, put into one self-contained HTML file.

The page asks for nothing from anywhere: style, scripts, pictures and the net itself lie inside it,
and a Content-Security-Policy forbids all else.
"""

import base64
import hashlib
import math
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import resources
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from mnist_bp.data.digits import CLASSES, Digits
from mnist_bp.evaluation import Evaluation, Mistake
from mnist_bp.network import TwoLayerNet
from mnist_bp.report import figures
from mnist_bp.report.units import most_used
from mnist_bp.weights import PARAMETERS, Weights, versions

CELL_DIGITS = 12
"""Digits that a cell of the confusion matrix shows at the most."""
WORST = 24
"""Mistakes that are shown."""
UNITS = 60
"""Hidden units whose pictures are shown."""
UNITS_PER_ROW = 25
"""Hidden units in a row of the pad's picture of their outputs."""

SCRIPTS = ("net.js", "units.js", "prepare.js", "cells.js", "pad.js")
"""In this order: each uses what those before it define."""


def page(evaluation: Evaluation, digits: Digits, weights: Weights, *, title: str) -> str:
    """Return an HTML page about a net.

    Parameters
    ----------
    evaluation : Evaluation
        What the net says of the digits.
    digits : Digits
    weights : Weights
        The net, and what is known of its run.
    title : str
        What the page is about: shown as text, whatever is in it.
    """
    net = TwoLayerNet.from_params(weights.params, weights.activation)
    units = most_used(net, digits)
    mistakes = evaluation.mistakes(evaluation.errors)
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            title=title,
            evaluation=evaluation,
            facts=_facts(digits, weights),
            curves=figures.learning_curves(weights.history) if weights.history else [],
            matrix=_matrix(evaluation),
            cells=_cells(mistakes, digits),
            worst=[_shown(each, digits) for each in mistakes[:WORST]],
            units=units[:UNITS],
            hidden=len(units),
            hidden_columns=max(1, min(len(units), UNITS_PER_ROW)),
            hidden_rows=max(1, math.ceil(len(units) / UNITS_PER_ROW)),
            net=_net(weights),
            style=Markup(_read("style.css")),
            scripts=[Markup(_read(name)) for name in SCRIPTS],
            script_hashes=[_hash(_read(name)) for name in SCRIPTS],
        )
    )


def _facts(digits: Digits, weights: Weights) -> dict[str, str]:
    """Return what a result can be traced by."""
    shape = f"784-{len(weights.params['b1'])}-{CLASSES}, {weights.activation}"
    now = datetime.now(UTC).astimezone()
    facts = {
        "net": shape,
        "data set": f"{digits.dataset}, {len(digits):,} digits",
        "evaluated": f"{now:%Y-%m-%d %H:%M %Z}, by {versions()}",
    }
    if not weights.recipe:
        return facts | {"recipe": "not known: the weights file holds the four arrays alone"}
    recipe = asdict(weights.recipe)
    seed = recipe.pop("seed")
    return facts | {
        "trained": f"on {weights.dataset}, {weights.epochs} epochs, by {weights.versions}",
        "seed": str(seed),
        "recipe": " · ".join(f"{key} {value}" for key, value in recipe.items()),
    }


def _matrix(evaluation: Evaluation) -> list[list[dict[str, Any]]]:
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


def _cells(mistakes: list[Mistake], digits: Digits) -> dict[str, dict[str, Any]]:
    """Return what each cell off the diagonal shows, under its row and column, such as "9-4"."""
    cells: dict[str, list[Mistake]] = {}
    for each in mistakes:
        cells.setdefault(f"{each.label}-{each.prediction}", []).append(each)
    return {
        name: {
            "says": _says(cell),
            "digits": [_shown(each, digits) for each in cell[:CELL_DIGITS]],
        }
        for name, cell in cells.items()
    }


def _says(cell: list[Mistake]) -> str:
    """Return what a cell holds, in words."""
    left_out = len(cell) - CELL_DIGITS
    digits = "1 digit" if len(cell) == 1 else f"{len(cell):,} digits"
    words = f"{cell[0].label}, taken for {cell[0].prediction}: {digits}, and how sure the net was."
    if left_out > 0:
        words += f" Shown are the {CELL_DIGITS} it was surest of; {left_out:,} are left out."
    return words


def _shown(mistake: Mistake, digits: Digits) -> dict[str, Any]:
    """Return how a mistake is shown."""
    return {
        "picture": figures.digit(digits.images[mistake.index]),
        "alt": f"digit {mistake.index}: {mistake.label}, taken for {mistake.prediction}",
        "caption": f"{100 * mistake.probability:.1f}\N{NO-BREAK SPACE}%",
        "mistake": {
            "index": mistake.index,
            "label": mistake.label,
            "prediction": mistake.prediction,
        },
    }


def _net(weights: Weights) -> dict[str, str]:
    """Return the net for the page's scripts: each array as base64 of float32, row by row."""
    arrays = {name: weights.params[name].astype("<f4").tobytes() for name in PARAMETERS}
    texts = {name: base64.b64encode(array).decode() for name, array in arrays.items()}
    return {"activation": weights.activation, **texts}


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("mnist_bp", "report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["percent"] = lambda fraction: f"{100 * fraction:.2f}"
    environment.filters["count"] = lambda number: f"{number:,}"
    return environment


def _read(name: str) -> str:
    return resources.files("mnist_bp.report").joinpath(name).read_text(encoding="utf-8")


def _hash(script: str) -> str:
    """Return what the page's policy knows an inlined script by."""
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
