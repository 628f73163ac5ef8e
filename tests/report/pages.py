"""What the tests of the page share: nets, pages about them, and drawings."""

from pathlib import Path

import numpy as np
import pytest

from mnist_bp import TwoLayerNet
from mnist_bp.data.digits import SYNTHETIC, Digits
from mnist_bp.data.strokes import STROKES
from mnist_bp.data.synthetic import draw
from mnist_bp.evaluation import Evaluation, evaluate
from mnist_bp.runs.checkpoint import Checkpoint, EpochResult
from mnist_bp.runs.recipe import Recipe

QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

AXE = Path(__file__).parents[2] / "build" / "node_modules" / "axe-core" / "axe.min.js"


def passed_rules(page):
    """Return how many rules of axe-core a page passes, after asserting that no fault is serious."""
    if not AXE.exists():
        pytest.skip("there is no axe-core: npm install --prefix build axe-core")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    result = page.evaluate("axe.run({ resultTypes: ['violations'] })")
    found = {
        fault["id"]: [node["html"] for node in fault["nodes"]]
        for fault in result["violations"]
        if fault["impact"] in ("serious", "critical")
    }
    assert found == {}
    return len(result["passes"])


def drawn(count):
    images, labels = draw(count, np.random.default_rng(0))
    return Digits(images, labels, SYNTHETIC, ("", ""))


def untrained(hidden=6, activation=None, dtype=np.float32, std=0.1, seed=0):
    """A net with nothing but its four arrays, unless it needs a recipe for its activation."""
    net = TwoLayerNet(784, hidden, 10, std, dtype=dtype, activation=activation or "relu", rng=seed)
    recipe = Recipe(activation=activation, hidden=hidden) if activation else None
    return Checkpoint(net.params, recipe)


def with_history(*rows, **settings):
    """An untrained net with a history of rows (epoch, loss, train accuracy, test accuracy)."""
    history = [EpochResult(*row, seconds=1.0) for row in rows]
    params = untrained().params
    return Checkpoint(params, Recipe(hidden=6, **settings), history=history, dataset="synthetic")


def evaluation_of(weights, digits):
    return evaluate(weights.net, digits.images, digits.labels)


def certain(digits, wrong=()):
    """An evaluation in which each digit has its label, but those in `wrong`: {index: logit}."""
    logits = np.zeros((len(digits), 10))
    logits[np.arange(len(digits)), digits.labels] = 9
    for index, logit in dict(wrong).items():
        logits[index] = 0
        logits[index, (digits.labels[index] + 1) % 10] = logit
    return Evaluation(logits, digits.labels)


def write_page(path, digits, *checkpoints, evaluations=None, title="a net"):
    """Write a page about nets; returns its path."""
    from mnist_bp import report

    evaluations = evaluations or [evaluation_of(each, digits) for each in checkpoints]
    nets = [
        report.Net(f"net{i}.npz", *both)
        for i, both in enumerate(zip(checkpoints, evaluations, strict=True))
    ]
    html = report.page(nets, digits, split="test", title=title)
    path.write_text(html, encoding="utf-8")
    return path


def text_of(page, selector):
    return page.locator(selector).inner_text().replace("\N{NO-BREAK SPACE}", " ")


def strokes_of(digit, hand):
    """The points of each stroke of a digit, from 0 to 1 in a square."""
    return [
        [
            [(float(number) + margin) / 20 for number, margin in zip(point, (5, 3), strict=True)]
            for point in (word.rstrip("!").split(",") for word in stroke.split())
        ]
        for stroke in STROKES[digit][hand][1].split("|")
    ]


def draw_on_pad(page, strokes, left=0.0, size=1.0):
    """Draw strokes in a square of the pad: `left` and `size` are parts of the pad's height."""
    page.locator("#paper").scroll_into_view_if_needed()
    box = page.locator("#paper").bounding_box()
    height = box["height"]
    top = (1 - size) / 2
    for stroke in strokes:
        points = [
            (box["x"] + height * (left + size * x), box["y"] + height * (top + size * y))
            for x, y in stroke
        ]
        page.mouse.move(*points[0])
        page.mouse.down()
        for point in points[1:]:
            page.mouse.move(*point, steps=3)
        page.mouse.up()


def until_predicted(page, words):
    page.locator("#prediction", has_text=words).wait_for()
