"""Train a net, or resume a run."""

import json
import os
import re
import shlex
from collections.abc import Callable
from dataclasses import asdict
from errno import ENXIO, EPIPE
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from mnist_bp.cli import messages
from mnist_bp.cli.options import DigitsOptions, option, with_digits, with_settings
from mnist_bp.cli.outputs import check_output, check_outputs, same_file
from mnist_bp.cli.signals import deferred_signals
from mnist_bp.errors import (
    DivergedError,
    MnistBpError,
    OutputError,
    ParameterError,
    StoppedError,
    UsageError,
    WeightsError,
)
from mnist_bp.files import Lines, back_up, check_appendable, check_writable
from mnist_bp.runs import recipe as recipes
from mnist_bp.runs.recipe import SETTINGS, Recipe
from mnist_bp.runs.settings import Setting

if TYPE_CHECKING:
    from mnist_bp.runs.checkpoint import Checkpoint, EpochResult
    from mnist_bp.runs.run import Run

RECIPES = [*recipes.built_in()]
CONFIG = f"Recipe to start from: a TOML file, or a built-in one ({', '.join(RECIPES)})."
OUTPUT = "Where to save the weights. [default: weights.npz, or the resumed file]"
LOG = "File to append a JSON object to for every row; -: to stdout, in place of the table."
Config = Annotated[str | None, option(CONFIG, metavar="FILE|NAME", words=RECIPES)]
Output = Annotated[Path | None, option(OUTPUT, "--output", "-o")]
Resume = Annotated[Path | None, option("Weights file of a run to resume, exactly.")]
Log = Annotated[Path | None, option(LOG)]
Quiet = Annotated[bool, option("Print only what needs attention.", "--quiet", "-q", metavar=None)]


def _one_value(setting: Setting, name: str, text: str) -> Any:
    try:
        return setting.parse(name, text)
    except ParameterError as error:
        if not re.fullmatch(r"[^,]+(,[^,]+)+|\d+-\d+", text):
            raise
        problem = f"{error.problem}; for several values, there is the command sweep"
        raise ParameterError(name, problem) from error


@with_settings(SETTINGS, _one_value)
@with_digits
def train(
    source: DigitsOptions,
    flags: dict[str, Any],
    config: Config = None,
    output: Output = None,
    resume: Resume = None,
    log: Log = None,
    quiet: Quiet = False,
) -> None:
    """Train a net, with a row for each epoch.

    The first row is the untrained net. The weights are saved after every epoch, and at Ctrl-C. An
    older file of the same name is kept, under a numbered name.
    """
    from mnist_bp.runs.checkpoint import load_checkpoint

    chosen = (recipes.read(config) if config is not None else {}) | flags
    output = output or resume or Path("weights.npz")
    saved = load_checkpoint(resume) if resume else None
    goes_on = _check_files(config, output, resume, log)
    run = _resume(saved, resume, source, chosen) if saved and resume else _begin(source, chosen)
    if run.finished:
        messages.say(f"nothing to do: {resume} has finished its {run.recipe.epochs} epochs")
        if goes_on:
            return
    table = not (quiet or run.finished) and str(log) != "-"
    results = _Results(run, output, log, goes_on, table)
    try:
        _train(run, results, quiet)
    except StoppedError as error:
        results.save(run.checkpoint())
        how = _how_to_resume(output, source, log, quiet)
        raise StoppedError(error.number, "nothing was saved" if results.unsaved else how) from error
    drawn = run.train.dataset == "synthetic" and not (source.dataset or resume)
    results.end("synthetic digits: MNIST could not be reached" if drawn else "")
    if not quiet:
        messages.say(f"saved {output}")


def _check_files(config: str | None, output: Path, resume: Path | None, log: Path | None) -> bool:
    """Check the files before the work; return whether the run goes on in the file it resumes."""
    goes_on = resume is not None and same_file(output, resume)
    recipe = Path(config) if config is not None and config not in recipes.built_in() else None
    check_outputs(
        {"--output": output, "--log": None if str(log) == "-" else log},
        {"--resume": None if goes_on else resume, "--config": recipe},
        {"--output": check_writable if goes_on else check_output, "--log": check_appendable},
    )
    return goes_on


def _begin(source: DigitsOptions, chosen: dict[str, Any]) -> "Run":
    """Return a new run."""
    from mnist_bp.runs.run import Run

    recipe = Recipe(**chosen)
    return Run(recipe, *source.read_or_draw(*recipe.splits))


def _resume(
    saved: "Checkpoint", path: Path, source: DigitsOptions, chosen: dict[str, Any]
) -> "Run":
    """Return a saved run, as it was when it was saved."""
    from mnist_bp.runs.run import Run

    try:
        recipe = saved.recipe_of_run()
        for key, value in chosen.items():
            old = getattr(recipe, key)
            if value != old and not (key == "epochs" and value >= saved.epochs):
                problem = f"{key} = {value} contradicts {path}, where it is {old}"
                raise UsageError(f"{problem}: leave it out, or train a new net without --resume")
        if (name := source.dataset) not in (None, saved.dataset):
            raise UsageError(f"dataset = {name} contradicts {path}, where it is {saved.dataset}")
        dataset = None if source.data_dir else saved.dataset
        digits = source.read(source.dataset or dataset, *recipe.splits)
        run = Run.resume(saved, *digits, epochs=chosen.get("epochs"))
    except WeightsError as error:
        raise WeightsError(f"{path} cannot be resumed: {error}") from error
    planned = (recipe.schedule, recipe.warmup, recipe.distortion_end) != ("constant", 0, 1)
    if run.recipe != recipe and planned:
        change = f"the schedule of {run.recipe.epochs} epochs, no longer that of {recipe.epochs}"
        end = "no single run would end as this one will"
        messages.warn(f"from here on the run follows {change}: {end}")
    return run


def _train(run: "Run", results: "_Results", quiet: bool) -> None:
    """Train to the last epoch, or to a signal: then raise StoppedError."""
    if run.recipe.threads > (cores := os.cpu_count() or 1):
        messages.warn(f"--threads {run.recipe.threads} is slow: there are {cores} cores here")
    bar = messages.steps_bar(run.steps_left, show=not quiet)
    with deferred_signals() as signals, bar as advance:
        try:
            for row, checkpoint in run.results(lambda: advance() or signals):
                results.add(row, checkpoint)
                if run.diagnosis:
                    messages.warn(_with_flags(run.diagnosis))
        except DivergedError as error:
            raise DivergedError(_with_flags(str(error))) from error
        if not run.finished:
            raise StoppedError(signals[0])


class _Results:
    """Where the rows and checkpoints of a run go. What cannot be written is an error at the end."""

    def __init__(
        self, run: "Run", output: Path, log: Path | None, is_ours: bool, table: bool
    ) -> None:
        from mnist_bp.cli import console, tables

        self.run, self.output, self.log, self.is_ours = run, output, log, is_ours
        self.lines = Lines(log) if log else None
        recipe = run.recipe
        title = f"784-{recipe.hidden}-10 on {run.train.dataset}, seed {recipe.seed}"
        self.table = tables.epochs(console.results(), title, recipe.measured_on) if table else None
        self.rows: list[Callable[[EpochResult], None]] = [self._add_to_log] if log else []
        self.rows += [partial(tables.epoch, self.table)] if self.table else []
        self.unsaved: MnistBpError | None = None
        self.incomplete: MnistBpError | None = None

    def add(self, row: "EpochResult", checkpoint: "Checkpoint") -> None:
        """Save a checkpoint, and write the row to the log and the table."""
        if row.epoch > 0:
            self.save(checkpoint)
        for add in self.rows:
            try:
                add(row)
            except OutputError as error:
                if not self.incomplete:
                    messages.warn(str(error))
                self.incomplete = error

    def save(self, checkpoint: "Checkpoint") -> None:
        """Save a checkpoint; an older file of another run gets a numbered name first."""
        from mnist_bp.runs.checkpoint import save_checkpoint

        self.unsaved = None
        try:
            if not self.is_ours and (older := back_up(self.output)):
                messages.say(f"the older {self.output} was kept as {older}")
            self.is_ours = True
            save_checkpoint(self.output, checkpoint)
        except (OSError, WeightsError) as error:
            reason = f"{self.output} was not saved: {getattr(error, 'strerror', error)}"
            messages.warn(reason)
            epochs = checkpoint.epochs
            self.unsaved = WeightsError(f"the weights after epoch {epochs} are lost: {reason}")

    def _add_to_log(self, row: "EpochResult") -> None:
        """Append a row as JSON, with the run that it belongs to."""
        recipe, dataset = self.run.recipe, self.run.train.dataset
        values = {"seed": recipe.seed, "dataset": dataset, "output": str(self.output)}
        values = asdict(row) | values | {"measured_on": recipe.measured_on}
        try:
            if str(self.log) == "-":
                messages.print_json(**values)
            elif self.lines:
                self.lines.append(json.dumps(values))
        except OSError as error:
            reason = "no process reads it" if error.errno in (ENXIO, EPIPE) else error.strerror
            raise OutputError(f"{self.log} lacks rows of this run: {reason}") from error

    def end(self, remark: str) -> None:
        """Draw the curve below the table, and the remark; raise what could not be written."""
        from mnist_bp.cli import tables

        if not self.is_ours:  # The run was finished before: its file is to have another name too.
            self.save(self.run.checkpoint())
        if self.table:
            tables.curve(self.table.console, self.run.history, self.run.recipe.measured_on)
            if remark:
                self.table.console.print(remark)
        if error := self.unsaved or self.incomplete:
            raise error


def _with_flags(message: str) -> str:
    """Return a message of the library with its advice, such as `lr=0.1`, as a flag."""
    flag = rf"\b({'|'.join(SETTINGS)})="
    return re.sub(flag, lambda match: f"--{match[1].replace('_', '-')} ", message)


def _how_to_resume(output: Path, source: DigitsOptions, log: Path | None, quiet: bool) -> str:
    options = {"--resume": output, "--data-dir": source.data_dir, "--log": log}
    words = [word for name, path in options.items() if path for word in (name, str(path))]
    command = shlex.join(["mnist-bp", "train", *words, *["--quiet"] * quiet])
    return f"everything is saved; to resume: {command}"
