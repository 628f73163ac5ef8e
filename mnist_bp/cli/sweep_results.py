"""What a sweep prints: its table or JSON, and the commands that lie ahead."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from statistics import fmean

from mnist_bp.cli import console, messages
from mnist_bp.runs.ranking import Ranked
from mnist_bp.runs.recipe import SETTINGS, Recipe
from mnist_bp.runs.sweep import SweepRun

COLUMNS = "n", "mean", "sd", "least", "most", "seconds"


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
                {"file": str(run.path), "seed": run.recipe.seed, "accuracy": a, "seconds": s}
                for run, a, s in zip(each.runs, each.accuracies, each.seconds, strict=True)
            ],
        }
        for each in ranked
    ]
    reasons = [{"file": file, "reason": reason} for file, reason in failed.items()]
    messages.print_json(measured_on=measured_on, settings=settings, failed=reasons)


def print_tables(
    ranked: Sequence[Ranked], title: str, failed: Mapping[str, str], data_flags: Sequence[str]
) -> None:
    """Print the settings, best first, what their order is worth, and the runs that failed."""
    out, compared = console.results(), len(ranked) > 1
    if ranked:
        varying = len(ranked[0].setting)
        names = [*ranked[0].setting, *COLUMNS] + [""] * compared
        rows = [_cells(each, "best" if each is ranked[0] else "tied") for each in ranked]
        console.table(out, title, names, [row[: len(names)] for row in rows], range(varying))
    if compared and all(len(each.runs) == 1 for each in ranked):
        out.print("with one seed, settings cannot be told apart: add seeds, such as --seed 0-4")
    elif any(each.tied for each in ranked[1:]):
        out.print("tied: cannot be told from the best (paired by seed, 95 %)")
    for hint in _hints(ranked):
        out.print(hint)
    if failed:
        console.table(out, "failed runs", ("file", "reason"), list(failed.items()), (0, 1))
    made_by = sorted({run.saved.versions for each in ranked for run in each.runs if run.saved})
    if len(made_by) > 1:
        out.print("the last bits of these runs may differ, for they were made by several:")
        for versions in made_by:
            out.print(f"  {versions}", soft_wrap=True)
    if compared and ranked[0].runs[0].recipe.validation:
        out.print("to train the best setting on all digits, and test it once, with other seeds:")
        out.print(_final_command(ranked[0], data_flags), soft_wrap=True)
    elif compared:
        messages.warn(
            "settings are compared on the test digits, so the best one's accuracy is partly luck; "
            "without --validation 0, they are compared on held-out digits"
        )


def _hints(ranked: Sequence[Ranked]) -> Iterator[str]:
    """Yield a hint for each number whose best value is the smallest or the largest that was tried.

    It takes three values at least, with all else as in the best setting, and one of them that is
    not tied: where chance alone may order them, there is nothing to follow.
    """
    best = ranked[0].setting if ranked else {}
    for name, value in best.items():
        alike = [each for each in ranked if each.setting | {name: value} == best]
        values = [each.setting[name] for each in alike]
        if isinstance(value, str) or len(values) < 3 or all(each.tied for each in alike):
            continue
        start = f"the best --{name.replace('_', '-')} is the"
        if value == max(values) != SETTINGS[name].maximum:
            yield f"{start} largest that was tried: try larger ones too"
        elif value == min(values) != SETTINGS[name].minimum:
            yield f"{start} smallest that was tried: try smaller ones too"


def _cells(ranked: Ranked, verdict: str) -> list[str]:
    sd = "-" if ranked.sd is None else f"{ranked.sd:.4f}"
    accuracies = f"{ranked.mean:.4f}", sd, f"{min(ranked.accuracies):.4f}"
    cells = [*map(str, ranked.setting.values()), str(len(ranked.runs)), *accuracies]
    cells += [f"{max(ranked.accuracies):.4f}", f"{fmean(ranked.seconds):.1f}"]
    return [*cells, verdict if ranked.tied else ""]


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


def _final_command(best: Ranked, data_flags: Sequence[str]) -> str:
    """Return the command that trains the best setting with seeds that it was not chosen by."""
    seeds = [run.recipe.seed for run in best.runs]
    first, last = max(seeds) + 1, max(seeds) + len(seeds)
    folder = best.runs[0].path.parent
    folder = folder if folder.name else folder.resolve()
    # Seed 0 is the default, and so not among the flags of the recipe.
    words = ["sweep", *_flags(replace(best.runs[0].recipe, validation=0, seed=0))]
    words += ["--seed", f"{first}-{last}" if last > first else str(first)]
    words += ["--output", str(folder.with_name(f"{folder.name}-best"))]
    return shlex.join(["mnist-bp", *words, *data_flags])


def _flags(recipe: Recipe) -> list[str]:
    """Return the flags that make a recipe."""
    words = []
    for name, value in asdict(recipe).items():
        if value != SETTINGS[name].default:
            words += [f"--{name.replace('_', '-')}", str(value)]
    return words
