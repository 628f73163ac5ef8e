"""The settings of a sweep, best first, and which of them chance may have put there."""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean, stdev
from typing import Any

from mnist_bp.runs.sweep import SweepRun

T_TABLE = (
    *(12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281, 2.2010),
    *(2.1788, 2.1604, 2.1448, 2.1314, 2.1199, 2.1098, 2.1009, 2.0930, 2.0860),
)
"""The t of 95 % for 1, 2, 3 ... degrees of freedom."""


@dataclass(frozen=True)
class Ranked:
    """A setting with its finished runs, by seed.

    Attributes
    ----------
    setting : dict
    runs : list of SweepRun
    tied : bool
        Whether it cannot be told from the best setting. The best is tied with itself.
    """

    setting: dict[str, Any]
    runs: list[SweepRun]
    tied: bool = True

    @property
    def accuracies(self) -> list[float]:
        """The accuracy after the last epoch of each run, on test or held-out digits."""
        return [run.history[-1].test_accuracy for run in self.runs]

    @property
    def seconds(self) -> list[float]:
        """The time of each run's epochs."""
        return [math.fsum(row.seconds for row in run.history) for run in self.runs]

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
    members = defaultdict[tuple[tuple[str, Any], ...], list[SweepRun]](list)
    for run in sorted(runs, key=lambda run: run.recipe.seed):
        if run.epochs_left <= 0:
            members[tuple(run.setting.items())].append(run)
    ranked = [Ranked(dict(setting), finished) for setting, finished in members.items()]
    ranked.sort(key=lambda each: -each.mean)
    return [replace(each, tied=_tied(ranked[0], each)) for each in ranked]


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


def t_quantile(freedom: int) -> float:
    """Return the t within which a t distribution has 95 % of its mass, to about three decimals.

    For more degrees of freedom than the table has, it is the first terms of an expansion around
    the normal distribution: Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.5.
    """
    if freedom <= len(T_TABLE):
        return T_TABLE[freedom - 1]
    z, n = 1.959964, freedom
    return z + (z**3 + z) / (4 * n) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * n**2)
