"""Evaluation: every figure against one counted by hand."""

import numpy as np
import pytest

from mnist_bp import TwoLayerNet
from mnist_bp.data.digits import Digits
from mnist_bp.evaluation import Evaluation, Mistake, ensemble, evaluate, logits_of
from mnist_bp.functions import scale_pixels, softmax


def of(predictions, labels):
    """An evaluation in which the net says these digits, sure of each."""
    return Evaluation(np.eye(10)[predictions] * 5, np.array(labels, np.uint8))


def test_accuracy_errors_and_confusion():
    result = of([0, 1, 1, 2], [0, 1, 2, 2])

    assert (result.samples, result.errors, result.accuracy) == (4, 1, 0.75)
    assert result.confusion.sum() == 4
    assert result.confusion[2, 1] == 1
    assert result.confusion.diagonal().tolist() == [1, 1, 1] + [0] * 7


def test_precision_and_recall_of_each_digit():
    figures = of([0, 1, 1, 2], [0, 1, 2, 2]).per_class

    assert [each.samples for each in figures] == [1, 1, 2] + [0] * 7
    assert (figures[1].precision, figures[1].recall) == (0.5, 1.0)
    assert (figures[2].precision, figures[2].recall) == (1.0, 0.5)
    assert (figures[9].precision, figures[9].recall) == (None, None)


@pytest.mark.parametrize(
    ("errors", "samples", "interval"),
    [
        # From Wilson's formula, worked out by hand.
        (0, 10, (0.7225, 1.0)),
        (5, 10, (0.2366, 0.7634)),
        (298, 10_000, (0.9667, 0.9734)),
    ],
)
def test_the_interval_of_the_accuracy(errors, samples, interval):
    predictions = np.arange(samples) < errors

    assert of(predictions.astype(int), np.zeros(samples)).interval == pytest.approx(
        interval, abs=6e-5
    )


def test_the_loss_is_the_mean_cross_entropy():
    assert Evaluation(np.zeros((3, 10), np.float32), np.arange(3)).loss == pytest.approx(np.log(10))


def test_mistakes_come_with_the_surest_first():
    logits = np.zeros((4, 10))
    logits[0, 0], logits[1, 3], logits[2, 4], logits[3, 5] = 9, 1, 3, 2
    result = Evaluation(logits, np.array([0, 1, 2, 3], np.uint8))

    worst = result.mistakes(2)

    assert worst == [
        Mistake(2, label=2, prediction=4, probability=pytest.approx(np.exp(3) / (np.exp(3) + 9))),
        Mistake(3, label=3, prediction=5, probability=pytest.approx(np.exp(2) / (np.exp(2) + 9))),
    ]
    assert len(result.mistakes(10)) == 3
    assert result.mistakes(0) == []


@pytest.mark.parametrize("count", [1, 999, 1000, 1001, 2500])
def test_every_image_is_shown_to_the_net(count):
    rng = np.random.default_rng(0)
    images = rng.integers(256, size=(count, 28, 28), dtype=np.uint8)
    labels = rng.integers(10, size=count, dtype=np.uint8)
    net = TwoLayerNet(784, 4, 10, 0.1, rng=0)

    result = evaluate(net, Digits(images, labels, "custom", ("", "")))

    assert result.samples == count
    assert np.allclose(result.logits, net.predict(scale_pixels(images, np.float64)))
    assert result.accuracy == net.accuracy(scale_pixels(images, np.float64), labels)


@pytest.mark.parametrize("activation", ["relu", "sigmoid"])
def test_threads_share_the_images_and_change_no_answer(activation):
    images = np.random.default_rng(0).integers(256, size=(20_500, 28, 28), dtype=np.uint8)
    net = TwoLayerNet(784, 20, 10, 0.1, activation=activation, rng=0)

    alone, together = (logits_of(net, images, threads) for threads in (1, 4))

    assert together.tobytes() == alone.tobytes()


def test_a_ensemble_says_the_mean_of_its_members_probabilities():
    rng = np.random.default_rng(0)
    labels = rng.integers(10, size=50, dtype=np.uint8)
    members = [Evaluation(3 * rng.standard_normal((50, 10)), labels) for _ in range(3)]

    together = ensemble(members)

    mean = np.mean([softmax(each.logits) for each in members], axis=0)
    assert softmax(together.logits) == pytest.approx(mean)
    assert np.array_equal(together.predictions, mean.argmax(axis=1))
    assert together.loss == pytest.approx(-np.log(mean[np.arange(50), labels]).mean())


def test_a_ensemble_of_nets_that_are_very_sure_has_a_finite_loss():
    logits = np.zeros((2, 10))
    logits[:, 3] = 1e5

    assert np.isfinite(ensemble([Evaluation(logits, np.uint8([3, 4]))] * 2).loss)
