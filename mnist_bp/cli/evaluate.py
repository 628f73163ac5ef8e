"""Show how good trained weights are."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mnist_bp.cli.common import check_output, print_json, read
from mnist_bp.cli.options import DigitsOptions, Json, with_digits, with_settings
from mnist_bp.errors import MnistBpError, UsageError
from mnist_bp.extras import need
from mnist_bp.files import replacing
from mnist_bp.runs.recipe import Setting

if TYPE_CHECKING:
    from mnist_bp.data.digits import Digits
    from mnist_bp.evaluation import Evaluation
    from mnist_bp.runs.checkpoint import Weights

EVALUATE_SETTINGS = {
    "split": Setting(
        default="test", help="Which digits to show the net.", choices=("test", "train")
    ),
    "mistakes": Setting(
        default=0, help="How many of the most confident mistakes to draw.", minimum=0
    ),
}


@with_settings(EVALUATE_SETTINGS)
@with_digits
def evaluate(
    wanted: DigitsOptions,
    flags: dict[str, Any],
    weights: Annotated[
        list[Path],
        typer.Argument(help="Weights files; several are one committee.", metavar="WEIGHTS..."),
    ],
    report: Annotated[
        Path | None,
        typer.Option(
            help="HTML page to write: figures, mistakes, and a pad to draw digits on for the net.",
            metavar="FILE",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show how good trained weights are, and where they go wrong.

    Several files are one committee: the class probabilities of their nets are averaged.
    """
    from mnist_bp import evaluation
    from mnist_bp.cli import console, tables
    from mnist_bp.runs.checkpoint import load

    chosen = {key: setting.default for key, setting in EVALUATE_SETTINGS.items()} | flags
    if report:
        if len(weights) > 1:
            raise UsageError("--report tells of one net: name one weights file")
        need("report")
        _check_report(report, weights[0])
    loaded = [load(path) for path in weights]
    (digits,) = read(wanted, _name_of_digits(wanted, weights, loaded), chosen["split"])
    members = [_evaluate(each, digits) for each in loaded]
    result = evaluation.committee(members) if len(members) > 1 else members[0]
    for path, each in zip(weights, loaded, strict=True):
        if each.dataset not in (None, digits.dataset):
            console.warn(
                f"{path} was trained on the data set {each.dataset}, this is {digits.dataset}"
            )
    who = str(weights[0]) if len(members) == 1 else f"a committee of {len(members)}"
    title = f"{who} on {digits.dataset}, {chosen['split']} digits"
    alone = dict(zip(map(str, weights), members, strict=True)) if len(members) > 1 else {}
    if as_json:
        figures = {"dataset": digits.dataset, "split": chosen["split"], **result.figures()}
        if alone:
            figures["members"] = [
                {"weights": name, "errors": each.errors, "accuracy": each.accuracy}
                for name, each in alone.items()
            ]
        print_json(**figures)
    else:
        out = console.results()
        if alone:
            tables.members(out, list(alone), members)
        tables.summary(out, title, result)
        tables.per_class(out, result.per_class)
        tables.confusion(out, result)
        if worst := result.mistakes(chosen["mistakes"]):
            tables.mistakes(out, worst, digits)
    if report:
        _write_report(report, result, digits, loaded[0], title)


def _name_of_digits(
    wanted: DigitsOptions, paths: Sequence[Path], loaded: "Sequence[Weights]"
) -> str | None:
    """Return the data set to use: without a word from the user, that of the weights' training."""
    if wanted.dataset or wanted.data_dir:
        return wanted.dataset
    named = {each.dataset: path for path, each in zip(paths, loaded, strict=True) if each.dataset}
    if len(named) > 1:
        told = ", ".join(f"{path} on {name}" for name, path in named.items())
        raise UsageError(f"the nets were trained on different digits ({told}): name --dataset")
    return next(iter(named), None)


def _evaluate(weights: "Weights", digits: "Digits") -> "Evaluation":
    from threadpoolctl import threadpool_limits

    from mnist_bp.evaluation import evaluate

    net = weights.net()
    with threadpool_limits(weights.recipe.threads if weights.recipe else 1, user_api="blas"):
        return evaluate(net, digits)


def _check_report(report: Path, weights: Path) -> None:
    check_output("--report", report)
    if report.resolve() == weights.resolve():
        raise UsageError(f"--report {report} is the weights file: name another file")


def _write_report(
    path: Path, result: "Evaluation", digits: "Digits", weights: "Weights", title: str
) -> None:
    from mnist_bp.cli import console
    from mnist_bp.report import page

    # A path may have bytes that are no letters.
    html = page(result, digits, weights, title=title).encode(errors="replace")
    try:
        with replacing(path) as file:
            file.write(html)
    except OSError as error:
        raise MnistBpError(f"{path} cannot be written: {error.strerror}") from error
    console.say(f"saved {path} ({len(html) / 1e6:.1f} MB)")
