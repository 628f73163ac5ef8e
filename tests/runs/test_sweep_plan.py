"""The plan of a sweep, what its folder holds, and which differences between settings count."""

import os
from dataclasses import replace

import numpy as np
import pytest

from mnist_bp import Recipe, save_checkpoint
from mnist_bp.data.sources import read_digits
from mnist_bp.errors import ParameterError, UsageError
from mnist_bp.runs.checkpoint import Checkpoint, EpochResult
from mnist_bp.runs.ranking import interval, rank, t_quantile
from mnist_bp.runs.run import Run
from mnist_bp.runs.sweep import SweepRun, combine, look_up
from mnist_bp.runs.versions import SOFTWARE, versions
from mnist_bp.runs.workers import default_count

NO_CONFIG = {"": {}}


def names(runs):
    return [run.path.name for run in runs]


def test_all_combinations_run_and_are_named_by_what_varies_and_the_seed(tmp_path):
    runs = combine(tmp_path, NO_CONFIG, {"lr": [0.1, 1e-5], "epochs": [3], "seed": [0, 1]})
    assert names(runs) == [
        "lr-0.1_seed-0.npz",
        "lr-0.1_seed-1.npz",
        "lr-1e-05_seed-0.npz",
        "lr-1e-05_seed-1.npz",
    ]
    assert runs[1].setting == {"lr": 0.1}
    assert runs[1].recipe == Recipe(lr=0.1, epochs=3, seed=1, validation=10_000)


def test_several_recipes_are_a_setting_too(tmp_path):
    configs = {"small": {"hidden": 20, "lr": 0.2}, "large one": {"hidden": 100}}
    runs = combine(tmp_path, configs, {"optimizer": ["sgd", "adam"]})
    assert names(runs)[0] == "config-small_optimizer-sgd_seed-0.npz"
    assert names(runs)[3] == "config-large-one_optimizer-adam_seed-0.npz"
    assert [run.recipe.lr for run in runs] == [0.2, 0.2, 0.1, 0.001]


def test_equal_runs_run_once(tmp_path):
    same = {"one": {"hidden": 50}, "two": {}}
    assert len(combine(tmp_path, same, {})) == 1


def test_digits_are_held_out_where_settings_are_compared_and_only_there(tmp_path):
    def held_out(configs, values):
        return {run.recipe.validation for run in combine(tmp_path, configs, values)}

    assert held_out(NO_CONFIG, {"seed": [0, 1, 2]}) == {0}
    assert held_out(NO_CONFIG, {"lr": [0.1, 0.2]}) == {10_000}
    assert held_out({"a": {}, "b": {"hidden": 20}}, {}) == {10_000}
    assert held_out(NO_CONFIG, {"lr": [0.1, 0.2], "validation": [0]}) == {0}
    assert held_out({"a": {"validation": 50}}, {"lr": [0.1, 0.2]}) == {50}


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"validation": [0, 100]}, "validation must be the same"),
        ({"optimizer": ["sgd", "nesterov"]}, "momentum must be above 0 for nesterov"),
        ({"seed": range(60_000), "lr": [0.1, 0.2]}, "120,000 runs"),
    ],
)
def test_a_plan_that_cannot_run_is_an_error(tmp_path, values, problem):
    with pytest.raises(UsageError, match=problem):
        combine(tmp_path, NO_CONFIG, values)


@pytest.fixture
def digits(digits_folder):
    return read_digits(["train", "test"], data_dir=digits_folder)


def trained(run, digits, epochs=None):
    """Train a run of a sweep, to its end or to an earlier epoch."""
    training = Run(run.recipe, *digits)
    for row, checkpoint in training.results():
        save_checkpoint(run.path, checkpoint)
        if row.epoch == epochs:
            return


def test_runs_are_recognised_by_their_recipe_not_by_their_name(tmp_path, digits):
    first, second = combine(tmp_path, NO_CONFIG, {"epochs": [2], "seed": [0, 1]})
    trained(first, digits)
    trained(second, digits, epochs=1)
    first.path.rename(tmp_path / "renamed.npz")
    (tmp_path / "notes.npz").write_text("not a checkpoint")

    more = combine(tmp_path, NO_CONFIG, {"epochs": [2], "seed": [0, 1, 2], "hidden": [50]})
    found = look_up(more, digits[0])
    assert [run.epochs_left for run in found] == [0, 1, 2]
    assert names(found) == ["renamed.npz", "seed-1.npz", "seed-2.npz"]
    assert not any(run.problem for run in found)


def test_of_two_files_of_a_run_the_further_one_counts(tmp_path, digits):
    (run,) = combine(tmp_path, NO_CONFIG, {"epochs": [3]})
    for name, epochs in (("a", 1), ("b", 2), ("c", 1)):
        trained(replace(run, path=tmp_path / f"{name}.npz"), digits, epochs)
    (found,) = look_up([run], digits[0])
    assert (found.path.name, found.epochs_left) == ("b.npz", 1)


def test_a_damaged_file_is_a_problem_of_its_run_alone(tmp_path, digits):
    runs = combine(tmp_path, NO_CONFIG, {"epochs": [1], "seed": [0, 1]})
    runs[0].path.write_bytes(b"damaged")
    found = look_up(runs, digits[0])
    assert "seed-0.npz is not a weights file" in found[0].problem
    assert found[1].problem == ""


def test_a_name_that_another_run_has_is_an_error(tmp_path, digits):
    (run,) = combine(tmp_path, NO_CONFIG, {"epochs": [1]})
    trained(run, digits)
    (other,) = combine(tmp_path, NO_CONFIG, {"epochs": [1], "hidden": [7]})
    with pytest.raises(UsageError, match="another run: its hidden is 50, not 7"):
        look_up([other], digits[0])
    with pytest.raises(UsageError, match="other digits"):
        look_up([run], digits[1])
    save_checkpoint(run.path, Checkpoint(Run(run.recipe, *digits).net.params))
    with pytest.raises(UsageError, match="no record of a run"):
        look_up([run], digits[0])


def test_a_changed_default_of_validation_is_asked_for(tmp_path, digits):
    (run,) = combine(tmp_path, NO_CONFIG, {"epochs": [1]})
    trained(run, digits)
    more = combine(tmp_path, NO_CONFIG, {"epochs": [1], "lr": [0.1, 0.2]})
    with pytest.raises(ParameterError, match="validation must be given"):
        look_up(more, digits[0], ask_for_validation=True)
    assert not look_up(more, digits[0])[0].saved


def finished(setting, seed, accuracy):
    """A finished run, made up."""
    recipe = Recipe(epochs=1, seed=seed)
    rows = [EpochResult(0, 2.3, 0.1, 0.1, 1.0), EpochResult(1, 0.5, 0.9, accuracy, 2.0)]
    return SweepRun(setting, recipe, None, Checkpoint({}, recipe, history=rows))


def sweep_of(**accuracies):
    return [
        finished({"lr": name}, seed, accuracy)
        for name, values in accuracies.items()
        for seed, accuracy in enumerate(values)
    ]


def test_settings_are_ranked_by_their_mean_after_the_last_epoch():
    best, other = rank(sweep_of(slow=[0.90, 0.92], fast=[0.95, 0.97]))
    assert (best.setting, other.setting) == ({"lr": "fast"}, {"lr": "slow"})
    assert best.mean == pytest.approx(0.96)
    assert best.sd == pytest.approx(np.std([0.95, 0.97], ddof=1))
    assert best.seconds == [3.0, 3.0]


def test_unfinished_runs_do_not_count():
    half = finished({"lr": "a"}, 0, 0.9)
    half = replace(half, recipe=replace(half.recipe, epochs=2))
    assert rank([half]) == []


@pytest.mark.parametrize(
    ("accuracies", "tied"),
    [
        # Better with each seed by about as much, although the seeds differ by more.
        ({"a": [0.90, 0.93, 0.96], "b": [0.89, 0.921, 0.949]}, False),
        ({"a": [0.95, 0.91, 0.93], "b": [0.91, 0.94, 0.92]}, True),
        ({"a": [0.9], "b": [0.5]}, True),
        ({"a": [0.9, 0.9], "b": [0.8, 0.8]}, False),
        ({"a": [0.9, 0.9], "b": [0.9, 0.9]}, True),
    ],
)
def test_settings_are_compared_seed_by_seed(accuracies, tied):
    assert rank(sweep_of(**accuracies))[1].tied is tied


@pytest.mark.parametrize(
    ("freedom", "t"),
    # From printed tables of the t distribution.
    [(1, 12.706), (2, 4.303), (3, 3.182), (4, 2.776), (9, 2.262), (30, 2.042), (120, 1.980)],
)
def test_t_quantiles_are_those_of_printed_tables(freedom, t):
    assert t_quantile(freedom) == pytest.approx(t, abs=5e-4)


def test_intervals_cover_the_mean_as_often_as_they_say():
    rng = np.random.default_rng(0)
    intervals = [interval(values) for values in rng.normal(size=(4000, 4)).tolist()]
    assert np.mean([low <= 0 <= high for low, high in intervals]) == pytest.approx(0.95, abs=0.015)


def test_versions_name_software_processor_and_kernel():
    assert versions().startswith(SOFTWARE)
    assert len(versions().split(", ")) >= 5


def test_as_many_runs_at_once_as_their_threads_leave_room_for():
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert default_count([Recipe()]) == cores
    assert default_count([Recipe(rotation=5)]) == max(1, cores // 2)
    assert default_count([Recipe(), Recipe(threads=1000)]) == 1
