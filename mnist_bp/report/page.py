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

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from mnist_bp.data.digits import CLASSES, Digits
from mnist_bp.evaluation import Evaluation
from mnist_bp.report import figures, mistakes
from mnist_bp.report.units import most_used
from mnist_bp.runs.checkpoint import PARAMETERS, Checkpoint, versions

UNITS = 60
"""Hidden units whose pictures are shown."""

SCRIPTS = ("net.js", "units.js", "prepare.js", "cells.js", "pad.js")
"""In this order: each uses what those before it define."""


def page(evaluation: Evaluation, digits: Digits, weights: Checkpoint, *, title: str) -> str:
    """Return an HTML page about a net.

    Parameters
    ----------
    evaluation : Evaluation
        What the net says of the digits.
    digits : Digits
    weights : Checkpoint
        The net, and what is known of its run.
    title : str
        What the page is about: shown as text, whatever is in it.
    """
    net = weights.net
    units = most_used(net, digits)
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            title=title,
            evaluation=evaluation,
            facts=_facts(digits, weights),
            curves=_curves(weights),
            matrix=mistakes.matrix(evaluation),
            cells=mistakes.cells(evaluation, digits),
            worst=mistakes.worst(evaluation, digits),
            units=units[:UNITS],
            hidden=len(units),
            outputs=_sides(len(units)),
            net=_net(weights),
            style=Markup(_read("style.css")),
            scripts=[Markup(_read(name)) for name in SCRIPTS],
            script_hashes=[_hash(_read(name)) for name in SCRIPTS],
        )
    )


def _curves(weights: Checkpoint) -> list[figures.Curves]:
    if not (weights.recipe and weights.history):
        return []
    return figures.learning_curves(weights.history, weights.recipe.measured_on)


def _facts(digits: Digits, weights: Checkpoint) -> dict[str, str]:
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
        "trained": f"on {weights.dataset}, to epoch {weights.epochs}, by {weights.versions}",
        "seed": str(seed),
        "recipe": " · ".join(f"{key} {value}" for key, value in recipe.items()),
    }


def _sides(units: int) -> tuple[int, int]:
    """Return the columns and rows of a picture with a pixel for each unit, broad and low."""
    columns = max(1, min(units, max(25, math.ceil(math.sqrt(8 * units)))))
    return columns, max(1, math.ceil(units / columns))


def _net(weights: Checkpoint) -> dict[str, str]:
    """Return the net for the page's scripts: each array as base64 of float32, row by row."""
    with np.errstate(over="ignore"):
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
