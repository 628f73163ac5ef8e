"""Show how good trained weights are."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mnist_bp.cli import messages
from mnist_bp.cli.options import DigitsOptions, Json, Title, option, with_digits
from mnist_bp.cli.outputs import check_page, save
from mnist_bp.errors import DivergedError, UsageError, WeightsError

if TYPE_CHECKING:
    from mnist_bp.data.digits import Digits
    from mnist_bp.evaluation import Evaluation
    from mnist_bp.runs.checkpoint import Checkpoint

REPORT = "HTML page to write: figures, mistakes, and a pad to draw digits on for the net."
SPLIT = "Which digits to classify. [default: test]"
MISTAKES = "How many of the most confident mistakes to draw. [default: 0]"
WEIGHTS = typer.Argument(help="Weights files; several are one ensemble.", metavar="WEIGHTS...")


@with_digits
def evaluate(
    source: DigitsOptions,
    weights: Annotated[list[Path], WEIGHTS],
    split: Annotated[Literal["test", "train"], option(SPLIT, metavar="test|train")] = "test",
    mistakes: Annotated[int, option(MISTAKES, metavar="N", min=0)] = 0,
    report: Annotated[Path | None, option(REPORT)] = None,
    title: Title = None,
    as_json: Json = False,
) -> None:
    """Show how good trained weights are, and which digits they misclassify.

    Several files are one ensemble: the class probabilities of their nets are averaged.
    """
    from mnist_bp.cli import console, tables
    from mnist_bp.evaluation import ensemble
    from mnist_bp.runs.checkpoint import load_checkpoint

    check_page(report, title, {f"the weights {path}": path for path in weights})
    loaded = [load_checkpoint(path) for path in weights]
    (digits,) = source.read(_dataset(source, weights, loaded), split)
    members = [_evaluate(path, each, digits) for path, each in zip(weights, loaded, strict=True)]
    result = ensemble(members) if len(members) > 1 else members[0]
    who = str(weights[0]) if len(members) == 1 else f"an ensemble of {len(members)}"
    which = f"on {digits.dataset}, {split} digits"
    alone = list(zip(map(str, weights), members, strict=True)) if len(members) > 1 else []
    if as_json:
        figures = {"dataset": digits.dataset, "split": split, **result.figures()}
        figures["weights"] = [str(path) for path in weights]
        if mistakes:
            figures["mistakes"] = [asdict(each) for each in result.mistakes(mistakes)]
        if alone:
            figures["members"] = [
                {"weights": name, "errors": each.errors, "accuracy": each.accuracy}
                for name, each in alone
            ]
        messages.print_json(**figures)
    else:
        tables.evaluation(console.results(), f"{who} {which}", result, alone)
        if mistakes:
            tables.mistakes(console.results(), result.mistakes(mistakes), digits)
    if report:
        from mnist_bp.report import Net, page

        heading = f"{len(weights)} nets {which}" if alone else f"{who} {which}"
        nets = [Net(*net) for net in zip(map(str, weights), loaded, members, strict=True)]
        save(report, page(nets, digits, split=split, title=title or heading))


def _dataset(
    source: DigitsOptions, paths: Sequence[Path], loaded: "Sequence[Checkpoint]"
) -> str | None:
    """Return the data set to use: by default, the one that the weights were trained on."""
    if source.dataset or source.data_dir:
        return source.dataset
    named = {each.dataset: path for path, each in zip(paths, loaded, strict=True) if each.dataset}
    if len(named) > 1:
        listed = ", ".join(f"{path} on {name}" for name, path in named.items())
        raise UsageError(f"the nets were trained on different digits ({listed}): name --dataset")
    return next(iter(named), None)


def _evaluate(path: Path, checkpoint: "Checkpoint", digits: "Digits") -> "Evaluation":
    from threadpoolctl import threadpool_limits

    from mnist_bp.evaluation import evaluate

    if checkpoint.dataset not in (None, digits.dataset):
        trained = f"{path} was trained on the data set {checkpoint.dataset}"
        messages.warn(f"{trained}, this is {digits.dataset}")
    threads = checkpoint.recipe.threads if checkpoint.recipe else 1
    try:
        with threadpool_limits(threads, user_api="blas"):
            return evaluate(checkpoint.net, digits.images, digits.labels)
    except DivergedError as error:
        raise WeightsError(f"{path} cannot be evaluated: {error}") from error
