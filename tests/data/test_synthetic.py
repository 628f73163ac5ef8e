"""The digits that the package draws itself."""

import json

import numpy as np
import pytest

from mnist_bp.data.idx import digest
from mnist_bp.data.sources import read_digits
from mnist_bp.data.strokes import STROKES
from mnist_bp.data.synthetic import draw


@pytest.fixture(scope="module")
def splits():
    return read_digits(["train", "test"], "synthetic")


def test_there_are_twenty_thousand_and_five_thousand_of_all_ten_digits(splits):
    for digits, count in zip(splits, (20_000, 5_000), strict=True):
        assert digits.images.shape == (count, 28, 28)
        assert digits.images.dtype == np.uint8
        assert digits.dataset == "synthetic"
        assert np.bincount(digits.labels).min() > 0.08 * count
        assert digits.digests == (digest(digits.images), digest(digits.labels))


def test_they_are_always_the_same_bits(splits):
    again = read_digits(["train"], "synthetic")[0]

    assert again.digests == splits[0].digests
    assert again.digests != splits[1].digests


def test_another_seed_draws_other_digits():
    first, second = (draw(100, np.random.default_rng(seed))[0] for seed in (0, 1))

    assert not np.array_equal(first, second)


def test_all_are_different_and_each_has_ink_and_paper(splits):
    images = splits[0].images

    assert len(np.unique(images.reshape(len(images), -1), axis=0)) == len(images)
    assert images.max(axis=(1, 2)).min() > 100
    assert (images == 0).mean(axis=(1, 2)).min() > 0.3


def test_each_lies_near_the_middle(splits):
    images = splits[1].images.astype(float)
    rows, columns = np.mgrid[:28, :28]
    for place in (rows, columns):
        centre = (images * place).sum(axis=(1, 2)) / images.sum(axis=(1, 2))
        assert abs(centre.mean() - 14) < 0.2
        assert np.abs(centre - 14).max() < 4


def test_every_digit_can_be_written_in_several_ways():
    assert STROKES.keys() == set(range(10))
    assert all(len(variants) >= 3 for variants in STROKES.values())


def test_results_name_the_data_set_which_evaluation_then_uses(command, digits_folder):
    trained = command("train", "--dataset", "synthetic", "--epochs", 1, "--hidden", 10)
    itself = command("evaluate", "weights.npz", "--json")
    other = command("evaluate", "weights.npz", "--json", "--data-dir", digits_folder)

    assert "on synthetic" in trained.stdout
    assert trained.stderr == "saved weights.npz\n"
    with np.load(command.folder / "weights.npz") as archive:
        assert archive["dataset"] == "synthetic"
        assert len(str(archive["dataset_sha256"][0])) == 64
    assert json.loads(itself.stdout)["dataset"] == "synthetic"
    assert itself.stderr == ""
    assert json.loads(other.stdout)["dataset"] == "custom"
    assert "trained on the data set synthetic, this is custom" in other.stderr


@pytest.mark.mnist
def test_a_net_trained_on_them_classifies_most_real_digits(command, mnist):
    command("train", "--dataset", "synthetic", "--epochs", 17)

    # Nothing is tuned by this: the digits are those of the training set.
    report = command("evaluate", "weights.npz", "--dataset", "mnist", "--split", "train", "--json")

    assert json.loads(report.stdout)["accuracy"] > 0.89
