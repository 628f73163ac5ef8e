"""Each layer by itself: what it computes, what it hands back, and what it leaves alone."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnist_bp.functions import cross_entropy, one_hot, sigmoid, softmax
from mnist_bp.gradcheck import check_all_layers, check_layer
from mnist_bp.layers import Add, Affine, Exp, Multiply, Reciprocal, ReLU, Sigmoid, SoftmaxWithLoss

RNG = np.random.default_rng(5)


@pytest.mark.parametrize("check", list(check_all_layers(RNG)), ids=lambda check: check.name)
def test_backward_is_the_derivative_of_forward(check):
    assert check.failures(tolerance=1e-8) == []


@pytest.mark.parametrize("node", [Add, Multiply])
@pytest.mark.parametrize("shapes", [((3, 4), (4,)), ((3, 1), (3, 4)), ((2, 3), (1, 1)), ((), (5,))])
def test_an_operand_that_was_repeated_gets_the_sum_of_its_gradients(node, shapes):
    inputs = {name: RNG.normal(size=shape) for name, shape in zip("xy", shapes, strict=True)}

    assert check_layer(node(), inputs).failures(tolerance=1e-8) == []


def test_a_number_among_arrays_gets_a_number_for_its_gradient():
    add = Add()
    add.forward(np.ones((2, 3)), 1)

    dx, dy = add.backward(np.ones((2, 3)))

    assert dx.shape == (2, 3)
    assert dy == 6


def test_graph_nodes_compute_with_python_numbers():
    assert Add().forward(2, 3) == 5
    assert Multiply().forward(2, 1.5) == 3.0
    assert Reciprocal().forward(4) == 0.25
    assert Exp().forward(0) == 1.0


def test_whole_numbers_never_wrap_around():
    pixels = np.array([100, 200], np.uint8)

    assert Add().forward(pixels, pixels).tolist() == [200, 400]
    assert Multiply().forward(pixels, pixels).tolist() == [10_000, 40_000]
    reciprocal = Reciprocal()
    reciprocal.forward(2.0)
    assert reciprocal.backward(np.uint8(1)) == -0.25
    affine = Affine(np.array([[100]], np.uint8), np.zeros(1, np.uint8))
    assert affine.forward(np.array([[200]], np.uint8)).tolist() == [[20_000]]
    affine.backward(np.array([[3]], np.uint8))
    assert affine.dW.tolist() == [[600]]
    assert sigmoid(np.array([200], np.uint8)).dtype == np.float64
    assert softmax(np.array([1, 200, 3], np.uint8)).argmax() == 1


def test_relu_passes_the_gradient_where_its_input_was_positive():
    relu = ReLU()

    assert relu.forward(np.array([[1.0, -0.5], [-2.0, 3.0]])).tolist() == [[1.0, 0.0], [0.0, 3.0]]
    assert relu.backward(np.array([[5.0, 6.0], [7.0, 8.0]])).tolist() == [[5.0, 0.0], [0.0, 8.0]]


def test_relu_stops_the_gradient_at_exactly_zero():
    relu = ReLU()
    relu.forward(np.array([0.0, -0.0]))

    assert relu.backward(np.ones(2)).tolist() == [0.0, 0.0]


def test_relu_goes_by_the_last_batch():
    relu = ReLU()
    relu.forward(np.array([1.0, -1.0]))
    relu.forward(np.array([-1.0, 1.0]))

    assert relu.backward(np.array([3.0, 4.0])).tolist() == [0.0, 4.0]


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_sigmoid_neither_overflows_nor_warns(x):
    with warnings.catch_warnings(), np.errstate(all="raise"):
        warnings.simplefilter("error")
        layer = Sigmoid()
        y = layer.forward(np.array([x]))

        assert 0 <= y <= 1
        assert 0 <= layer.backward(np.ones(1)) <= 0.25


def test_sigmoid_keeps_its_digits_far_from_zero():
    assert sigmoid(-700.0) == pytest.approx(math.exp(-700), rel=1e-14, abs=0)
    assert sigmoid(np.float32([-80.0])).dtype == np.float32


def test_affine_of_a_batch():
    affine = Affine(np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), np.array([0.5, -0.5]))

    assert affine.forward(np.array([[1.0, 0.0, 2.0]])).tolist() == [[11.5, 13.5]]
    assert affine.backward(np.array([[1.0, 10.0]])).tolist() == [[21.0, 43.0, 65.0]]
    assert affine.dW.tolist() == [[1.0, 10.0], [0.0, 0.0], [2.0, 20.0]]
    assert affine.db.tolist() == [1.0, 10.0]


def test_affine_takes_images_as_they_are_and_returns_gradients_in_their_shape():
    affine = Affine(RNG.normal(size=(784, 5)), RNG.normal(size=5))
    images = RNG.normal(size=(7, 28, 28))

    y = affine.forward(images)
    dimages = affine.backward(np.ones((7, 5)))
    dW = affine.dW

    assert y.shape == (7, 5)
    assert dimages.shape == (7, 28, 28)
    assert np.array_equal(y, affine.forward(images.reshape(7, 784)))
    assert np.array_equal(dimages.reshape(7, 784), affine.backward(np.ones((7, 5))))
    assert np.array_equal(dW, affine.dW)


def test_affine_of_a_single_example_is_that_of_a_batch_of_one():
    affine = Affine(RNG.normal(size=(6, 3)), RNG.normal(size=3))
    x, dout = RNG.normal(size=6), RNG.normal(size=3)

    batch = affine.forward(x[np.newaxis]), affine.backward(dout[np.newaxis]), affine.dW, affine.db
    single = affine.forward(x), affine.backward(dout), affine.dW, affine.db

    assert [part.shape for part in single] == [(3,), (6,), (6, 3), (3,)]
    for one, many in zip(single, batch, strict=True):
        assert np.allclose(one, many.reshape(one.shape), rtol=1e-14)


def test_affine_refuses_examples_of_another_size():
    affine = Affine(np.ones((4, 3)), np.zeros(3))

    with pytest.raises(ValueError, match="reshape"):
        affine.forward(np.ones((2, 2)))


def test_affine_takes_whole_numbers():
    affine = Affine(np.array([[1, 2], [3, 4]]), np.array([1, 1]))

    assert affine.forward(np.array([[1, 1]])).tolist() == [[5, 7]]
    assert affine.backward(np.array([[1, 0]])).tolist() == [[1, 3]]


def test_softmax_of_a_batch_and_of_a_single_example():
    logits = np.array([[0.3, 2.9, 4.0], [1.0, 1.0, 1.0]])

    y = softmax(logits)

    assert y[0] == pytest.approx([0.01821127, 0.24519181, 0.73659691])
    assert y[1] == pytest.approx([1 / 3, 1 / 3, 1 / 3])
    assert np.array_equal(softmax(logits[0]), y[0])


def test_softmax_of_one_example_does_not_depend_on_the_others():
    alone = softmax(np.array([[1.0, 2.0]]))
    beside_a_giant = softmax(np.array([[1.0, 2.0], [1000.0, -1000.0]]))

    assert np.array_equal(alone[0], beside_a_giant[0])


def test_the_loss_is_exact_for_logits_of_any_size():
    assert cross_entropy(np.array([1000.0, 0.0]), 1) == 1000.0
    assert cross_entropy(np.array([0.0, 1000.0]), 1) == 0.0
    assert cross_entropy(np.array([0.0, 30.0]), 1) == pytest.approx(math.exp(-30), abs=1e-16)
    assert cross_entropy(np.zeros(10), 3) == pytest.approx(math.log(10), rel=1e-15)


def test_labels_and_one_hot_rows_mean_the_same():
    logits, labels = RNG.normal(size=(6, 10)), RNG.integers(10, size=6)
    by_label, by_row = SoftmaxWithLoss(), SoftmaxWithLoss()

    assert by_label.forward(logits, labels) == by_row.forward(logits, np.eye(10)[labels])
    assert np.array_equal(by_label.backward(), by_row.backward())


def test_targets_may_be_spread_over_classes():
    t = np.array([[0.9, 0.1, 0.0], [0.2, 0.3, 0.5]])

    check = check_layer(SoftmaxWithLoss(), {"logits": RNG.normal(size=(2, 3))}, t)

    assert check.failures(tolerance=1e-8) == []


def test_the_loss_is_a_mean_over_the_batch():
    logits, labels = RNG.normal(size=(6, 10)), RNG.integers(10, size=6)
    one_by_one = [cross_entropy(row, label) for row, label in zip(logits, labels, strict=True)]

    assert cross_entropy(logits, labels) == pytest.approx(np.mean(one_by_one), rel=1e-14)


def test_the_gradient_of_a_single_example_has_its_shape():
    layer = SoftmaxWithLoss()
    layer.forward(np.zeros(4), 2)

    assert layer.backward().tolist() == [0.25, 0.25, -0.75, 0.25]
    assert layer.backward(2.0).tolist() == [0.5, 0.5, -1.5, 0.5]


@pytest.mark.parametrize("labels", [[0, 10], [-1, 3], [0.5, 1.0]])
def test_labels_outside_the_classes_are_refused(labels):
    with pytest.raises(ValueError, match="from 0 to 9"):
        cross_entropy(np.zeros((2, 10)), labels)


def test_targets_that_fit_no_form_are_refused_with_both_shapes():
    with pytest.raises(ValueError, match=r"\(3,\) do not fit logits of shape \(2, 10\)"):
        cross_entropy(np.zeros((2, 10)), [1, 2, 3])


def test_one_hot():
    assert one_hot([2, 0], 3).astype(int).tolist() == [[0, 0, 1], [1, 0, 0]]


def positive(*shape):
    return np.abs(RNG.normal(size=shape)) + 0.1


@pytest.mark.parametrize(
    ("layer", "inputs"),
    [
        (Add(), (positive(3, 4), positive(3, 4))),
        (Multiply(), (positive(3, 4), positive(3, 4))),
        (Reciprocal(), (positive(3, 4),)),
        (Exp(), (positive(3, 4),)),
        (ReLU(), (positive(3, 4),)),
        (Sigmoid(), (positive(3, 4),)),
        (Affine(positive(4, 4), positive(4)), (positive(3, 4),)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_no_layer_writes_into_its_arguments(layer, inputs):
    before = [x.copy() for x in inputs]

    out = layer.forward(*inputs)
    dout = positive(*out.shape)
    dout_before = dout.copy()
    layer.backward(dout)

    assert not any(np.shares_memory(out, x) for x in inputs)
    assert all(np.array_equal(x, old) for x, old in zip(inputs, before, strict=True))
    assert np.array_equal(dout, dout_before)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_layers_compute_in_the_type_they_are_given(dtype):
    x = RNG.normal(size=(3, 4)).astype(dtype)
    for layer in (ReLU(), Sigmoid(), Affine(x.T.copy(), x[:, 0].copy())):
        out = layer.forward(x)
        assert out.dtype == dtype
        assert layer.backward(out).dtype == dtype
    last = SoftmaxWithLoss()
    assert last.forward(x, [0, 1, 2]).dtype == dtype
    assert last.backward().dtype == dtype


def test_the_loss_of_an_empty_batch_is_refused():
    empty, no_labels = np.empty((0, 10)), np.empty(0, int)

    with pytest.raises(ValueError, match="the batch is empty"):
        SoftmaxWithLoss().forward(empty, no_labels)
    with pytest.raises(ValueError, match="the batch is empty"):
        cross_entropy(empty, no_labels)


@pytest.mark.parametrize("node", [Add, Multiply])
def test_a_number_may_be_the_gradient_of_arrays(node):
    graph_node = node()
    graph_node.forward(np.ones((2, 3)), np.ones((2, 3)))

    dx, dy = graph_node.backward(1)

    assert dx.shape == dy.shape == (2, 3)
    assert (dx == 1).all()
    assert (dy == 1).all()


def test_the_derivative_of_the_sigmoid_keeps_its_digits_where_y_is_nearly_1():
    layer = Sigmoid()
    layer.forward(np.array([20.0]))

    derivative = math.exp(-20) / (1 + math.exp(-20)) ** 2
    assert layer.backward(np.ones(1)) == pytest.approx(derivative, rel=1e-14, abs=0)
