"""Evaluation: every figure against one counted by hand."""

import numpy as np
import pytest

from mnist_bp import TwoLayerNet
from mnist_bp.errors import DivergedError
from mnist_bp.evaluation import Evaluation, Mistake, ensemble, evaluate, logits_of
from mnist_bp.functions import scale_pixels, softmax


def of(predictions, labels):
    """An evaluation in which the net predicts these digits, with confidence."""
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


def test_mistakes_come_with_the_most_confident_first():
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

    result = evaluate(net, images, labels)

    assert result.samples == count
    assert np.allclose(result.logits, net.predict(scale_pixels(images, np.float64)))
    assert result.accuracy == net.accuracy(scale_pixels(images, np.float64), labels)


def test_bytes_integers_fractions_rows_and_one_hot_labels_all_serve():
    rng = np.random.default_rng(0)
    images = rng.integers(256, size=(20, 28, 28), dtype=np.uint8)
    labels = rng.integers(10, size=20)
    net = TwoLayerNet(784, 4, 10, 0.1, rng=0)
    fractions = scale_pixels(images, np.float64)

    results = [
        evaluate(net, images, labels),
        evaluate(net, images.astype(int), labels),
        evaluate(net, fractions, labels),
        evaluate(net, fractions.reshape(20, 784), np.eye(10)[labels]),
    ]

    for result in results:
        assert np.array_equal(result.logits, net.predict(fractions))
        assert np.array_equal(result.labels, labels)


def test_a_very_wide_net_sees_every_image_too():
    images = np.random.default_rng(0).integers(256, size=(900, 784), dtype=np.uint8)
    net = TwoLayerNet(784, 5000, 10, 0.1, rng=0)

    assert np.allclose(logits_of(net, images), net.predict(scale_pixels(images, np.float64)))


@pytest.mark.parametrize("pixel", [np.nan, np.inf, 255.0])
def test_images_of_other_numbers_are_refused(pixel):
    net = TwoLayerNet(4, 3, 2, rng=0)

    with pytest.raises(ValueError, match="integers from 0 to 255, or floats from 0 to 1"):
        evaluate(net, np.full((1, 4), pixel), [0])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("share", [1e-7, 0.9])
def test_logits_too_large_for_a_loss_are_refused(dtype, share):
    net = TwoLayerNet(4, 3, 2, dtype=dtype, rng=0)
    net.params["b2"] = [share * np.finfo(dtype).max, 0]

    with pytest.raises(DivergedError, match="logits are not finite: its weights are too large"):
        evaluate(net, np.ones((3, 4)), [0, 1, 1])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_largest_logits_that_are_allowed_give_finite_figures_without_a_warning(dtype):
    net = TwoLayerNet(4, 3, 2, dtype=dtype, rng=0)
    largest = 0.9e-8 * np.finfo(dtype).max
    net.params["b2"] = [largest, -largest]

    result = evaluate(net, np.ones((3000, 4)), np.ones(3000, int))

    assert result.loss == pytest.approx(2 * largest)
    assert [mistake.probability for mistake in result.mistakes(2)] == [1.0, 1.0]
    assert np.isfinite(ensemble([result, result]).loss)


def test_an_empty_set_is_refused():
    with pytest.raises(ValueError, match="empty"):
        evaluate(TwoLayerNet(784, 4, 10), np.empty((0, 28, 28), np.uint8), np.empty(0, int))


def test_an_ensemble_says_the_mean_of_its_members_probabilities():
    rng = np.random.default_rng(0)
    labels = rng.integers(10, size=50, dtype=np.uint8)
    members = [Evaluation(3 * rng.standard_normal((50, 10)), labels) for _ in range(3)]

    together = ensemble(members)

    mean = np.mean([softmax(each.logits) for each in members], axis=0)
    assert softmax(together.logits) == pytest.approx(mean)
    assert np.array_equal(together.predictions, mean.argmax(axis=1))
    assert together.loss == pytest.approx(-np.log(mean[np.arange(50), labels]).mean())


def test_an_ensemble_of_nets_that_are_very_sure_has_a_finite_loss():
    logits = np.zeros((2, 10))
    logits[:, 3] = 1e5

    assert np.isfinite(ensemble([Evaluation(logits, np.uint8([3, 4]))] * 2).loss)


def test_an_evaluation_says_what_it_is_and_a_notebook_shows_its_table():
    result = of([0, 1, 1, 2], [0, 1, 2, 2])

    assert repr(result) == "<Evaluation: accuracy 0.7500, 1 of 4 wrong>"
    html = result._repr_html_()
    assert html.count("<tr>") == 11
    assert "accuracy 0.7500" in html
    assert "<td>2</td><td>2</td><td>1.0000</td><td>0.5000</td>" in html


def test_evaluations_compare_by_identity():
    result = of([0, 1], [0, 1])

    assert result == result
    assert len({result, of([0, 1], [0, 1])}) == 2
