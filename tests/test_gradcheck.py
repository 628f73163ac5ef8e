"""The gradient check: it passes what is right, and finds every mistake of transcription."""

import numpy as np
import pytest

from mnist_bp import TwoLayerNet
from mnist_bp.comparison import ParameterCheck
from mnist_bp.gradcheck import check_gradients, check_layer
from mnist_bp.layers import Affine, Multiply, ReLU, Sigmoid, SoftmaxWithLoss


class MaskLeftOut(ReLU):
    def backward(self, dout):
        return dout


class MaskInverted(ReLU):
    def backward(self, dout):
        return dout * ~self.mask


class MaskOfTheBatchBefore(ReLU):
    mask_before = None

    def forward(self, x):
        self.mask_before = getattr(self, "mask", None)
        return super().forward(x)

    def backward(self, dout):
        return dout * (self.mask if self.mask_before is None else self.mask_before)


class MaskOfTheFirstBatch(ReLU):
    def forward(self, x):
        if not hasattr(self, "mask"):
            self.mask = x > 0
        return np.maximum(x, 0)


class WeightGradientOfTheBatchBefore(Affine):
    def backward(self, dout):
        before = getattr(self, "newest", None)
        dx = super().backward(dout)
        self.newest = self.dW
        self.dW = self.dW if before is None else before
        return dx


class BiasGradientOfOneRow(Affine):
    def backward(self, dout):
        dx = super().backward(dout)
        self.db = dout[0]
        return dx


class BiasGradientIsTheWeights(Affine):
    def backward(self, dout):
        dx = super().backward(dout)
        self.db = self.dW[0]
        return dx


class ColumnSkipped(Affine):
    def backward(self, dout):
        dx = super().backward(dout)
        self.dW[:, self.column] = 0
        return dx


class InputGradientTransposed(Affine):
    def backward(self, dout):
        return super().backward(dout[:, ::-1])


class MeanLeftOut(SoftmaxWithLoss):
    def backward(self, dout=1.0):
        return self.y - self.t


class SoftmaxOverTheWholeBatch(SoftmaxWithLoss):
    def forward(self, logits, t):
        loss = super().forward(logits, t)
        self.y = np.exp(logits) / np.exp(logits).sum()
        return loss


class SlopeOfTheWrongVariable(Sigmoid):
    def forward(self, x):
        self.x = x
        return super().forward(x)

    def backward(self, dout):
        return dout * self.x * (1 - self.x)


def net(activation="relu"):
    return TwoLayerNet(40, 8, 10, 0.3, activation=activation, rng=0)


def batch(samples):
    rng = np.random.default_rng(1)
    pixels = rng.random((samples, 40)) * (rng.random((samples, 40)) < 0.4)
    return pixels, rng.integers(10, size=samples)


def failed_parameters(check):
    return {
        parameter.name
        for parameter in check.parameters
        if any(f"{parameter.name}[" in failure for failure in check.failures())
    }


@pytest.mark.parametrize("activation", ["relu", "sigmoid"])
@pytest.mark.parametrize("as_targets", [np.asarray, np.eye(10).__getitem__])
def test_perturbing_rows_at_once_finds_what_perturbing_entry_by_entry_does(activation, as_targets):
    x, labels = batch(3)
    t = as_targets(labels)
    network = net(activation)
    network.params["b1"] += 3  # No unit is dead, so the check raises no bias.

    check = check_gradients(network, x, t)

    entry_by_entry = network.numerical_gradient(x, t)
    for parameter in check.parameters:
        expected = entry_by_entry[parameter.name]
        assert np.allclose(parameter.numerical, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("activation", ["relu", "sigmoid"])
@pytest.mark.parametrize("samples", [1, 2, 5])
def test_what_is_right_passes(activation, samples):
    check = check_gradients(net(activation), *batch(samples))

    assert check.failures() == []
    assert [parameter.name for parameter in check.parameters] == ["W1", "b1", "W2", "b2"]
    assert check.max_rel_error < 1e-9


@pytest.mark.parametrize("samples", [2, 3, 10])
@pytest.mark.parametrize(
    ("broken", "parameters"),
    [
        (MaskLeftOut, {"W1", "b1"}),
        (MaskInverted, {"W1", "b1"}),
        (MaskOfTheBatchBefore, {"W1", "b1"}),
        (MaskOfTheFirstBatch, {"W1", "b1"}),
        (MeanLeftOut, {"W1", "b1", "W2", "b2"}),
        (SoftmaxOverTheWholeBatch, {"W1", "b1", "W2", "b2"}),
    ],
)
def test_a_broken_node_fails_and_the_parameters_are_named(broken, parameters, samples):
    network = net()
    if issubclass(broken, ReLU):
        network.layers["Activation"] = broken()
    else:
        network.last_layer = broken()

    assert failed_parameters(check_gradients(network, *batch(samples))) == parameters


@pytest.mark.parametrize("samples", [2, 3, 10])
@pytest.mark.parametrize("place", ["1", "2"])
@pytest.mark.parametrize(
    ("broken", "gradient"),
    [
        (WeightGradientOfTheBatchBefore, "W"),
        (BiasGradientOfOneRow, "b"),
    ],
)
def test_a_broken_affine_layer_fails_by_name(broken, gradient, place, samples):
    network = net()
    whole = network.layers[f"Affine{place}"]
    network.layers[f"Affine{place}"] = broken(whole.W, whole.b)

    assert failed_parameters(check_gradients(network, *batch(samples))) == {gradient + place}


@pytest.mark.parametrize(
    ("place", "column"), [*(("1", j) for j in range(8)), *(("2", j) for j in range(10))]
)
def test_one_column_skipped_is_found_even_if_its_unit_is_off(place, column):
    network = net()
    whole = network.layers[f"Affine{place}"]
    network.layers[f"Affine{place}"] = ColumnSkipped(whole.W, whole.b)
    network.layers[f"Affine{place}"].column = column
    biases = network.params["b1"].copy()

    assert failed_parameters(check_gradients(network, *batch(2))) == {f"W{place}"}
    assert np.array_equal(network.params["b1"], biases)


def test_a_gradient_of_another_shape_fails():
    class NotSummed(Affine):
        def backward(self, dout):
            dx = super().backward(dout)
            self.db = dout
            return dx

    network = net()
    whole = network.layers["Affine1"]
    network.layers["Affine1"] = NotSummed(whole.W, whole.b)

    (failure,) = check_gradients(network, *batch(3)).failures()

    assert "b1: the gradient has the shape (3, 8), expected (8,)" in failure


def test_the_wrong_slope_of_the_sigmoid_is_found():
    network = net("sigmoid")
    network.layers["Activation"] = SlopeOfTheWrongVariable()

    assert failed_parameters(check_gradients(network, *batch(2))) == {"W1", "b1"}


def test_a_layer_is_checked_by_itself():
    x, W, b = (np.random.default_rng(2).normal(size=shape) for shape in ((4, 5), (5, 3), 3))

    assert check_layer(Affine(W, b), {"x": x}).failures() == []
    assert failed_parameters(check_layer(InputGradientTransposed(W, b), {"x": x})) == {
        "x",
        "W",
        "b",
    }
    assert failed_parameters(check_layer(BiasGradientIsTheWeights(W, b), {"x": x})) == {"b"}
    assert failed_parameters(check_layer(SlopeOfTheWrongVariable(), {"x": x})) == {"x"}


def test_a_layer_that_uses_an_old_batch_is_found():
    x = np.random.default_rng(2).normal(size=(4, 5))

    assert failed_parameters(check_layer(MaskOfTheFirstBatch(), {"x": x})) == {"x"}


def test_a_kink_of_a_single_layer_is_named():
    x = np.array([[1.0, 0.0, -1.0]])

    (parameter,) = check_layer(ReLU(), {"x": x}).parameters

    assert parameter.kink_indices == [(0, 1)]
    assert parameter.max_rel_error < 1e-9


def test_the_figures_leave_kinks_out():
    check = ParameterCheck(
        "W",
        numerical=np.array([1.0, 2.0, 3.0, 100.0]),
        backpropagated=np.array([1.0, 2.0, 3.5, 9.0]),
        on_kink=np.array([False, False, False, True]),
    )

    assert check.kinks == 1
    assert check.mean_abs_error == 0.5 / 3
    assert check.max_rel_error == 0.5 / 3.5
    assert check.worst == (2,)


def test_where_there_is_no_difference_there_is_no_error():
    zero = ParameterCheck("b", np.zeros(3), np.zeros(3), np.zeros(3, bool))

    assert (zero.mean_abs_error, zero.max_rel_error) == (0.0, 0.0)


def test_differences_keep_the_digits_that_rounding_would_take():
    if np.finfo(np.longdouble).eps == np.finfo(np.float64).eps:
        pytest.skip("long double is double on this machine")
    network, (x, t) = net(), batch(3)

    W1, *_ = check_gradients(network, x, t).parameters
    numerical, backpropagated = network.numerical_gradient(x, t), network.gradient(x, t)

    assert W1.mean_abs_error < 1e-12
    assert np.abs(numerical["W1"] - backpropagated["W1"]).mean() < 1e-12


def test_a_failure_names_the_index_and_both_values():
    x = np.array([[3.0, 1.0, -2.0]])

    (failure,) = check_layer(MaskLeftOut(), {"x": x}).failures()

    assert "MaskLeftOut: x[0, 2]: backpropagation says -0.416147" in failure
    assert "the difference quotient 0 " in failure


def test_a_gradient_that_is_not_a_number_fails():
    class NotANumber(Sigmoid):
        def backward(self, dout):
            return dout * np.nan

    assert failed_parameters(check_layer(NotANumber(), {"x": np.ones((2, 2))})) == {"x"}


def test_no_figure_hides_a_gradient_that_is_not_a_number():
    class SecondIsNotANumber(Multiply):
        def backward(self, dout):
            dx, dy = super().backward(dout)
            return dx, dy * np.nan

    check = check_layer(SecondIsNotANumber(), {"x": np.ones((2, 2)), "y": np.ones((2, 2))})

    assert check.max_rel_error == np.inf


def net_on_a_kink():
    """A net whose hidden unit 3 has an input of exactly zero, for the second of two images."""
    network = net()
    x, t = batch(2)
    network.params["b1"][3] = -(x[1] @ network.params["W1"][:, 3])
    return network, x, t


def test_entries_on_a_kink_are_counted_named_and_left_out():
    network, x, t = net_on_a_kink()

    check = check_gradients(network, x, t)
    W1, b1, W2, b2 = check.parameters

    assert b1.kink_indices == [(3,)]
    assert W1.kink_indices == [(pixel, 3) for pixel in np.flatnonzero(x[1])]
    assert W2.kinks == b2.kinks == 0
    assert check.max_rel_error < 1e-9
    assert b1.mean_abs_error < 1e-12


def test_a_kink_hides_no_mistake_elsewhere():
    network, x, t = net_on_a_kink()
    network.layers["Activation"] = MaskLeftOut()

    assert failed_parameters(check_gradients(network, x, t)) == {"W1", "b1"}


def test_too_many_kinks_are_a_failure_of_their_own():
    network, x, t = net_on_a_kink()

    (failure,) = check_gradients(network, x, t).failures()

    assert f"{1 + np.count_nonzero(x[1])} of 418 entries lie on a kink of ReLU" in failure


class ShapeThatDoesNotFit(Affine):
    def backward(self, dout):
        return dout @ self.W


class ReturnsNothing(ReLU):
    def backward(self, dout):
        dout * self.mask


class BiasGradientForgotten(Affine):
    def backward(self, dout):
        self.dW = self.x.T @ dout
        return dout @ self.W.T


class WrongArguments(Affine):
    def backward(self):
        return None


BROKEN = [
    (ShapeThatDoesNotFit, "raises ValueError: matmul"),
    (BiasGradientForgotten, "raises AttributeError: 'BiasGradientForgotten' object has no"),
    (WrongArguments, "raises TypeError: "),
]


@pytest.mark.parametrize(("broken", "problem"), BROKEN)
def test_an_exception_in_a_layer_is_a_result_of_its_check(broken, problem):
    x, W, b = (np.random.default_rng(2).normal(size=shape) for shape in ((4, 5), (5, 3), 3))
    network = net()
    whole = network.layers["Affine2"]
    network.layers["Affine2"] = broken(whole.W, whole.b)

    alone, inside = check_layer(broken(W, b), {"x": x}), check_gradients(network, *batch(2))

    for check in (alone, inside):
        (failure,) = check.failures()
        assert problem in failure
        assert check.max_rel_error == np.inf
        assert problem in repr(check)


def test_a_backward_that_returns_nothing_is_a_result_of_its_check():
    (failure,) = check_layer(ReturnsNothing(), {"x": np.ones((2, 3))}).failures()

    assert failure == "ReturnsNothing: x: backward returned None in place of a gradient"


def test_the_biases_are_put_back_where_a_layer_raises():
    network = net()
    network.params["b1"] -= 100
    biases = network.params["b1"].copy()
    whole = network.layers["Affine2"]
    network.layers["Affine2"] = ShapeThatDoesNotFit(whole.W, whole.b)

    assert check_gradients(network, *batch(2)).failures()
    assert np.array_equal(network.params["b1"], biases)


def test_a_check_needs_float64():
    with pytest.raises(TypeError, match="float64"):
        check_gradients(TwoLayerNet(4, 3, 2, dtype=np.float32, rng=0), np.ones((1, 4)), [1])


def test_a_check_says_what_it_is():
    assert repr(check_gradients(net(), *batch(2))).startswith(
        "<GradientCheck of network: 418 entries, max_rel_error"
    )


def test_checks_compare_by_identity():
    check = check_gradients(net(), *batch(2))

    assert check == check
    assert len({check, check_gradients(net(), *batch(2))}) == 2
    assert check.parameters[0] == check.parameters[0] != check.parameters[1]
