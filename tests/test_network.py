"""The network: its gradient against a computation that shares no line with it; its interface."""

import copy
import pickle
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from mnist_bp import TwoLayerNet, layers
from mnist_bp.gradcheck import check_all_layers
from mnist_bp.network import ACTIVATIONS, Activation
from mnist_bp.runs.recipe import SETTINGS


def gradient_by_hand(params, x, t, activation):
    """The gradient of the mean cross entropy, written out in float64, example by example."""
    gradient = {name: np.zeros_like(array) for name, array in params.items()}
    for row, label in zip(x, t, strict=True):
        a = params["b1"] + sum(row[i] * params["W1"][i] for i in range(len(row)))
        h = np.array([1 / (1 + np.exp(-v)) if activation == "sigmoid" else max(v, 0) for v in a])
        slope = h * (1 - h) if activation == "sigmoid" else (a > 0).astype(float)
        logits = params["b2"] + sum(h[j] * params["W2"][j] for j in range(len(h)))
        y = np.exp(logits) / np.exp(logits).sum()
        y[label] -= 1
        dh = np.array(
            [sum(y[k] * params["W2"][j, k] for k in range(len(y))) for j in range(len(h))]
        )
        gradient["b2"] += y / len(x)
        gradient["W2"] += np.outer(h, y) / len(x)
        gradient["b1"] += slope * dh / len(x)
        gradient["W1"] += np.outer(row, slope * dh) / len(x)
    return gradient


@pytest.mark.parametrize("activation", ["relu", "sigmoid"])
@pytest.mark.parametrize("batch", [1, 2, 3, 16, 100, 257])
@pytest.mark.parametrize("seed", range(3))
def test_the_gradient_is_that_of_an_independent_computation(activation, batch, seed):
    rng = np.random.default_rng([seed, batch])
    sizes = rng.integers(1, 30), rng.integers(1, 20), rng.integers(2, 12)
    net = TwoLayerNet(*sizes, 0.7, activation=activation, rng=rng)
    for name in ("b1", "b2"):
        net.params[name][:] = rng.normal(size=net.params[name].shape)
    x, t = rng.random((batch, sizes[0])), rng.integers(sizes[2], size=batch)

    found, expected = net.gradient(x, t), gradient_by_hand(net.params, x, t, activation)

    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        largest = np.abs(gradient).max()
        assert np.abs(found[name] - gradient).max() <= 1e-12 * largest, name


def test_the_numerical_gradient_agrees():
    net = TwoLayerNet(12, 5, 4, 0.5, rng=1)
    x, t = np.random.default_rng(2).random((3, 12)), [0, 1, 3]

    numerical, backpropagated = net.numerical_gradient(x, t), net.gradient(x, t)

    for name, gradient in backpropagated.items():
        assert np.abs(numerical[name] - gradient).max() < 1e-9


def test_labels_one_hot_rows_and_images_all_serve():
    net = TwoLayerNet(784, 5, 10, rng=1)
    rng = np.random.default_rng(2)
    images, labels = rng.random((4, 28, 28)), rng.integers(10, size=4)
    rows, one_hot = images.reshape(4, 784), np.eye(10)[labels]

    assert net.predict(images).shape == (4, 10)
    assert np.array_equal(net.predict(images), net.predict(rows))
    assert net.loss(images, labels) == net.loss(rows, one_hot)
    assert net.accuracy(images, labels) == net.accuracy(rows, one_hot)
    for name, gradient in net.gradient(images, labels).items():
        assert np.array_equal(gradient, net.gradient(rows, one_hot)[name])


def test_a_single_example_and_whole_numbers_serve():
    net = TwoLayerNet(784, 5, 10, rng=1)
    image = np.random.default_rng(2).integers(256, size=784, dtype=np.uint8)

    logits = net.predict(image)

    assert logits.shape == (10,)
    assert np.allclose(logits, net.predict(image[np.newaxis].astype(float))[0])
    assert net.accuracy(image, logits.argmax()) == 1.0
    assert np.isfinite(net.loss(image, 3))
    assert net.gradient(image, 3)["W1"].shape == (784, 5)


def test_params_are_the_layers_own_arrays():
    net = TwoLayerNet(4, 3, 2, rng=0)
    before = net.predict(np.ones(4))

    net.params["b2"] += [1.0, 2.0]

    assert np.allclose(net.predict(np.ones(4)), before + np.array([1.0, 2.0]))
    assert {name: array.shape for name, array in net.params.items()} == {
        "W1": (4, 3),
        "b1": (3,),
        "W2": (3, 2),
        "b2": (2,),
    }


@pytest.mark.parametrize("t", [[[0], [1]], [1], 1])
def test_targets_that_fit_no_form_are_refused(t):
    net = TwoLayerNet(4, 3, 2, rng=0)
    for measure in (net.loss, net.accuracy, net.gradient):
        with pytest.raises(ValueError, match="do not fit"):
            measure(np.ones((2, 4)), t)


def test_a_net_learns_one_batch_by_heart():
    net = TwoLayerNet(20, 30, 4, 0.1, rng=0)
    x, t = np.random.default_rng(0).normal(size=(12, 20)), np.arange(12) % 4
    for _ in range(200):
        for name, gradient in net.gradient(x, t).items():
            net.params[name] -= 0.5 * gradient

    assert net.loss(x, t) < 0.05
    assert net.accuracy(x, t) == 1.0


def test_weights_are_drawn_from_the_generator_and_biases_are_zero():
    net = TwoLayerNet(784, 50, 10, weight_init_std=0.01, rng=3)

    assert net.params["W1"].std() == pytest.approx(0.01, rel=0.02)
    assert not net.params["b1"].any()
    assert not net.params["b2"].any()
    same, other = TwoLayerNet(784, 50, 10, rng=3), TwoLayerNet(784, 50, 10, rng=4)
    assert np.array_equal(net.params["W1"], same.params["W1"])
    assert not np.array_equal(net.params["W1"], other.params["W1"])


def test_arithmetic_is_in_the_type_of_the_parameters():
    net = TwoLayerNet(6, 5, 4, dtype=np.float32, rng=0)
    x = np.ones((2, 6))

    assert net.predict(x).dtype == np.float32
    for t in ([0, 1], np.eye(4)[:2]):
        assert {gradient.dtype for gradient in net.gradient(x, t).values()} == {np.dtype("f4")}


def test_a_net_of_given_parameters_computes_with_them():
    params = TwoLayerNet(6, 5, 4, rng=0).params

    net = TwoLayerNet.from_params(params, "sigmoid")

    assert net.params["W1"] is params["W1"]
    assert np.allclose(
        net.predict(np.ones(6)),
        (1 / (1 + np.exp(-(np.ones(6) @ params["W1"])))) @ params["W2"],
    )


def test_an_activation_is_named_in_every_place():
    on_the_page = Path(layers.__file__).parent.joinpath("report", "scripts", "net.js").read_text()
    checked = {check.name for check in check_all_layers(np.random.default_rng(0))}

    assert list(get_args(Activation)) == list(ACTIVATIONS)
    assert SETTINGS["activation"].choices == get_args(Activation)
    for name, layer in ACTIVATIONS.items():
        assert f"{name}: {layer.__name__}" in on_the_page
        assert layer.__name__ in checked


def test_an_unknown_activation_is_refused():
    with pytest.raises(ValueError, match="relu, sigmoid"):
        TwoLayerNet(4, 3, 2, activation="nosuch")


def test_assigning_to_params_copies_into_the_layers_own_array():
    net = TwoLayerNet(4, 3, 2, rng=0)
    own = net.params["W1"]
    new = np.arange(12.0).reshape(4, 3)

    net.params["W1"] = new
    net.params.update(b1=[1, 2, 3])
    net.params |= {"b2": np.ones(2)}
    net.params["W2"] -= net.params["W2"]

    assert net.params["W1"] is own is net.layers["Affine1"].W
    assert np.array_equal(own, new)
    assert own is not new
    assert net.predict(np.ones(4)).tolist() == [1, 1]
    assert net.layers["Affine1"].b.tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("key", "value", "error", "message"),
    [
        ("W1", np.ones((3, 4)), ValueError, r"W1 has the shape \(4, 3\), not \(3, 4\)"),
        ("b1", 0.0, ValueError, r"b1 has the shape \(3,\), not \(\)"),
        ("W3", np.ones(3), KeyError, "there is no parameter 'W3'; there are W1, b1, W2, b2"),
    ],
)
def test_a_wrong_key_or_shape_is_refused(key, value, error, message):
    net = TwoLayerNet(4, 3, 2, rng=0)

    with pytest.raises(error, match=message):
        net.params[key] = value
    assert list(net.params) == ["W1", "b1", "W2", "b2"]


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))])
def test_a_copy_of_a_net_computes_with_its_own_parameters(copied):
    net = TwoLayerNet(4, 3, 2, rng=0)

    other = copied(net)
    other.params["b2"] = [5.0, 6.0]

    assert not net.params["b2"].any()
    assert np.allclose(other.predict(np.ones(4)), net.predict(np.ones(4)) + np.array([5, 6]))


def test_an_empty_batch_is_refused():
    net = TwoLayerNet(4, 3, 2, rng=0)

    for measure in (net.loss, net.gradient, net.accuracy):
        with pytest.raises(ValueError, match="the batch is empty"):
            measure(np.empty((0, 4)), np.empty(0, int))


@pytest.mark.parametrize("t", [[2], [-1]])
def test_labels_outside_the_classes_are_refused(t):
    with pytest.raises(ValueError, match="from 0 to 1"):
        TwoLayerNet(4, 3, 2, rng=0).loss(np.ones((1, 4)), t)


def test_an_unknown_rule_for_the_weights_is_refused():
    with pytest.raises(ValueError, match="must be a number, he or xavier, not 'hee'"):
        TwoLayerNet(4, 3, 2, "hee")


def test_predict_proba_is_the_softmax_of_predict():
    net = TwoLayerNet(4, 3, 2, 1.0, rng=0)
    x = np.random.default_rng(0).random((5, 4))

    y = net.predict_proba(x)

    assert y.sum(axis=1) == pytest.approx(np.ones(5))
    assert np.allclose(y, np.exp(net.predict(x)) / np.exp(net.predict(x)).sum(1, keepdims=True))


def test_a_net_says_what_it_is():
    assert repr(TwoLayerNet(4, 3, 2)) == "<TwoLayerNet 4-3-2, ReLU, float64>"
