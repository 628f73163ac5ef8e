"""Train a net, or go on with a run."""

import json
import shlex
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mnist_bp.cli.common import check_memory, check_output, read, read_or_draw
from mnist_bp.cli.options import DigitsOptions, with_digits, with_settings
from mnist_bp.cli.signals import noticed
from mnist_bp.errors import DataError, MnistBpError, StoppedError, UsageError, WeightsError
from mnist_bp.runs import recipe as recipes
from mnist_bp.runs.recipe import Recipe

if TYPE_CHECKING:
    from mnist_bp.data.digits import Digits
    from mnist_bp.runs.checkpoint import Weights
    from mnist_bp.runs.history import EpochResult
    from mnist_bp.runs.run import Run

DEFAULT_WEIGHTS = Path("weights.npz")


@with_settings(recipes.settings())
@with_digits
def train(
    wanted: DigitsOptions,
    flags: dict[str, Any],
    config: Annotated[
        str | None,
        typer.Option(
            help="Recipe to start from: a TOML file, or the name of a built-in one "
            f"({', '.join(recipes.built_in())}).",
            metavar="FILE|NAME",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Where the weights go. [default: weights.npz, or the file that is resumed]",
            metavar="FILE",
        ),
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(help="Weights file of a run to go on with, exactly.", metavar="FILE"),
    ] = None,
    log: Annotated[
        Path | None,
        typer.Option(help="File to append a JSON object to for every row.", metavar="FILE"),
    ] = None,
    quiet: Annotated[
        bool,
        typer.Option("--quiet", "-q", help="Print no table and no bar: only what one has to know."),
    ] = False,
) -> None:
    """Train a net, with a row for each epoch.

    The first row is the untrained net. The weights are saved after every epoch, and at Ctrl-C. An
    older file of the same name is kept, under another.
    """
    chosen = (recipes.read(config) if config is not None else {}) | flags
    output = output or resume or DEFAULT_WEIGHTS
    if resume and not resume.exists():
        raise UsageError(f"{resume} cannot be resumed: there is no such file")
    _check_outputs(output, log)

    from mnist_bp.cli import console, tables
    from mnist_bp.runs import run as training
    from mnist_bp.runs.batches import steps_per_epoch

    run, digits, other_digits = (
        _resume(resume, wanted, chosen) if resume else _begin(wanted, chosen)
    )
    recipe = run.recipe
    files = _Files(output, log, resume)
    title = f"784-{recipe.hidden}-10 on {digits.dataset}, seed {recipe.seed}"
    table = tables.epochs(console.results(), title, recipe.measured_on)
    steps = recipe.epochs * steps_per_epoch(recipe, len(digits)) - len(run.step_losses)
    with noticed() as signals, console.steps_bar(steps, show=not quiet) as advance:

        def after_step() -> bool:
            advance()
            return bool(signals)

        for row, weights in training.train(run, digits, other_digits, after_step):
            if row.epoch > 0:
                files.save(weights)
            files.add_to_log(row)
            if not quiet:
                tables.epoch(table, row)
            if run.doubt:
                console.warn(run.doubt)
        if run.epochs < recipe.epochs:
            files.save(run.weights(digits))
            lost = "nothing was saved" if files.unsaved else ""
            raise StoppedError(signals[0], lost or _how_to_go_on(output, wanted, log, quiet))
    files.complain_of_what_is_lost()
    if not quiet:
        tables.curve(table.console, run.history, recipe.measured_on)
        console.say(f"saved {output}")


class _Files:
    """Where a run leaves what it has done. What cannot be written stops no run, but is told.

    Attributes
    ----------
    unsaved, unlogged : Exception or None
        Why the last weights were not saved, and some rows not logged.
    """

    def __init__(self, output: Path, log: Path | None, resumed: Path | None) -> None:
        from mnist_bp.runs.checkpoint import RunFile

        is_ours = resumed is not None and output.resolve() == resumed.resolve()
        self.output, self.log = output, log
        self.run_file = RunFile(output, is_ours=is_ours)
        self.unsaved: WeightsError | None = None
        self.unlogged: MnistBpError | None = None

    def save(self, weights: "Weights") -> None:
        from mnist_bp.cli import console

        self.unsaved = None
        try:
            if older := self.run_file.save(weights):
                console.say(f"the older {self.output} is now also {older}")
        except WeightsError as error:
            console.warn(str(error))
            self.unsaved = WeightsError(
                f"the weights after epoch {weights.epochs} are lost: {error}"
            )

    def add_to_log(self, row: "EpochResult") -> None:
        if not self.log:
            return
        try:
            with self.log.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(asdict(row)) + "\n")
        except OSError as error:
            from mnist_bp.cli import console

            self.unlogged = MnistBpError(f"{self.log} lacks rows of this run: {error.strerror}")
            console.warn(str(self.unlogged))

    def complain_of_what_is_lost(self) -> None:
        if error := self.unsaved or self.unlogged:
            raise error


def _check_outputs(output: Path, log: Path | None) -> None:
    check_output("--output", output)
    if log:
        check_output("--log", log)
        if log.resolve() == output.resolve():
            raise UsageError(f"--log {log} is where the weights go: name another file")


def _begin(wanted: DigitsOptions, chosen: dict[str, Any]) -> "tuple[Run, Digits, Digits]":
    """Return a new run, and the digits to train and to test it on."""
    from mnist_bp.runs.run import Run, bytes_needed

    recipe = Recipe(**chosen)
    check_memory(bytes_needed(recipe))
    read = partial(read_or_draw, wanted)
    return Run(recipe), *_to_train_and_to_measure(recipe, read)


def _resume(
    path: Path, wanted: DigitsOptions, chosen: dict[str, Any]
) -> "tuple[Run, Digits, Digits]":
    """Return a saved run, as it was when it was saved, and its digits."""
    from mnist_bp.runs.checkpoint import load
    from mnist_bp.runs.run import Run, bytes_needed

    saved = load(path)
    recipe = _recipe_to_resume(path, saved, chosen)
    check_memory(bytes_needed(recipe))
    if wanted.dataset and wanted.dataset != saved.dataset:
        raise UsageError(
            f"--dataset {wanted.dataset} contradicts {path}, which was trained on {saved.dataset}"
        )
    name = wanted.dataset or (None if wanted.data_dir else saved.dataset)
    digits, other_digits = _to_train_and_to_measure(recipe, partial(read, wanted, name))
    if digits.digests != saved.digests:
        raise DataError(f"{path} was trained on other digits of {saved.dataset} than these")
    try:
        return Run.resumed(saved, recipe, len(digits)), digits, other_digits
    except WeightsError as error:
        raise WeightsError(f"{path} cannot be resumed: {error}") from error


def _to_train_and_to_measure(
    recipe: Recipe, read: "Callable[..., list[Digits]]"
) -> "tuple[Digits, Digits]":
    """Return the digits to learn from, and others: the test digits, or some that are held out."""
    if not recipe.validation:
        digits, test_digits = read("train", "test")
        return digits, test_digits
    (digits,) = read("train")
    if recipe.validation >= len(digits):
        raise UsageError(
            f"--validation must be below {len(digits):,}: there are no more training digits"
        )
    return digits.held_out(recipe.validation)


def _recipe_to_resume(path: Path, saved: "Weights", chosen: dict[str, Any]) -> Recipe:
    """Return the recipe of a saved run, with as many epochs as are wanted now."""
    if saved.recipe is None:
        raise WeightsError(
            f"{path} cannot be resumed: it holds the four arrays alone, and nothing of the run"
        )
    for key, value in chosen.items():
        old = getattr(saved.recipe, key)
        if key != "epochs" and value != old:
            raise UsageError(f"{key} = {value} contradicts {path}, where it is {old}")
    epochs = chosen.get("epochs", saved.recipe.epochs)
    if epochs <= saved.epochs:
        raise UsageError(
            f"{path} has finished {saved.epochs} epochs: to go on, name a larger number, such as "
            f"--epochs {saved.epochs + 10}"
        )
    if epochs != saved.recipe.epochs and (saved.recipe.schedule, saved.recipe.warmup) != (
        "constant",
        0,
    ):
        from mnist_bp.cli import console

        console.warn(
            f"from here on the learning rate follows the schedule of {epochs} epochs, no longer "
            f"that of {saved.recipe.epochs}: no single run would end as this one will"
        )
    return replace(saved.recipe, epochs=epochs)


def _how_to_go_on(output: Path, wanted: DigitsOptions, log: Path | None, quiet: bool) -> str:
    words = ["mnist-bp", "train", "--resume", str(output)]
    for option, path in (("--data-dir", wanted.data_dir), ("--log", log)):
        if path:
            words += [option, str(path)]
    if quiet:
        words.append("--quiet")
    return f"all is saved; to go on: {shlex.join(words)}"
