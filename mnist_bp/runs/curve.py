"""The learning curve of a run as a picture, for notebooks."""

from collections.abc import Sequence
from string import Template

from mnist_bp.runs.checkpoint import EpochResult

WIDTH, HEIGHT = 480, 180

SVG = Template("""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="-60 -40 600 270" width="600" fill="currentColor"
 font-family="sans-serif" font-size="13"><g fill="none" stroke="currentColor" stroke-width="1.5">
<polyline points="$test"/><polyline points="$train" stroke-dasharray="5 4"/></g>
<text y="-18">accuracy after each epoch: $name, and (dashed) train</text>
<text x="-56" y="180">$low</text><text x="-56" y="4">$high</text>
<text y="210">epoch $first</text>
<text x="480" y="210" text-anchor="end">epoch $last</text></svg>""")


def curve_svg(history: Sequence[EpochResult], measured_on: str) -> str:
    """Draw the accuracies of the epochs of a run, at least one row, as an SVG image."""
    # The untrained net only guesses: with it, nothing else could be seen.
    rows = history[1:] or history
    test, train = [row.test_accuracy for row in rows], [row.train_accuracy for row in rows]
    low, high = min(test + train), max(test + train)
    across, up = WIDTH / max(1, len(rows) - 1), HEIGHT / (high - low or 1)

    def points(values: Sequence[float]) -> str:
        return " ".join(f"{across * i:.1f},{up * (high - y):.1f}" for i, y in enumerate(values))

    return SVG.substitute(
        test=points(test),
        train=points(train),
        name=measured_on,
        low=f"{low:.4f}",
        high=f"{high:.4f}",
        first=rows[0].epoch,
        last=rows[-1].epoch,
    )
