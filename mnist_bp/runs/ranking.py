"""The settings of a sweep, best first, and which of them chance may have put there."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

from mnist_bp.runs.sweep import SweepRun


@dataclass(frozen=True)
class Ranked:
    """A setting with its finished runs, by seed.

    Attributes
    ----------
    setting : dict
    runs : list of SweepRun
    accuracies : list of float
        After the last epoch of each run, on test or held-out digits.
    seconds : list of float
        The time of each run's epochs.
    tied : bool
        Whether it cannot be told from the best setting. The best is tied with itself.
    """

    setting: dict[str, Any]
    runs: list[SweepRun]
    accuracies: list[float]
    seconds: list[float]
    tied: bool = True

    @property
    def mean(self) -> float:
        """The mean accuracy."""
        return fmean(self.accuracies)

    @property
    def sd(self) -> float | None:
        """The standard deviation of the accuracies; None for a single run."""
        return stdev(self.accuracies) if len(self.runs) > 1 else None


def rank(runs: Sequence[SweepRun]) -> list[Ranked]:
    """Return the settings of all finished runs, the highest mean accuracy first.

    A setting is compared with the best one seed by seed: it is tied if the 95 % t interval of the
    mean difference holds 0. With fewer than two seeds in common there is no such interval, and
    every setting is tied.
    """
    members: dict[tuple[tuple[str, Any], ...], list[SweepRun]] = {}
    for run in sorted(runs, key=lambda run: run.recipe.seed):
        if run.saved and run.epochs_left <= 0:
            members.setdefault(tuple(run.setting.items()), []).append(run)
    ranked = [
        Ranked(
            dict(setting),
            some,
            [run.saved.history[-1].test_accuracy for run in some if run.saved],
            [math.fsum(row.seconds for row in run.saved.history) for run in some if run.saved],
        )
        for setting, some in members.items()
    ]
    ranked.sort(key=lambda each: -each.mean)
    return [
        Ranked(each.setting, each.runs, each.accuracies, each.seconds, _tied(ranked[0], each))
        for each in ranked
    ]


def _tied(best: Ranked, other: Ranked) -> bool:
    by_seed = _by_seed(other)
    differences = [
        accuracy - by_seed[seed] for seed, accuracy in _by_seed(best).items() if seed in by_seed
    ]
    if best is other or len(differences) < 2:
        return True
    low, high = interval(differences)
    return low <= 0 <= high


def _by_seed(ranked: Ranked) -> dict[int, float]:
    seeds = (run.recipe.seed for run in ranked.runs)
    return dict(zip(seeds, ranked.accuracies, strict=True))


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Return the 95 % t interval of the mean of at least two values."""
    mean = fmean(values)
    half = t_quantile(len(values) - 1) * stdev(values, mean) / math.sqrt(len(values))
    return mean - half, mean + half


def t_quantile(freedom: int, coverage: float = 0.95) -> float:
    """Return the t within which a t distribution has a share of its mass, by bisection.

    The share is that of Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.3 and
    26.7.4: a finite sum for whole degrees of freedom.
    """
    odd = freedom % 2

    def share(angle: float) -> float:
        total, term = 0.0, math.cos(angle) if odd else 1.0
        for power in range(odd, freedom - 1, 2):
            total += term
            term *= math.cos(angle) ** 2 * (power + 1) / (power + 2)
        total *= math.sin(angle)
        return (angle + total) * 2 / math.pi if odd else total

    # t is sqrt(freedom) times the tangent of this angle.
    low, high = 0.0, math.pi / 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if share(middle) < coverage else (low, middle)
    return math.sqrt(freedom) * math.tan(low)
