"""Resuming: a run that was stopped anywhere ends as if it had not been, to the bit."""

import random
from dataclasses import replace

import numpy as np
import pytest
from helpers import assert_same, change_arrays

from mnist_bp.data.digits import Digits
from mnist_bp.errors import WeightsError
from mnist_bp.runs.batches import permutation
from mnist_bp.runs.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from mnist_bp.runs.recipe import Recipe
from mnist_bp.runs.run import Run, train

RECIPES = [
    Recipe(epochs=6, hidden=6, lr=0.3, batch_size=50),
    Recipe(epochs=6, hidden=6, lr=0.3, batch_size=50, sampling="replacement"),
    Recipe(
        epochs=6,
        hidden=6,
        batch_size=50,
        optimizer="nesterov",
        momentum=0.9,
        lr=0.03,
        schedule="cosine",
        weight_decay=0.01,
        label_smoothing=0.1,
        init="he",
        rotation=10,
        elastic=1,
        sharpening=0.1,
        distortion_end=0.3,
    ),
    Recipe(
        epochs=6,
        hidden=6,
        batch_size=50,
        optimizer="adam",
        lr=0.01,
        schedule="linear",
        warmup=0.2,
        shift=1,
    ),
]

NAMES = ["sgd", "replacement", "nesterov, elastic", "adam, shift"]

STEPS = 11
"""In an epoch of 530 digits, 50 at a time."""


def stopped_after(step, recipe, dataset):
    """Return a run that was stopped after some steps."""
    run = Run(recipe, *dataset)
    for _ in run.results(lambda: len(run.step_losses) == step):
        pass
    return run


@pytest.mark.parametrize("recipe", RECIPES, ids=NAMES)
def test_a_run_that_was_stopped_anywhere_ends_as_if_it_had_not_been(
    dataset, tmp_path, full, recipe
):
    save_checkpoint(tmp_path / "whole.npz", train(recipe, *dataset))
    rng = random.Random(0)
    ends = [STEPS * epoch for epoch in (range(1, 6) if full else (1, 5))]
    anywhere = [rng.randrange(1, STEPS * 6) for _ in range(20 if full else 3)]

    for step in [*ends, *anywhere, STEPS * 6]:
        save_checkpoint(tmp_path / "part.npz", stopped_after(step, recipe, dataset))
        resumed = Run.resume(load_checkpoint(tmp_path / "part.npz"), *dataset)
        list(resumed)
        assert resumed.finished
        save_checkpoint(tmp_path / "end.npz", resumed)
        assert_same(tmp_path / "whole.npz", tmp_path / "end.npz")


def write_format_1(path, run):
    """Save a run as version 0.1 did: with what now follows from the rest, and the format 1."""
    save_checkpoint(path, run)
    epochs, batches = divmod(len(run.step_losses), run.steps_per_epoch)
    order = permutation(run.recipe, epochs + 1, len(run.train)) if batches else []
    older = {"format": 1, "progress": [epochs, batches], "order": np.array(order, int)}
    if run.recipe.optimizer == "adam":
        older["optimizer.t"] = np.array(len(run.step_losses))
    change_arrays(path, **older)


@pytest.mark.parametrize("recipe", RECIPES, ids=NAMES)
@pytest.mark.parametrize("step", [STEPS, 2 * STEPS + 5])
def test_a_file_of_format_1_is_resumed_to_the_same_bits(dataset, tmp_path, recipe, step):
    save_checkpoint(tmp_path / "whole.npz", train(recipe, *dataset))
    write_format_1(tmp_path / "old.npz", stopped_after(step, recipe, dataset))
    with np.load(tmp_path / "old.npz") as archive:
        assert archive["progress"].tolist() == list(divmod(step, STEPS))

    resumed = Run.resume(load_checkpoint(tmp_path / "old.npz"), *dataset)
    list(resumed)

    save_checkpoint(tmp_path / "end.npz", resumed)
    assert_same(tmp_path / "whole.npz", tmp_path / "end.npz")


def test_a_finished_run_goes_on_to_more_epochs(dataset):
    recipe = RECIPES[0]
    whole = train(recipe, *dataset)

    more = Run.resume(train(replace(recipe, epochs=2), *dataset).checkpoint(), *dataset, epochs=6)

    assert not more.finished
    assert [row.epoch for row in more] == [3, 4, 5, 6]
    assert more.step_losses == whole.step_losses
    assert np.array_equal(more.net.params["W1"], whole.net.params["W1"])


def test_a_finished_run_has_nothing_to_do(dataset):
    done = train(RECIPES[0], *dataset)

    resumed = Run.resume(done.checkpoint(), *dataset)

    assert resumed.finished
    assert list(resumed) == []
    assert resumed.history == done.history


def test_a_run_is_resumed_on_the_digits_that_it_was_trained_on(dataset):
    digits, test_digits = dataset
    saved = stopped_after(3, RECIPES[0], dataset).checkpoint()
    others = Digits(digits.images, digits.labels, "custom", ("00", "00"))

    with pytest.raises(WeightsError, match="was trained on other digits of custom than these"):
        Run.resume(saved, others, test_digits)


def test_the_four_arrays_alone_cannot_be_resumed(dataset):
    params = Run(RECIPES[0], *dataset).net.params

    with pytest.raises(WeightsError, match="the four arrays alone, and no record of a run"):
        Run.resume(Checkpoint(params), *dataset)


LOSSES = np.ones(STEPS, np.float32)


@pytest.mark.parametrize(
    "change",
    [
        {"step_losses": LOSSES[:3]},
        {"step_losses": np.ones(2 * STEPS + 1, np.float32)},
        {"history": "none"},
        {"history": "another row"},
        {"optimizer.velocity.W1": np.ones((784, 6), np.float32)},
    ],
    ids=str,
)
def test_a_record_that_contradicts_itself_cannot_be_resumed(dataset, tmp_path, change):
    run = stopped_after(STEPS + 2, RECIPES[0], dataset)
    rows = run.checkpoint().history
    assert [row.epoch for row in rows] == [0, 1]
    changed = {"none": [], "another row": [*rows, replace(rows[1], epoch=2)]}
    assert_refused(
        run, tmp_path / "w.npz", dataset, change, changed.get(str(change.get("history")))
    )


NESTEROV, ADAM = RECIPES[2:4]


@pytest.mark.parametrize(
    ("recipe", "change"),
    [
        (NESTEROV, {"optimizer.velocity.W1": None}),
        (NESTEROV, {"optimizer.velocity.W1": np.ones((784, 6))}),
        (NESTEROV, {"optimizer.m.W1": np.ones((784, 6), np.float32)}),
        (ADAM, {"optimizer.v.b2": None}),
        (ADAM, {"optimizer.velocity.W1": np.ones((784, 6), np.float32)}),
    ],
    ids=str,
)
def test_the_state_of_the_optimizer_has_to_fit(dataset, tmp_path, recipe, change):
    assert_refused(stopped_after(STEPS, recipe, dataset), tmp_path / "w.npz", dataset, change)


def assert_refused(run, path, dataset, change, history=None):
    """Save a run, change its file, and see that it cannot be resumed."""
    saved = run.checkpoint()
    save_checkpoint(path, saved if history is None else replace(saved, history=history))
    if history is None:
        change_arrays(path, **change)

    with pytest.raises(WeightsError, match="does not fit together"):
        Run.resume(load_checkpoint(path), *dataset)
