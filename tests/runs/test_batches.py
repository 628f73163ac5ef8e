"""Batches: which digits each step is trained on, and what is drawn for it."""

import numpy as np
import pytest

from mnist_bp.data.digits import Digits
from mnist_bp.functions import in_batches, scale_pixels
from mnist_bp.runs.batches import batches, permutation
from mnist_bp.runs.recipe import Recipe


def parts_of(recipe, epoch, size):
    return in_batches(permutation(recipe, epoch, size), recipe.batch_size)


def test_every_digit_is_in_one_batch_of_an_epoch_the_last_short_one_too():
    parts = parts_of(Recipe(batch_size=100), epoch=1, size=530)

    assert [len(part) for part in parts] == [100, 100, 100, 100, 100, 30]
    assert sorted(np.concatenate(parts)) == list(range(530))


@pytest.mark.parametrize("size", [1, 99, 100, 101])
def test_batches_of_any_number_of_digits(size):
    parts = parts_of(Recipe(batch_size=100), epoch=1, size=size)

    assert sorted(np.concatenate(parts)) == list(range(size))
    assert all(len(part) for part in parts)


def test_every_epoch_and_every_seed_has_a_permutation_of_its_own():
    permutations = {
        tuple(permutation(Recipe(seed=seed), epoch, 530))
        for seed in (0, 1, 2**63 - 1)
        for epoch in (1, 2)
    }

    assert len(permutations) == 6


def test_sampling_with_replacement_draws_any_digit_at_any_time():
    parts = parts_of(Recipe(sampling="replacement"), epoch=1, size=6000)
    drawn = np.concatenate(parts)

    assert len(parts) == 60
    assert len(drawn) == 6000
    # Of n digits drawn n times, a share of 1 - 1/e is expected to turn up.
    assert len(set(drawn)) / 6000 == pytest.approx(1 - np.exp(-1), abs=0.02)


def test_the_distortion_stays_to_half_way_and_then_falls_in_a_straight_line():
    recipe = Recipe(epochs=8, rotation=10, elastic=1, smoothness=5, distortion_end=0.2)

    found = [recipe.distortion_in(epoch) for epoch in range(1, 9)]

    assert [each.rotation for each in found] == pytest.approx([10, 10, 10, 10, 8, 6, 4, 2])
    assert [each.elastic for each in found[3:6]] == pytest.approx([1, 0.8, 0.6])
    assert {each.smoothness for each in found} == {5}
    assert Recipe(rotation=10).distortion_in(17) == Recipe(rotation=10).distortion


def test_the_batches_of_an_epoch_are_distorted_as_it_says(dataset):
    digits, _ = dataset
    recipe = Recipe(epochs=2, batch_size=530, rotation=30, distortion_end=0)

    (first, _), (last, _) = (next(batches(recipe, digits, epoch)) for epoch in (1, 2))

    plain = [scale_pixels(digits.images[permutation(recipe, epoch, 530)]) for epoch in (1, 2)]
    assert not np.allclose(first, plain[0], atol=0.1)
    assert np.array_equal(last, plain[1])


def test_a_batch_holds_the_digits_that_the_permutation_names(dataset):
    digits, _ = dataset
    recipe = Recipe(batch_size=50, seed=3)
    order = permutation(recipe, 2, len(digits))

    found = list(batches(recipe, digits, 2))

    assert len(found) == 11
    assert np.array_equal(np.concatenate([x for x, _ in found]), scale_pixels(digits.images[order]))
    assert np.array_equal(np.concatenate([t for _, t in found]), digits.labels[order])


def test_a_batch_is_distorted_and_smoothed_as_the_recipe_says(dataset):
    digits, _ = dataset
    recipe = Recipe(batch_size=50, shift=2, label_smoothing=0.1)
    digits = Digits(digits.images[:100], digits.labels[:100], "custom", ("", ""))
    first = permutation(recipe, 1, 100)[:50]

    (x, t), _ = batches(recipe, digits, 1)

    assert x.shape == (50, 28, 28)
    assert t == pytest.approx(0.9 * np.eye(10)[digits.labels[first]] + 0.01)
    plain = scale_pixels(digits.images[first])
    assert not np.allclose(x, plain)
    # Moved by up to two pixels, an image is still most like the one that it was.
    moves = [(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1)]
    soft, soft_plain = (sum(np.roll(each, move, (1, 2)) for move in moves) for each in (x, plain))
    apart = np.abs(soft[:, np.newaxis] - soft_plain).mean(axis=(2, 3))
    labels = digits.labels[first]
    assert (labels[apart.argmin(axis=1)] == labels).mean() > 0.9


def test_what_is_drawn_for_a_batch_depends_on_the_batch_alone(dataset):
    digits, _ = dataset
    # The same digit everywhere: all differences were drawn.
    same = Digits(digits.images[:1].repeat(200, 0), digits.labels[:1].repeat(200), "custom", ())
    recipe = Recipe(batch_size=50, elastic=1)
    whole = [x for x, _ in batches(recipe, same, 1)]

    rest = [x for x, _ in batches(recipe, same, 1, start=2)]
    next_epoch = [x for x, _ in batches(recipe, same, 2)]

    assert np.array_equal(whole[2:], rest)
    assert not np.array_equal(whole, next_epoch)
    assert not np.array_equal(whole[0], whole[1])
