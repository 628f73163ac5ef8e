"""Training: which digits a batch holds, what a run computes, and that a seed fixes it."""

import os
import threading
import time
import tracemalloc
from functools import partial

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from mnist_bp.data.sources import read_digits
from mnist_bp.errors import DivergedError
from mnist_bp.functions import in_batches, scale_pixels
from mnist_bp.layers import Sigmoid
from mnist_bp.network import TwoLayerNet
from mnist_bp.randomness import Purpose, stream
from mnist_bp.runs.batches import batches, permutation, prefetch, steps_per_epoch
from mnist_bp.runs.recipe import Recipe
from mnist_bp.runs.run import Run, train


@pytest.fixture(scope="module")
def dataset(digits_folder):
    """The training digits and the test digits."""
    return read_digits(["train", "test"], data_dir=digits_folder)


def parts_of(recipe, epoch, size):
    return in_batches(permutation(recipe, epoch, size), recipe.batch_size)


def finish(recipe, dataset):
    run = Run(recipe)
    rows = [row for row, _ in train(run, *dataset)]
    return run, rows


def comes_true(condition):
    """Wait until another thread makes a condition true, but not for ever."""
    end = time.monotonic() + 20
    while not condition() and time.monotonic() < end:
        time.sleep(0.001)
    return condition()


def test_every_digit_is_in_one_batch_of_an_epoch_the_last_short_one_too():
    parts = parts_of(Recipe(batch_size=100), epoch=1, size=530)

    assert [len(part) for part in parts] == [100, 100, 100, 100, 100, 30]
    assert sorted(np.concatenate(parts)) == list(range(530))
    assert len(parts) == steps_per_epoch(Recipe(batch_size=100), 530)


@pytest.mark.parametrize("size", [1, 99, 100, 101])
def test_batches_of_any_number_of_digits(size):
    parts = parts_of(Recipe(batch_size=100), epoch=1, size=size)

    assert sorted(np.concatenate(parts)) == list(range(size))
    assert all(len(part) for part in parts)


def test_every_epoch_and_every_seed_has_an_order_of_its_own():
    orders = {
        tuple(np.concatenate(parts_of(Recipe(seed=seed), epoch, 530)))
        for seed in (0, 1, 2**63 - 1)
        for epoch in (1, 2)
    }

    assert len(orders) == 6


def test_sampling_with_replacement_draws_any_digit_at_any_time():
    parts = parts_of(Recipe(sampling="replacement"), epoch=1, size=6000)
    drawn = np.concatenate(parts)

    assert len(parts) == 60
    assert len(drawn) == 6000
    # Of n digits drawn n times, a share of 1 - 1/e is expected to turn up.
    assert len(set(drawn)) / 6000 == pytest.approx(1 - np.exp(-1), abs=0.02)


def test_a_row_for_the_untrained_net_and_one_for_each_epoch(dataset):
    run, rows = finish(Recipe(epochs=3, hidden=8), dataset)

    assert [row.epoch for row in rows] == [0, 1, 2, 3]
    assert run.history == rows
    assert len(run.step_losses) == 3 * 6
    assert rows[0].loss == pytest.approx(np.log(10), rel=0.01)
    for epoch in (1, 2, 3):
        losses = run.step_losses[6 * (epoch - 1) : 6 * epoch]
        assert rows[epoch].loss == pytest.approx(np.mean(losses))
    assert rows[-1].loss < rows[1].loss
    assert all(row.seconds > 0 for row in rows)


def test_a_row_tells_of_the_weights_that_come_with_it(dataset):
    run = Run(Recipe(epochs=3, hidden=8, lr=0.5))
    # What comes is looked at when the run is over: it stays as it was.
    for row, weights in list(train(run, *dataset)):
        net = TwoLayerNet.from_params(weights.params)
        assert weights.epochs == row.epoch
        assert weights.batches == 0
        assert weights.history[-1] == row
        for digits, accuracy in zip(dataset, (row.train_accuracy, row.test_accuracy), strict=True):
            assert net.accuracy(scale_pixels(digits.images), digits.labels) == accuracy


def test_the_first_step_is_the_gradient_step_of_the_chapter(dataset):
    run = Run(Recipe(hidden=8))
    indices = np.arange(100)
    digits, _ = dataset
    x, t = scale_pixels(digits.images[indices]), digits.labels[indices]
    before = {name: array.copy() for name, array in run.net.params.items()}
    expected_loss, gradient = run.net.loss(x, t), run.net.gradient(x, t)

    loss = run.step(x, t, 0.1)

    assert loss == expected_loss
    for name, array in run.net.params.items():
        assert np.array_equal(array, before[name] - np.float32(0.1) * gradient[name])
        assert array.dtype == np.float32


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


def test_a_run_that_diverges_stops_and_says_when(dataset):
    with pytest.raises(DivergedError, match=r"at step \d+: the loss is .*rate was 1e\+30; .*--lr"):
        finish(Recipe(lr=1e30), dataset)


def test_a_run_is_made_by_its_recipe():
    net = Run(Recipe(hidden=200, activation="sigmoid", weight_init_std=0.3)).net

    assert net.params["W1"].shape == (784, 200)
    assert net.params["W1"].std() == pytest.approx(0.3, rel=0.02)
    assert isinstance(net.layers["Activation"], Sigmoid)


@pytest.mark.parametrize(
    ("init", "stds"), [("he", (2 / 784, 2 / 200)), ("xavier", (1 / 784, 1 / 200))]
)
def test_weights_start_as_the_rule_says(init, stds):
    params = Run(Recipe(hidden=200, init=init)).net.params

    for name, variance in zip(("W1", "W2"), stds, strict=True):
        assert params[name].std() == pytest.approx(variance**0.5, rel=0.05)


def test_a_batch_is_distorted_and_smoothed_as_the_recipe_says(dataset):
    digits, _ = dataset
    recipe = Recipe(batch_size=50, shift=2, label_smoothing=0.1)
    order = np.arange(100)

    (x, t), _ = batches(recipe, digits, 1, order)

    assert x.shape == (50, 28, 28)
    assert t == pytest.approx(0.9 * np.eye(10)[digits.labels[:50]] + 0.01)
    plain = scale_pixels(digits.images[:50])
    assert not np.allclose(x, plain)
    # Moved by up to two pixels, an image is still most like the one that it was.
    moves = [(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1)]
    soft, soft_plain = (sum(np.roll(each, move, (1, 2)) for move in moves) for each in (x, plain))
    apart = np.abs(soft[:, np.newaxis] - soft_plain).mean(axis=(2, 3))
    assert (digits.labels[apart.argmin(axis=1)] == digits.labels[:50]).mean() > 0.9


def test_what_is_drawn_for_a_batch_depends_on_the_batch_alone(dataset):
    digits, _ = dataset
    # The same digit everywhere: whatever differs was drawn.
    recipe, order = Recipe(batch_size=50, elastic=1), np.zeros(200, int)
    whole = [x for x, _ in batches(recipe, digits, 1, order)]

    rest = [x for x, _ in batches(recipe, digits, 1, order, start=2)]
    next_epoch = [x for x, _ in batches(recipe, digits, 2, order)]

    assert np.array_equal(whole[2:], rest)
    assert not np.array_equal(whole, next_epoch)
    assert not np.array_equal(whole[0], whole[1])


def test_work_is_done_ahead_in_order_and_its_errors_come_through():
    done = []

    def piece(number):
        done.append(number)
        return 1 // (10 - number)

    threads = threading.active_count()
    results = prefetch(partial(piece, number) for number in range(20))

    assert next(results) == 0
    # The next four are done while nobody asks for them.
    assert comes_true(lambda: len(done) >= 5)
    assert [next(results) for _ in range(4)] == [0, 0, 0, 0]
    assert done == sorted(done)
    with pytest.raises(ZeroDivisionError):
        list(results)
    assert threading.active_count() == threads


def test_an_epoch_that_cannot_be_measured_ends_the_run_with_the_rows_before_it(dataset):
    run = Run(Recipe(epochs=4, hidden=8))
    measure = run.measure

    def fail_in_epoch_2(snapshot, *rest):
        if snapshot.weights.epochs == 2:
            # Another one waits to be measured then.
            assert comes_true(lambda: run.epochs == 3)
            raise DivergedError("the net has died")
        return measure(snapshot, *rest)

    run.measure = fail_in_epoch_2
    told = []
    with pytest.raises(DivergedError, match="the net has died"):
        for row, weights in train(run, *dataset):
            told.append(row.epoch)
            assert [each.epoch for each in weights.history] == told
    assert told == [0, 1]


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system does not tell")
def test_all_cores_measure_the_last_epoch_and_one_the_others(dataset):
    run = Run(Recipe(epochs=2, hidden=8))
    measure, told = run.measure, []

    def note(snapshot, train, test, threads):
        told.append((snapshot.weights.epochs, threads))
        return measure(snapshot, train, test, threads)

    run.measure = note
    list(train(run, *dataset))

    assert told == [(0, 1), (1, 1), (2, len(os.sched_getaffinity(0)))]


def test_rows_before_a_step_that_diverges_are_told_first(dataset):
    told = []

    with pytest.raises(DivergedError, match="at step"):
        for row, _ in train(Run(Recipe(lr=1e30)), *dataset):
            told.append(row.epoch)
    assert told == [0]


def test_a_last_step_that_diverges_is_found_out_by_the_evaluation(dataset):
    with pytest.raises(DivergedError, match=r"at step 1: the net's answers .*--lr"):
        finish(Recipe(lr=1e30, epochs=1, batch_size=530), dataset)


def test_what_is_random_for_one_purpose_is_not_for_another():
    draws = {stream(0, purpose, *key).random() for purpose in Purpose for key in ((), (1,), (2,))}

    assert len(draws) == 3 * len(Purpose)


class Weights(np.ndarray):
    """Weights that note every matrix product they have a part in."""

    products = 0

    def __array_ufunc__(self, ufunc, method, *inputs, out=(), **options):
        Weights.products += ufunc is np.matmul
        plain = [each.view(np.ndarray) if isinstance(each, Weights) else each for each in inputs]
        targets = {"out": tuple(each.view(np.ndarray) for each in out)} if out else {}
        result = getattr(ufunc, method)(*plain, **options, **targets)
        return out[0] if out else result


def test_a_step_multiplies_by_weights_three_times(dataset):
    run = Run(Recipe())
    params = {name: array.view(Weights) for name, array in run.net.params.items()}
    run.net = TwoLayerNet.from_params(params)
    digits, _ = dataset

    run.step(scale_pixels(digits.images[:100]), digits.labels[:100], 0.1)

    # Twice forward, once back to the hidden layer: no second pass for the loss, and none of the
    # work that the images' gradient would be.
    assert Weights.products == 3


def test_a_step_makes_few_new_bytes(dataset):
    run = Run(Recipe())
    digits, _ = dataset
    x, t = scale_pixels(digits.images[:100]), digits.labels[:100]
    run.step(x, t, 0.1)

    tracemalloc.start()
    run.step(x, t, 0.1)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    # In float32: the hidden layer a few times over, the gradients, and the update of one of them.
    hidden, gradients = 4 * 100 * 50, 4 * (784 * 50 + 50 + 50 * 10 + 10)
    assert peak < 10 * hidden + 2 * gradients


@pytest.mark.parametrize("threads", [1, 2])
def test_the_recipe_says_how_many_threads_a_product_has(dataset, threads):
    def count():
        return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}

    before, during = count(), []
    list(
        train(
            Run(Recipe(epochs=1, hidden=4, threads=threads)),
            *dataset,
            lambda: during.append(count()),
        )
    )

    assert all(each == {min(threads, max(before))} for each in during)
    assert count() == before


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
