"""The page about a sweep: its settings in pictures and in a table, and their recipe in full."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from statistics import fmean

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from mnist_bp.report.charts import ACCENT, TEXT, chart
from mnist_bp.report.figures import NETS, Figure
from mnist_bp.report.page import fill
from mnist_bp.runs.ranking import Ranked, interval

ROWS = 40
"""Settings that a picture with a row for each shows."""

LABEL = 24
"""Characters of a setting beside its row; of longer ones, the number in the table is shown."""


def sweep_page(ranked: Sequence[Ranked], failed: Mapping[str, str], *, title: str) -> str:
    """Return an HTML page about the settings of a sweep, best first.

    Parameters
    ----------
    ranked : sequence of Ranked
        At least one.
    failed : dict
        From the files of runs to the reasons why they failed.
    title : str
        The heading. It is shown as text, whatever it contains.
    """
    runs = [run for each in ranked for run in each.runs]
    recipes = [asdict(run.recipe) for run in runs]
    recipe = {
        name: ", ".join(map(str, sorted({each[name] for each in recipes}))) for name in recipes[0]
    }
    measured_on = runs[0].recipe.measured_on
    saved = [run.saved for run in runs if run.saved]
    return fill(
        "sweep.html.j2",
        ["sort.js"],
        title=title,
        measured_on=measured_on,
        ranked=ranked,
        varying=list(ranked[0].setting),
        interval=interval(ranked[0].accuracies) if ranked[0].sd is not None else None,
        figures=_figures(ranked, measured_on),
        failed=failed,
        recipe=recipe,
        made_by=sorted({each.versions for each in saved}),
        written=f"{datetime.now(UTC).astimezone():%Y-%m-%d %H:%M %Z}",
        dataset=saved[0].dataset,
    )


def _figures(ranked: Sequence[Ranked], measured_on: str) -> list[Figure]:
    """Return the pictures that suit as many varying hyperparameters."""
    names = list(ranked[0].setting)
    values = {name: {each.setting[name] for each in ranked} for name in names}
    dots = "Dots are runs; bars are means with their 95\N{NO-BREAK SPACE}% intervals."
    result = []
    if len(names) == 1 and all(isinstance(value, int | float) for value in values[names[0]]):
        line = chart("values", lambda axes: _line(axes, ranked, names[0]))
        result.append(Figure(f"{names[0]} and {measured_on} accuracy", dots, line))
    else:
        if len(names) == 2:
            grid = chart("grid", lambda axes: _grid(axes, ranked, *names))
            caption = f"Mean {measured_on} accuracy; the stronger the colour, the higher."
            result.append(Figure(f"{names[0]} and {names[1]}", caption, grid))
        more = f" The best {ROWS} of {len(ranked)}." if len(ranked) > ROWS else ""
        shown = ranked[:ROWS]
        height = max(2.0, 0.7 + 0.24 * len(shown))
        rows = chart("rows", lambda axes: _rows(axes, shown, measured_on), height)
        result.append(Figure("Every run, best setting first", dots + more, rows))
    curves = chart("curves", lambda axes: _curves(axes, ranked[: len(NETS)], measured_on), 3.3)
    caption = f"Mean over seeds after each epoch; the {min(len(ranked), len(NETS))} best settings."
    return [*result, Figure("Learning curves", caption, curves)]


def _line(axes: Axes, ranked: Sequence[Ranked], name: str) -> None:
    ordered = sorted(ranked, key=lambda each: each.setting[name])
    values = [each.setting[name] for each in ordered]
    axes.set_xlabel(name)
    if values[0] > 0 and values[-1] >= 4 * values[0]:
        axes.set_xscale("log")
    if len(values) <= 8:
        axes.set_xticks(values, [f"{value:g}" for value in values])
        axes.minorticks_off()
    axes.plot(values, [each.mean for each in ordered], color=ACCENT, linewidth=1.5)
    for value, each in zip(values, ordered, strict=True):
        axes.plot([value] * len(each.runs), each.accuracies, "o", color=TEXT, ms=4, alpha=0.45)
        if each.sd is not None:
            axes.plot([value] * 2, interval(each.accuracies), color=ACCENT, linewidth=3, alpha=0.6)


def _grid(axes: Axes, ranked: Sequence[Ranked], across: str, down: str) -> None:
    columns, rows = (
        list(dict.fromkeys(sorted(e.setting[k] for e in ranked))) for k in (across, down)
    )
    means = [each.mean for each in ranked]
    for each in ranked:
        x, y = columns.index(each.setting[across]), rows.index(each.setting[down])
        share = (each.mean - min(means)) / (max(means) - min(means) or 1)
        axes.bar(x, 0.96, 0.96, y - 0.48, color=ACCENT, alpha=0.06 + 0.5 * share)
        axes.text(
            x, y, f"{each.mean:.4f}", ha="center", va="center", size=11 if len(columns) < 6 else 7
        )
    axes.set_xticks(range(len(columns)), map(str, columns))
    axes.set_yticks(range(len(rows)), map(str, rows))
    axes.set(xlabel=across, ylabel=down)
    axes.grid(False)


def _rows(axes: Axes, ranked: Sequence[Ranked], measured_on: str) -> None:
    for y, each in enumerate(ranked):
        axes.plot(each.accuracies, [y] * len(each.runs), "o", color=TEXT, ms=4, alpha=0.45)
        axes.plot(each.mean, y, "|", color=ACCENT, ms=12, mew=2)
        if each.sd is not None:
            axes.plot(interval(each.accuracies), [y, y], color=ACCENT, linewidth=2, alpha=0.6)
    axes.set_yticks(range(len(ranked)), _labels(ranked))
    axes.set(xlabel=f"{measured_on} accuracy", ylim=(len(ranked) - 0.4, -0.6))
    axes.grid(True, axis="x")


def _curves(axes: Axes, ranked: Sequence[Ranked], measured_on: str) -> None:
    axes.set(xlabel="epoch", ylabel=f"{measured_on} accuracy")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    for each, label, look in zip(ranked, _labels(ranked), NETS, strict=False):
        histories = [run.history[1:] for run in each.runs]
        means = [fmean(row.test_accuracy for row in rows) for rows in zip(*histories, strict=True)]
        marker = "o" if len(means) == 1 else None
        axes.plot(range(1, len(means) + 1), means, marker=marker, label=label, **look)
    if len(ranked) > 1:
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=2)


def _labels(ranked: Sequence[Ranked]) -> list[str]:
    texts = [", ".join(map(str, each.setting.values())) for each in ranked]
    if max(map(len, texts)) > LABEL:
        return [str(number) for number in range(1, len(ranked) + 1)]
    return texts
