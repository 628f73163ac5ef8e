"""Train the runs of all combinations of some values, and compare the settings."""

import re
import shlex
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mnist_bp.cli import messages
from mnist_bp.cli.options import DigitsOptions, Json, with_digits, with_settings
from mnist_bp.cli.outputs import check_outputs
from mnist_bp.cli.signals import deferred_signals
from mnist_bp.cli.train import Quiet
from mnist_bp.errors import (
    MissingExtraError,
    MnistBpError,
    ParameterError,
    StoppedError,
    UsageError,
)
from mnist_bp.runs import recipe as recipes
from mnist_bp.runs.recipe import SETTINGS, Recipe
from mnist_bp.runs.settings import Setting

if TYPE_CHECKING:
    from mnist_bp.data.digits import Digits
    from mnist_bp.runs.ranking import Ranked
    from mnist_bp.runs.sweep import SweepRun
    from mnist_bp.runs.workers import Event

MAX_VALUES = 100_000

Output = Annotated[
    Path,
    typer.Option(
        "--output",
        "-o",
        help="Folder of the checkpoints, one for each run; it is made if it is missing.",
        metavar="FOLDER",
    ),
]
Config = Annotated[
    str | None,
    typer.Option(
        help="Recipes to start from: TOML files, or names of built-in ones "
        f"({', '.join(recipes.built_in())}).",
        metavar="FILE|NAME,...",
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Runs that are trained at once. [default: the cores, over the threads of a run]",
        metavar="N",
    ),
]
Dask = Annotated[
    str | None,
    typer.Option(
        help="Train on the workers of the Dask scheduler at this address, such as "
        "tcp://host:8786, not here.",
        metavar="ADDRESS",
    ),
]
Report = Annotated[
    Path | None, typer.Option(help="HTML page to write about the sweep.", metavar="FILE")
]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run", help="Train nothing: print a command for each run that is not finished."
    ),
]
FailFast = Annotated[bool, typer.Option("--fail-fast", help="Stop at the first run that fails.")]


def parse_values(setting: Setting, name: str, text: str) -> list[Any]:
    """Return the values of a list such as `0.1,0.2`, or `0-4,7` for whole numbers.

    Raises
    ------
    ParameterError
        One of them is not a value of this setting.
    """
    values: list[Any] = []
    for part in text.split(","):
        ends = re.fullmatch(r"(\d+)-(\d+)", part.strip()) if setting.type is int else None
        if not ends:
            values.append(setting.parse(name, part.strip()))
            continue
        first, last = (setting.parse(name, end) for end in ends.groups())
        if not 0 <= last - first < MAX_VALUES:
            problem = f"must have ranges of 1 to {MAX_VALUES:,} values, low-high, not {part}"
            raise ParameterError(name, problem)
        values += range(first, last + 1)
    return list(dict.fromkeys(values))


@with_settings(SETTINGS, parse_values, ",...")
@with_digits
def sweep(
    source: DigitsOptions,
    flags: dict[str, list[Any]],
    output: Output,
    config: Config = None,
    workers: Workers = None,
    dask: Dask = None,
    report: Report = None,
    dry_run: DryRun = False,
    fail_fast: FailFast = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train all combinations of lists of values, and compare the settings.

    A value is a list such as 0.05,0.1 or, for whole numbers, a range such as 0-4. The folder keeps
    what is done: the same command again trains what is missing and resumes what was broken off.
    With more than one setting, the last 10,000 training digits are held out and compared on.
    """
    if dask:
        MissingExtraError.check("cluster", "distributed")
    if dask and workers:
        raise UsageError("--workers counts processes on this machine: leave it out with --dask")
    if report:
        MissingExtraError.check("report", "matplotlib", "jinja2")
        check_outputs({"--report": report}, {})
    given = {Path(name).stem: recipes.read(name) for name in (config or "").split(",") if name}
    from mnist_bp.runs.sweep import combine, locked, look_up, validation_given

    configs = given or {"": {}}
    runs = combine(output, configs, flags)
    digits = source.read_or_draw(*runs[0].recipe.splits)
    _check_validation(runs[0].recipe, digits[0])
    _make_folder(output)
    with locked(output):
        ask = not validation_given(configs, flags)
        runs = look_up(runs, digits[0], ask_for_validation=ask)
        if dry_run:
            return _print_commands(runs, digits[0], source)
        failed = {str(run.path): run.problem for run in runs if run.problem}
        if not (failed and fail_fast):
            events = _events(runs, digits, source, workers, dask)
            failed |= _train(runs, events, fail_fast, show=not (quiet or as_json))
        runs = look_up(runs, digits[0])
    _show(runs, failed, digits[0], source, as_json)
    if report:
        _write_report(report, runs, failed, digits[0])
    if failed:
        raise MnistBpError(f"{len(failed)} of {len(runs)} runs failed")


def _check_validation(recipe: Recipe, train: "Digits") -> None:
    if recipe.validation >= len(train):
        problem = f"must be below {len(train):,}, the number of training digits"
        raise ParameterError("validation", f"{problem}, not {recipe.validation:,}")


def _make_folder(output: Path) -> None:
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--output {output} cannot be a folder: {error.strerror}") from error
    check_outputs({"--output": output / "run.npz"}, {})


def _events(
    runs: "Sequence[SweepRun]",
    digits: "list[Digits]",
    source: DigitsOptions,
    workers: int | None,
    dask: str | None,
) -> "Iterator[Event]":
    """Train the runs that are left, and yield what happens."""
    from mnist_bp.runs.task import Task
    from mnist_bp.runs.workers import default_count, train_here

    digests = tuple(each.digests for each in digits)
    data_dir = str(source.data_dir.resolve()) if source.data_dir else None

    def task(recipe: Recipe) -> Task:
        return Task(recipe, digits[0].dataset, data_dir, digests)

    left = [run for run in runs if run.epochs_left > 0 and not run.problem]
    if dask and left:
        from mnist_bp.runs.cluster import train_on_cluster

        return train_on_cluster(left, task, dask)
    return train_here(left, task, workers or default_count([run.recipe for run in runs]))


def _train(
    runs: "Sequence[SweepRun]", events: "Iterator[Event]", fail_fast: bool, show: bool
) -> dict[str, str]:
    """Train, with a bar; return why runs failed, by their files."""
    failed: dict[str, str] = {}
    ended = sum(run.epochs_left <= 0 for run in runs)
    total = sum(run.epochs_left for run in runs if not run.problem)
    with (
        deferred_signals() as signals,
        messages.steps_bar(total, show=show, unit="epoch") as advance,
        closing(events),  # type: ignore[type-var]
    ):
        advance(0, text=f"{ended} of {len(runs)} runs")
        for event in events:
            if signals:
                break
            match event:
                case run, int(epochs):
                    advance(epochs)
                case run, reason:
                    ended += 1
                    advance(0, text=f"{ended} of {len(runs)} runs")
                    if reason:
                        failed[str(run.path)] = reason
            if failed and fail_fast:
                break
    if signals:
        raise StoppedError(signals[0], "all runs are saved; the same command goes on")
    return failed


def _print_commands(runs: "Sequence[SweepRun]", train: "Digits", source: DigitsOptions) -> None:
    """Print a command for each run that is not finished."""
    for run in runs:
        if run.epochs_left <= 0 or run.problem:
            continue
        if run.saved:
            words = ["train", "--resume", str(run.path)]
        else:
            words = ["train", *_flags(run.recipe), "--output", str(run.path)]
        messages.print_line(_command(*words, *_source_flags(train, source)))


def _command(*words: str) -> str:
    return shlex.join(["mnist-bp", *words])


def _flags(recipe: Recipe) -> list[str]:
    """Return the flags that make a recipe."""
    values = {name: getattr(recipe, name) for name in SETTINGS}
    return [
        word
        for name, value in values.items()
        if value != SETTINGS[name].default
        for word in (f"--{name.replace('_', '-')}", str(value))
    ]


def _source_flags(train: "Digits", source: DigitsOptions) -> list[str]:
    named = ["--dataset", train.dataset] if train.dataset in ("mnist", "synthetic") else []
    return named + (["--data-dir", str(source.data_dir)] if source.data_dir else [])


def _show(
    runs: "Sequence[SweepRun]",
    failed: dict[str, str],
    train: "Digits",
    source: DigitsOptions,
    as_json: bool,
) -> None:
    """Print the result: a table, or JSON."""
    from mnist_bp.runs.ranking import rank

    ranked = rank(runs)
    measured_on = runs[0].recipe.measured_on
    if as_json:
        return messages.print_json(
            measured_on=measured_on,
            settings=[_as_json(each) for each in ranked],
            failed=[{"file": file, "reason": reason} for file, reason in failed.items()],
        )
    from mnist_bp.cli import console, tables

    out = console.results()
    if ranked:
        tables.sweep(out, f"{measured_on} accuracy on {train.dataset}", ranked)
    if failed:
        console.table(out, "failed runs", ("file", "reason"), list(failed.items()), left=2)
    made_by = {run.saved.versions for each in ranked for run in each.runs if run.saved}
    if len(made_by) > 1:
        out.print(
            "the last bits of these runs may differ; they were made by:",
            *sorted(made_by),
            sep="\n  ",
        )
    if train.dataset == "synthetic" and not source.dataset:
        out.print("synthetic digits: MNIST could not be reached")
    if len(ranked) > 1 and measured_on == "held-out":
        out.print(
            "to train the best setting on all digits, and measure it once on the test digits:"
        )
        out.print(_final_command(ranked[0], train, source), soft_wrap=True)
    elif len(ranked) > 1:
        messages.warn(
            "settings are compared on the test digits: the best one's accuracy is too good, for "
            "chance has helped to choose it. Without --validation 0, held-out digits are used"
        )


def _as_json(ranked: "Ranked") -> dict[str, Any]:
    accuracies = ranked.accuracies
    return {
        "setting": ranked.setting,
        "n": len(accuracies),
        "mean": ranked.mean,
        "sd": ranked.sd,
        "min": min(accuracies),
        "max": max(accuracies),
        "runs": [
            {
                "file": str(run.path),
                "seed": run.recipe.seed,
                "accuracy": accuracy,
                "seconds": seconds,
            }
            for run, accuracy, seconds in zip(ranked.runs, accuracies, ranked.seconds, strict=True)
        ],
    }


def _final_command(best: "Ranked", train: "Digits", source: DigitsOptions) -> str:
    """Return the command that trains the best setting with seeds that it was not chosen by."""
    seeds = [run.recipe.seed for run in best.runs]
    first, last = max(seeds) + 1, max(seeds) + len(seeds)
    # Seed 0 is the default, and not among the flags.
    flags = _flags(replace(best.runs[0].recipe, validation=0, seed=0))
    folder = best.runs[0].path.parent
    return _command(
        "sweep",
        *flags,
        *("--seed", f"{first}-{last}" if last > first else str(first)),
        *("--output", str(folder.with_name(f"{folder.name}-best"))),
        *_source_flags(train, source),
    )


def _write_report(
    report: Path, runs: "Sequence[SweepRun]", failed: dict[str, str], train: "Digits"
) -> None:
    raise NotImplementedError
