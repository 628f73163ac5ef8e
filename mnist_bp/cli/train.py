"""Train a net, or resume a run."""

import json
import os
import re
import shlex
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mnist_bp.cli.options import DigitsOptions, with_digits, with_settings
from mnist_bp.cli.outputs import check_log, check_outputs
from mnist_bp.cli.signals import deferred_signals
from mnist_bp.errors import (
    DivergedError,
    MnistBpError,
    OutputError,
    StoppedError,
    UsageError,
    WeightsError,
)
from mnist_bp.files import append_line, back_up, check_back_up, check_writable
from mnist_bp.runs import recipe as recipes
from mnist_bp.runs.recipe import SETTINGS, Recipe

if TYPE_CHECKING:
    from mnist_bp.cli.console import GrowingTable
    from mnist_bp.runs.checkpoint import Checkpoint, EpochResult
    from mnist_bp.runs.run import Run

DEFAULT_OUTPUT = Path("weights.npz")
SYNTHETIC = "synthetic"


@with_settings(SETTINGS)
@with_digits
def train(
    source: DigitsOptions,
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
            help="Where to save the weights. [default: weights.npz, or the resumed file]",
            metavar="FILE",
        ),
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(help="Weights file of a run to resume, exactly.", metavar="FILE"),
    ] = None,
    log: Annotated[
        Path | None,
        typer.Option(
            help="File to append a JSON object to for every row; - writes them to stdout in place "
            "of the table.",
            metavar="FILE",
        ),
    ] = None,
    quiet: Annotated[
        bool,
        typer.Option("--quiet", "-q", help="Print no table and no bar: warnings and errors only."),
    ] = False,
) -> None:
    """Train a net, with a row for each epoch.

    The first row is the untrained net. The weights are saved after every epoch, and at Ctrl-C. An
    older file of the same name is kept, under a numbered name.
    """
    chosen = (recipes.read(config) if config is not None else {}) | flags
    output = output or resume or DEFAULT_OUTPUT
    recipe_file = Path(config) if config is not None and config not in recipes.built_in() else None
    _check_files(output, log, resume, recipe_file)

    from mnist_bp.cli import console, tables

    run = _resume(resume, source, chosen) if resume else _begin(source, chosen)
    if run.finished:
        console.say(f"nothing to do: {resume} has finished its {run.recipe.epochs} epochs")
        return
    on_screen = not quiet and str(log) != "-"
    title = f"784-{run.recipe.hidden}-10 on {run.train.dataset}, seed {run.recipe.seed}"
    table = tables.epochs(console.results(), title, run.recipe.measured_on) if on_screen else None
    is_ours = resume is not None and output.resolve() == resume.resolve()
    outputs = _Outputs(output, log, table, run, is_ours)
    with (
        deferred_signals() as signals,
        console.steps_bar(run.steps_left, show=not quiet) as advance,
    ):

        def after_step() -> bool:
            advance()
            return bool(signals)

        try:
            for row, checkpoint in run.results(after_step):
                outputs.add(row, checkpoint)
                if run.diagnosis:
                    console.warn(_with_flags(run.diagnosis))
        except DivergedError as error:
            raise DivergedError(_with_flags(str(error))) from error
        if not run.finished:
            outputs.save(run.checkpoint())
            lost = "nothing was saved" if outputs.unsaved else ""
            raise StoppedError(signals[0], lost or _how_to_resume(output, source, log, quiet))
    if outputs.table:
        tables.curve(outputs.table.console, run.history, run.recipe.measured_on)
        if run.train.dataset == SYNTHETIC and not (source.dataset or resume):
            outputs.table.console.print("these were synthetic digits: MNIST could not be reached")
    if not quiet:
        console.say(f"saved {output}")
    outputs.raise_failure()


@dataclass
class _Outputs:
    """Where the results of a run go. What cannot be written is an error at the end of the run.

    Attributes
    ----------
    output : Path
    log : Path or None
    table : GrowingTable or None
    run : Run
    is_ours : bool
        Whether the file at `output` was written by this run: an older one is kept.
    unsaved : MnistBpError or None
        Why the last checkpoint was not saved.
    incomplete : MnistBpError or None
        Why rows are missing from the log or the table.
    """

    output: Path
    log: Path | None
    table: "GrowingTable | None"
    run: "Run"
    is_ours: bool
    unsaved: MnistBpError | None = None
    incomplete: MnistBpError | None = None

    def add(self, row: "EpochResult", checkpoint: "Checkpoint") -> None:
        """Save a checkpoint, and write the row to the log and the table."""
        from mnist_bp.cli import tables

        if row.epoch > 0:
            self.save(checkpoint)
        try:
            self._add_to_log(row)
            if self.table:
                tables.epoch(self.table, row)
        except OutputError as error:
            self.table = None
            self._warn_once(error)

    def save(self, checkpoint: "Checkpoint") -> None:
        """Save a checkpoint; an older file of another run gets a numbered name first."""
        from mnist_bp.cli import console
        from mnist_bp.runs.checkpoint import save_checkpoint

        self.unsaved = None
        try:
            if not self.is_ours and (older := back_up(self.output)):
                console.say(f"the older {self.output} was kept as {older}")
            self.is_ours = True
            save_checkpoint(self.output, checkpoint)
        except (OSError, WeightsError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            console.warn(f"{self.output} was not saved: {reason}")
            self.unsaved = WeightsError(
                f"the weights after epoch {checkpoint.epochs} are lost: {reason}"
            )

    def _add_to_log(self, row: "EpochResult") -> None:
        """Append a row as JSON, with the run that it belongs to."""
        from mnist_bp.cli import console

        recipe = self.run.recipe
        values = asdict(row) | {
            "seed": recipe.seed,
            "dataset": self.run.train.dataset,
            "output": str(self.output),
            "measured_on": recipe.measured_on,
        }
        if self.log is None:
            return
        if str(self.log) == "-":
            console.print_json(**values)
            return
        try:
            append_line(self.log, json.dumps(values))
        except OSError as error:
            self._warn_once(OutputError(f"{self.log} lacks rows of this run: {error.strerror}"))

    def _warn_once(self, error: MnistBpError) -> None:
        from mnist_bp.cli import console

        if not self.incomplete:
            console.warn(*error.lines)
        self.incomplete = error

    def raise_failure(self) -> None:
        """Raise what could not be written, if anything."""
        if error := self.unsaved or self.incomplete:
            raise error


def _check_files(output: Path, log: Path | None, resume: Path | None, recipe: Path | None) -> None:
    """Find out before the training that its results can be written."""

    def check_output(path: Path) -> None:
        check_writable(path)
        check_back_up(path)

    if resume and not resume.exists():
        raise UsageError(f"{resume} cannot be resumed: there is no such file")
    # The file that is resumed is the only one that may be read and written.
    goes_on = resume is not None and output.resolve() == resume.resolve()
    check_outputs(
        {"--output": output, "--log": None if str(log) == "-" else log},
        {"--resume": None if goes_on else resume, "--config": recipe},
        {"--output": check_writable if goes_on else check_output, "--log": check_log},
    )


def _begin(source: DigitsOptions, chosen: dict[str, Any]) -> "Run":
    """Return a new run."""
    from mnist_bp.runs.run import Run

    recipe = Recipe(**chosen)
    _warn_of_threads(recipe)
    return Run(recipe, *source.read_or_draw(*_splits(recipe)))


def _resume(path: Path, source: DigitsOptions, chosen: dict[str, Any]) -> "Run":
    """Return a saved run, as it was when it was saved."""
    from mnist_bp.runs.checkpoint import load_checkpoint
    from mnist_bp.runs.run import Run

    saved = load_checkpoint(path)
    if saved.recipe is None:
        raise WeightsError(
            f"{path} cannot be resumed: it holds the four arrays alone, and no record of a run"
        )
    epochs = _epochs_to_resume(path, saved, saved.recipe, chosen)
    _warn_of_threads(saved.recipe)
    if source.dataset and source.dataset != saved.dataset:
        raise UsageError(
            f"--dataset {source.dataset} contradicts {path}, which was trained on {saved.dataset}"
        )
    dataset = source.dataset or (None if source.data_dir else saved.dataset)
    digits = source.read(dataset, *_splits(saved.recipe))
    try:
        return Run.resume(saved, *digits, epochs=epochs)
    except WeightsError as error:
        raise WeightsError(f"{path} cannot be resumed: {error}") from error


def _splits(recipe: Recipe) -> tuple[str, ...]:
    # With digits held out, the test digits are not even read.
    return ("train",) if recipe.validation else ("train", "test")


def _epochs_to_resume(
    path: Path, saved: "Checkpoint", recipe: Recipe, chosen: dict[str, Any]
) -> int:
    """Return the number of epochs of a resumed run; refuse what contradicts its recipe."""
    for key, value in chosen.items():
        old = getattr(recipe, key)
        if key != "epochs" and value != old:
            raise UsageError(f"{key} = {value} contradicts {path}, where it is {old}")
    epochs: int = chosen.get("epochs", recipe.epochs)
    if epochs < saved.epochs:
        raise UsageError(
            f"--epochs {epochs} contradicts {path}, which has finished {saved.epochs} epochs"
        )
    if epochs != recipe.epochs and (recipe.schedule, recipe.warmup) != ("constant", 0):
        from mnist_bp.cli import console

        console.warn(
            f"from here on the learning rate follows the schedule of {epochs} epochs, no longer "
            f"that of {recipe.epochs}: no single run would end as this one will"
        )
    return epochs


def _warn_of_threads(recipe: Recipe) -> None:
    cores = os.cpu_count() or 1
    if recipe.threads > cores:
        from mnist_bp.cli import console

        console.warn(f"--threads {recipe.threads} is more than the {cores} cores here: it is slow")


def _with_flags(message: str) -> str:
    """Return a message of the library with its advice, such as `lr=0.1`, as a flag."""
    names = "|".join(SETTINGS)
    return re.sub(rf"\b({names})=", lambda match: f"--{match[1].replace('_', '-')} ", message)


def _how_to_resume(output: Path, source: DigitsOptions, log: Path | None, quiet: bool) -> str:
    words = ["mnist-bp", "train", "--resume", str(output)]
    for option, path in (("--data-dir", source.data_dir), ("--log", log)):
        if path:
            words += [option, str(path)]
    if quiet:
        words.append("--quiet")
    return f"everything is saved; to resume: {shlex.join(words)}"
