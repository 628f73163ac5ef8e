"""What each result looks like: the tables and pictures that commands print."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console, RenderableType
from rich.text import Text

from mnist_bp.cli import console
from mnist_bp.cli.console import GrowingTable
from mnist_bp.data.digits import Digits
from mnist_bp.evaluation import DigitFigures, Evaluation, Mistake
from mnist_bp.runs.history import EpochResult

if TYPE_CHECKING:
    from mnist_bp.comparison import GradientCheck, ParameterCheck

GREEN, RED = (0, 130, 60), (210, 40, 40)
ACCURACIES = "test_accuracy", "train_accuracy"
RUNNERS_UP = 2
NAMED_KINKS = 6
"""How many entries on a kink are named one by one, for each parameter."""


def sources(out: Console, folder: object, done: Sequence[tuple[str, str]]) -> None:
    """Print what was done for each file of a folder."""
    console.table(out, f"MNIST in {folder}", ("file", "from"), done)


def epochs(out: Console, title: str, measured_on: str = "test") -> GrowingTable:
    """Return the table that `epoch` prints its rows to."""
    accuracies = "train accuracy", f"{measured_on} accuracy"
    columns = {"epoch": 5, "loss": 8, **{name: len(name) for name in accuracies}, "seconds": 7}
    return GrowingTable(out, title, columns)


def epoch(table: GrowingTable, row: EpochResult) -> None:
    """Print what an epoch came to."""
    table.row(
        str(row.epoch),
        f"{row.loss:.4f}",
        f"{row.train_accuracy:.4f}",
        f"{row.test_accuracy:.4f}",
        f"{row.seconds:.2f}",
    )


def curve(out: Console, history: Sequence[EpochResult], measured_on: str = "test") -> None:
    """Draw how the accuracies grew, from the first epoch on; two epochs make no curve."""
    rows = [row for row in history if row.epoch > 0]
    if len(rows) > 2:
        test, train = ([getattr(row, name) for row in rows] for name in ACCURACIES)
        title = f"accuracy, epochs {rows[0].epoch} to {rows[-1].epoch}"
        console.curves(out, title, {measured_on: test, "train": train})


def gradient_checks(
    out: Console,
    title: str,
    layers: "Iterable[GradientCheck]",
    network: "GradientCheck",
    tolerance: float,
) -> None:
    """Print all checks, and the names of the entries on a kink."""
    rows: list[list[RenderableType]] = []
    for check in (*layers, network):
        rows.extend(
            [f"{check.name} {parameter.name}", *_check_cells(parameter, tolerance)]
            for parameter in check.parameters
        )
    headings = ("", "shape", "corners", "mean abs error", "max rel error", "")
    console.table(out, title, headings, rows)
    for parameter in network.parameters:
        if parameter.kinks:
            out.print(_name_kinks(parameter), soft_wrap=True, markup=False)


def _check_cells(parameter: "ParameterCheck", tolerance: float) -> list[RenderableType]:
    holds = parameter.max_rel_error <= tolerance
    return [
        " x ".join(map(str, parameter.shape)),
        str(parameter.kinks),
        f"{parameter.mean_abs_error:.1e}",
        f"{parameter.max_rel_error:.1e}",
        Text("holds", "green") if holds else Text("FAILS", "bold red"),
    ]


def _name_kinks(parameter: "ParameterCheck") -> str:
    names = [f"{parameter.name}[{', '.join(map(str, at))}]" for at in parameter.kink_indices]
    rest = len(names) - NAMED_KINKS
    more = f" and {rest} more" if rest > 0 else ""
    return f"left out, on a kink of ReLU: {', '.join(names[:NAMED_KINKS])}{more}"


def summary(out: Console, title: str, evaluation: Evaluation) -> None:
    """Print the figures of a whole set of images."""
    low, high = evaluation.interval
    rows = [
        ("accuracy", f"{evaluation.accuracy:.4f}", f"95 % interval {low:.4f} to {high:.4f}"),
        ("errors", f"{evaluation.errors:,}", f"of {evaluation.samples:,}"),
        ("loss", f"{evaluation.loss:.4f}", "mean cross entropy"),
    ]
    console.table(out, title, ("", "", ""), rows)


def members(out: Console, names: Sequence[str], evaluations: Sequence[Evaluation]) -> None:
    """Print the figures of each net of a committee."""
    rows = [
        (name, f"{each.accuracy:.4f}", f"{each.errors:,}", f"{each.loss:.4f}")
        for name, each in zip(names, evaluations, strict=True)
    ]
    console.table(out, "each net alone", ("", "accuracy", "errors", "loss"), rows)


def per_class(out: Console, figures: Sequence[DigitFigures]) -> None:
    """Print the figures of each digit."""
    rows = [
        (str(each.digit), f"{each.samples:,}", _share(each.precision), _share(each.recall))
        for each in figures
    ]
    console.table(out, "each digit", ("digit", "samples", "precision", "recall"), rows)


def confusion(out: Console, evaluation: Evaluation) -> None:
    """Print the confusion matrix: the more often a mistake is made, the brighter its red."""
    counts = evaluation.confusion.tolist()
    mistakes = [n for i, row in enumerate(counts) for j, n in enumerate(row) if i != j]
    most = max(1, *mistakes)

    def cell(count: int, right: bool, row: list[int]) -> Text:
        if not count:
            return Text(".", "dim")
        share, colour = (count / sum(row), GREEN) if right else (count / most, RED)
        return console.shaded(f"{count:4}", share, colour)

    rows: list[list[RenderableType]] = [
        [str(digit), *(cell(count, digit == taken, row) for taken, count in enumerate(row))]
        for digit, row in enumerate(counts)
    ]
    title = "confusion: each row a digit, each column what it was taken for"
    console.table(out, title, ("", *map(str, range(len(counts)))), rows)


def mistakes(out: Console, worst: Sequence[Mistake], digits: Digits) -> None:
    """Draw mistakes."""
    pictures = [
        (
            digits.images[each.index],
            f"#{each.index}: {each.label}, taken for {each.prediction} ({each.probability:.1%})",
        )
        for each in worst
    ]
    console.digits(out, f"the {len(worst)} most confident mistakes", pictures)


def prediction(out: Console, file: object, image: Any, probabilities: Sequence[float]) -> None:
    """Print what a net says of a picture, and the digit that it was shown."""
    ranked = _ranked(probabilities)
    rows = [(str(digit), f"{share:.1%}") for digit, share in ranked[: RUNNERS_UP + 1]]
    console.table(out, console.one_line(file), ("digit", "probability"), rows)
    console.digits(out, "as the net sees it", [(image, "")])


def predictions(out: Console, title: str, rows: Sequence[tuple[object, Sequence[float]]]) -> None:
    """Print what a net says of several pictures: of each, its file and the probabilities."""
    lines: list[list[RenderableType]] = []
    for file, probabilities in rows:
        (digit, share), *rest = _ranked(probabilities)
        runners_up = ", ".join(f"{other} ({part:.1%})" for other, part in rest[:RUNNERS_UP])
        # As a text, for brackets in a name are no markup.
        lines.append([Text(console.one_line(file)), str(digit), f"{share:.1%}", runners_up])
    console.table(out, title, ("file", "digit", "probability", "runners-up"), lines)


def _ranked(probabilities: Sequence[float]) -> list[tuple[int, float]]:
    return sorted(enumerate(probabilities), key=lambda pair: -pair[1])


def _share(fraction: float | None) -> str:
    return "-" if fraction is None else f"{fraction:.4f}"
