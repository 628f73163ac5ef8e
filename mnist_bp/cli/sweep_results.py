"""What a sweep prints: its table or JSON, and the commands that lie ahead."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import fmean

from mnist_bp.cli import console, messages
from mnist_bp.runs.ranking import Ranked
from mnist_bp.runs.recipe import SETTINGS, Recipe
from mnist_bp.runs.sweep import SweepRun


def print_json(ranked: Sequence[Ranked], measured_on: str, failed: Mapping[str, str]) -> None:
    """Print a sweep as one JSON object."""
    settings = [
        {
            "setting": each.setting,
            "n": len(each.runs),
            "mean": each.mean,
            "sd": each.sd,
            "min": min(each.accuracies),
            "max": max(each.accuracies),
            "runs": [
                {
                    "file": str(run.path),
                    "seed": run.recipe.seed,
                    "accuracy": accuracy,
                    "seconds": seconds,
                }
                for run, accuracy, seconds in zip(
                    each.runs, each.accuracies, each.seconds, strict=True
                )
            ],
        }
        for each in ranked
    ]
    reasons = [{"file": file, "reason": reason} for file, reason in failed.items()]
    messages.print_json(measured_on=measured_on, settings=settings, failed=reasons)


def print_tables(ranked: Sequence[Ranked], title: str, failed: Mapping[str, str]) -> None:
    """Print the settings, best first, what their order is worth, and the runs that failed."""
    out = console.results()
    if ranked:
        _print_settings(ranked, title)
    if failed:
        console.table(out, "failed runs", ("file", "reason"), list(failed.items()), left=2)
    made_by = {run.saved.versions for each in ranked for run in each.runs if run.saved}
    if len(made_by) > 1:
        out.print("the last bits of these runs may differ, for they were made by several:")
        for versions in sorted(made_by):
            out.print(f"  {versions}")


def _print_settings(ranked: Sequence[Ranked], title: str) -> None:
    out = console.results()
    rows = [
        [
            *map(str, each.setting.values()),
            str(len(each.runs)),
            f"{each.mean:.4f}",
            "-" if each.sd is None else f"{each.sd:.4f}",
            f"{min(each.accuracies):.4f}",
            f"{max(each.accuracies):.4f}",
            f"{fmean(each.seconds):.1f}",
            "best" if each is ranked[0] else "tied" if each.tied else "",
        ]
        for each in ranked
    ]
    varying = list(ranked[0].setting)
    headings = [*varying, "n", "mean", "sd", "least", "most", "seconds", ""]
    if len(ranked) == 1:
        headings, rows = headings[:-1], [rows[0][:-1]]
    console.table(out, title, headings, rows, left=len(varying))
    if len(ranked) > 1 and all(len(each.runs) == 1 for each in ranked):
        out.print("with one seed, settings cannot be told apart: add seeds, such as --seed 0-4")
    elif any(each.tied for each in ranked[1:]):
        out.print("tied: cannot be told from the best (paired by seed, 95 %)")


def print_commands(runs: Sequence[SweepRun], data_flags: Sequence[str]) -> None:
    """Print a command for each run that is not finished."""
    for run in runs:
        if run.epochs_left > 0 and not run.problem:
            messages.print_line(shlex.join(["mnist-bp", *train_words(run, data_flags)]))


def train_words(run: SweepRun, data_flags: Sequence[str]) -> list[str]:
    """Return the command that trains or resumes a run, without its first word."""
    if run.saved:
        return ["train", "--resume", str(run.path), *data_flags]
    return ["train", *_flags(run.recipe), "--output", str(run.path), *data_flags]


def print_final_command(best: Ranked, data_flags: Sequence[str]) -> None:
    """Print the command that trains the best setting with seeds that it was not chosen by."""
    seeds = [run.recipe.seed for run in best.runs]
    first, last = max(seeds) + 1, max(seeds) + len(seeds)
    folder = best.runs[0].path.parent
    words = [
        # Seed 0 is the default, and so not among these flags.
        *_flags(replace(best.runs[0].recipe, validation=0, seed=0)),
        *("--seed", f"{first}-{last}" if last > first else str(first)),
        *("--output", str(folder.with_name(f"{folder.resolve().name}-best"))),
        *data_flags,
    ]
    out = console.results()
    out.print("to train the best setting on all digits, and measure it once on the test digits:")
    out.print(shlex.join(["mnist-bp", "sweep", *words]), soft_wrap=True)


def _flags(recipe: Recipe) -> list[str]:
    """Return the flags that make a recipe."""
    values = {name: getattr(recipe, name) for name in SETTINGS}
    return [
        word
        for name, value in values.items()
        if value != SETTINGS[name].default
        for word in (f"--{name.replace('_', '-')}", str(value))
    ]
