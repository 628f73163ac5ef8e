"""Train the runs of all combinations of some values, and compare the settings."""

import re
from collections.abc import Iterator, Sequence
from contextlib import closing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from mnist_bp.cli import messages
from mnist_bp.cli.options import DigitsOptions, Json, Title, option, with_digits, with_settings
from mnist_bp.cli.outputs import check_outputs, check_page, save
from mnist_bp.cli.signals import deferred_signals
from mnist_bp.cli.train import RECIPES, Quiet
from mnist_bp.errors import (
    MissingExtraError,
    MnistBpError,
    ParameterError,
    StoppedError,
    UsageError,
)
from mnist_bp.files import make_folder
from mnist_bp.runs import recipe as recipes
from mnist_bp.runs.recipe import SETTINGS
from mnist_bp.runs.settings import Setting

if TYPE_CHECKING:
    from mnist_bp.data.digits import Digits
    from mnist_bp.runs.sweep import SweepRun
    from mnist_bp.runs.workers import Event

MAX_VALUES = 100_000

OUTPUT = "Folder of the checkpoints, one for each run; it is made if it is missing."
CONFIGS = f"Recipes to start from: TOML files, or built-in ones ({', '.join(RECIPES)})."
WORKERS = "Runs that are trained at once. [default: the cores, divided by the threads of a run]"
DASK = "Train on the workers of the Dask scheduler at this address, such as tcp://host:8786."
DRY_RUN = "Train nothing: print a command for each run that is not finished."
Output = Annotated[Path, option(OUTPUT, "--output", "-o", metavar="FOLDER")]
Config = Annotated[str | None, option(CONFIGS, metavar="FILE|NAME,...", words=RECIPES)]
Workers = Annotated[int | None, option(WORKERS, metavar="N", min=1)]
Dask = Annotated[str | None, option(DASK, metavar="ADDRESS")]
Report = Annotated[Path | None, option("HTML page to write about the sweep.")]
DryRun = Annotated[bool, option(DRY_RUN, "--dry-run", metavar=None)]
FailFast = Annotated[bool, option("Stop at the first run that fails.", "--fail-fast", metavar=None)]


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
    title: Title = None,
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
    _check_dask(dask, workers)
    check_page(report, title, {})
    configs = {name: recipes.read(name) for name in (config or "").split(",") if name}
    from mnist_bp.cli import sweep_results
    from mnist_bp.runs.ranking import rank
    from mnist_bp.runs.sweep import combine, locked, look_up, validation_given

    runs = combine(output, configs or {"": {}}, flags)
    digits = source.read_or_draw(*runs[0].recipe.splits)
    if validation := runs[0].recipe.validation:
        digits[0].held_out(validation)  # It raises where there are too few.
    make_folder(output)
    check_outputs({"--output": output / "run.npz"}, {})
    data = _data_flags(digits[0], source)
    with nullcontext() if dry_run else locked(output):
        runs = look_up(runs, digits[0], ask_for_validation=not validation_given(configs, flags))
        if dry_run:
            return sweep_results.print_commands(runs, data)
        failed = {str(run.path): run.problem for run in runs if run.problem}
        if not (failed and fail_fast):
            events = _events(runs, digits, source, workers, dask)
            failed |= _train(runs, events, fail_fast, show=not (quiet or as_json))
        runs = look_up(runs, digits[0])
    ranked, heading = rank(runs), f"{runs[0].recipe.measured_on} accuracy on {digits[0].dataset}"
    if digits[0].dataset == "synthetic" and not source.dataset:
        heading += ": MNIST could not be reached"
    if as_json:
        sweep_results.print_json(ranked, runs[0].recipe.measured_on, failed)
    elif not quiet:
        sweep_results.print_tables(ranked, heading, failed, data)
    if report and ranked:
        from mnist_bp.report.sweep import sweep_page

        save(report, sweep_page(ranked, failed, title=title or heading))
    if failed:
        raise MnistBpError(f"{len(failed)} of {len(runs)} runs failed")


def _check_dask(dask: str | None, workers: int | None) -> None:
    if dask:
        MissingExtraError.check("cluster", "distributed")
    if dask and workers:
        raise UsageError("--workers counts processes on this machine: leave it out with --dask")


def _data_flags(train: "Digits", source: DigitsOptions) -> list[str]:
    """Return the flags with which other commands read the same digits."""
    named = ["--dataset", train.dataset] if train.dataset in ("mnist", "synthetic") else []
    return named + (["--data-dir", str(source.data_dir)] if source.data_dir else [])


def _events(
    runs: "Sequence[SweepRun]",
    digits: "list[Digits]",
    source: DigitsOptions,
    workers: int | None,
    dask: str | None,
) -> "Iterator[Event]":
    """Train the runs that are left, and yield what happens."""
    from mnist_bp.cli.sweep_results import train_words
    from mnist_bp.runs.workers import default_count, train_here

    left = [run for run in runs if run.epochs_left > 0 and not run.problem]
    if dask and left:
        from mnist_bp.runs.cluster import Source, train_on_cluster

        folder = str(source.data_dir.resolve()) if source.data_dir else None
        digests = tuple(each.digests for each in digits)
        return train_on_cluster(left, Source(digits[0].dataset, folder, digests), dask)
    data = _data_flags(digits[0], source)
    count = workers or default_count([run.recipe for run in runs])
    return train_here(left, lambda run: train_words(run, data), count)


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
            if signals or (failed and fail_fast):
                break
            match event:
                case run, int(epochs):
                    advance(epochs)
                case run, reason:
                    ended += 1
                    advance(0, text=f"{ended} of {len(runs)} runs")
                    failed |= {str(run.path): reason} if reason else {}
    if signals:
        raise StoppedError(signals[0], "what is done is saved; the same command goes on")
    return failed
