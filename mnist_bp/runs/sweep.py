"""A sweep: the runs of all combinations of some values. A folder of checkpoints is its state.

A run is recognised by the recipe in its checkpoint, not by its file's name. So a sweep can be
repeated with more values: what is finished stays, what was broken off is resumed.
"""

import itertools
import logging
import math
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from mnist_bp.data.digits import Digits
from mnist_bp.errors import MnistBpError, ParameterError, UsageError
from mnist_bp.runs.checkpoint import Checkpoint, EpochResult, load_checkpoint
from mnist_bp.runs.recipe import Recipe

try:
    import fcntl
except ImportError:  # Windows.
    fcntl = None  # type: ignore[assignment]

VALIDATION = 10_000
"""Training digits that are held out by default where settings are compared."""

MAX_RUNS = 100_000

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SweepRun:
    """A run of a sweep.

    Attributes
    ----------
    setting : dict
        The values of what varies in the sweep, but for the seed; `config` is a recipe's name.
    recipe : Recipe
    path : Path
        Its checkpoint, which may not exist yet.
    saved : Checkpoint or None
        What the checkpoint holds, without its arrays.
    problem : str
        Why the file at `path` cannot be used; empty if it can.
    """

    setting: dict[str, Any]
    recipe: Recipe
    path: Path
    saved: Checkpoint | None = None
    problem: str = ""

    @property
    def history(self) -> Sequence[EpochResult]:
        """The rows of the epochs that its checkpoint has."""
        return self.saved.history if self.saved else ()

    @property
    def epochs_left(self) -> int:
        """How many epochs are still to be trained."""
        return self.recipe.epochs - (self.saved.epochs if self.saved else 0)


def combine(
    folder: Path, configs: Mapping[str, dict[str, Any]], values: Mapping[str, Sequence[Any]]
) -> list[SweepRun]:
    """Return the runs of all combinations, none of them looked up yet.

    Where nothing says how many digits to hold out, `VALIDATION` are if there are several settings,
    and none if only the seed varies.

    Parameters
    ----------
    folder : Path
    configs : dict
        From names to the hyperparameters of a recipe, which `values` replace; at least one.
    values : dict
        From the names of hyperparameters to the values they are to have.

    Raises
    ------
    ParameterError
        A combination contradicts itself, or there are too many.
    """
    values = dict(values)
    count = len(configs) * math.prod(map(len, values.values()))
    if count > MAX_RUNS:
        raise UsageError(f"these are {count:,} runs: a sweep has at most {MAX_RUNS:,}")
    if not validation_given(configs, values):
        settings = count // len(values.get("seed", [0]))
        values["validation"] = [VALIDATION if settings > 1 else 0]
    varying = [name for name, some in values.items() if len(some) > 1 and name != "seed"]
    runs: dict[Recipe, SweepRun] = {}
    for label, config in configs.items():
        for combination in itertools.product(*values.values()):
            chosen = config | dict(zip(values, combination, strict=True))
            setting = {"config": label} if len(configs) > 1 else {}
            setting |= {name: chosen[name] for name in varying}
            recipe = Recipe(**chosen)
            runs.setdefault(recipe, SweepRun(setting, recipe, folder / _name(setting, recipe.seed)))
    if len({recipe.validation for recipe in runs}) > 1:
        raise ParameterError("validation", "must be the same for all runs: they are compared")
    if len({run.path for run in runs.values()}) < len(runs):
        raise UsageError("two of the recipes have the same name: rename one of the files")
    return list(runs.values())


def validation_given(
    configs: Mapping[str, dict[str, Any]], values: Mapping[str, Sequence[Any]]
) -> bool:
    """Return whether the user says how many digits to hold out."""
    return "validation" in values or any("validation" in config for config in configs.values())


def _name(setting: dict[str, Any], seed: int) -> str:
    parts = [f"{name}-{value}" for name, value in (setting | {"seed": seed}).items()]
    return re.sub(r"[^\w.+-]", "-", "_".join(parts)) + ".npz"


def look_up(
    runs: Sequence[SweepRun], train: Digits, *, ask_for_validation: bool = False
) -> list[SweepRun]:
    """Return the runs with what their folder holds of them.

    Parameters
    ----------
    runs : sequence of SweepRun
        In one folder.
    train : Digits
        All training digits.
    ask_for_validation : bool
        Raise an error where runs in the folder were measured on other digits than these will be.

    Raises
    ------
    UsageError
        A file has the name of a run, but is another one.
    """
    found = {run.recipe: run for run in runs}
    contents = {path: _read(path) for path in sorted(runs[0].path.parent.glob("*.npz"))}
    for path, saved in contents.items():
        if isinstance(saved, str) or saved.recipe is None:
            continue
        there, here = saved.recipe.validation, runs[0].recipe.validation
        if ask_for_validation and there != here:
            problem = f"must be given: {path} has {there}, but the default is {here} now"
            why = "more than one setting is compared on held-out digits"
            raise ParameterError("validation", f"{problem}; {why}")
        run = found.get(saved.recipe)
        if run and saved.digests == train.digests and len(saved.history) >= len(run.history):
            found[saved.recipe] = replace(run, path=path, saved=saved)
    return [
        run if run.saved else _check_name(run, contents.get(run.path), train)
        for run in found.values()
    ]


def _read(path: Path) -> Checkpoint | str:
    """Return a checkpoint without its arrays, or why there is none."""
    try:
        saved = load_checkpoint(path)
    except MnistBpError as error:
        return f"{error}; delete it to train it again"
    return replace(saved, params={}, optimizer={}, step_losses=saved.step_losses[:0])


def _check_name(run: SweepRun, saved: Checkpoint | str | None, train: Digits) -> SweepRun:
    """Return a run that no file holds; raise an error if its name belongs to another run."""
    if isinstance(saved, Checkpoint):
        problem = _difference(saved, run.recipe, train)
        raise UsageError(f"{run.path} is another run: {problem}; name another folder")
    return replace(run, problem=saved or "")


def _difference(saved: Checkpoint, recipe: Recipe, train: Digits) -> str:
    """Return why a checkpoint is not that of a run, in words."""
    if not saved.recipe:
        return "it holds four arrays alone, and no record of a run"
    here = asdict(recipe)
    for name, value in asdict(saved.recipe).items():
        if value != here[name]:
            return f"its {name} is {value}, not {here[name]}"
    return f"it was trained on other digits of {saved.dataset} than these of {train.dataset}"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other sweeps out of a folder.

    Raises
    ------
    UsageError
        Another process has the folder.
    """
    if not fcntl:
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    os.set_inheritable(descriptor, True)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            log.warning(
                "another sweep, or runs that it left behind, are busy in %s: waiting", folder
            )
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
