"""A run: its rows, what it computes, that a seed fixes it, and how it ends when it goes wrong."""

import threading
import time

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from mnist_bp.data.sources import read_digits
from mnist_bp.errors import DivergedError, ParameterError
from mnist_bp.functions import scale_pixels
from mnist_bp.layers import Sigmoid
from mnist_bp.network import TwoLayerNet
from mnist_bp.runs.checkpoint import EpochResult
from mnist_bp.runs.recipe import Recipe
from mnist_bp.runs.run import Run, train


def finish(recipe, dataset):
    run = train(recipe, *dataset)
    return run, run.history


def test_a_row_for_the_untrained_net_and_one_for_each_epoch(dataset):
    run = Run(Recipe(epochs=3, hidden=8), *dataset)
    assert not run.finished

    rows = list(run)

    assert run.finished
    assert [row.epoch for row in rows] == [0, 1, 2, 3]
    assert run.history == rows
    assert len(run.step_losses) == 3 * 6
    assert run.steps_left == 0
    assert rows[0].loss == pytest.approx(np.log(10), rel=0.01)
    for epoch in (1, 2, 3):
        losses = run.step_losses[6 * (epoch - 1) : 6 * epoch]
        assert rows[epoch].loss == pytest.approx(np.mean(losses))
    assert rows[-1].loss < rows[1].loss
    assert all(row.seconds > 0 for row in rows)


def test_a_row_describes_the_checkpoint_that_comes_with_it(dataset):
    run = Run(Recipe(epochs=3, hidden=8, lr=0.5), *dataset)
    # What comes is looked at when the run is over: it stays as it was.
    for row, checkpoint in list(run.results()):
        net = TwoLayerNet.from_params(checkpoint.params)
        assert checkpoint.epochs == row.epoch
        assert len(checkpoint.step_losses) == 6 * row.epoch
        assert checkpoint.history[-1] == row
        for digits, accuracy in zip(dataset, (row.train_accuracy, row.test_accuracy), strict=True):
            assert net.accuracy(scale_pixels(digits.images), digits.labels) == accuracy


def test_a_step_that_returns_true_is_the_last_one(dataset):
    run = Run(Recipe(epochs=3, hidden=8), *dataset)

    rows = [row for row, _ in run.results(lambda: len(run.step_losses) == 8)]

    assert [row.epoch for row in rows] == [0, 1]
    assert len(run.step_losses) == 8
    assert (run.finished, run.steps_left) == (False, 10)
    assert [row.epoch for row in run] == [2, 3]


def test_the_same_seed_gives_the_same_bits_and_another_gives_others(dataset):
    first, again, other = (
        finish(Recipe(epochs=2, hidden=8, seed=seed), dataset)[0] for seed in (1, 1, 2)
    )

    for name, array in first.net.params.items():
        assert np.array_equal(array, again.net.params[name])
    assert first.step_losses == again.step_losses
    assert not np.array_equal(first.net.params["W1"], other.net.params["W1"])


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(epochs=12, hidden=20, lr=0.5),
        Recipe(epochs=12, hidden=20, lr=1.0, activation="sigmoid", weight_init_std=0.1),
        Recipe(epochs=12, hidden=20, lr=0.5, sampling="replacement"),
        Recipe(epochs=12, hidden=20, lr=0.5, batch_size=7),
        Recipe(epochs=12, hidden=20, lr=0.01, optimizer="adam", init="he"),
        Recipe(epochs=12, hidden=20, lr=0.1, optimizer="nesterov", momentum=0.9, shift=0.5),
    ],
)
def test_a_net_learns(dataset, recipe):
    _, rows = finish(recipe, dataset)

    assert rows[0].test_accuracy < 0.4
    assert rows[-1].test_accuracy > 0.95


def test_any_arrays_can_be_trained_on(dataset):
    pairs = [(each.images, each.labels) for each in dataset]
    flat = [(scale_pixels(each.images).reshape(len(each), -1), each.labels) for each in dataset]
    recipe = Recipe(epochs=2, hidden=8)

    runs = [train(recipe, *arrays) for arrays in (dataset, pairs, flat)]

    assert len({run.net.params["W1"].tobytes() for run in runs}) == 1
    assert runs[1].train.dataset == "custom"


def test_held_out_digits_take_the_place_of_the_test_digits(dataset):
    digits, _ = dataset

    run = train(Recipe(epochs=2, hidden=8, validation=130), digits)

    net = TwoLayerNet.from_params(run.checkpoint().params)
    held_out = scale_pixels(digits.images[400:]), digits.labels[400:]
    assert run.history[-1].test_accuracy == net.accuracy(*held_out)
    assert len(run.step_losses) == 2 * 4


@pytest.mark.parametrize(
    ("recipe", "parameter", "problem"),
    [
        (Recipe(), "test", "must be given where no training digits are held out"),
        (
            Recipe(validation=530),
            "validation",
            "must be below 530, the number of training digits, not 530",
        ),
    ],
)
def test_digits_to_measure_on_are_needed(dataset, recipe, parameter, problem):
    with pytest.raises(ParameterError) as caught:
        Run(recipe, dataset[0])

    assert (caught.value.parameter, caught.value.problem) == (parameter, problem)


def test_a_run_is_made_by_its_recipe(dataset):
    net = Run(Recipe(hidden=200, activation="sigmoid", weight_init_std=0.3), *dataset).net

    assert net.params["W1"].shape == (784, 200)
    assert net.params["W1"].std() == pytest.approx(0.3, rel=0.02)
    assert isinstance(net.layers["Activation"], Sigmoid)


@pytest.mark.parametrize(
    ("init", "stds"), [("he", (2 / 784, 2 / 200)), ("xavier", (1 / 784, 1 / 200))]
)
def test_weights_start_as_the_rule_says(dataset, init, stds):
    params = Run(Recipe(hidden=200, init=init), *dataset).net.params

    for name, variance in zip(("W1", "W2"), stds, strict=True):
        assert params[name].std() == pytest.approx(variance**0.5, rel=0.05)


def test_a_run_that_diverges_stops_and_says_when(dataset):
    with pytest.raises(
        DivergedError, match=r"at step \d+: the loss is .*rate was 1e\+30; try .*lr=0.1"
    ):
        finish(Recipe(lr=1e30), dataset)


def test_rows_before_a_step_that_diverges_come_first(dataset):
    epochs = []

    with pytest.raises(DivergedError, match="at step"):
        for row in Run(Recipe(lr=1e30), *dataset):
            epochs.append(row.epoch)
    assert epochs == [0]


def test_a_last_step_that_diverges_is_found_out_by_the_evaluation(dataset):
    with pytest.raises(DivergedError, match=r"at step 1: the net's logits .*lr=0.1"):
        finish(Recipe(lr=1e30, epochs=1, batch_size=530), dataset)


def test_an_epoch_that_cannot_be_measured_ends_the_run_with_the_rows_before_it(dataset):
    run = Run(Recipe(epochs=4, hidden=8), *dataset)
    measure = run.measure

    def fail_in_epoch_2(snapshot):
        if len(snapshot[0].step_losses) == 12:
            # Another one waits to be measured then.
            end = time.monotonic() + 20
            while len(run.step_losses) < 18 and time.monotonic() < end:
                time.sleep(0.001)
            raise DivergedError("the net has died")
        return measure(snapshot)

    run.measure = fail_in_epoch_2
    rows = []
    with pytest.raises(DivergedError, match="the net has died"):
        for row, checkpoint in run.results():
            rows.append(row.epoch)
            assert [each.epoch for each in checkpoint.history] == rows
    assert rows == [0, 1]


def test_a_net_that_has_died_ends_the_run(dataset):
    run = Run(Recipe(epochs=5, hidden=6, lr=0.3), *dataset)

    def kill_it():
        if len(run.step_losses) == 8:
            run.net.params["b1"] -= 1000

    with pytest.raises(DivergedError, match="at step 12: no image excites a hidden unit any more"):
        list(run.results(kill_it))


def test_a_net_that_starts_at_zero_is_not_taken_for_dead(dataset):
    _, rows = finish(Recipe(epochs=2, hidden=6, weight_init_std=0), dataset)

    assert [row.epoch for row in rows] == [0, 1, 2]


def test_the_other_thread_is_gone_when_a_run_is_over(dataset):
    threads = threading.active_count()

    finish(Recipe(epochs=2, hidden=8), dataset)
    for _ in Run(Recipe(epochs=2, hidden=8), *dataset):
        break

    assert threading.active_count() == threads


@pytest.mark.parametrize("threads", [1, 2])
def test_the_recipe_says_how_many_threads_a_product_has(dataset, threads):
    def count():
        return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}

    before, during = count(), []
    run = Run(Recipe(epochs=1, hidden=4, threads=threads), *dataset)
    list(run.results(lambda: during.append(count())))

    assert during
    assert all(each == {min(threads, max(before))} for each in during)
    assert count() == before


def after_one_epoch(dataset, loss, **recipe):
    """A run whose first epoch ended with a loss, and with the accuracy of guessing."""
    run = Run(Recipe(**recipe), *dataset)
    run.history = [EpochResult(0, 2.3, 0.1, 0.1, 0.0), EpochResult(1, loss, 0.1, 0.1, 0.0)]
    return run


MANY_STEPS = {"batch_size": 50}
"""More than ten steps in an epoch of 530 digits."""


@pytest.mark.parametrize(
    ("loss", "reason"),
    [(2.2, "too small"), (2.3, "too small"), (2.30001, "too small"), (2.31, "too large")],
)
def test_a_loss_that_only_rounding_raised_is_no_sign_of_a_large_rate(dataset, loss, reason):
    assert f"may be far {reason}" in after_one_epoch(dataset, loss, **MANY_STEPS).diagnosis


@pytest.mark.parametrize(
    ("recipe", "loss", "advice"),
    [
        ({"lr": 0.1}, 2.2, "lr=1"),
        ({"lr": 1e-7}, 2.2, "lr=0.1"),
        ({"lr": 30}, 2.4, "lr=0.1"),
        ({"lr": 0.1}, 2.4, "lr=0.01"),
        ({"optimizer": "adam"}, 2.2, "lr=0.01"),
        ({"optimizer": "adam", "lr": 0.1}, 2.4, "lr=0.001"),
    ],
)
def test_the_advice_is_never_the_rate_that_was_used(dataset, recipe, loss, advice):
    diagnosis = after_one_epoch(dataset, loss, **MANY_STEPS, **recipe).diagnosis

    assert diagnosis.endswith(f"try {advice}")


def test_an_epoch_of_few_steps_is_the_reason_why_nothing_was_learned(dataset):
    diagnosis = after_one_epoch(dataset, 2.2, batch_size=100_000).diagnosis

    assert diagnosis == (
        "the net has learned nothing yet: too few steps, 1 in an epoch: try smaller batches, "
        "batch_size=100"
    )


def test_weights_that_start_at_zero_are_the_reason_why_nothing_was_learned(dataset):
    diagnosis = after_one_epoch(dataset, 2.2, weight_init_std=0).diagnosis

    assert "all weights started at zero" in diagnosis
    assert diagnosis.endswith("try init=he")


def test_a_run_that_learns_gets_no_diagnosis(dataset):
    run = Run(Recipe(epochs=2, hidden=8, lr=0.5), *dataset)

    assert [run.diagnosis for _ in run] == [None] * 3


def test_a_run_says_what_it_is(dataset):
    run = Run(Recipe(epochs=2, hidden=8), *dataset)

    assert "784-8-10" in repr(run)
    assert "custom" in repr(run)


@pytest.mark.mnist
@pytest.mark.parametrize("seed", range(5))
def test_the_default_run_on_real_digits_is_as_good_as_the_chapters(mnist, full, seed):
    if seed and not full:
        pytest.skip("seeds 1 to 4 run with --full")
    _, rows = finish(Recipe(seed=seed), read_digits(["train", "test"]))

    assert len(rows) == 18
    assert rows[-1].test_accuracy >= 0.966
    assert rows[-1].train_accuracy >= 0.974


NOTEBOOK = """
0.9044 0.907   0.9218 0.9248  0.9361 0.9367  0.9441 0.9438  0.9521 0.9511  0.9572 0.9546
0.9605 0.9555  0.9633 0.9609  0.9644 0.9608  0.9675 0.963   0.9702 0.9652  0.9717 0.9663
0.9726 0.9671  0.9745 0.9668  0.9753 0.9691  0.9770 0.9702
"""
"""Train and test accuracy in rows 2 to 17 of what the chapter's notebook prints."""


@pytest.mark.mnist
def test_the_books_recipe_follows_the_chapters_table(mnist):
    printed = np.array(NOTEBOOK.split(), float).reshape(16, 2)

    _, rows = finish(Recipe(epochs=16, sampling="replacement"), read_digits(["train", "test"]))

    for row, (train_accuracy, test_accuracy) in zip(rows[1:], printed, strict=True):
        assert row.train_accuracy == pytest.approx(train_accuracy, abs=0.012), row
        assert row.test_accuracy == pytest.approx(test_accuracy, abs=0.015), row


def test_digits_come_in_pairs(dataset):
    with pytest.raises(TypeError, match="must be a pair"):
        Run(Recipe(), dataset[0].images, dataset[1])
