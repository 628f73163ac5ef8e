"""`Digits`: what they hold, and how they are made from arrays or loaded by name."""

import pickle

import numpy as np
import pytest

from mnist_bp.data.digits import Digits
from mnist_bp.data.idx import digest
from mnist_bp.data.sources import load_digits
from mnist_bp.errors import ParameterError

IMAGES = np.random.default_rng(0).integers(256, size=(7, 28, 28), dtype=np.uint8)
LABELS = np.array([3, 1, 4, 1, 5, 9, 2], np.uint8)


def test_digits_are_images_and_labels():
    digits = Digits.from_arrays(IMAGES, LABELS)

    images, labels = digits
    assert images is digits.images
    assert labels is digits.labels
    assert len(digits) == 7
    assert repr(digits) == "Digits(7 of custom)"
    assert repr(load_digits("train", "synthetic")) == "Digits(20,000 of synthetic)"


def test_digits_are_compared_by_identity():
    first, second = (Digits.from_arrays(IMAGES, LABELS) for _ in range(2))

    assert first == first
    assert first != second
    assert len({first, second}) == 2


def test_digests_are_computed_when_they_are_not_given():
    assert Digits.from_arrays(IMAGES, LABELS).digests == (digest(IMAGES), digest(LABELS))
    assert Digits(IMAGES, LABELS, "mine", ("a", "b")).digests == ("a", "b")


def test_a_process_can_send_digits_to_another():
    digits = pickle.loads(pickle.dumps(Digits.from_arrays(IMAGES, LABELS, "mine")))

    assert np.array_equal(digits.images, IMAGES)
    assert digits.dataset == "mine"


def test_digits_that_are_held_out_are_known_by_the_whole_split():
    digits = Digits.from_arrays(IMAGES, LABELS, "mine")

    rest, held_out = digits.held_out(2)

    assert np.array_equal(rest.images, IMAGES[:5])
    assert np.array_equal(rest.labels, LABELS[:5])
    assert np.array_equal(held_out.images, IMAGES[5:])
    assert np.array_equal(held_out.labels, LABELS[5:])
    for part in (rest, held_out):
        assert part.digests == digits.digests
        assert part.dataset == "mine"


@pytest.mark.parametrize(
    ("count", "problem"), [(-1, "at least 1"), (0, "at least 1"), (7, "below 7"), (8, "below 7")]
)
def test_some_digits_are_held_out_and_some_are_not(count, problem):
    with pytest.raises(ParameterError, match=f"validation must be {problem}"):
        Digits.from_arrays(IMAGES, LABELS).held_out(count)


@pytest.mark.parametrize(
    "images",
    [
        IMAGES,
        IMAGES.reshape(7, 784),
        IMAGES.astype(np.int64),
        IMAGES.tolist(),
        (IMAGES / 255).astype(np.float32),
        (IMAGES / 255 + 0.001).clip(0, 1).reshape(7, 784),
    ],
)
def test_images_of_any_usual_form_become_bytes(images):
    digits = Digits.from_arrays(images, LABELS)

    assert digits.images.dtype == np.uint8
    assert np.array_equal(digits.images, IMAGES)


@pytest.mark.parametrize(
    "labels",
    [
        LABELS,
        LABELS.astype(float),
        LABELS.tolist(),
        np.eye(10)[LABELS],
        np.eye(10, dtype=bool)[LABELS],
    ],
)
def test_labels_of_any_usual_form_become_bytes(labels):
    digits = Digits.from_arrays(IMAGES, labels)

    assert digits.labels.dtype == np.uint8
    assert np.array_equal(digits.labels, LABELS)


NAN = np.full((7, 784), np.nan)
TWO_ONES = np.eye(10)[LABELS] + np.eye(10)[1]


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (IMAGES[0], LABELS, r"images has the shape \(28, 28\), expected \(N, 28, 28\) or \(N, 784"),
        (IMAGES[:, :14], LABELS, r"images has the shape \(7, 14, 28\)"),
        (7, LABELS, r"images has the shape \(\)"),
        (
            IMAGES.astype(float),
            LABELS,
            "images holds .* float64, from 0.0 to 255.0; .* from 0 to 1",
        ),
        (IMAGES.astype(int) + 1, LABELS, "images holds .* int64, from 1 to 256"),
        (-IMAGES.astype(int), LABELS, "images holds .* int64, from -255 to 0"),
        (NAN, LABELS, "images holds .* from nan to nan"),
        (IMAGES.astype(str), LABELS, "images holds numbers of type <U3; expected"),
        (IMAGES > 5, LABELS, "images holds numbers of type bool; expected"),
        (IMAGES, LABELS[:6], "7 images, but 6 labels"),
        (IMAGES, LABELS + 1, "labels holds 10, expected digits from 0 to 9"),
        (IMAGES, LABELS.astype(int) - 2, "labels holds -1"),
        (IMAGES, LABELS + 0.5, "labels holds 3.5"),
        (IMAGES, NAN[:, 0], "labels holds nan"),
        (IMAGES, LABELS.astype(str), r"labels holds the type <U\d, expected whole numbers"),
        (IMAGES, TWO_ONES, "labels has rows that are not one-hot"),
        (IMAGES, np.zeros((7, 10)), "labels has rows that are not one-hot"),
        (IMAGES, NAN[:, :10], "labels has rows that are not one-hot"),
        (IMAGES, np.zeros((7, 9)), r"labels has the shape \(7, 9\), expected \(N,\) or \(N, 10\)"),
        (IMAGES[:0], LABELS[:0], "there are no digits"),
    ],
)
def test_arrays_that_are_not_digits_are_refused_with_the_reason(images, labels, message):
    with pytest.raises(ValueError, match=message):
        Digits.from_arrays(images, labels)


def test_a_split_or_a_data_set_that_is_unknown_is_refused_with_the_choices():
    with pytest.raises(ValueError, match="split 'valid' is unknown; choose from train, test"):
        load_digits("valid")
    with pytest.raises(ValueError, match="dataset 'fashion' is unknown; choose from mnist, synth"):
        load_digits("test", "fashion")


@pytest.mark.mnist
def test_digits_are_loaded_by_split(mnist):
    assert repr(load_digits("train")) == "Digits(60,000 of mnist)"
    assert repr(load_digits()) == "Digits(10,000 of mnist)"
    assert repr(load_digits("test", "mnist", data_dir=mnist)) == "Digits(10,000 of mnist)"
