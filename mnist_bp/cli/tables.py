"""What each result looks like: the tables and pictures that commands print."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from mnist_bp.cli import console, drawing
from mnist_bp.cli.console import Cell, GrowingTable
from mnist_bp.data.digits import Digits
from mnist_bp.evaluation import Evaluation, Mistake
from mnist_bp.runs.checkpoint import EpochResult

if TYPE_CHECKING:
    from mnist_bp.audit import FileCheck
    from mnist_bp.comparison import GradientCheck, ParameterCheck

RUNNERS_UP = 2
NAMED_KINKS = 6
"""How many entries on a kink are named one by one, for each parameter."""


def epochs(out: Console, title: str, measured_on: str = "test") -> GrowingTable:
    """Return the table that `epoch` prints its rows to."""
    accuracies = "train accuracy", f"{measured_on} accuracy"
    columns = {"epoch": 5, "loss": 8, **{name: len(name) for name in accuracies}, "seconds": 7}
    return GrowingTable(out, title, columns)


def epoch(table: GrowingTable, row: EpochResult) -> None:
    """Print the row of an epoch."""
    numbers = (f"{each:.4f}" for each in (row.loss, row.train_accuracy, row.test_accuracy))
    table.row(str(row.epoch), *numbers, f"{row.seconds:.2f}")


def curve(out: Console, history: Sequence[EpochResult], measured_on: str = "test") -> None:
    """Draw the accuracies from the first epoch on, if there are more than two."""
    rows = [row for row in history if row.epoch > 0]
    if len(rows) > 2:
        test, train = [row.test_accuracy for row in rows], [row.train_accuracy for row in rows]
        title = f"accuracy, epochs {rows[0].epoch} to {rows[-1].epoch}"
        drawing.curves(out, title, {measured_on: test, "train": train})


def gradient_checks(
    out: Console,
    title: str,
    layers: "Iterable[GradientCheck]",
    network: "GradientCheck",
    tolerance: float,
) -> None:
    """Print all checks, and the names of the entries on a kink."""
    rows: list[list[Cell]] = []
    for check in (*layers, network):
        for each in check.parameters:
            errors = f"{each.mean_abs_error:.1e}", f"{each.max_rel_error:.1e}"
            shape, verdict = " x ".join(map(str, each.shape)), each.max_rel_error <= tolerance
            name = f"{check.name} {each.name}"
            rows.append([name, shape, str(each.kinks), *errors, _verdict(verdict)])
        if check.error:
            rows.append([check.name, "", "", "", "", _verdict(False)])
    headings = ("", "shape", "kinks", "mean abs error", "max rel error", "")
    console.table(out, title, headings, rows)
    for parameter in network.parameters:
        if parameter.kinks:
            out.print(_name_kinks(parameter), soft_wrap=not out.is_terminal)


def _verdict(holds: bool) -> Text:
    return Text("holds", "green") if holds else Text("FAILS", "bold red")


def _name_kinks(parameter: "ParameterCheck") -> str:
    names = [f"{parameter.name}[{', '.join(map(str, at))}]" for at in parameter.kink_indices]
    rest = len(names) - NAMED_KINKS
    more = f" and {rest} more" if rest > 0 else ""
    return f"left out, on a kink of ReLU: {', '.join(names[:NAMED_KINKS])}{more}"


RESULTS = {"holds": "green", "warning": "yellow", "fails": "bold red", "not checked": "dim"}


def file_check(out: Console, check: "FileCheck") -> None:
    """Print what was found in a file of the reader's, and the reasons under the table."""
    rows: list[list[Cell]] = [
        [each.name, each.kind, Text(each.result.replace("fails", "FAILS"), RESULTS[each.result])]
        for each in check.classes
    ]
    console.table(out, str(check.file), ("name", "taken for", "result"), rows, range(3))
    notes = [f"{each.name}: {each.reason}" for each in check.classes if each.reason]
    notes += [] if rows else ["there is no class with forward and backward"]
    notes += [f"statements left out, which are not definitions: {check.left_out}"]
    for note in notes:
        out.print(note, "", sep="\n", soft_wrap=not out.is_terminal)


def file_checks(out: Console, checks: "Iterable[FileCheck]") -> None:
    """Print how many classes and functions of each file have each result."""
    rows: list[list[Cell]] = []
    for check in checks:
        results: list[str] = [each.result for each in check.classes]
        counts = (Text(str(results.count(kind) or "-"), RESULTS[kind]) for kind in RESULTS)
        rows.append([f"{check.file}{' (cannot be read)' * bool(check.error)}", *counts])
    console.table(out, "all files", ("file", *RESULTS), rows)


def evaluation(
    out: Console, title: str, result: Evaluation, alone: Sequence[tuple[str, Evaluation]] = ()
) -> None:
    """Print the figures of a set of images; of an ensemble, those of each net `alone` first."""
    members = [(name, f"{r.accuracy:.4f}", f"{r.errors:,}", f"{r.loss:.4f}") for name, r in alone]
    if members:
        console.table(out, "each net alone", ("", "accuracy", "errors", "loss"), members)
    low, high = result.interval
    summary = [
        ("accuracy", f"{result.accuracy:.4f}", f"95 % interval {low:.4f} to {high:.4f}"),
        ("errors", f"{result.errors:,}", f"of {result.samples:,}"),
        ("loss", f"{result.loss:.4f}", "mean cross entropy"),
        ("calibration", f"{result.calibration_error:.4f}", "expected calibration error"),
    ]
    console.table(out, title, ("", "", ""), summary)
    digits = [each.texts for each in result.per_class]
    console.table(out, "each digit", ("digit", "samples", "precision", "recall"), digits)
    confusion(out, result)


def confusion(out: Console, result: Evaluation) -> None:
    """Print the confusion matrix: the more frequent a mistake, the stronger its colour."""

    def cell(count: int, share: float, correct: bool) -> Text:
        strength = sum(share > least for least in (0.2, 0.6))
        style = "green" if correct else ("red", "bold red", "bold white on red")[strength]
        return Text(f"{count}", style) if count else Text(".", "dim")

    counts, shares = result.confusion.tolist(), result.shading.tolist()
    rows: list[list[Cell]] = [
        [str(i), *(cell(n, share, i == j) for j, (n, share) in enumerate(zip(*row, strict=True)))]
        for i, row in enumerate(zip(counts, shares, strict=True))
    ]
    title = "confusion matrix: a row for each digit, a column for each prediction"
    console.table(out, title, ("", *map(str, range(len(counts)))), rows)


def mistakes(out: Console, worst: Sequence[Mistake], digits: Digits) -> None:
    """Draw mistakes."""
    if not worst:
        return
    pictures = []
    for each in worst:
        prediction = f"predicted {each.prediction} ({each.probability:.1%})"
        caption = f"#{each.index}: {each.label}, {prediction}"
        pictures.append((digits.images[each.index], caption))
    drawing.digits(out, f"the {len(worst)} most confident mistakes", pictures)


def prediction(out: Console, result: dict[str, Any], images: Sequence[Any]) -> None:
    """Print a net's prediction for a picture, and its digits as the net sees them.

    `result` is what `predict --json` says of the picture, `images` are its digits (28, 28).
    """
    found = result["digits"]
    if len(found) == 1:
        rows = [(str(digit), f"{share:.1%}") for digit, share in _ranked(found[0])]
        rows[0] = _marked(found[0]), rows[0][1]
        console.table(out, result["file"], ("digit", "probability"), rows)
        captions = [f"unsure: {found[0]['unsure']}" if found[0]["unsure"] else ""]
    else:
        console.heading(out, f"{result['file']}: {_number(result)}")
        captions = [f"{_marked(each)} ({each['probability']:.1%})" for each in found]
    drawing.digits(out, "as the net sees it", [*zip(images, captions, strict=True)])
    unsure = [(place, each) for place, each in enumerate(found, 1) if each["unsure"]]
    if unsure and len(found) > 1:
        rows = [(f"{_marked(each)} (no. {place})", each["unsure"]) for place, each in unsure]
        console.table(out, "unsure", ("digit", "reason"), rows, (0, 1))


def predictions(out: Console, title: str, results: Sequence[dict[str, Any]]) -> None:
    """Print a net's predictions for several pictures, each as `predict --json` gives it."""
    lines = []
    for result in results:
        found = result["digits"]
        least = min(each["probability"] for each in found)
        others = _ranked(found[0])[1:] if len(found) == 1 else []
        notes = [", ".join(f"{digit} ({share:.1%})" for digit, share in others)]
        notes += sorted({f"? {each['unsure']}" for each in found if each["unsure"]})
        note = "; ".join(filter(None, notes))
        lines.append((result["file"], _number(result), f"{least:.1%}", note))
    console.table(out, title, ("file", "digit", "probability", "runners-up"), lines, (0, 3))


def _number(result: dict[str, Any]) -> str:
    """Return the number in a picture: unsure digits are marked, rows have a space between them."""
    marked = iter(result["digits"])
    return "".join(" " if each == "\n" else _marked(next(marked)) for each in result["number"])


def _marked(found: dict[str, Any]) -> str:
    return f"{found['digit']}{'?' if found['unsure'] else ''}"


def _ranked(found: dict[str, Any]) -> list[tuple[int, float]]:
    """Return the most probable digits, each with its probability."""
    return sorted(enumerate(found["probabilities"]), key=lambda pair: -pair[1])[: RUNNERS_UP + 1]
